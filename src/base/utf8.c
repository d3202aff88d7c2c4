/* SPDX-License-Identifier: PostgreSQL */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_char_len(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return len >= 2 && is_tail(s[1]) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		unsigned char low = s[0] == 0xe0 ? 0xa0 : 0x80;
		unsigned char high = s[0] == 0xed ? 0x9f : 0xbf;

		return len >= 3 && s[1] >= low && s[1] <= high && is_tail(s[2]) ? 3 : 0;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		unsigned char low = s[0] == 0xf0 ? 0x90 : 0x80;
		unsigned char high = s[0] == 0xf4 ? 0x8f : 0xbf;

		return len >= 4 && s[1] >= low && s[1] <= high && is_tail(s[2]) && is_tail(s[3])
			       ? 4
			       : 0;
	}
	return 0;
}

bool utf8_valid(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint64_t word;
		size_t step;

		if (len - at >= sizeof(word)) {
			memcpy(&word, text + at, sizeof(word));
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				at += sizeof(word);
				continue;
			}
		}
		step = utf8_char_len(text + at, len - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

size_t utf8_encode(char *out, unsigned code_point)
{
	if (code_point < 0x80) {
		out[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		out[0] = (char)(0xc0 | code_point >> 6);
		out[1] = (char)(0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000) {
		out[0] = (char)(0xe0 | code_point >> 12);
		out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code_point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code_point >> 18);
	out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code_point & 0x3f));
	return 4;
}
