/* SPDX-License-Identifier: PostgreSQL */
#include "base/clock.h"
#include "base/macros.h"
#include "conf/units.h"
#include "unit/suite.h"

#include <errno.h>

static const struct {
	const char *text;
	int rc;
	int64_t ns;
} durations[] = {
	{"0", 0, 0},
	{"0s", 0, 0},
	{"1us", 0, 1000},
	{"500ms", 0, 500 * CLOCK_MS},
	{"10s", 0, 10 * CLOCK_SECOND},
	{"10min", 0, 600 * CLOCK_SECOND},
	{"1h", 0, 3600 * CLOCK_SECOND},
	{"007s", 0, 7 * CLOCK_SECOND},
	{"9223372036854775us", 0, INT64_C(9223372036854775000)},
	{"9223372036854776us", -ERANGE, 0},
	{"2562048h", -ERANGE, 0},
	{"99999999999999999999s", -ERANGE, 0},
	{"18446744073709551616s", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"5", -EINVAL, 0},
	{"00", 0, 0},
	{"s", -EINVAL, 0},
	{"-1s", -EINVAL, 0},
	{"+1s", -EINVAL, 0},
	{"1.5s", -EINVAL, 0},
	{"1 s", -EINVAL, 0},
	{" 1s", -EINVAL, 0},
	{"1s ", -EINVAL, 0},
	{"1S", -EINVAL, 0},
	{"1m", -EINVAL, 0},
	{"1sec", -EINVAL, 0},
	{"1d", -EINVAL, 0},
	{"0x10s", -EINVAL, 0},
};

START_TEST(durations_parse)
{
	int64_t ns = -7;

	ck_assert_int_eq(units_parse_duration(durations[_i].text, &ns), durations[_i].rc);
	ck_assert_int_eq(ns, durations[_i].rc == 0 ? durations[_i].ns : -7);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	uint64_t bytes;
} sizes[] = {
	{"0", 0, 0},
	{"1", 0, 1},
	{"1K", 0, 1024},
	{"16M", 0, 16 << 20},
	{"4G", 0, UINT64_C(4) << 30},
	{"18446744073709551615", 0, UINT64_MAX},
	{"18446744073709551616", -ERANGE, 0},
	{"17179869184G", -ERANGE, 0},
	{"17179869183G", 0, UINT64_C(17179869183) << 30},
	{"", -EINVAL, 0},
	{"K", -EINVAL, 0},
	{"1k", -EINVAL, 0},
	{"1KB", -EINVAL, 0},
	{"1 K", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"1.5M", -EINVAL, 0},
};

START_TEST(sizes_parse)
{
	uint64_t bytes = 7;

	ck_assert_int_eq(units_parse_size(sizes[_i].text, &bytes), sizes[_i].rc);
	ck_assert_uint_eq(bytes, sizes[_i].rc == 0 ? sizes[_i].bytes : 7);
}
END_TEST

START_TEST(counts_parse)
{
	uint64_t count = 7;

	ck_assert_int_eq(units_parse_count("18446744073709551615", &count), 0);
	ck_assert_uint_eq(count, UINT64_MAX);
	ck_assert_int_eq(units_parse_count("18446744073709551616", &count), -ERANGE);
	ck_assert_int_eq(units_parse_count("12a", &count), -EINVAL);
	ck_assert_int_eq(units_parse_count("1K", &count), -EINVAL);
	ck_assert_int_eq(units_parse_count("", &count), -EINVAL);
	ck_assert_uint_eq(count, UINT64_MAX);
}
END_TEST

static const struct {
	int64_t ns;
	const char *text;
} duration_texts[] = {
	{0, "0"},
	{1000, "1us"},
	{1500 * 1000, "1500us"},
	{CLOCK_MS, "1ms"},
	{CLOCK_SECOND, "1s"},
	{90 * CLOCK_SECOND, "90s"},
	{60 * CLOCK_SECOND, "1min"},
	{7200 * CLOCK_SECOND, "2h"},
	{INT64_C(9223372036854775000), "9223372036854775us"},
};

START_TEST(durations_are_written_as_read)
{
	char text[UNITS_TEXT_BYTES];
	int64_t ns;

	ck_assert_str_eq(units_format_duration(text, duration_texts[_i].ns),
			 duration_texts[_i].text);
	ck_assert_int_eq(units_parse_duration(text, &ns), 0);
	ck_assert_int_eq(ns, duration_texts[_i].ns);
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} size_texts[] = {
	{0, "0"},
	{1023, "1023"},
	{1024, "1K"},
	{1536, "1536"},
	{UINT64_C(3) << 20, "3M"},
	{UINT64_C(1) << 40, "1024G"},
	{UINT64_MAX, "18446744073709551615"},
};

START_TEST(sizes_are_written_as_read)
{
	char text[UNITS_TEXT_BYTES];
	uint64_t bytes;

	ck_assert_str_eq(units_format_size(text, size_texts[_i].bytes), size_texts[_i].text);
	ck_assert_int_eq(units_parse_size(text, &bytes), 0);
	ck_assert_uint_eq(bytes, size_texts[_i].bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/units");
	TCase *tcase = suite_case(suite, "units", 10);

	tcase_add_loop_test(tcase, durations_parse, 0, ARRAY_SIZE(durations));
	tcase_add_loop_test(tcase, sizes_parse, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tcase, counts_parse);
	tcase_add_loop_test(tcase, durations_are_written_as_read, 0, ARRAY_SIZE(duration_texts));
	tcase_add_loop_test(tcase, sizes_are_written_as_read, 0, ARRAY_SIZE(size_texts));
	return suite_run(suite);
}
