/* SPDX-License-Identifier: PostgreSQL */
#include "strict.h"

#include "base/mem.h"

#include <stdlib.h>

/* ---- UTF-8: the table of RFC 3629, section 4 ---- */

static size_t utf8_span(const unsigned char *c, size_t len)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		unsigned char len;
	} rows[] = {
		{0x00, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (c[0] < rows[i].first_low || c[0] > rows[i].first_high)
			continue;
		if (len < rows[i].len)
			return 0;
		if (rows[i].len > 1 && (c[1] < rows[i].second_low || c[1] > rows[i].second_high))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if (c[k] < 0x80 || c[k] > 0xbf)
				return 0;
		return rows[i].len;
	}
	return 0;
}

bool strict_utf8(struct str text)
{
	for (size_t at = 0, len; at < text.len; at += len) {
		len = utf8_span((const unsigned char *)text.data + at, text.len - at);
		if (len == 0)
			return false;
	}
	return true;
}

/* ---- JSON ---- */

struct checker {
	const char *at, *end;
	struct strict_facts facts;
	char *open; /* the brackets that are open, outermost first */
	size_t depth;
};

static bool take(struct checker *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_word(struct checker *c, const char *word)
{
	while (*word != '\0')
		if (!take(c, *word++))
			return false;
	return true;
}

static void skip_space(struct checker *c)
{
	while (c->at < c->end && memchr(" \t\n\r", *c->at, 4) != NULL)
		c->at++;
}

static bool take_digits(struct checker *c)
{
	const char *start = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return c->at > start;
}

static bool take_number(struct checker *c)
{
	(void)take(c, '-');
	if (!take(c, '0') && !take_digits(c))
		return false;
	if (take(c, '.') && !take_digits(c))
		return false;
	if (!take(c, 'e') && !take(c, 'E'))
		return true;
	if (!take(c, '+'))
		(void)take(c, '-');
	return take_digits(c);
}

static bool take_hex(struct checker *c, unsigned *ret_unit)
{
	unsigned unit = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *digit = c->at < c->end ? memchr(digits, *c->at, 32) : NULL;

		if (digit == NULL)
			return false;
		unit = unit * 16 + (unsigned)(digit - digits) % 16;
		c->at++;
	}
	*ret_unit = unit;
	return true;
}

static bool take_string(struct checker *c)
{
	bool high = false; /* the last thing was the first half of a pair */

	if (!take(c, '"'))
		return false;
	while (c->at < c->end && *c->at != '"') {
		unsigned unit = 0;

		if ((unsigned char)*c->at < 0x20)
			return false;
		if (*c->at++ == '\\') {
			if (c->at == c->end || memchr("\"\\/bfnrtu", *c->at, 9) == NULL)
				return false;
			if (*c->at++ == 'u' && !take_hex(c, &unit))
				return false;
		}
		if (unit >= 0xdc00 && unit <= 0xdfff) {
			c->facts.lone_surrogates |= !high;
			high = false;
			continue;
		}
		c->facts.lone_surrogates |= high;
		high = unit >= 0xd800 && unit <= 0xdbff;
	}
	c->facts.lone_surrogates |= high;
	return take(c, '"');
}

enum expect { VALUE, VALUE_OR_CLOSE, KEY, KEY_OR_CLOSE, COMMA_OR_CLOSE, FAIL };

static enum expect after_scalar(bool well)
{
	return well ? COMMA_OR_CLOSE : FAIL;
}

static enum expect take_value(struct checker *c)
{
	const char first = c->at < c->end ? *c->at : '\0';

	switch (first) {
	case '[':
	case '{':
		c->at++;
		c->open[c->depth++] = first;
		if (c->depth > c->facts.depth)
			c->facts.depth = c->depth;
		return first == '[' ? VALUE_OR_CLOSE : KEY_OR_CLOSE;
	case '"':
		return after_scalar(take_string(c));
	case 't':
		return after_scalar(take_word(c, "true"));
	case 'f':
		return after_scalar(take_word(c, "false"));
	case 'n':
		return after_scalar(take_word(c, "null"));
	default:
		return after_scalar(take_number(c));
	}
}

static bool take_close(struct checker *c)
{
	if (c->depth == 0 || !take(c, c->open[c->depth - 1] == '[' ? ']' : '}'))
		return false;
	c->depth--;
	return true;
}

static enum expect step(struct checker *c, enum expect expect)
{
	switch (expect) {
	case VALUE_OR_CLOSE:
	case KEY_OR_CLOSE:
		if (take_close(c))
			return COMMA_OR_CLOSE;
		return expect == VALUE_OR_CLOSE ? VALUE : KEY;
	case VALUE:
		return take_value(c);
	case KEY:
		if (!take_string(c))
			return FAIL;
		skip_space(c);
		return take(c, ':') ? VALUE : FAIL;
	case COMMA_OR_CLOSE:
		if (take(c, ','))
			return c->open[c->depth - 1] == '[' ? VALUE : KEY;
		return take_close(c) ? COMMA_OR_CLOSE : FAIL;
	case FAIL:
		break;
	}
	return FAIL;
}

bool strict_json(struct str text, struct strict_facts *ret_facts)
{
	struct checker c = {.at = text.data, .end = text.data + text.len};
	enum expect expect = VALUE;

	c.open = mem_alloc(text.len + 1);
	if (c.open == NULL)
		abort();
	do {
		skip_space(&c);
		expect = step(&c, expect);
	} while (expect != FAIL && !(expect == COMMA_OR_CLOSE && c.depth == 0));
	skip_space(&c);
	mem_free(c.open);
	if (ret_facts != NULL)
		*ret_facts = c.facts;
	return expect != FAIL && c.at == c.end && strict_utf8(text);
}

bool strict_json_line(struct str text)
{
	struct strict_facts facts;

	return strict_json(text, &facts) && !facts.lone_surrogates &&
	       memchr(text.data, '\n', text.len) == NULL &&
	       memchr(text.data, '\r', text.len) == NULL;
}
