/* SPDX-License-Identifier: PostgreSQL */
/* Reading and writing JSON: what is accepted, what is not and where, what comes back, and hostile
 * input. */
#include "base/budget.h"
#include "base/clock.h"
#include "base/mem.h"
#include "unit/wire_out.h"
#include "wire/keyset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static struct json parse(const char *text)
{
	struct json_error error;
	struct json value;

	ck_assert_msg(json_parse(&arena, str_from(text), &value, &error) == 0, "%s: %s at %zu",
		      text, error.message, error.offset);
	return value;
}

/* Accepted, and what is written again. */
static const struct {
	const char *text, *compact;
} accepted[] = {
	{"null", "null"},
	{" true ", "true"},
	{"\t\r\nfalse\n", "false"},
	{"0", "0"},
	{"-0", "-0"},
	{"-1.50e+007", "-1.50e+007"},
	{"1E5", "1E5"},
	{"123456789012345678901234567890", "123456789012345678901234567890"},
	{"1e999999999", "1e999999999"},
	{"\"\"", "\"\""},
	{"\"a\"", "\"a\""},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
	{"\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"", "\"A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
	{"\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""},
	{"\"\xc3\xa4\xf4\x8f\xbf\xbf\x7f\"", "\"\xc3\xa4\xf4\x8f\xbf\xbf\x7f\""},
	{"[]", "[]"},
	{"[ ]", "[]"},
	{"[1 , 2,[ 3 ]]", "[1,2,[3]]"},
	{"{}", "{}"},
	{"{ \"a\" : 1 , \"\" : { } }", "{\"a\":1,\"\":{}}"},
	{"{\"a\":{\"a\":{\"a\":[]}}}", "{\"a\":{\"a\":{\"a\":[]}}}"},
};

START_TEST(accepts)
{
	struct json value = parse(accepted[_i].text);

	json_write_value(&out, &value);
	ck_assert_text(buf_str(&out), str_from(accepted[_i].compact));
}
END_TEST

static const struct {
	const char *text;
	size_t offset;
	const char *message;
} rejected[] = {
	{"", 0, "expected a value"},
	{"  ", 2, "expected a value"},
	{"nul", 0, "expected a value"},
	{"True", 0, "expected a value"},
	{"NaN", 0, "expected a value"},
	{"Infinity", 0, "expected a value"},
	{"-Infinity", 0, "a malformed number"},
	{"+1", 0, "expected a value"},
	{".5", 0, "expected a value"},
	{"01", 0, "a malformed number"},
	{"-01", 0, "a malformed number"},
	{"-", 0, "a malformed number"},
	{"1.", 0, "a malformed number"},
	{"1.e5", 0, "a malformed number"},
	{"1e", 0, "a malformed number"},
	{"1e+", 0, "a malformed number"},
	{"1.2.3", 0, "a malformed number"},
	{"1-2", 0, "a malformed number"},
	{"0x10", 1, "something after the value"},
	{"1 2", 2, "something after the value"},
	{"{} {}", 3, "something after the value"},
	{"truex", 4, "something after the value"},
	{"'a'", 0, "expected a value"},
	{"\"abc", 0, "a string that does not end"},
	{"\"abc\\", 0, "a string that does not end"},
	{"\"abc\\\"", 0, "a string that does not end"},
	{"\"a\nb\"", 2, "a control character in a string"},
	{"\"a\tb\"", 2, "a control character in a string"},
	{"\"\x1f\"", 1, "a control character in a string"},
	{"\"ab\\x41\"", 3, "an unknown escape in a string"},
	{"\"\\U0041\"", 1, "an unknown escape in a string"},
	{"\"\\'\"", 1, "an unknown escape in a string"},
	{"\"\\u12\"", 1, "a \\u without four hex digits"},
	{"\"\\u12g4\"", 1, "a \\u without four hex digits"},
	{"\"x\\ud800\"", 2, "half of a surrogate pair"},
	{"\"\\ud800\\u0041\"", 1, "half of a surrogate pair"},
	{"\"\\udc00\\ud800\"", 1, "half of a surrogate pair"},
	{"\"\\ud800\\ud800\"", 1, "half of a surrogate pair"},
	{"\"\x80\"", 1, "bytes that are no UTF-8"},
	{"\"a\xc3\"", 2, "bytes that are no UTF-8"},
	{"\"\xc0\xaf\"", 1, "bytes that are no UTF-8"},
	{"\"\xe0\x80\xaf\"", 1, "bytes that are no UTF-8"},
	{"\"\xed\xa0\x80\"", 1, "bytes that are no UTF-8"},
	{"\"\xf4\x90\x80\x80\"", 1, "bytes that are no UTF-8"},
	{"\"\xf0\x9f\x98", 1, "bytes that are no UTF-8"},
	{"\xef\xbb\xbf{}", 0, "expected a value"},
	{"[", 1, "expected a value"},
	{"[1", 2, "expected , or ]"},
	{"[1,", 3, "expected a value"},
	{"[1,]", 3, "expected a value"},
	{"[,1]", 1, "expected a value"},
	{"[1 2]", 3, "expected , or ]"},
	{"[1}", 2, "expected , or ]"},
	{"]", 0, "expected a value"},
	{"{", 1, "expected a key in quotes"},
	{"{a:1}", 1, "expected a key in quotes"},
	{"{1:1}", 1, "expected a key in quotes"},
	{"{\"a\"}", 4, "expected : after a key"},
	{"{\"a\" 1}", 5, "expected : after a key"},
	{"{\"a\":}", 5, "expected a value"},
	{"{\"a\":1,}", 7, "expected a key in quotes"},
	{"{\"a\":1]", 6, "expected , or }"},
	{"{\"a\":1 \"b\":2}", 7, "expected , or }"},
	{"{\"a\":1,\"b\":2,\"a\":3}", 13, "a repeated key"},
	{"[{\"x\":{\"a\":1,\"a\":1}}]", 13, "a repeated key"},
	{"{\"a\":1,\"\\u0061\":3}", 16, "a repeated key"},
	{"/**/1", 0, "expected a value"},
	{"[1] // x", 4, "something after the value"},
};

START_TEST(rejects)
{
	struct json_error error;
	struct json value = {.count = 77};

	ck_assert_int_eq(json_parse(&arena, str_from(rejected[_i].text), &value, &error), -EINVAL);
	ck_assert_str_eq(error.message, rejected[_i].message);
	ck_assert_uint_eq(error.offset, rejected[_i].offset);
	ck_assert_uint_eq(value.count, 77);
}
END_TEST

START_TEST(nul_byte_is_no_space)
{
	struct json_error error;
	struct json value;

	ck_assert_int_eq(json_parse(&arena, STR("1\0"), &value, &error), -EINVAL);
	ck_assert_int_eq(json_parse(&arena, STR("\"\0\""), &value, &error), -EINVAL);
	ck_assert_int_eq(json_parse(&arena, (struct str){0}, &value, &error), -EINVAL);
}
END_TEST

START_TEST(depth_is_limited)
{
	char text[2 * (JSON_MAX_DEPTH + 1)];
	struct json_error error;
	struct json value;

	for (size_t depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		ck_assert_int_eq(json_parse(&arena, (struct str){text, 2 * depth}, &value, &error),
				 depth == JSON_MAX_DEPTH ? 0 : -EINVAL);
	}
	ck_assert_str_eq(error.message, "nested too deeply");
	ck_assert_uint_eq(error.offset, JSON_MAX_DEPTH);
}
END_TEST

START_TEST(strings_without_escapes_are_not_copied)
{
	static const char text[] = "[\"plain\",\"es\\ncaped\"]";
	struct json value = parse(text);

	ck_assert_ptr_eq(value.items[0].text.data, text + 2);
	ck_assert_text(value.items[1].text, STR("es\ncaped"));
	ck_assert_text(value.items[1].raw, STR("\"es\\ncaped\""));
	ck_assert_text(value.raw, str_from(text));
}
END_TEST

START_TEST(nul_is_told)
{
	struct json value =
		parse("[\"a\\u0000b\",\"\\u0001\",{\"k\":[\"\\u0000\"]},{\"\\u0000\":1}]");

	ck_assert(value.items[0].has_nul);
	ck_assert_text(value.items[0].text, STR("a\0b"));
	ck_assert(!value.items[1].has_nul);
	ck_assert(json_any_nul(&value));
	ck_assert(!json_any_nul(&value.items[1]));
	ck_assert(json_any_nul(&value.items[2]));
	ck_assert(!json_any_nul(&value.items[3]));
}
END_TEST

START_TEST(members_are_found)
{
	struct json value = parse("{\"a\":1,\"b\":2}"), number = parse("1");

	ck_assert_text(json_member(&value, "b")->text, STR("2"));
	ck_assert_ptr_null(json_member(&value, "c"));
	ck_assert_ptr_null(json_member(&number, "a"));
}
END_TEST

START_TEST(repeated_keys_can_pass)
{
	static const struct json_rules rules = {.max_depth = 3, .repeated_keys = true};
	struct json_error error;
	struct json value;

	ck_assert_int_eq(json_parse_rules(&arena, STR("{\"a\":1,\"a\":{\"b\":1,\"b\":2},\"c\":3}"),
					  &rules, &value, &error),
			 0);
	ck_assert_uint_eq(value.count, 3);
	ck_assert_text(error.key, STR("b"));
	ck_assert_uint_eq(error.offset, 18);
	ck_assert_text(json_member(&value, "a")->text, STR("1"));
	ck_assert_int_eq(json_parse_rules(&arena, STR("[1]"), &rules, &value, &error), 0);
	ck_assert_ptr_null(error.key.data);
}
END_TEST

static void write_many_keys(size_t count, size_t repeat_at)
{
	buf_putc(&out, '{');
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s\"k%zu\":0", i > 0 ? "," : "", i == repeat_at ? i / 2 : i);
	buf_putc(&out, '}');
}

START_TEST(repeated_key_among_many)
{
	static const size_t counts[] = {2, 12, 13, 14, 100, 5000};
	struct json_error error;
	struct json value;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		buf_reset(&out);
		write_many_keys(counts[i], SIZE_MAX);
		ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), 0);
		buf_reset(&out);
		write_many_keys(counts[i], counts[i] - 1);
		ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), -EINVAL);
		ck_assert_str_eq(error.message, "a repeated key");
		ck_assert_uint_eq(error.key.len,
				  (size_t)snprintf(NULL, 0, "k%zu", (counts[i] - 1) / 2));
	}
}
END_TEST

