noinst_LTLIBRARIES += libconf.la
libconf_la_SOURCES = \
	src/conf/checks.c \
	src/conf/config.c src/conf/config.h \
	src/conf/conninfo.c src/conf/conninfo.h \
	src/conf/keys.c src/conf/keys.h \
	src/conf/load.c src/conf/load.h \
	src/conf/mistakes.c src/conf/mistakes.h \
	src/conf/print.c \
	src/conf/rawline.c src/conf/rawline.h \
	src/conf/reader.c src/conf/reader.h \
	src/conf/sections.c \
	src/conf/text.c src/conf/text.h \
	src/conf/units.c src/conf/units.h \
	src/conf/values.c src/conf/values.h
# where `make install` puts the shipped reports
libconf_la_CPPFLAGS = $(AM_CPPFLAGS) $(INIH_CFLAGS) -DGATHERD_SYSCONFDIR='"$(sysconfdir)"'
libconf_la_LIBADD = $(INIH_LIBS)
