# unit suites of src/sqltext
SQLTEXT_SUITES = \
	tests/unit/test_sqltext_classify \
	tests/unit/test_sqltext_params \
	tests/unit/test_sqltext_report \
	tests/unit/test_sqltext_scan \
	tests/unit/test_sqltext_split
check_PROGRAMS += $(SQLTEXT_SUITES)
TESTS += $(SQLTEXT_SUITES)
EXTRA_DIST += tests/unit/sqltext.h
SQLTEXT_TEST_LIBS = libsqltext.la libbase.la $(CHECK_LIBS)

tests_unit_test_sqltext_classify_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sqltext_classify_LDADD = $(SQLTEXT_TEST_LIBS)
tests_unit_test_sqltext_params_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sqltext_params_LDADD = $(SQLTEXT_TEST_LIBS)
tests_unit_test_sqltext_report_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sqltext_report_LDADD = $(SQLTEXT_TEST_LIBS)
tests_unit_test_sqltext_scan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sqltext_scan_LDADD = $(SQLTEXT_TEST_LIBS)
tests_unit_test_sqltext_split_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_sqltext_split_LDADD = $(SQLTEXT_TEST_LIBS)
