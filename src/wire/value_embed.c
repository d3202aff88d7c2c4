/* SPDX-License-Identifier: PostgreSQL */
/*
 * json and jsonb columns put into an answer as they are: one pass that checks the grammar and
 * copies. A server may hold what is no UTF-8 (SQL_ASCII) or half of a surrogate pair (json takes it
 * unread): both become U+FFFD. Newlines between tokens become spaces, for an answer is one line.
 * Repeated keys stand.
 */
#include "base/utf8.h"
#include "wire/escape.h"
#include "wire/value_write.h"

#include <limits.h>

/* Deeper than PostgreSQL's own parser goes with its default stack. */
#define MAX_DEPTH 16384

enum state { VALUE, FIRST_VALUE, KEY, FIRST_KEY, AFTER };

struct embed {
	struct buf *out;
	const char *at, *end;
	const char *copied; /* what is before it is in `out` */
	unsigned depth;
	unsigned char objects[MAX_DEPTH / CHAR_BIT]; /* a bit a level: object or array */
};

/* What comes next is written as `instead`, in place of `len` bytes. */
static void replace(struct embed *e, size_t len, struct str instead)
{
	buf_append(e->out, e->copied, (size_t)(e->at - e->copied));
	buf_append_str(e->out, instead);
	e->at += len;
	e->copied = e->at;
}

static void skip_space(struct embed *e)
{
	while (e->at < e->end) {
		if (*e->at == '\n' || *e->at == '\r')
			replace(e, 1, STR(" "));
		else if (*e->at == ' ' || *e->at == '\t')
			e->at++;
		else
			break;
	}
}

/* at: the backslash. */
static bool copy_escape(struct embed *e)
{
	size_t rest = (size_t)(e->end - e->at), len;
	unsigned point;

	if (rest < 2)
		return false;
	if (e->at[1] != 'u') {
		e->at += 2;
		return escape_decode_simple(e->at[-1]) != '\0';
	}
	len = escape_decode_unicode(e->at, rest, &point);
	if (len == 0)
		return false;
	if (escape_is_surrogate(point))
		replace(e, len, STR("\\ufffd"));
	else
		e->at += len;
	return true;
}

/* at: the opening quote. */
static bool copy_string(struct embed *e)
{
	e->at++;
	for (;;) {
		size_t len;

		e->at += escape_plain_span(e->at, (size_t)(e->end - e->at));
		if (e->at == e->end || (unsigned char)*e->at < 0x20)
			return false;
		if (*e->at == '"') {
			e->at++;
			return true;
		}
		if (*e->at == '\\') {
			if (!copy_escape(e))
				return false;
			continue;
		}
		len = utf8_char_len(e->at, (size_t)(e->end - e->at));
		if (len > 0)
			e->at += len;
		else
			replace(e, 1, STR("\xef\xbf\xbd"));
	}
}

static bool copy_word(struct embed *e, struct str word)
{
	if ((size_t)(e->end - e->at) < word.len || memcmp(e->at, word.data, word.len) != 0)
		return false;
	e->at += word.len;
	return true;
}

static bool copy_scalar(struct embed *e)
{
	size_t len;

	switch (*e->at) {
	case '"':
		return copy_string(e);
	case 't':
		return copy_word(e, STR("true"));
	case 'f':
		return copy_word(e, STR("false"));
	case 'n':
		return copy_word(e, STR("null"));
	default:
		len = json_number_span(e->at, (size_t)(e->end - e->at));
		e->at += len;
		return len > 0;
	}
}

static bool in_object(const struct embed *e)
{
	unsigned level = e->depth - 1;

	return e->objects[level / CHAR_BIT] >> level % CHAR_BIT & 1;
}

static bool open_container(struct embed *e, bool object)
{
	unsigned level = e->depth;
	unsigned bit = 1u << level % CHAR_BIT;
	unsigned char *bits = &e->objects[level / CHAR_BIT];

	if (level == MAX_DEPTH)
		return false;
	/* The first level of a byte clears what is left in it of deeper ones, or of nobody. */
	if (bit == 1)
		*bits = object;
	else
		*bits = (unsigned char)((*bits & ~bit) | (object ? bit : 0));
	e->depth++;
	e->at++;
	return true;
}

static bool copy_key(struct embed *e)
{
	if (*e->at != '"' || !copy_string(e))
		return false;
	skip_space(e);
	return copy_word(e, STR(":"));
}

/* One token, at a byte that is no space. */
static bool copy_token(struct embed *e, enum state *state)
{
	char c = *e->at;

	switch (*state) {
	case FIRST_KEY:
	case FIRST_VALUE:
		if (c == (*state == FIRST_KEY ? '}' : ']')) {
			*state = AFTER;
			return copy_token(e, state);
		}
		*state = *state == FIRST_KEY ? KEY : VALUE;
		return copy_token(e, state);
	case KEY:
		*state = VALUE;
		return copy_key(e);
	case VALUE:
		if (c == '{' || c == '[') {
			*state = c == '{' ? FIRST_KEY : FIRST_VALUE;
			return open_container(e, c == '{');
		}
		*state = AFTER;
		return copy_scalar(e);
	case AFTER:
		if (e->depth == 0)
			return false;
		e->at++;
		if (c == ',') {
			*state = in_object(e) ? KEY : VALUE;
			return true;
		}
		if (c != (in_object(e) ? '}' : ']'))
			return false;
		e->depth--;
		return true;
	}
	return false;
}

bool value_embed_json(struct buf *out, struct str text)
{
	struct embed e;
	enum state state = VALUE;
	size_t before = buf_len(out);
	bool valid = true;

	if (text.len == 0)
		return false;
	/* Not cleared as a whole: the bits are written before they are read. */
	e.out = out;
	e.at = e.copied = text.data;
	e.end = text.data + text.len;
	e.depth = 0;
	skip_space(&e);
	while (valid && e.at < e.end) {
		valid = copy_token(&e, &state);
		skip_space(&e);
	}
	if (buf_error(out) != 0)
		return true; /* the error is the buffer's, and stays */
	if (!valid || e.depth > 0 || state != AFTER) {
		buf_truncate(out, before);
		return false;
	}
	buf_append(out, e.copied, (size_t)(e.end - e.copied));
	return true;
}
