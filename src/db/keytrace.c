/* SPDX-License-Identifier: PostgreSQL */
#include "db/keytrace.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define WHITE_SPACE " \t\n\v\f\r"

static bool word_take(const char **at, const char *word)
{
	size_t len = strlen(word);

	*at += strspn(*at, WHITE_SPACE);
	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return strchr(WHITE_SPACE, **at) != NULL;
}

static bool int_take(const char **at, int *ret_value)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(*at, &end, 10);
	if (end == *at || errno != 0 || value < INT_MIN || value > INT_MAX)
		return false;
	*at = end;
	*ret_value = (int)value;
	return true;
}

/* `B 12 BackendKeyData <pid> <secret>`, with white space that differs between libpq's versions. */
static void line_parse(struct keytrace *trace)
{
	const char *at = trace->line;
	int pid, secret;

	trace->line[trace->line_len] = '\0';
	if (!word_take(&at, "B") || !word_take(&at, "12") || !word_take(&at, "BackendKeyData") ||
	    !int_take(&at, &pid) || !int_take(&at, &secret) || at[strspn(at, WHITE_SPACE)] != '\0')
		return;
	trace->found = true;
	trace->pid = pid;
	trace->secret = secret;
}

void keytrace_feed(struct keytrace *trace, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			if (!trace->overlong)
				line_parse(trace);
			explicit_bzero(trace->line, sizeof(trace->line));
			trace->line_len = 0;
			trace->overlong = false;
		} else if (trace->line_len + 1 < sizeof(trace->line)) {
			trace->line[trace->line_len++] = bytes[i];
		} else {
			trace->overlong = true;
		}
	}
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t len)
{
	keytrace_feed(cookie, bytes, len);
	return (ssize_t)len;
}

int keytrace_start(struct keytrace *trace, PGconn *pg)
{
	const cookie_io_functions_t functions = {.write = stream_write};

	*trace = (struct keytrace){0};
	trace->stream = fopencookie(trace, "w", functions);
	if (trace->stream == NULL)
		return -ENOMEM;
	setvbuf(trace->stream, trace->stdio, _IOFBF, sizeof(trace->stdio));
	PQtrace(pg, trace->stream);
	PQsetTraceFlags(pg, PQTRACE_SUPPRESS_TIMESTAMPS);
	return 0;
}

void keytrace_stop(struct keytrace *trace, PGconn *pg)
{
	PQuntrace(pg);
	fclose(trace->stream);
	trace->stream = NULL;
	explicit_bzero(trace->stdio, sizeof(trace->stdio));
	explicit_bzero(trace->line, sizeof(trace->line));
	trace->line_len = 0;
}
