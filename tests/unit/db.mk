# unit suites of src/db
DB_TEST_CPPFLAGS = $(UNIT_CPPFLAGS) $(LIBPQ_CFLAGS) -DWITH_POSTGRES='"$(abs_top_srcdir)/tests/unit/with-postgres"'
DB_TEST_LDADD = libdb.la libsqltext.la libco.la libbase.la $(CHECK_LIBS) $(LIBPQ_LIBS) $(PTHREAD_LIBS)
dist_check_SCRIPTS += tests/unit/with-postgres
EXTRA_DIST += tests/unit/db_fixture.h tests/unit/db_lanes.h tests/unit/db_pool.h tests/unit/postgres.h

check_PROGRAMS += tests/unit/test_db_dsn
tests_unit_test_db_dsn_SOURCES = tests/unit/test_db_dsn.c
tests_unit_test_db_dsn_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_dsn_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_dsn

check_PROGRAMS += tests/unit/test_db_resolve
tests_unit_test_db_resolve_SOURCES = tests/unit/test_db_resolve.c
tests_unit_test_db_resolve_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_resolve_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_resolve

check_PROGRAMS += tests/unit/test_db_connect
tests_unit_test_db_connect_SOURCES = tests/unit/test_db_connect.c
tests_unit_test_db_connect_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_connect_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_connect

check_PROGRAMS += tests/unit/test_db_cancel
tests_unit_test_db_cancel_SOURCES = tests/unit/test_db_cancel.c
tests_unit_test_db_cancel_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_cancel_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_cancel

check_PROGRAMS += tests/unit/test_db_pgerror
tests_unit_test_db_pgerror_SOURCES = tests/unit/test_db_pgerror.c
tests_unit_test_db_pgerror_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_pgerror_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_pgerror

check_PROGRAMS += tests/unit/test_db_queue
tests_unit_test_db_queue_SOURCES = tests/unit/test_db_queue.c
tests_unit_test_db_queue_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_queue_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_queue

check_PROGRAMS += tests/unit/test_db_results
tests_unit_test_db_results_SOURCES = tests/unit/test_db_results.c
tests_unit_test_db_results_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_results_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_results

check_PROGRAMS += tests/unit/test_db_query
tests_unit_test_db_query_SOURCES = tests/unit/test_db_query.c
tests_unit_test_db_query_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_query_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_query

check_PROGRAMS += tests/unit/test_db_stop
tests_unit_test_db_stop_SOURCES = tests/unit/test_db_stop.c
tests_unit_test_db_stop_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_stop_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_stop

check_PROGRAMS += tests/unit/test_db_pool
tests_unit_test_db_pool_SOURCES = tests/unit/test_db_pool.c
tests_unit_test_db_pool_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_pool_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_pool

check_PROGRAMS += tests/unit/test_db_session
tests_unit_test_db_session_SOURCES = tests/unit/test_db_session.c
tests_unit_test_db_session_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_session_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_session

check_PROGRAMS += tests/unit/test_db_types
tests_unit_test_db_types_SOURCES = tests/unit/test_db_types.c
tests_unit_test_db_types_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_types_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_types

check_PROGRAMS += tests/unit/test_db_memory
tests_unit_test_db_memory_SOURCES = tests/unit/test_db_memory.c
tests_unit_test_db_memory_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_memory_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_memory

check_PROGRAMS += tests/unit/test_db_frames
tests_unit_test_db_frames_SOURCES = tests/unit/test_db_frames.c
tests_unit_test_db_frames_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_frames_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_frames

check_PROGRAMS += tests/unit/test_db_transport
tests_unit_test_db_transport_SOURCES = tests/unit/test_db_transport.c
tests_unit_test_db_transport_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_transport_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_transport

check_PROGRAMS += tests/unit/test_db_channels
tests_unit_test_db_channels_SOURCES = tests/unit/test_db_channels.c
tests_unit_test_db_channels_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_channels_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_channels

check_PROGRAMS += tests/unit/test_db_backoff
tests_unit_test_db_backoff_SOURCES = tests/unit/test_db_backoff.c
tests_unit_test_db_backoff_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_backoff_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_backoff

check_PROGRAMS += tests/unit/test_db_history
tests_unit_test_db_history_SOURCES = tests/unit/test_db_history.c
tests_unit_test_db_history_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_history_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_history

check_PROGRAMS += tests/unit/test_db_placement
tests_unit_test_db_placement_SOURCES = tests/unit/test_db_placement.c
tests_unit_test_db_placement_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_placement_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_placement

check_PROGRAMS += tests/unit/test_db_round_trip
tests_unit_test_db_round_trip_SOURCES = tests/unit/test_db_round_trip.c
tests_unit_test_db_round_trip_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_round_trip_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_round_trip

check_PROGRAMS += tests/unit/test_db_pressure
tests_unit_test_db_pressure_SOURCES = tests/unit/test_db_pressure.c
tests_unit_test_db_pressure_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_pressure_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_pressure

check_PROGRAMS += tests/unit/test_db_lanes
tests_unit_test_db_lanes_SOURCES = tests/unit/test_db_lanes.c
tests_unit_test_db_lanes_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_lanes_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_lanes

check_PROGRAMS += tests/unit/test_db_batch
tests_unit_test_db_batch_SOURCES = tests/unit/test_db_batch.c
tests_unit_test_db_batch_CPPFLAGS = $(DB_TEST_CPPFLAGS)
tests_unit_test_db_batch_LDADD = $(DB_TEST_LDADD)
TESTS += tests/unit/test_db_batch
