noinst_LTLIBRARIES += libdb.la
libdb_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS)
libdb_la_CFLAGS = $(AM_CFLAGS) $(PTHREAD_CFLAGS)
libdb_la_LIBADD = libco.la libbase.la $(LIBPQ_LIBS) $(PTHREAD_LIBS)
libdb_la_SOURCES = \
	src/db/attempt.c src/db/attempt.h \
	src/db/cancel.c src/db/cancel.h \
	src/db/connect.c src/db/connect.h \
	src/db/dsn.c src/db/dsn.h \
	src/db/keytrace.c src/db/keytrace.h \
	src/db/pgerror.c src/db/pgerror.h \
	src/db/refusal.c src/db/refusal.h \
	src/db/resolve.c src/db/resolve.h
