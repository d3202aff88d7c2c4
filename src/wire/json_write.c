/* SPDX-License-Identifier: PostgreSQL */
/* The JSON writer: appends to a buffer, never fails by itself. Whatever bytes come in, valid JSON
 * in UTF-8 goes out. */
#include "wire/json.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "wire/escape.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void write_special(struct buf *out, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = {'\\', (char)byte};
	size_t len = 2;

	switch (byte) {
	case '"':
	case '\\':
		break;
	case '\b':
		escape[1] = 'b';
		break;
	case '\f':
		escape[1] = 'f';
		break;
	case '\n':
		escape[1] = 'n';
		break;
	case '\r':
		escape[1] = 'r';
		break;
	case '\t':
		escape[1] = 't';
		break;
	default:
		if (byte >= 0x80) {
			buf_append(out, REPLACEMENT, 3);
			return;
		}
		escape[1] = 'u';
		escape[2] = escape[3] = '0';
		escape[4] = hex[byte >> 4];
		escape[5] = hex[byte & 15];
		len = 6;
	}
	buf_append(out, escape, len);
}

/* Bytes that can stand as they are: plain ones and whole characters that are no ASCII. */
static size_t clean_span(const char *text, size_t len)
{
	size_t at = 0, step;

	for (;;) {
		at += escape_plain_span(text + at, len - at);
		if (at == len || (unsigned char)text[at] < 0x80)
			return at;
		while (at < len && (unsigned char)text[at] >= 0x80) {
			step = utf8_char_len(text + at, len - at);
			if (step == 0)
				return at;
			at += step;
		}
	}
}

void json_write_escaped(struct buf *out, struct str text)
{
	size_t at = 0;

	while (at < text.len) {
		size_t clean = clean_span(text.data + at, text.len - at);

		buf_append(out, text.data + at, clean);
		at += clean;
		if (at < text.len)
			write_special(out, (unsigned char)text.data[at++]);
	}
}

void json_write_string(struct buf *out, struct str text)
{
	size_t clean = text.len > 0 ? clean_span(text.data, text.len) : 0;
	char *at;

	if (LIKELY(clean == text.len)) {
		at = buf_reserve(out, text.len + 2);
		if (at == NULL)
			return;
		*at++ = '"';
		if (text.len > 0)
			memcpy(at, text.data, text.len);
		at[text.len] = '"';
		buf_commit(out, text.len + 2);
		return;
	}
	buf_putc(out, '"');
	buf_append(out, text.data, clean);
	json_write_escaped(out, (struct str){text.data + clean, text.len - clean});
	buf_putc(out, '"');
}

static const char two_digits[] = "0001020304050607080910111213141516171819"
				 "2021222324252627282930313233343536373839"
				 "4041424344454647484950515253545556575859"
				 "6061626364656667686970717273747576777879"
				 "8081828384858687888990919293949596979899";

/* Digits from the end of a buffer of 20 or more; returns how many. */
static size_t put_digits(char *end, uint64_t number)
{
	char *at = end;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return (size_t)(end - at);
}

void json_write_int(struct buf *out, int64_t number)
{
	char text[24], *end = text + sizeof(text);
	size_t len = put_digits(end, number < 0 ? -(uint64_t)number : (uint64_t)number);

	if (number < 0)
		end[-(ptrdiff_t)++len] = '-';
	buf_append(out, end - len, len);
}

void json_write_seconds(struct buf *out, int64_t duration_ns)
{
	char text[32], *end = text + sizeof(text);
	uint64_t ns = duration_ns < 0 ? -(uint64_t)duration_ns : (uint64_t)duration_ns;
	/* Below 2^32, and divided as such. */
	uint32_t fraction = (uint32_t)(ns % (uint64_t)CLOCK_SECOND);
	char *at = end;

	*--at = (char)('0' + fraction % 10);
	fraction /= 10;
	for (unsigned pairs = 4; pairs > 0; pairs--, fraction /= 100) {
		at -= 2;
		memcpy(at, &two_digits[2 * (fraction % 100)], 2);
	}
	while (end > at + 1 && end[-1] == '0')
		end--;
	*--at = '.';
	at -= put_digits(at, ns / (uint64_t)CLOCK_SECOND);
	if (duration_ns < 0)
		*--at = '-';
	buf_append(out, at, (size_t)(end - at));
}

static void write_array(struct buf *out, const struct json *array)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < array->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_write_value(out, &array->items[i]);
	}
	buf_putc(out, ']');
}

static void write_object(struct buf *out, const struct json *object)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < object->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_write_string(out, object->members[i].key);
		buf_putc(out, ':');
		json_write_value(out, &object->members[i].value);
	}
	buf_putc(out, '}');
}

void json_write_value(struct buf *out, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		buf_puts(out, "null");
		break;
	case JSON_FALSE:
		buf_puts(out, "false");
		break;
	case JSON_TRUE:
		buf_puts(out, "true");
		break;
	case JSON_NUMBER:
		buf_append_str(out, value->text);
		break;
	case JSON_STRING:
		json_write_string(out, value->text);
		break;
	case JSON_ARRAY:
		write_array(out, value);
		break;
	case JSON_OBJECT:
		write_object(out, value);
		break;
	}
}
