/* SPDX-License-Identifier: PostgreSQL */
/* UTF-8 against the definition, code point by code point, and against hostile sequences. */
#include "base/macros.h"
#include "base/utf8.h"
#include "unit/suite.h"

#include <string.h>

/* What is wanted of utf8_char_len(). */
static const struct {
	const char *bytes;
	size_t len, char_len;
} sequences[] = {
	{"a", 1, 1},
	{"\0", 1, 1},
	{"\x7f", 1, 1},
	{"\xc2\x80", 2, 2},
	{"\xdf\xbf", 2, 2},
	{"\xe0\xa0\x80", 3, 3},
	{"\xed\x9f\xbf", 3, 3},
	{"\xee\x80\x80", 3, 3},
	{"\xef\xbf\xbf", 3, 3},
	{"\xf0\x90\x80\x80", 4, 4},
	{"\xf4\x8f\xbf\xbf", 4, 4},
	/* the rest of the text does not matter */
	{"\xc3\xa9\xff", 3, 2},
	{"a\xff", 2, 1},
	/* tails alone, and bytes that never occur */
	{"\x80", 1, 0},
	{"\xbf\xbf", 2, 0},
	{"\xf5\x80\x80\x80", 4, 0},
	{"\xf8\x88\x80\x80\x80", 5, 0},
	{"\xfc\x84\x80\x80\x80\x80", 6, 0},
	{"\xfe", 1, 0},
	{"\xff", 1, 0},
	/* overlong */
	{"\xc0\x80", 2, 0},
	{"\xc0\xaf", 2, 0},
	{"\xc1\xbf", 2, 0},
	{"\xe0\x80\xaf", 3, 0},
	{"\xe0\x9f\xbf", 3, 0},
	{"\xf0\x80\x80\xaf", 4, 0},
	{"\xf0\x8f\xbf\xbf", 4, 0},
	/* surrogates */
	{"\xed\xa0\x80", 3, 0},
	{"\xed\xbf\xbf", 3, 0},
	{"\xed\xa0\xbd\xed\xb8\x80", 6, 0},
	/* above U+10FFFF */
	{"\xf4\x90\x80\x80", 4, 0},
	{"\xf4\xbf\xbf\xbf", 4, 0},
	/* cut off */
	{"\xc3", 1, 0},
	{"\xe2\x82", 2, 0},
	{"\xe2", 1, 0},
	{"\xf0\x9f\x98", 3, 0},
	{"\xf0\x9f", 2, 0},
	{"\xf0", 1, 0},
	/* interrupted */
	{"\xc3(", 2, 0},
	{"\xe2(\xa1", 3, 0},
	{"\xe2\x82(", 3, 0},
	{"\xf0(\x8c\xbc", 4, 0},
	{"\xf0\x9f(\xbc", 4, 0},
	{"\xf0\x9f\x98(", 4, 0},
	{"\xe2\x82\xc3\xa9", 4, 0},
};

/* A block of exactly the bytes, so that a read beyond is seen. */
static char *exact(const char *bytes, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	return copy;
}

START_TEST(finds_characters)
{
	char *copy = exact(sequences[_i].bytes, sequences[_i].len);

	ck_assert_uint_eq(utf8_char_len(copy, sequences[_i].len), sequences[_i].char_len);
	free(copy);
}
END_TEST

/* At every distance from the start and the end, since eight ASCII bytes are taken at once. */
START_TEST(validates_at_every_offset)
{
	bool whole = sequences[_i].char_len == sequences[_i].len;

	for (size_t before = 0; before < 20; before++)
		for (size_t after = 0; after < 20; after++) {
			size_t len = before + sequences[_i].len + after;
			char *text = malloc(len);

			if (text == NULL)
				abort();
			memset(text, 'a', len);
			memcpy(text + before, sequences[_i].bytes, sequences[_i].len);
			if (utf8_valid(text, len) != whole)
				ck_abort_msg("%zu before, %zu after", before, after);
			free(text);
		}
}
END_TEST

START_TEST(the_empty_text_is_valid)
{
	ck_assert(utf8_valid("", 0));
	ck_assert(utf8_valid(NULL, 0));
}
END_TEST

START_TEST(every_code_point_comes_back)
{
	for (unsigned code_point = 0; code_point <= 0x10ffff; code_point++) {
		size_t wanted = code_point < 0x80      ? 1
				: code_point < 0x800   ? 2
				: code_point < 0x10000 ? 3
						       : 4;
		bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
		unsigned char text[4];
		size_t len = utf8_encode((char *)text, code_point);
		unsigned decoded = len == 1 ? text[0] : text[0] & (0x7fu >> len);

		for (size_t i = 1; i < len; i++)
			decoded = decoded << 6 | (text[i] & 0x3f);
		if (len != wanted || decoded != code_point ||
		    utf8_char_len((char *)text, len) != (surrogate ? 0 : len) ||
		    utf8_valid((char *)text, len) == surrogate)
			ck_abort_msg("U+%04X", code_point);
	}
}
END_TEST

/* Each of the 2^24 beginnings of three bytes, against ranges written down another way. */
START_TEST(every_three_bytes)
{
	for (unsigned bits = 0; bits < 1u << 24; bits++) {
		unsigned a = bits >> 16, b = bits >> 8 & 0xff, c = bits & 0xff;
		char text[3] = {(char)a, (char)b, (char)c};
		bool tail_b = b >= 0x80 && b <= 0xbf, tail_c = c >= 0x80 && c <= 0xbf;
		unsigned two = (a & 0x1f) << 6 | (b & 0x3f);
		unsigned three = (a & 0xf) << 12 | (b & 0x3f) << 6 | (c & 0x3f);
		size_t wanted = 0;

		if (a < 0x80)
			wanted = 1;
		else if (a >= 0xc0 && a <= 0xdf && tail_b && two >= 0x80)
			wanted = 2;
		else if (a >= 0xe0 && a <= 0xef && tail_b && tail_c && three >= 0x800 &&
			 (three < 0xd800 || three > 0xdfff))
			wanted = 3;
		if (utf8_char_len(text, 3) != wanted)
			ck_abort_msg("%02x %02x %02x", a, b, c);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/utf8");
	TCase *tcase = suite_case(suite, "utf8", 60);

	tcase_add_loop_test(tcase, finds_characters, 0, (int)ARRAY_SIZE(sequences));
	tcase_add_loop_test(tcase, validates_at_every_offset, 0, (int)ARRAY_SIZE(sequences));
	tcase_add_test(tcase, the_empty_text_is_valid);
	tcase_add_test(tcase, every_code_point_comes_back);
	tcase_add_test(tcase, every_three_bytes);
	return suite_run(suite);
}