/* The hard time limit would catch what is quadratic. */
START_TEST(hostile_input_is_read_in_linear_time)
{
	static const struct {
		const char *piece;
		size_t count;
		int rc;
	} cases[] = {
		{"[", 4 << 20, -EINVAL},  {"{\"a\":", 1 << 20, -EINVAL}, {"9", 4 << 20, 0},
		{"\"", 1 << 20, -EINVAL}, {"\\", 4 << 20, -EINVAL},	 {" ", 4 << 20, -EINVAL},
	};
	struct json_error error;
	struct json value;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double number;

		buf_reset(&out);
		for (size_t n = 0; n < cases[i].count; n++)
			buf_puts(&out, cases[i].piece);
		ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), cases[i].rc);
		if (cases[i].rc == 0)
			ck_assert(!json_double(&value, &number));
	}
	buf_reset(&out);
	write_many_keys(200000, SIZE_MAX);
	ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), 0);
	ck_assert_uint_eq(value.count, 200000);
	buf_reset(&out);
	buf_putc(&out, '"');
	for (int n = 0; n < 1 << 20; n++)
		buf_puts(&out, "\\n");
	buf_putc(&out, '"');
	ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), 0);
	ck_assert_uint_eq(value.text.len, 1 << 20);
}
END_TEST

START_TEST(memory_is_bounded_by_cap_and_budget)
{
	struct budget budget;
	struct arena small;
	struct json_error error;
	struct json value;

	buf_putc(&out, '[');
	for (int i = 0; i < 100000; i++)
		buf_puts(&out, "1,");
	buf_puts(&out, "1]");
	arena_init(&small, 1 << 20, NULL);
	ck_assert_int_eq(json_parse(&small, buf_str(&out), &value, &error), -ENOMEM);
	ck_assert_ptr_null(error.message);
	arena_free(&small);

	budget_init(&budget, 4 << 20, NULL);
	arena_init(&small, 0, &budget);
	ck_assert_int_eq(json_parse(&small, buf_str(&out), &value, &error), -ENOMEM);
	arena_free(&small);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_le(budget.peak_bytes, 4 << 20);
}
END_TEST

