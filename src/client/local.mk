CLIENT_SOURCES = \
	src/client/cell.c \
	src/client/connect.c \
	src/client/connection.c src/client/connection.h \
	src/client/document.c src/client/document.h \
	src/client/error.c \
	src/client/event.c src/client/event.h \
	src/client/param.c \
	src/client/reader.c src/client/reader.h \
	src/client/request.c src/client/request.h \
	src/client/request_write.c \
	src/client/result.c \
	src/client/run.c \
	src/client/skip.c src/client/skip.h

# What `gather` and the tests link.
noinst_LTLIBRARIES += libclient.la
libclient_la_SOURCES = $(CLIENT_SOURCES) src/client/gather.h

# What others link: only gather_* can be seen, and of the lower layers the linker keeps what is used.
lib_LTLIBRARIES += libgather.la
include_HEADERS += src/client/gather.h
libgather_la_SOURCES = $(CLIENT_SOURCES)
libgather_la_LIBADD = libwire.la libsqltext.la libbase.la
libgather_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -export-symbols-regex '^gather_' -Wl,--gc-sections

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = libgather.pc
EXTRA_DIST += src/client/libgather.pc.in
CLEANFILES += libgather.pc
libgather.pc: $(srcdir)/src/client/libgather.pc.in Makefile
	$(AM_V_GEN)$(SED) -e 's|@prefix[@]|$(prefix)|' -e 's|@includedir[@]|$(includedir)|' \
		-e 's|@libdir[@]|$(libdir)|' -e 's|@VERSION[@]|$(VERSION)|' \
		$(srcdir)/src/client/libgather.pc.in >$@.tmp && mv $@.tmp $@
