# unit suites of src/conf
CONF_TESTS = \
	tests/unit/test_conf_checks \
	tests/unit/test_conf_conninfo \
	tests/unit/test_conf_docs \
	tests/unit/test_conf_faults \
	tests/unit/test_conf_files \
	tests/unit/test_conf_print \
	tests/unit/test_conf_reader \
	tests/unit/test_conf_units \
	tests/unit/test_conf_values
check_PROGRAMS += $(CONF_TESTS)
TESTS += $(CONF_TESTS)
CONF_TEST_LIBS = libconf.la libbase.la $(CHECK_LIBS)

tests_unit_test_conf_checks_SOURCES = tests/unit/test_conf_checks.c tests/unit/conf_helper.h
tests_unit_test_conf_checks_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_checks_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_conninfo_SOURCES = tests/unit/test_conf_conninfo.c
tests_unit_test_conf_conninfo_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_conninfo_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_docs_SOURCES = tests/unit/test_conf_docs.c tests/unit/conf_helper.h
tests_unit_test_conf_docs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_docs_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_faults_SOURCES = tests/unit/test_conf_faults.c tests/unit/conf_helper.h
tests_unit_test_conf_faults_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_faults_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_files_SOURCES = tests/unit/test_conf_files.c tests/unit/conf_helper.h
tests_unit_test_conf_files_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_files_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_print_SOURCES = tests/unit/test_conf_print.c tests/unit/conf_helper.h
tests_unit_test_conf_print_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_print_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_reader_SOURCES = tests/unit/test_conf_reader.c tests/unit/conf_helper.h
tests_unit_test_conf_reader_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_reader_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_units_SOURCES = tests/unit/test_conf_units.c
tests_unit_test_conf_units_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_units_LDADD = $(CONF_TEST_LIBS)
tests_unit_test_conf_values_SOURCES = tests/unit/test_conf_values.c tests/unit/conf_helper.h
tests_unit_test_conf_values_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_conf_values_LDADD = $(CONF_TEST_LIBS)