static const struct {
	const char *text;
	bool is_int;
	int64_t number;
} integers[] = {
	{"0", true, 0},
	{"-0", true, 0},
	{"42", true, 42},
	{"-7", true, -7},
	{"9223372036854775807", true, INT64_MAX},
	{"-9223372036854775808", true, INT64_MIN},
	{"9223372036854775808", false, 0},
	{"-9223372036854775809", false, 0},
	{"99999999999999999999999999", false, 0},
	{"1.0", false, 0},
	{"1e3", false, 0},
	{"true", false, 0},
	{"\"1\"", false, 0},
	{"null", false, 0},
	{"[]", false, 0},
};

START_TEST(reads_integers)
{
	struct json value = parse(integers[_i].text);
	int64_t number = 99;

	ck_assert_int_eq(json_int64(&value, &number), integers[_i].is_int);
	ck_assert_int_eq(number, integers[_i].is_int ? integers[_i].number : 99);
}
END_TEST

START_TEST(integers_of_any_size)
{
	struct json big = parse("-99999999999999999999999999"), fraction = parse("1.0"),
		    word = parse("null");

	ck_assert(json_is_integer(&big));
	ck_assert(!json_is_integer(&fraction));
	ck_assert(!json_is_integer(&word));
}
END_TEST

static const struct {
	const char *text;
	bool is_double;
	double number;
} doubles[] = {
	{"0", true, 0},
	{"-0.0", true, 0},
	{"0e999999999999999999999", true, 0},
	{"1", true, 1},
	{"-2.5", true, -2.5},
	{"0.1", true, 0.1},
	{"0.001", true, 0.001},
	{"1e3", true, 1000},
	{"1E-3", true, 0.001},
	{"12345678901234567890", true, 12345678901234567890.0},
	{"1.7976931348623157e308", true, 1.7976931348623157e308},
	{"1.7976931348623159e308", false, 0},
	{"1e309", false, 0},
	{"-1e309", false, 0},
	{"1e999999999", false, 0},
	{"1e99999999999999999999999999", false, 0},
	{"1e-99999999999999999999999999", true, 0},
	{"4.9406564584124654e-324", true, 4.9406564584124654e-324},
	{"2.2250738585072014e-308", true, 2.2250738585072014e-308},
	{"9007199254740993", true, 9007199254740992.0},
	{"9007199254740992.9999999999999999999999999999999999999999", true, 9007199254740993.0},
	{"9007199254740993.0000000000000000000000000000000000000001", true, 9007199254740994.0},
	{"0.00000000000000000000000000000000000000000000000000000000001", true, 1e-59},
	{"100000000000000000000000000000000000000000000000000000000000", true, 1e59},
	{"true", false, 0},
	{"\"1\"", false, 0},
};

