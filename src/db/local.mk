noinst_LTLIBRARIES += libdb.la
libdb_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS)
libdb_la_CFLAGS = $(AM_CFLAGS) $(PTHREAD_CFLAGS)
libdb_la_LIBADD = libco.la libbase.la $(LIBPQ_LIBS) $(PTHREAD_LIBS)
libdb_la_SOURCES = \
	src/db/attempt.c src/db/attempt.h \
	src/db/backoff.h \
	src/db/batch.c src/db/batch.h \
	src/db/cancel.c src/db/cancel.h \
	src/db/channels.c src/db/channels.h \
	src/db/channels_command.c \
	src/db/channels_driver.c src/db/channels_parts.h \
	src/db/conn.c src/db/conn.h \
	src/db/conn_batch.c \
	src/db/conn_cancel.c \
	src/db/conn_finish.c \
	src/db/conn_parts.h \
	src/db/conn_receive.c \
	src/db/conn_results.c \
	src/db/conn_send.c \
	src/db/connect.c src/db/connect.h \
	src/db/dsn.c src/db/dsn.h \
	src/db/frames.c src/db/frames.h \
	src/db/history.c src/db/history.h \
	src/db/hold.c src/db/hold.h \
	src/db/keycatch.c src/db/keycatch.h \
	src/db/lanes.c src/db/lanes.h \
	src/db/lookup.c src/db/lookup.h \
	src/db/lease.c src/db/lease.h \
	src/db/pgerror.c src/db/pgerror.h \
	src/db/placement.c src/db/placement.h \
	src/db/pool.c src/db/pool.h \
	src/db/prepared.c src/db/prepared.h \
	src/db/pressure.c src/db/pressure.h \
	src/db/query.c src/db/query.h \
	src/db/queue.c src/db/queue.h \
	src/db/refusal.c src/db/refusal.h \
	src/db/resolve.c src/db/resolve.h \
	src/db/results.c src/db/results.h \
	src/db/round_trip.c src/db/round_trip.h \
	src/db/rows.c src/db/rows.h \
	src/db/scram.c src/db/scram.h \
	src/db/search.c src/db/search.h \
	src/db/session.c src/db/session.h \
	src/db/statements.c src/db/statements.h \
	src/db/transport.c src/db/transport.h \
	src/db/types.c src/db/types.h
