# unit suites of src/co
EXTRA_DIST += tests/unit/co_env.h
if !RUNTIME_ONLY
CO_SUITES = \
	tests/unit/test_co_task
check_PROGRAMS += $(CO_SUITES)
TESTS += $(CO_SUITES)

tests_unit_test_co_task_SOURCES = tests/unit/test_co_task.c
tests_unit_test_co_task_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_task_LDADD = libco.la $(CHECK_LIBS)
endif