START_TEST(reads_doubles)
{
	struct json value = parse(doubles[_i].text);
	double number = 99;

	ck_assert_int_eq(json_double(&value, &number), doubles[_i].is_double);
	ck_assert(number == (doubles[_i].is_double ? doubles[_i].number : 99));
}
END_TEST

START_TEST(doubles_agree_with_the_library)
{
	uint64_t seed = 7;

	for (int round = 0; round < 50000; round++) {
		char text[64];
		uint64_t bits = random_next(&seed);
		struct json value;
		double wanted, number;

		memcpy(&wanted, &bits, sizeof(wanted));
		if (!isfinite(wanted))
			continue;
		snprintf(text, sizeof(text), round % 2 == 0 ? "%.17g" : "%.30e", wanted);
		value = parse(text);
		ck_assert(json_double(&value, &number));
		ck_assert(number == wanted);
	}
}
END_TEST

START_TEST(long_numbers_with_their_exponent)
{
	/* 0.000…1e1000001 is 10, and 1000…e-1000000 is 1 */
	struct json value;
	double number;

	buf_puts(&out, "0.");
	for (int i = 0; i < 1000000; i++)
		buf_putc(&out, '0');
	buf_puts(&out, "1e1000002");
	value = parse(buf_cstr(&out));
	ck_assert(json_double(&value, &number));
	ck_assert(number == 10);
	buf_reset(&out);
	buf_putc(&out, '1');
	for (int i = 0; i < 1000000; i++)
		buf_putc(&out, '0');
	buf_puts(&out, "e-1000000");
	value = parse(buf_cstr(&out));
	ck_assert(json_double(&value, &number));
	ck_assert(number == 1);
}
END_TEST

static const struct {
	const char *text;
	size_t span;
} spans[] = {
	{"", 0},	 {"x", 0},	   {"-", 0},	 {"-x", 0},   {"0", 1},	   {"01", 1},
	{"-0", 2},	 {"1.", 1},	   {"1.x", 1},	 {"1.5", 3},  {"1.5e", 3}, {"1.5e+", 3},
	{"1.5e+7", 6},	 {"1e+20", 5},	   {"1e-07", 5}, {"1e5x", 3}, {"NaN", 0},  {".5", 0},
	{"Infinity", 0}, {"-Infinity", 0}, {"1 ", 1},
};

