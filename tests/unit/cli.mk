# unit suites of src/cli
CLI_SUITES = \
	tests/unit/test_cli_format \
	tests/unit/test_cli_options \
	tests/unit/test_cli_output \
	tests/unit/test_cli_run \
	tests/unit/test_cli_spool \
	tests/unit/test_cli_text
check_PROGRAMS += $(CLI_SUITES)
TESTS += $(CLI_SUITES)
CLI_TEST_LIBS = libcli.la libclient.la libwire.la libsqltext.la libbase.la $(CHECK_LIBS)

tests_unit_test_cli_format_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_format_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_cli_options_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_options_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_cli_output_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_output_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_cli_run_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_run_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_cli_spool_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_spool_LDADD = $(CLI_TEST_LIBS)
tests_unit_test_cli_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cli_text_LDADD = $(CLI_TEST_LIBS)
EXTRA_DIST += tests/unit/psql_tables.h
