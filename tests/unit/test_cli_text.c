/* SPDX-License-Identifier: PostgreSQL */
/* Small texts: durations, widths, the place of an error. */
#include "base/mem.h"
#include "cli/duration.h"
#include "cli/failure.h"
#include "cli/width.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdio.h>

static const struct {
	const char *text;
	int rc;
	int64_t ms;
} durations[] = {
	{"5", 0, 5000},
	{"0.5", 0, 500},
	{".25", 0, 250},
	{"1.", 0, 1000},
	{"500ms", 0, 500},
	{"1500us", 0, 1},
	{"1us", 0, 1},
	{"2min", 0, 120000},
	{"1.5h", 0, 5400000},
	{"3s", 0, 3000},
	{"0.0001", 0, 1},
	{"0", -ERANGE, 0},
	{"0.0000000001", -ERANGE, 0},
	{"99999999999", -ERANGE, 0},
	{"99999999999999999999999", -ERANGE, 0},
	{"", -EINVAL, 0},
	{".", -EINVAL, 0},
	{"ms", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"+1", -EINVAL, 0},
	{" 1", -EINVAL, 0},
	{"1 s", -EINVAL, 0},
	{"1m", -EINVAL, 0},
	{"1sec", -EINVAL, 0},
	{"1e3", -EINVAL, 0},
	{"1,5", -EINVAL, 0},
};

START_TEST(duration)
{
	int64_t ms = 77;

	ck_assert_msg(duration_parse_ms(durations[_i].text, &ms) == durations[_i].rc, "%s",
		      durations[_i].text);
	ck_assert_msg(ms == (durations[_i].rc == 0 ? durations[_i].ms : 77), "%s: %lld",
		      durations[_i].text, (long long)ms);
}
END_TEST

static const struct {
	const char *text;
	size_t width, lines;
	const char *first_line;
} widths[] = {
	{"", 0, 1, ""},
	{"abc", 3, 1, "abc"},
	{"a\nlonger\n", 6, 3, "a"},
	{"\xc3\xa4", 1, 1, "\xc3\xa4"},
	{"e\xcc\x81", 1, 1, "e\xcc\x81"},				/* a combining accent */
	{"\xe6\x97\xa5\xe6\x9c\xac", 4, 1, "\xe6\x97\xa5\xe6\x9c\xac"}, /* wide */
	{"\xf0\x9f\x91\x8d", 2, 1, "\xf0\x9f\x91\x8d"},			/* emoji */
	{"\tx", 9, 1, "        x"},
	{"abc\tx", 9, 1, "abc     x"},
	{"12345678\t", 16, 1, "12345678        "},
	{"a\rb", 4, 1, "a\\rb"},
	{"\x1b[31m", 8, 1, "\\x1B[31m"},
	{"\x7f", 4, 1, "\\x7F"},
	{"\xc2\x9b", 6, 1, "\\u009B"},
	{"\xff\xc3", 8, 1, "\\xFF\\xC3"}, /* no UTF-8 */
};

START_TEST(width)
{
	struct str text = str_from(widths[_i].text);
	size_t lines, width_shown;
	struct buf out;

	ck_assert_uint_eq(width_of(text, &lines), widths[_i].width);
	ck_assert_uint_eq(lines, widths[_i].lines);
	buf_init(&out, 0, NULL);
	width_show_line(&out, &text, &width_shown);
	ck_assert_str_eq(buf_cstr(&out), widths[_i].first_line);
	ck_assert(lines > 1 ? text.data != NULL : text.data == NULL);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *sql;
	int position;
	const char *excerpt;
} excerpts[] = {
	{"select nope", 8, "LINE 1: select nope\n               ^\n"},
	{"select\n  nope\nfrom t", 10, "LINE 2:   nope\n          ^\n"},
	{"select\tx", 8, "LINE 1: select x\n               ^\n"},
	{"select '\xc3\xa4', nope", 13, "LINE 1: select '\xc3\xa4', nope\n                    ^\n"},
	{"select '\xe6\x97\xa5', nope", 13,
	 "LINE 1: select '\xe6\x97\xa5', nope\n                     ^\n"},
	{"select", 7, "LINE 1: select\n              ^\n"},
	{"select", 8, ""},
	{"select", 0, ""},
	{"", 1, "LINE 1: \n        ^\n"},
	/* A long line is cut around the place. */
	{"select aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, nope, "
	 "bbbbbbbbbbbbbbbb",
	 76,
	 "LINE 1: ...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, nope, bbbb...\n"
	 "                                                             ^\n"},
	{"select nope, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 8,
	 "LINE 1: select nope, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\n               "
	 "^\n"},
};

START_TEST(excerpt)
{
	struct buf out;

	buf_init(&out, 0, NULL);
	failure_write_excerpt(&out, excerpts[_i].sql, excerpts[_i].position);
	ck_assert_str_eq(buf_cstr(&out), excerpts[_i].excerpt);
	buf_free(&out);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_text");
	TCase *tcase = suite_case(suite, "texts", 10);

	tcase_add_loop_test(tcase, duration, 0, ARRAY_SIZE(durations));
	tcase_add_loop_test(tcase, width, 0, ARRAY_SIZE(widths));
	tcase_add_loop_test(tcase, excerpt, 0, ARRAY_SIZE(excerpts));
	return suite_run(suite);
}