START_TEST(number_spans)
{
	ck_assert_uint_eq(json_number_span(spans[_i].text, strlen(spans[_i].text)), spans[_i].span);
}
END_TEST

START_TEST(writes_integers)
{
	json_write_int(&out, 0);
	buf_putc(&out, ' ');
	json_write_int(&out, -42);
	buf_putc(&out, ' ');
	json_write_int(&out, INT64_MAX);
	buf_putc(&out, ' ');
	json_write_int(&out, INT64_MIN);
	ck_assert_text(buf_str(&out), STR("0 -42 9223372036854775807 -9223372036854775808"));
}
END_TEST

static const struct {
	int64_t ns;
	const char *text;
} seconds[] = {
	{0, "0.0"},
	{1, "0.000000001"},
	{100000, "0.0001"},
	{2000800000, "2.0008"},
	{1000000000, "1.0"},
	{10 * CLOCK_SECOND, "10.0"},
	{1500000000, "1.5"},
	{-1500000000, "-1.5"},
	{INT64_MAX, "9223372036.854775807"},
	{INT64_MIN, "-9223372036.854775808"},
};

START_TEST(writes_seconds)
{
	json_write_seconds(&out, seconds[_i].ns);
	ck_assert_text(buf_str(&out), str_from(seconds[_i].text));
}
END_TEST

