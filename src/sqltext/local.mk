noinst_LTLIBRARIES += libsqltext.la
libsqltext_la_SOURCES = \
	src/sqltext/classify.c src/sqltext/classify.h \
	src/sqltext/directive.c src/sqltext/directive.h \
	src/sqltext/functions.c src/sqltext/functions.h \
	src/sqltext/known.c src/sqltext/known.h \
	src/sqltext/named.c src/sqltext/named.h \
	src/sqltext/params.c src/sqltext/params.h \
	src/sqltext/report.c src/sqltext/report.h \
	src/sqltext/report_param.c src/sqltext/report_param.h \
	src/sqltext/report_text.c \
	src/sqltext/scan.c src/sqltext/scan.h \
	src/sqltext/split.c src/sqltext/split.h
