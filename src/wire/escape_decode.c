/* SPDX-License-Identifier: PostgreSQL */
/* What a backslash in a JSON string means. */
#include "wire/escape.h"

char escape_decode_simple(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return '\0';
	}
}

/* \uXXXX: its number, or -1. */
static int read_unit(const char *text, size_t len)
{
	int number = 0;

	if (len < 6 || text[0] != '\\' || text[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		char c = text[i], lower = (char)(c | 0x20);

		number <<= 4;
		if (c >= '0' && c <= '9')
			number |= c - '0';
		else if (lower >= 'a' && lower <= 'f')
			number |= lower - 'a' + 10;
		else
			return -1;
	}
	return number;
}

size_t escape_decode_unicode(const char *text, size_t len, unsigned *ret_code_point)
{
	int high = read_unit(text, len), low;

	if (high < 0)
		return 0;
	*ret_code_point = (unsigned)high;
	if (high < 0xd800 || high > 0xdbff)
		return 6;
	low = read_unit(text + 6, len - 6);
	if (low < 0xdc00 || low > 0xdfff)
		return 6;
	*ret_code_point = 0x10000 + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00);
	return 12;
}
