# All of the command but main(), for the tests too.
noinst_LTLIBRARIES += libcli.la
libcli_la_SOURCES = \
	src/cli/ask.c src/cli/ask.h \
	src/cli/complain.c src/cli/complain.h \
	src/cli/conclusion.c src/cli/conclusion.h \
	src/cli/duration.c src/cli/duration.h \
	src/cli/failure.c src/cli/failure.h \
	src/cli/format.c src/cli/format.h \
	src/cli/format_csv.c \
	src/cli/format_json.c \
	src/cli/format_jsonl.c \
	src/cli/format_raw.c \
	src/cli/format_table.c \
	src/cli/help.c \
	src/cli/input.c src/cli/input.h \
	src/cli/item.c src/cli/item.h \
	src/cli/lines.c src/cli/lines.h \
	src/cli/listing.c src/cli/listing.h \
	src/cli/listing_rows.c \
	src/cli/options.c src/cli/options.h \
	src/cli/output.c src/cli/output.h \
	src/cli/output_write.c \
	src/cli/progress.c src/cli/progress.h \
	src/cli/run.c src/cli/run.h \
	src/cli/show.c src/cli/show.h \
	src/cli/show_tell.c \
	src/cli/signals.c src/cli/signals.h \
	src/cli/spool.c src/cli/spool.h \
	src/cli/template.c src/cli/template.h \
	src/cli/titles.c src/cli/titles.h \
	src/cli/width.c src/cli/width.h src/cli/width_table.h

# Statically of our own parts, so that it starts in a millisecond.
bin_PROGRAMS += gather
gather_SOURCES = src/cli/main.c
gather_LDADD = libcli.la libclient.la libwire.la libsqltext.la libbase.la