static const struct {
	struct str text;
	const char *written;
} strings[] = {
	{{"", 0}, "\"\""},
	{{NULL, 0}, "\"\""},
	{{"plain text", 10}, "\"plain text\""},
	{{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
	{{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
	{{"\0\x01\x1f", 3}, "\"\\u0000\\u0001\\u001f\""},
	{{"\x7f", 1}, "\"\x7f\""},
	{{"\xc3\xa4", 2}, "\"\xc3\xa4\""},
	{{"\xc3", 1}, "\"\xef\xbf\xbd\""},
	{{"a\xff\xfe z", 5}, "\"a\xef\xbf\xbd\xef\xbf\xbd z\""},
	{{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{{"\xe2\x82\xac\xe2\x82", 5}, "\"\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(writes_strings)
{
	json_write_string(&out, strings[_i].text);
	ck_assert_text(buf_str(&out), str_from(strings[_i].written));
}
END_TEST

START_TEST(whatever_bytes_come_valid_json_goes_out)
{
	uint64_t seed = 3;
	char text[200];

	for (int round = 0; round < 20000; round++) {
		size_t len = random_below(&seed, sizeof(text));
		struct json_error error;
		struct json value;

		random_text(&seed, text, len);
		buf_reset(&out);
		json_write_string(&out, (struct str){text, len});
		assert_valid_json(buf_str(&out));
		if (!utf8_valid(text, len))
			continue;
		ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), 0);
		ck_assert_text(value.text, ((struct str){text, len}));
		arena_free(&arena);
	}
}
END_TEST

static void random_tree(uint64_t *seed, unsigned depth)
{
	char text[24];
	size_t len;

	switch (random_below(seed, depth > 0 ? 8 : 6)) {
	case 0:
		buf_puts(&out, "null");
		break;
	case 1:
		buf_puts(&out, "true");
		break;
	case 2:
		json_write_int(&out, (int64_t)random_next(seed));
		break;
	case 3:
		buf_printf(&out, "%.17g", (double)(int64_t)random_next(seed) / 1e30);
		break;
	case 4:
	case 5:
		len = random_below(seed, sizeof(text));
		random_text(seed, text, len);
		json_write_string(&out, (struct str){text, len});
		break;
	case 6:
		buf_putc(&out, '[');
		for (size_t i = 0, count = random_below(seed, 6); i < count; i++) {
			buf_puts(&out, i > 0 ? "," : "");
			random_tree(seed, depth - 1);
		}
		buf_putc(&out, ']');
		break;
	default:
		buf_putc(&out, '{');
		for (size_t i = 0, count = random_below(seed, 20); i < count; i++) {
			buf_printf(&out, "%s\"%zu\\n\":", i > 0 ? "," : "", i);
			random_tree(seed, depth - 1);
		}
		buf_putc(&out, '}');
	}
}

START_TEST(random_trees_come_back)
{
	uint64_t seed = 11;
	struct buf again;

	buf_init(&again, 0, NULL);
	for (int round = 0; round < 3000; round++) {
		struct json_error error;
		struct json value;

		buf_reset(&out);
		buf_reset(&again);
		random_tree(&seed, 5);
		ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), 0);
		json_write_value(&again, &value);
		ck_assert_text(buf_str(&again), buf_str(&out));
		arena_free(&arena);
	}
	buf_free(&again);
}
END_TEST

/* Valid text with one byte changed, cut or put in: never a crash, and what is accepted can be
 * written and read. */
START_TEST(mutated_text_is_judged_safely)
{
	uint64_t seed = 13;

	for (int round = 0; round < 20000; round++) {
		struct json_error error;
		struct json value;
		char *text;
		size_t len, at, change;

		buf_reset(&out);
		random_tree(&seed, 3);
		len = buf_len(&out);
		len -= random_below(&seed, 8) == 0 ? random_below(&seed, len) : 0;
		text = malloc(len);
		memcpy(text, buf_data(&out), len);
		at = random_below(&seed, len);
		change = random_below(&seed, 4);
		random_text(&seed, text + at, MIN(len - at, change));
		if (json_parse(&arena, (struct str){text, len}, &value, &error) == 0) {
			buf_reset(&out);
			json_write_value(&out, &value);
			assert_valid_json(buf_str(&out));
		} else {
			ck_assert_uint_le(error.offset, len);
		}
		arena_free(&arena);
		free(text);
	}
}
END_TEST

START_TEST(keyset_tells_repeated_texts)
{
	struct str texts[] = {STR("a"),	 STR("b"),	  STR(""),	    STR("a"),
			      {NULL, 0}, STR("12345678"), STR("123456789"), STR("12345678")};
	static const size_t first[] = {0, 1, 2, 0, 2, 5, 6, 5};
	struct keyset set;

	ck_assert_int_eq(keyset_init(&set, NULL, texts, sizeof(*texts), ARRAY_SIZE(texts)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_uint_eq(keyset_add(&set, i), first[i]);
	keyset_free(&set);
}
END_TEST

START_TEST(a_full_buffer_stays_in_error)
{
	struct buf full;

	buf_init(&full, 8, NULL);
	json_write_string(&full, STR("123456789"));
	ck_assert_int_eq(buf_error(&full), -ENOBUFS);
	json_write_string(&full, STR("1"));
	ck_assert_uint_eq(buf_len(&full), 0);
	buf_free(&full);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/json");
	TCase *reading = suite_case(suite, "reading", 60);
	TCase *writing = suite_case(suite, "writing", 60);

	tcase_add_checked_fixture(reading, set_up, tear_down);
	tcase_add_loop_test(reading, accepts, 0, ARRAY_SIZE(accepted));
	tcase_add_loop_test(reading, rejects, 0, ARRAY_SIZE(rejected));
	tcase_add_test(reading, nul_byte_is_no_space);
	tcase_add_test(reading, depth_is_limited);
	tcase_add_test(reading, strings_without_escapes_are_not_copied);
	tcase_add_test(reading, nul_is_told);
	tcase_add_test(reading, members_are_found);
	tcase_add_test(reading, repeated_keys_can_pass);
	tcase_add_test(reading, repeated_key_among_many);
	tcase_add_test(reading, hostile_input_is_read_in_linear_time);
	tcase_add_test(reading, memory_is_bounded_by_cap_and_budget);
	tcase_add_loop_test(reading, reads_integers, 0, ARRAY_SIZE(integers));
	tcase_add_test(reading, integers_of_any_size);
	tcase_add_loop_test(reading, reads_doubles, 0, ARRAY_SIZE(doubles));
	tcase_add_test(reading, doubles_agree_with_the_library);
	tcase_add_test(reading, long_numbers_with_their_exponent);
	tcase_add_loop_test(reading, number_spans, 0, ARRAY_SIZE(spans));
	tcase_add_test(reading, keyset_tells_repeated_texts);

	tcase_add_checked_fixture(writing, set_up, tear_down);
	tcase_add_test(writing, writes_integers);
	tcase_add_loop_test(writing, writes_seconds, 0, ARRAY_SIZE(seconds));
	tcase_add_loop_test(writing, writes_strings, 0, ARRAY_SIZE(strings));
	tcase_add_test(writing, whatever_bytes_come_valid_json_goes_out);
	tcase_add_test(writing, random_trees_come_back);
	tcase_add_test(writing, mutated_text_is_judged_safely);
	tcase_add_test(writing, a_full_buffer_stays_in_error);
	return suite_run(suite);
}
