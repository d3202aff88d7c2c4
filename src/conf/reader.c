/* SPDX-License-Identifier: PostgreSQL */
/*
 * inih and the raw lines in front of it. The only user of inih. It asks our fgets-like reader for
 * each line and calls back, before it asks for the next, with what it made of it: so the reader's
 * state says what the callback must be.
 */
#include "conf/reader.h"

#include "conf/mistakes.h"
#include "conf/rawline.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct reader {
	FILE *stream;
	const struct reader_events *events;
	void *arg;
	struct mistakes *mistakes;
	unsigned line;
	size_t file_bytes;
	int rc;
	/* The line as it is in the file, and how long it is there: more than fits is only counted.
	 */
	char raw[READER_LINE_MAX + 4];
	size_t raw_len;
	bool has_nul;
	/* What inih must call back with for the line that it was given. */
	bool awaiting;
	struct rawline expected;
	/* The key above, which an indented line goes on with. */
	bool has_key;
	enum reader_value value;
	char name[READER_LINE_MAX + 1];
};

/* False at the end of the file, or when it cannot be read any further. */
static bool read_raw(struct reader *reader)
{
	size_t len = 0;
	int c = EOF;

	reader->has_nul = false;
	while ((c = getc_unlocked(reader->stream)) != EOF && c != '\n') {
		if (++reader->file_bytes > READER_FILE_MAX) {
			mistakes_add(reader->mistakes, reader->line + 1,
				     "the file has more than %u bytes: this is no configuration",
				     READER_FILE_MAX);
			reader->rc = -EFBIG;
			return false;
		}
		reader->has_nul |= c == '\0';
		if (len < sizeof(reader->raw))
			reader->raw[len] = (char)c;
		len++;
	}
	if (c == EOF && ferror(reader->stream)) {
		reader->rc = errno > 0 ? -errno : -EIO;
		return false;
	}
	if (c == EOF && len == 0)
		return false;
	reader->file_bytes++;
	if (len > 0 && len <= sizeof(reader->raw) && reader->raw[len - 1] == '\r')
		len--;
	if (reader->line++ == 0 && len >= 3 && memcmp(reader->raw, "\xef\xbb\xbf", 3) == 0) {
		len -= 3;
		memmove(reader->raw, reader->raw + 3, MIN(len, sizeof(reader->raw) - 3));
	}
	reader->raw_len = len;
	return true;
}

static void mistake(struct reader *reader, const char *text)
{
	mistakes_add(reader->mistakes, reader->line, "%s", text);
}

/* Keeps the line from inih; the indented lines below it go the same way. */
static void drop_line(struct reader *reader, const struct rawline *line)
{
	reader->has_key = !line->head;
	reader->value = READER_VALUE_IGNORED;
	if (line->head)
		reader->events->section(reader->arg, reader->line, NULL);
	else
		reader->events->spoiled(reader->arg, reader->line, line->indented, line->name);
}

static bool take_section(struct reader *reader, const struct rawline *line)
{
	char head[READER_HEAD_MAX + 1];

	if (line->part.len > READER_HEAD_MAX) {
		mistakes_add(reader->mistakes, reader->line,
			     "a section's head has at most %d bytes between the brackets",
			     READER_HEAD_MAX);
		drop_line(reader, line);
		return false;
	}
	memcpy(head, line->part.data, line->part.len);
	head[line->part.len] = '\0';
	reader->has_key = false;
	reader->events->section(reader->arg, reader->line, head);
	return true;
}

/* Not shown to inih: in some versions (59) " ;" begins a comment here as well, in others not. */
static void take_indented(struct reader *reader, const struct rawline *line)
{
	char value[READER_LINE_MAX + 1];

	if (!reader->has_key) {
		mistake(reader, "keys and [sections] begin in the first column: an indented line "
				"goes on with the value above it, and there is none");
		return;
	}
	if (reader->value == READER_VALUE_IGNORED)
		return;
	if (reader->value == READER_VALUE_SINGLE) {
		mistakes_add(reader->mistakes, reader->line,
			     "the line is indented, so it goes on with %s, whose value has one "
			     "line; keys begin in the first column",
			     reader->name);
		return;
	}
	memcpy(value, line->part.data, line->part.len);
	value[line->part.len] = '\0';
	reader->events->more(reader->arg, reader->line, value);
}

