/* SPDX-License-Identifier: PostgreSQL */
/*
 * An INI file as a sequence of events. inih parses; the reader in front of it sees the raw lines
 * and keeps from it what it would cut or misread, as all indented lines, and what inih gives back
 * is compared with the raw line. So no value is ever changed in silence.
 *
 * The rules: comments (; or #), [sections] and KEY = VALUE begin in the first column; an indented
 * line goes on with the value above it. Lines end with LF or CRLF; the file may begin with a UTF-8
 * byte order mark.
 */
#ifndef CONF_READER_H
#define CONF_READER_H

#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdio.h>

struct mistakes;

#define READER_FILE_MAX (16U << 20)
/* What inih keeps of a section's head, and of a line where it is built as Debian builds it. */
#define READER_HEAD_MAX 49
#define READER_LINE_MAX 198

enum reader_value {
	READER_VALUE_IGNORED, /* a mistake was found; indented lines after it belong to it */
	READER_VALUE_SINGLE,  /* may not go on */
	READER_VALUE_OPEN     /* indented lines go on with it */
};

struct reader_events {
	/* What stands between the brackets; NULL for a line that could not be read as one. */
	void (*section)(void *arg, unsigned line, const char *head);
	enum reader_value (*key)(void *arg, unsigned line, const char *name, const char *value);
	/*
	 * A line whose mistake has been added. `of_value`: the value above has lost it; else
	 * `name` is the key that it is about, empty where there is none.
	 */
	void (*spoiled)(void *arg, unsigned line, bool of_value, struct str name);
	/* An indented line of an open value, without the white space around it. */
	void (*more)(void *arg, unsigned line, const char *text);
};

/* Reads to the end whatever is wrong. 0 (mistakes or not), or why the stream cannot be read: -EFBIG
 * above READER_FILE_MAX, -ENOMEM, or read's own. */
int reader_run(FILE *stream, const struct reader_events *events, void *arg,
	       struct mistakes *mistakes) MUST_CHECK;

#endif
