/* SPDX-License-Identifier: PostgreSQL */
/* What a JSON reader meets that holds no other value: strings and numbers. */
#include "base/utf8.h"
#include "wire/escape.h"
#include "wire/json_reader.h"

/* The decoded form is never longer: \uXXXX is at most three bytes, a pair of them four. */
static int decode(struct json_reader *r, struct str raw, struct str *ret_text, bool *ret_nul)
{
	const char *at = raw.data, *end = raw.data + raw.len, *run;
	char *text = arena_alloc(r->arena, raw.len), *to = text;
	bool has_nul = false;

	if (text == NULL)
		return -ENOMEM;
	while (at < end) {
		unsigned point;
		size_t used;

		run = memchr(at, '\\', (size_t)(end - at));
		used = (size_t)((run != NULL ? run : end) - at);
		memcpy(to, at, used);
		to += used;
		if (run == NULL)
			break;
		if (run[1] != 'u') {
			at = run + 2;
			*to = escape_decode_simple(run[1]);
			if (*to++ == '\0')
				return json_fail_at(r, run, "an unknown escape in a string");
			continue;
		}
		used = escape_decode_unicode(run, (size_t)(end - run), &point);
		if (used == 0)
			return json_fail_at(r, run, "a \\u without four hex digits");
		if (escape_is_surrogate(point))
			return json_fail_at(r, run, "half of a surrogate pair");
		at = run + used;
		to += utf8_encode(to, point);
		has_nul |= point == 0;
	}
	*ret_text = (struct str){text, (size_t)(to - text)};
	*ret_nul = has_nul;
	return 0;
}

int json_read_string(struct json_reader *r, struct str *ret_text, bool *ret_nul)
{
	const char *open = r->at++;
	bool escaped = false;
	struct str raw;

	for (;;) {
		size_t len;

		r->at += escape_plain_span(r->at, json_rest(r));
		if (r->at == r->end)
			return json_fail_at(r, open, "a string that does not end");
		if (*r->at == '"')
			break;
		if (*r->at == '\\') {
			if (json_rest(r) < 2)
				return json_fail_at(r, open, "a string that does not end");
			escaped = true;
			r->at += 2;
			continue;
		}
		if ((unsigned char)*r->at < 0x20)
			return json_fail(r, "a control character in a string");
		len = utf8_char_len(r->at, json_rest(r));
		if (len == 0)
			return json_fail(r, "bytes that are no UTF-8");
		r->at += len;
	}
	raw = (struct str){open + 1, (size_t)(r->at - open - 1)};
	r->at++;
	*ret_nul = false;
	if (escaped)
		return decode(r, raw, ret_text, ret_nul);
	*ret_text = raw;
	return 0;
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

size_t json_number_span(const char *text, size_t len)
{
	const char *at = text, *end = text + len, *mark;

	if (at < end && *at == '-')
		at++;
	mark = at;
	at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
	if (at == mark)
		return 0;
	if (at < end && *at == '.') {
		mark = at;
		at = skip_digits(at + 1, end);
		if (at == mark + 1)
			return (size_t)(mark - text);
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		mark = at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		if (at == end || *at < '0' || *at > '9')
			return (size_t)(mark - text);
		at = skip_digits(at, end);
	}
	return (size_t)(at - text);
}

int json_read_number(struct json_reader *r, struct json *value)
{
	size_t len = json_number_span(r->at, json_rest(r));

	if (len == 0 || (len < json_rest(r) && memchr("0123456789.eE+-", r->at[len], 15) != NULL))
		return json_fail(r, "a malformed number");
	value->type = JSON_NUMBER;
	value->text = (struct str){r->at, len};
	r->at += len;
	return 0;
}
