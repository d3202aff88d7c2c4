# Everything but main, so that tests can link it.
noinst_LTLIBRARIES += libdaemon.la
libdaemon_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS)
libdaemon_la_LIBADD = libdb.la libconf.la libwire.la libsqltext.la libco.la libbase.la
libdaemon_la_SOURCES = \
	src/daemon/access.c src/daemon/access.h \
	src/daemon/checks.c src/daemon/checks.h \
	src/daemon/culprit.c src/daemon/culprit.h \
	src/daemon/database.c src/daemon/database.h \
	src/daemon/depends.c src/daemon/depends.h \
	src/daemon/dispatch.c src/daemon/dispatch.h \
	src/daemon/gather.c src/daemon/gather.h src/daemon/gather_parts.h \
	src/daemon/gather_plan.c src/daemon/gather_run.c \
	src/daemon/item.c src/daemon/item.h \
	src/daemon/listener.c src/daemon/listener.h \
	src/daemon/notify.c src/daemon/notify.h \
	src/daemon/output.c src/daemon/output.h \
	src/daemon/params.c src/daemon/params.h \
	src/daemon/report_files.c src/daemon/report_files.h \
	src/daemon/reports.c src/daemon/reports.h \
	src/daemon/room.c src/daemon/room.h \
	src/daemon/sequence.c src/daemon/sequence.h \
	src/daemon/server.c src/daemon/server.h \
	src/daemon/server_config.c \
	src/daemon/session.c src/daemon/session.h src/daemon/session_parts.h \
	src/daemon/session_read.c \
	src/daemon/session_write.c \
	src/daemon/shapes.c src/daemon/shapes.h \
	src/daemon/share.c src/daemon/share.h \
	src/daemon/snapshot.c src/daemon/snapshot.h \
	src/daemon/stats.c src/daemon/stats.h \
	src/daemon/step.c src/daemon/step.h src/daemon/step_parts.h \
	src/daemon/step_rows.c \
	src/daemon/subscription.c src/daemon/subscription.h \
	src/daemon/texts.c src/daemon/texts.h \
	src/daemon/transaction.c src/daemon/transaction.h \
	src/daemon/types.c src/daemon/types.h

sbin_PROGRAMS += gatherd
gatherd_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS) -DSYSCONFDIR='"$(sysconfdir)"'
gatherd_SOURCES = src/daemon/main.c
gatherd_LDADD = libdaemon.la
