# unit suites of src/daemon
EXTRA_DIST += tests/unit/daemon_server.h
DAEMON_TEST_CPPFLAGS = $(DB_TEST_CPPFLAGS)
DAEMON_TEST_LDADD = libdaemon.la $(CHECK_LIBS) $(LIBPQ_LIBS) $(PTHREAD_LIBS)

check_PROGRAMS += tests/unit/test_daemon_output
tests_unit_test_daemon_output_SOURCES = tests/unit/test_daemon_output.c
tests_unit_test_daemon_output_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_output_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_output

check_PROGRAMS += tests/unit/test_daemon_access
tests_unit_test_daemon_access_SOURCES = tests/unit/test_daemon_access.c
tests_unit_test_daemon_access_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_access_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_access

check_PROGRAMS += tests/unit/test_daemon_culprit
tests_unit_test_daemon_culprit_SOURCES = tests/unit/test_daemon_culprit.c
tests_unit_test_daemon_culprit_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_culprit_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_culprit

check_PROGRAMS += tests/unit/test_daemon_notify
tests_unit_test_daemon_notify_SOURCES = tests/unit/test_daemon_notify.c
tests_unit_test_daemon_notify_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_notify_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_notify

check_PROGRAMS += tests/unit/test_daemon_listener
tests_unit_test_daemon_listener_SOURCES = tests/unit/test_daemon_listener.c
tests_unit_test_daemon_listener_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_listener_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_listener

check_PROGRAMS += tests/unit/test_daemon_session
tests_unit_test_daemon_session_SOURCES = tests/unit/test_daemon_session.c
tests_unit_test_daemon_session_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_session_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_session

check_PROGRAMS += tests/unit/test_daemon_gather
tests_unit_test_daemon_gather_SOURCES = tests/unit/test_daemon_gather.c
tests_unit_test_daemon_gather_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_gather_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_gather

check_PROGRAMS += tests/unit/test_daemon_reports
tests_unit_test_daemon_reports_SOURCES = tests/unit/test_daemon_reports.c
tests_unit_test_daemon_reports_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_reports_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_reports

check_PROGRAMS += tests/unit/test_daemon_database
tests_unit_test_daemon_database_SOURCES = tests/unit/test_daemon_database.c
tests_unit_test_daemon_database_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_database_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_database

check_PROGRAMS += tests/unit/test_daemon_texts
tests_unit_test_daemon_texts_SOURCES = tests/unit/test_daemon_texts.c
tests_unit_test_daemon_texts_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_texts_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_texts

check_PROGRAMS += tests/unit/test_daemon_reload
tests_unit_test_daemon_reload_SOURCES = tests/unit/test_daemon_reload.c
tests_unit_test_daemon_reload_CPPFLAGS = $(DAEMON_TEST_CPPFLAGS)
tests_unit_test_daemon_reload_LDADD = $(DAEMON_TEST_LDADD)
TESTS += tests/unit/test_daemon_reload
