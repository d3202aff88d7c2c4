/* SPDX-License-Identifier: PostgreSQL */
#include "conf/text.h"

#include "base/buf.h"
#include "conf/conninfo.h"
#include "conf/keys.h"
#include "conf/reader.h"

#include <string.h>

#define PREFERRED_WIDTH 100
/* One column is the indentation. */
#define PIECE_MAX (READER_LINE_MAX - 1)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_with_odd_backslash(const char *text, size_t len)
{
	size_t count = 0;

	while (count < len && text[len - 1 - count] == '\\')
		count++;
	return count % 2 == 1;
}

bool text_unfinished(const char *value)
{
	return ends_with_odd_backslash(value, strlen(value));
}

static bool is_uri(const struct buf *value)
{
	char head[16] = "";

	memcpy(head, buf_data(value), MIN(buf_len(value), sizeof(head) - 1));
	return conninfo_is_uri(head);
}

void text_join(struct buf *value, const char *line)
{
	size_t len = buf_len(value);

	if (len > 0 && ends_with_odd_backslash(buf_data(value), len))
		buf_truncate(value, len - 1);
	else if (len > 0 && !is_uri(value))
		buf_putc(value, ' ');
	buf_puts(value, line);
}

/* A line may begin here: nothing of it would be trimmed off, taken for a comment or for a key. */
static bool may_begin(const char *text)
{
	return *text != '\0' && !is_blank(*text) && *text != ';' && *text != '#' &&
	       !key_begins(text);
}

/* Whether text may be broken after its first `len` bytes; *ret_space: the break stands for a space
 * that is there. */
static bool may_break(const char *text, size_t len, bool *ret_space)
{
	if (is_blank(text[len - 1]) || ends_with_odd_backslash(text, len))
		return false;
	*ret_space = text[len] == ' ';
	return may_begin(text + len + *ret_space);
}

/*
 * The farthest break within `max` bytes, 0 when there is none. Between the lines of a URI nothing
 * is put; elsewhere a break is at a space, or where `hard` anywhere else.
 */
static size_t find_break(const char *text, size_t max, bool uri, bool hard, bool *ret_space)
{
	bool space;

	for (size_t len = max; len > 0; len--) {
		if (!may_break(text, len, &space) || (space ? uri : !hard))
			continue;
		*ret_space = space;
		return len;
	}
	return 0;
}

/* 0: all the rest. */
static size_t next_piece(const char *text, bool uri, bool *ret_space)
{
	size_t text_len = strlen(text), len;

	if (text_len <= PREFERRED_WIDTH)
		return 0;
	len = find_break(text, PREFERRED_WIDTH, uri, uri, ret_space);
	if (len > 0 || text_len <= PIECE_MAX)
		return len;
	return find_break(text, PIECE_MAX - 1, uri, true, ret_space);
}

static bool fits_one_line(const char *key, const char *value)
{
	if (strstr(value, " ;") != NULL || strstr(value, "\t;") != NULL)
		return false;
	return strlen(key) + strlen(" = ") + strlen(value) <= PREFERRED_WIDTH;
}

void text_print(FILE *stream, const char *key, const char *value)
{
	bool uri = conninfo_is_uri(value), space = false;
	size_t len;

	if (fits_one_line(key, value)) {
		fprintf(stream, "%s = %s\n", key, value);
		return;
	}
	fprintf(stream, "%s =\n", key);
	while ((len = next_piece(value, uri, &space)) > 0) {
		fprintf(stream, " %.*s%s\n", (int)len, value, space || uri ? "" : "\\");
		value += len + space;
	}
	fprintf(stream, " %s\n", value);
}
