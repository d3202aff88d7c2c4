/* SPDX-License-Identifier: PostgreSQL */
/* Every way to find bytes that are not plain finds the same. */
#include "unit/wire.h"
#include "wire/escape.h"

static size_t plain_span_byte_by_byte(const char *text, size_t len)
{
	size_t at = 0;

	for (; at < len; at++) {
		unsigned char c = (unsigned char)text[at];

		if (c < 0x20 || c > 0x7f || c == '"' || c == '\\')
			break;
	}
	return at;
}

static void check_all(const char *text, size_t len)
{
	size_t wanted = plain_span_byte_by_byte(text, len);

	ck_assert_uint_eq(escape_plain_span_scalar(text, len), wanted);
#ifdef __SSE2__
	ck_assert_uint_eq(escape_plain_span_sse2(text, len), wanted);
#endif
#ifdef __ARM_NEON
	ck_assert_uint_eq(escape_plain_span_neon(text, len), wanted);
#endif
	ck_assert_uint_eq(escape_plain_span(text, len), wanted);
}

START_TEST(every_byte_at_every_place)
{
	char text[40];

	for (unsigned byte = 0; byte < 256; byte++)
		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (char)byte;
			for (size_t len = at; len <= sizeof(text); len++)
				check_all(text, len);
		}
}
END_TEST

START_TEST(random_bytes_at_every_alignment)
{
	uint64_t seed = 1;
	char *text = malloc(512);

	for (int round = 0; round < 20000; round++) {
		size_t offset = random_below(&seed, 16), len = random_below(&seed, 480);
		/* an exact block, so that a sanitizer sees a read beyond it */
		char *exact = malloc(len + 1);

		for (size_t i = 0; i < offset + len; i++)
			text[i] = random_below(&seed, 64) == 0
					  ? (char)random_next(&seed)
					  : (char)('a' + random_below(&seed, 26));
		check_all(text + offset, len);
		memcpy(exact, text + offset, len);
		exact = realloc(exact, len > 0 ? len : 1);
		check_all(exact, len);
		free(exact);
	}
	free(text);
}
END_TEST

START_TEST(no_bytes_at_all)
{
	check_all("", 0);
	check_all(NULL, 0);
}
END_TEST

START_TEST(unicode_escapes)
{
	static const struct {
		const char *text;
		size_t used;
		unsigned code_point;
	} cases[] = {
		{"\\u0041", 6, 0x41},
		{"\\u00e4x", 6, 0xe4},
		{"\\uFFFF", 6, 0xffff},
		{"\\uD83D\\uDE00", 12, 0x1f600},
		{"\\udbff\\udfff", 12, 0x10ffff},
		{"\\ud83d", 6, 0xd83d},
		{"\\ud83d\\u0041", 6, 0xd83d},
		{"\\ud83dxxxxxx", 6, 0xd83d},
		{"\\ude00\\ud83d", 6, 0xde00},
		{"\\u004", 0, 0},
		{"\\u00g1", 0, 0},
		{"\\u00@1", 0, 0},
		{"\\u", 0, 0},
		{"", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned code_point = 0;

		ck_assert_uint_eq(
			escape_decode_unicode(cases[i].text, strlen(cases[i].text), &code_point),
			cases[i].used);
		ck_assert_uint_eq(code_point, cases[i].code_point);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/escape");
	TCase *tcase = suite_case(suite, "escape", 30);

	tcase_add_test(tcase, every_byte_at_every_place);
	tcase_add_test(tcase, random_bytes_at_every_alignment);
	tcase_add_test(tcase, no_bytes_at_all);
	tcase_add_test(tcase, unicode_escapes);
	return suite_run(suite);
}
