/* SPDX-License-Identifier: PostgreSQL */
#include "client/reader.h"

#include "base/buf.h"
#include "client/skip.h"
#include "wire/escape.h"

#include <errno.h>

/* Of a combined answer's results: answer, results. */
#define RESULT_DEPTH 2

struct reader {
	struct arena *arena;
	const char *at, *end;
	unsigned limit; /* containers at this depth are not looked into */
	bool raw_rows;
	struct buf stack; /* elements of the open containers, innermost last */
};

static int read_value(struct reader *r, struct json *ret_value, unsigned depth);

static void skip_space(struct reader *r)
{
	while (r->at < r->end &&
	       (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* at: the opening quote. Leaves it behind the closing one. */
static int skip_string(struct reader *r, bool *ret_escaped)
{
	bool escaped = false;

	for (r->at++; r->at < r->end; r->at++) {
		r->at += escape_plain_span(r->at, (size_t)(r->end - r->at));
		while (r->at < r->end && (unsigned char)*r->at >= 0x80)
			r->at++;
		if (r->at == r->end)
			break;
		if (*r->at == '"') {
			r->at++;
			*ret_escaped = escaped;
			return 0;
		}
		if (*r->at == '\\') {
			escaped = true;
			if (++r->at == r->end)
				break;
		}
	}
	return -EINVAL;
}

static int read_string(struct reader *r, struct str *ret_text, bool *ret_nul)
{
	const char *start = r->at;
	struct json_error error;
	struct json decoded;
	bool escaped;
	int rc;

	rc = skip_string(r, &escaped);
	if (rc < 0)
		return rc;
	if (!escaped) {
		*ret_text = (struct str){start + 1, (size_t)(r->at - start - 2)};
		*ret_nul = false;
		return 0;
	}
	rc = json_parse(r->arena, (struct str){start, (size_t)(r->at - start)}, &decoded, &error);
	if (rc < 0)
		return rc;
	*ret_text = decoded.text;
	*ret_nul = decoded.has_nul;
	return 0;
}

/* A quote or a bracket of either kind, which differ in one bit. */
static bool is_structural(char c)
{
	return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}';
}

/* A whole array or object, without looking into it. */
static int skip_container(struct reader *r)
{
	size_t open = 0;
	bool escaped;

	do {
		const char *at = r->at, *end = r->end;

		while (at < end && !is_structural(*at))
			at++;
		r->at = at;
		if (at == end)
			return -EINVAL;
		if (*at == '"') {
			if (skip_string(r, &escaped) < 0)
				return -EINVAL;
			continue;
		}
		if ((*at | 0x20) == '{')
			open++;
		else
			open--;
		r->at++;
	} while (open > 0);
	return 0;
}

/* Without looking into them. */
static int read_raw_rows(struct reader *r, struct json *ret_value)
{
	const struct str rest = {r->at, (size_t)(r->end - r->at)};
	struct json value = {.type = JSON_ARRAY};
	size_t len = skip_rows(rest, &value.count);

	if (len == 0)
		return -EINVAL;
	value.raw = (struct str){r->at, len};
	r->at += len;
	*ret_value = value;
	return 0;
}

static int read_member(struct reader *r, struct json_member *member, unsigned depth)
{
	const unsigned limit = r->limit;
	bool has_nul;
	int rc;

	skip_space(r);
	if (r->at == r->end || *r->at != '"')
		return -EINVAL;
	rc = read_string(r, &member->key, &has_nul);
	if (rc < 0)
		return rc;
	skip_space(r);
	if (r->at == r->end || *r->at++ != ':')
		return -EINVAL;
	skip_space(r);
	if (depth == 0 && r->raw_rows && r->at < r->end && *r->at == '[' &&
	    str_is(member->key, "rows"))
		return read_raw_rows(r, &member->value);
	if (depth == RESULT_DEPTH && str_is(member->key, "steps"))
		r->limit += READER_STEPS_DEPTH;
	rc = read_value(r, &member->value, depth + 1);
	r->limit = limit;
	return rc;
}

/* Moves what is on the stack above `base` to the arena. */
static int pop(struct reader *r, size_t base, void **ret_elements)
{
	size_t size_bytes = buf_len(&r->stack) - base;
	void *elements = arena_alloc(r->arena, size_bytes);

	if (elements == NULL)
		return -ENOMEM;
	if (size_bytes > 0)
		memcpy(elements, buf_data(&r->stack) + base, size_bytes);
	buf_truncate(&r->stack, base);
	*ret_elements = elements;
	return 0;
}

static int read_element(struct reader *r, enum json_type type, unsigned depth)
{
	struct json_member member;
	int rc;

	if (type == JSON_ARRAY) {
		rc = read_value(r, &member.value, depth + 1);
		if (rc == 0)
			buf_append(&r->stack, &member.value, sizeof(member.value));
	} else {
		rc = read_member(r, &member, depth);
		if (rc == 0)
			buf_append(&r->stack, &member, sizeof(member));
	}
	return rc < 0 ? rc : buf_error(&r->stack) == 0 ? 0 : -ENOMEM;
}

static int read_container(struct reader *r, struct json *value, unsigned depth)
{
	const char close = *r->at == '[' ? ']' : '}';
	size_t base = buf_len(&r->stack);
	void *elements;
	int rc;

	value->type = close == ']' ? JSON_ARRAY : JSON_OBJECT;
	if (depth >= r->limit)
		return skip_container(r);
	r->at++;
	skip_space(r);
	if (r->at < r->end && *r->at == close) {
		r->at++;
		return 0;
	}
	do {
		rc = read_element(r, value->type, depth);
		if (rc < 0)
			return rc;
		value->count++;
		skip_space(r);
	} while (r->at < r->end && *r->at == ',' && r->at++);
	if (r->at == r->end || *r->at++ != close)
		return -EINVAL;
	rc = pop(r, base, &elements);
	if (rc < 0)
		return rc;
	if (value->type == JSON_ARRAY)
		value->items = elements;
	else
		value->members = elements;
	return 0;
}

static int read_word(struct reader *r, struct json *value)
{
	static const struct {
		struct str word;
		enum json_type type;
	} words[] = {
		{{"null", 4}, JSON_NULL}, {{"true", 4}, JSON_TRUE}, {{"false", 5}, JSON_FALSE}};
	size_t len = (size_t)(r->end - r->at);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (len >= words[i].word.len &&
		    memcmp(r->at, words[i].word.data, words[i].word.len) == 0) {
			value->type = words[i].type;
			r->at += words[i].word.len;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_value(struct reader *r, struct json *ret_value, unsigned depth)
{
	struct json value = {0};
	const char *start;
	size_t len;
	int rc = 0;

	skip_space(r);
	start = r->at;
	if (start == r->end)
		return -EINVAL;
	switch (*start) {
	case '"':
		value.type = JSON_STRING;
		rc = read_string(r, &value.text, &value.has_nul);
		break;
	case '[':
	case '{':
		rc = read_container(r, &value, depth);
		break;
	case 'n':
	case 't':
	case 'f':
		rc = read_word(r, &value);
		break;
	default:
		len = json_number_span(start, (size_t)(r->end - start));
		if (len == 0)
			return -EINVAL;
		value.type = JSON_NUMBER;
		value.text = (struct str){start, len};
		r->at += len;
	}
	if (rc < 0)
		return rc;
	value.raw = (struct str){start, (size_t)(r->at - start)};
	*ret_value = value;
	return 0;
}

int reader_parse(struct arena *arena, struct str text, bool raw_rows, struct json *ret_value)
{
	struct reader r = {.arena = arena,
			   .at = text.data,
			   .end = text.data + text.len,
			   .limit = READER_DEPTH,
			   .raw_rows = raw_rows};
	struct json value;
	int rc;

	buf_init(&r.stack, 0, NULL);
	rc = read_value(&r, &value, 0);
	buf_free(&r.stack);
	if (rc < 0)
		return rc;
	skip_space(&r);
	if (r.at != r.end)
		return -EINVAL;
	*ret_value = value;
	return 0;
}
