# unit suites of src/co
if !RUNTIME_ONLY
CO_SUITES = \
	tests/unit/test_co_io \
	tests/unit/test_co_loop \
	tests/unit/test_co_poll \
	tests/unit/test_co_task \
	tests/unit/test_co_timer \
	tests/unit/test_co_wait
check_PROGRAMS += $(CO_SUITES)
TESTS += $(CO_SUITES)

tests_unit_test_co_io_SOURCES = tests/unit/test_co_io.c tests/unit/co_env.h
tests_unit_test_co_io_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_io_LDADD = libco.la $(CHECK_LIBS)
tests_unit_test_co_loop_SOURCES = tests/unit/test_co_loop.c tests/unit/co_env.h
tests_unit_test_co_loop_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_loop_LDADD = libco.la $(CHECK_LIBS)
tests_unit_test_co_poll_SOURCES = tests/unit/test_co_poll.c tests/unit/co_env.h
tests_unit_test_co_poll_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_poll_LDADD = libco.la $(CHECK_LIBS)
tests_unit_test_co_task_SOURCES = tests/unit/test_co_task.c tests/unit/co_env.h
tests_unit_test_co_task_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_task_LDADD = libco.la $(CHECK_LIBS)
tests_unit_test_co_timer_SOURCES = tests/unit/test_co_timer.c tests/unit/co_env.h
tests_unit_test_co_timer_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_timer_LDADD = libco.la $(CHECK_LIBS)
tests_unit_test_co_wait_SOURCES = tests/unit/test_co_wait.c tests/unit/co_env.h
tests_unit_test_co_wait_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_co_wait_LDADD = libco.la $(CHECK_LIBS)

# gdb and gatherd-gdb.py look at a program of ours.
check_PROGRAMS += tests/unit/co_gdb_subject
tests_unit_co_gdb_subject_LDADD = libco.la
dist_check_SCRIPTS += tests/unit/test_co_gdb
TESTS += tests/unit/test_co_gdb
endif
