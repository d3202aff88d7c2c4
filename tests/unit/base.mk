# unit suites of src/base
BASE_SUITES = \
	tests/unit/test_base_arena \
	tests/unit/test_base_budget \
	tests/unit/test_base_buf \
	tests/unit/test_base_clock \
	tests/unit/test_base_err \
	tests/unit/test_base_hash \
	tests/unit/test_base_histogram \
	tests/unit/test_base_list \
	tests/unit/test_base_log \
	tests/unit/test_base_mem \
	tests/unit/test_base_nearest \
	tests/unit/test_base_sys \
	tests/unit/test_base_utf8
check_PROGRAMS += $(BASE_SUITES)
TESTS += $(BASE_SUITES)
BASE_TEST_LIBS = libbase.la $(CHECK_LIBS)

tests_unit_test_base_arena_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_arena_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_budget_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_budget_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_buf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_buf_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_clock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_clock_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_err_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_err_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_hash_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_hash_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_histogram_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_histogram_LDADD = $(BASE_TEST_LIBS) -lm
tests_unit_test_base_list_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_list_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_log_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_mem_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_mem_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_nearest_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_nearest_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_sys_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_sys_LDADD = $(BASE_TEST_LIBS)
tests_unit_test_base_utf8_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_utf8_LDADD = $(BASE_TEST_LIBS)
