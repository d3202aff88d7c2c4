# Fuzz targets: built by `./dev fuzz` alone, in a flavour whose compiler instruments for the fuzzer.
FUZZ_ENGINE = -fsanitize=fuzzer
FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/fuzz
FUZZ_LINK = $(AM_LDFLAGS) $(FUZZ_ENGINE)
FUZZ_SUPPORT = tests/fuzz/fuzz.h tests/fuzz/strict.c tests/fuzz/strict.h
FUZZ_TARGETS = \
	tests/fuzz/client \
	tests/fuzz/config \
	tests/fuzz/connection \
	tests/fuzz/output \
	tests/fuzz/reply \
	tests/fuzz/report \
	tests/fuzz/request \
	tests/fuzz/sql \
	tests/fuzz/values
EXTRA_PROGRAMS += $(FUZZ_TARGETS)
CLEANFILES += $(FUZZ_TARGETS)
fuzz-targets: $(FUZZ_TARGETS)
.PHONY: fuzz-targets

tests_fuzz_client_SOURCES = tests/fuzz/client.c $(FUZZ_SUPPORT)
tests_fuzz_client_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_client_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_client_LDADD = libclient.la libwire.la libsqltext.la libbase.la
tests_fuzz_config_SOURCES = tests/fuzz/config.c $(FUZZ_SUPPORT)
tests_fuzz_config_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_config_LDADD = libconf.la libbase.la
tests_fuzz_connection_SOURCES = tests/fuzz/connection.c $(FUZZ_SUPPORT)
tests_fuzz_connection_CPPFLAGS = $(FUZZ_CPPFLAGS) $(LIBPQ_CFLAGS)
tests_fuzz_connection_LDFLAGS = $(FUZZ_LINK) -Wl,--wrap=PQgetResult,--wrap=PQclear
tests_fuzz_connection_LDADD = libdb.la libsqltext.la libco.la libbase.la
tests_fuzz_output_SOURCES = tests/fuzz/output.c $(FUZZ_SUPPORT)
tests_fuzz_output_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_output_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_output_LDADD = libcli.la libclient.la libwire.la libsqltext.la libbase.la
tests_fuzz_reply_SOURCES = tests/fuzz/reply.c $(FUZZ_SUPPORT)
tests_fuzz_reply_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_reply_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_reply_LDADD = libwire.la libbase.la
tests_fuzz_report_SOURCES = tests/fuzz/report.c $(FUZZ_SUPPORT)
tests_fuzz_report_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_report_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_report_LDADD = libsqltext.la libbase.la
tests_fuzz_request_SOURCES = tests/fuzz/request.c $(FUZZ_SUPPORT)
tests_fuzz_request_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_request_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_request_LDADD = libwire.la libsqltext.la libbase.la
tests_fuzz_sql_SOURCES = tests/fuzz/sql.c $(FUZZ_SUPPORT)
tests_fuzz_sql_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_sql_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_sql_LDADD = libsqltext.la libbase.la
tests_fuzz_values_SOURCES = tests/fuzz/values.c $(FUZZ_SUPPORT)
tests_fuzz_values_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_values_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_values_LDADD = libwire.la libbase.la
EXTRA_DIST += \
	tests/fuzz/config.dict tests/fuzz/report.dict tests/fuzz/request.dict tests/fuzz/sql.dict \
	tests/fuzz/corpus tests/fuzz/fuzz.sh