/* A comment is dropped by inih also where it is indented: harmless, but not in the middle of a
 * value. */
static void take_comment(struct reader *reader, const struct rawline *line)
{
	if (line->indented && reader->has_key && reader->value == READER_VALUE_OPEN)
		mistakes_add(reader->mistakes, reader->line,
			     "an indented line that begins with ; or # would be lost from the "
			     "value of %s: begin a comment in the first column, or break the "
			     "value's line elsewhere",
			     reader->name);
}

/* Whether inih may see the line. */
static bool take_line(struct reader *reader, size_t line_max)
{
	struct rawline line = rawline_classify(
		(struct str){reader->raw, MIN(reader->raw_len, sizeof(reader->raw))});

	if (reader->has_nul) {
		mistake(reader, "the line holds a NUL byte");
		drop_line(reader, &line);
		return false;
	}
	if (line.kind == RAWLINE_BLANK && reader->raw_len <= line_max)
		return false;
	if (line.kind == RAWLINE_COMMENT) {
		take_comment(reader, &line);
		return false;
	}
	if (reader->raw_len > line_max) {
		mistakes_add(reader->mistakes, reader->line,
			     "the line has %zu bytes, and at most %zu can be read: go on with a "
			     "long value on indented lines (they are joined with a space; end a "
			     "line with \\ where no space belongs)",
			     reader->raw_len, line_max);
		/* A value that lost a line in its middle is of no use. */
		drop_line(reader, &line);
		return false;
	}
	switch (line.kind) {
	case RAWLINE_SECTION:
		return take_section(reader, &line);
	case RAWLINE_INDENTED:
		take_indented(reader, &line);
		return false;
	case RAWLINE_KEY:
		reader->expected = line;
		reader->awaiting = true;
		return true;
	default:
		mistake(reader, line.problem);
		drop_line(reader, &line);
		return false;
	}
}

/* inih asked for another line without having told of the last. */
static void check_awaited(struct reader *reader)
{
	if (!reader->awaiting)
		return;
	reader->awaiting = false;
	mistake(reader, "the INI parser of this system does not understand the line");
	drop_line(reader, &reader->expected);
}

/* inih's reader, as fgets: one line, or NULL at the end. */
static char *next_line(char *out, int size, void *stream)
{
	struct reader *reader = stream;
	/* Line end and NUL; and a full buffer would look cut to newer versions. */
	size_t line_max = MIN((size_t)size - 2, (size_t)READER_LINE_MAX), len = 0;

	check_awaited(reader);
	if (reader->rc < 0 || !read_raw(reader))
		return NULL;
	if (take_line(reader, line_max)) {
		len = reader->raw_len;
		memcpy(out, reader->raw, len);
	}
	memcpy(out + len, "\n", 2);
	return out;
}

/* Always 1: what is wrong is reported by us, and some builds of inih stop at a 0. */
static int on_inih(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *reader = arg;

	(void)section; /* known from the raw line, also where it has no keys */
	if (!reader->awaiting)
		return 1;
	reader->awaiting = false;
	if (!str_is(reader->expected.part, value) || !str_is(reader->expected.name, name)) {
		mistake(reader, "the INI parser of this system would change the value: it cannot "
				"be written like this");
		drop_line(reader, &reader->expected);
		return 1;
	}
	memcpy(reader->name, name, strlen(name) + 1);
	reader->has_key = true;
	reader->value = reader->events->key(reader->arg, reader->line, name, value);
	return 1;
}

int reader_run(FILE *stream, const struct reader_events *events, void *arg,
	       struct mistakes *mistakes)
{
	struct reader reader = {
		.stream = stream, .events = events, .arg = arg, .mistakes = mistakes};
	int rc = ini_parse_stream(next_line, &reader, on_inih, &reader);

	check_awaited(&reader);
	if (reader.rc < 0)
		return reader.rc;
	/* A positive one is the number of a line that we have reported ourselves. */
	return rc < 0 ? -ENOMEM : 0;
}
