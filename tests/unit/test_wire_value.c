/* SPDX-License-Identifier: PostgreSQL */
/* PostgreSQL's text as JSON, and parameters as PostgreSQL's text. */
#include "base/mem.h"
#include "unit/wire_out.h"
#include "wire/value.h"

#include <errno.h>

#define FFFD "\xef\xbf\xbd"

enum {
	BOOL = 16,
	INT8 = 20,
	INT2VECTOR = 22,
	TEXT = 25,
	OID = 26,
	OIDVECTOR = 30,
	JSON = 114,
	FLOAT8 = 701,
	MONEY = 790,
	BOOL_ARRAY = 1000,
	INT2VECTOR_ARRAY = 1006,
	INT4_ARRAY = 1007,
	TEXT_ARRAY = 1009,
	BOX_ARRAY = 1020,
	FLOAT8_ARRAY = 1022,
	TIMESTAMP = 1114,
	NUMERIC = 1700,
	RECORD = 2249,
	ANYARRAY = 2277,
	RECORD_ARRAY = 2287,
	JSONB = 3802,
	JSONB_ARRAY = 3807,
	INT4RANGE = 3904
};

static const struct {
	uint32_t oid;
	const char *text, *json;
} values[] = {
	/* numbers: digits verbatim */
	{INT8, "9223372036854775807", "9223372036854775807"},
	{INT8, "-1", "-1"},
	{OID, "4294967295", "4294967295"},
	{FLOAT8, "1e+20", "1e+20"},
	{FLOAT8, "1e-07", "1e-07"},
	{FLOAT8, "-0", "-0"},
	{FLOAT8, "0.1", "0.1"},
	{FLOAT8, "NaN", "\"NaN\""},
	{FLOAT8, "Infinity", "\"Infinity\""},
	{FLOAT8, "-Infinity", "\"-Infinity\""},
	{NUMERIC, "123456789012345678901234567890.000", "123456789012345678901234567890.000"},
	/* a server that sends no number */
	{INT8, "", "\"\""},
	{INT8, "12x", "\"12x\""},
	{INT8, "007", "\"007\""},
	{INT8, "1,\"evil\":2", "\"1,\\\"evil\\\":2\""},
	{BOOL, "t", "true"},
	{BOOL, "f", "false"},
	{BOOL, "true", "\"true\""},
	{BOOL, "", "\"\""},
	/* text for all that has no form of its own */
	{TEXT, "", "\"\""},
	{TEXT, "a\"b\\c\n\xc3\xa4", "\"a\\\"b\\\\c\\n\xc3\xa4\""},
	{TEXT,
	 "sql\xff"
	 "ascii",
	 "\"sql" FFFD "ascii\""},
	{MONEY, "$1.00", "\"$1.00\""},
	{TIMESTAMP, "2026-11-20 10:00:00", "\"2026-11-20 10:00:00\""},
	{RECORD, "(1,\"a b\")", "\"(1,\\\"a b\\\")\""},
	{INT4RANGE, "[1,5)", "\"[1,5)\""},
	/* JSON is embedded */
	{JSONB, "{\"a\": [1, 2.50, null]}", "{\"a\": [1, 2.50, null]}"},
	{JSON, "{\r\n\t\"a\" :\n1 }", "{  \t\"a\" : 1 }"},
	{JSON, "\n[\n]\n", " [ ] "},
	{JSON, " 1", " 1"},
	{JSON, "\"a\\n\\u00e4\"", "\"a\\n\\u00e4\""},
	{JSON, "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
	{JSON, "null", "null"},
	{JSON, "[[],{},[{}]]", "[[],{},[{}]]"},
	{JSON, "\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
	{JSON, "[\"\\ud83d\",\"\\ude00x\",\"\\ud83d\\u0041\"]",
	 "[\"\\ufffd\",\"\\ufffdx\",\"\\ufffd\\u0041\"]"},
	{JSON, "\"\\u0000\"", "\"\\u0000\""},
	{JSON, "{\"a\xff\":\"\xc3\xa4\xc3\"}", "{\"a" FFFD "\":\"\xc3\xa4" FFFD "\"}"},
	/* what is no JSON is a string */
	{JSON, "", "\"\""},
	{JSON, " \n", "\" \\n\""},
	{JSON, "{", "\"{\""},
	{JSON, "[1,2", "\"[1,2\""},
	{JSON, "[1,]", "\"[1,]\""},
	{JSON, "[1 2]", "\"[1 2]\""},
	{JSON, "[1}", "\"[1}\""},
	{JSON, "]", "\"]\""},
	{JSON, "1,2", "\"1,2\""},
	{JSON, "1 2", "\"1 2\""},
	{JSON, "{\"a\"}", "\"{\\\"a\\\"}\""},
	{JSON, "{\"a\":1,}", "\"{\\\"a\\\":1,}\""},
	{JSON, "{1:2}", "\"{1:2}\""},
	{JSON, "{\"a\"", "\"{\\\"a\\\"\""},
	{JSON, "{\"a\":", "\"{\\\"a\\\":\""},
	{JSON, "01", "\"01\""},
	{JSON, "1.", "\"1.\""},
	{JSON, "tru", "\"tru\""},
	{JSON, "truefalse", "\"truefalse\""},
	{JSON, "\"a", "\"\\\"a\""},
	{JSON, "\"a\\", "\"\\\"a\\\\\""},
	{JSON, "\"\\x\"", "\"\\\"\\\\x\\\"\""},
	{JSON, "\"\\u12\"", "\"\\\"\\\\u12\\\"\""},
	{JSON, "\"a\nb\"", "\"\\\"a\\nb\\\"\""},
	{JSON, "1}],\"ok\":true,[{", "\"1}],\\\"ok\\\":true,[{\""},
	/* arrays */
	{INT4_ARRAY, "{}", "[]"},
	{INT4_ARRAY, "{1,2,3}", "[1,2,3]"},
	{INT4_ARRAY, "{1,NULL,3}", "[1,null,3]"},
	{INT4_ARRAY, "{{1,2},{3,4}}", "[[1,2],[3,4]]"},
	{INT4_ARRAY, "[2:3]={7,8}", "[7,8]"},
	{INT4_ARRAY, "[-1:0][5:5]={{7},{8}}", "[[7],[8]]"},
	{INT4_ARRAY, "{{{{{{1}}}}}}", "[[[[[[1]]]]]]"},
	{TEXT_ARRAY, "{a,\"b c\",\"\",NULL,\"NULL\",null}",
	 "[\"a\",\"b c\",\"\",null,\"NULL\",null]"},
	{TEXT_ARRAY, "{\"a\\\"b\",\"c\\\\d\",\"\\\\\",\"{x,y}\"}",
	 "[\"a\\\"b\",\"c\\\\d\",\"\\\\\",\"{x,y}\"]"},
	{TEXT_ARRAY, "{\"\\\\\\\\\\\"\",\"\\a\\b\"}", "[\"\\\\\\\\\\\"\",\"ab\"]"},
	{TEXT_ARRAY, "{\"line\nbreak\",\xc3\xa4,\xff}",
	 "[\"line\\nbreak\",\"\xc3\xa4\",\"" FFFD "\"]"},
	{TEXT_ARRAY, "{NULLS,nul}", "[\"NULLS\",\"nul\"]"},
	{BOOL_ARRAY, "{t,f,NULL}", "[true,false,null]"},
	{FLOAT8_ARRAY, "{1.5,NaN,-Infinity}", "[1.5,\"NaN\",\"-Infinity\"]"},
	{JSONB_ARRAY, "{\"{\\\"a\\\": \\\"x\\\\\\\\y\\\"}\",1,NULL,\"null\",\"\\\"s\\\"\"}",
	 "[{\"a\": \"x\\\\y\"},1,null,null,\"s\"]"},
	{JSONB_ARRAY, "{\"{broken\"}", "[\"{broken\"]"},
	{BOX_ARRAY, "{(1,1),(0,0);(2,2),(1,1)}", "[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]"},
	{RECORD_ARRAY, "{\"(1,\\\"a b\\\")\"}", "[\"(1,\\\"a b\\\")\"]"},
	{ANYARRAY, "{1,abc}", "[\"1\",\"abc\"]"},
	/* vectors have a text of their own */
	{INT2VECTOR, "1 2 -3", "[1,2,-3]"},
	{INT2VECTOR, "7", "[7]"},
	{INT2VECTOR, "", "[]"},
	{OIDVECTOR, "4294967295 0", "[4294967295,0]"},
	{INT2VECTOR_ARRAY, "{\"1 2\",3,\"\"}", "[[1,2],[3],[]]"},
	{INT2VECTOR, "1  2", "\"1  2\""},
	{INT2VECTOR, " 1", "\" 1\""},
	{INT2VECTOR, "1 ", "\"1 \""},
	/* malformed arrays are strings */
	{INT4_ARRAY, "", "\"\""},
	{INT4_ARRAY, "{", "\"{\""},
	{INT4_ARRAY, "{1", "\"{1\""},
	{INT4_ARRAY, "{1,", "\"{1,\""},
	{INT4_ARRAY, "{1,}", "\"{1,}\""},
	{INT4_ARRAY, "{,1}", "\"{,1}\""},
	{INT4_ARRAY, "{1}}", "\"{1}}\""},
	{INT4_ARRAY, "{1}x", "\"{1}x\""},
	{INT4_ARRAY, "1", "\"1\""},
	{INT4_ARRAY, "{1{2}}", "\"{1{2}}\""},
	{INT4_ARRAY, "{\"1\"2}", "\"{\\\"1\\\"2}\""},
	{INT4_ARRAY, "{\"1", "\"{\\\"1\""},
	{INT4_ARRAY, "{\"1\\", "\"{\\\"1\\\\\""},
	{INT4_ARRAY, "{a\\b}", "\"{a\\\\b}\""},
	{INT4_ARRAY, "[2:3]", "\"[2:3]\""},
	{INT4_ARRAY, "[2:3]=", "\"[2:3]=\""},
	{INT4_ARRAY, "[=", "\"[=\""},
	{INT4_ARRAY, "{{1},{2}", "\"{{1},{2}\""},
};

START_TEST(values_as_json)
{
	const struct value_type *type = value_type_builtin(values[_i].oid);

	ck_assert_ptr_nonnull(type);
	buf_puts(&out, "before");
	value_write_json(&out, type, str_from(values[_i].text));
	buf_consume(&out, 6);
	ck_assert_text(buf_str(&out), str_from(values[_i].json));
	assert_valid_json(buf_str(&out));
}
END_TEST

START_TEST(values_as_text)
{
	value_write_text(&out, STR("t"));
	value_write_text(&out, STR("{1,\"2\"}"));
	value_write_text(&out, STR("\xff"));
	ck_assert_text(buf_str(&out), STR("\"t\"\"{1,\\\"2\\\"}\"\"" FFFD "\""));
}
END_TEST

START_TEST(absent_text_is_empty)
{
	static const uint32_t oids[] = {INT8, BOOL, TEXT, JSON, INT4_ARRAY};

	for (size_t i = 0; i < ARRAY_SIZE(oids); i++) {
		buf_reset(&out);
		value_write_json(&out, value_type_builtin(oids[i]), (struct str){0});
		ck_assert_text(buf_str(&out), STR("\"\""));
	}
}
END_TEST

START_TEST(deep_json)
{
	size_t depths[] = {1000, 16384, 16385};

	for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
		struct buf text;

		buf_init(&text, 0, NULL);
		buf_reset(&out);
		for (size_t n = 0; n < depths[i]; n++)
			buf_puts(&text, n % 2 == 0 ? "[" : "{\"a\":");
		buf_putc(&text, '1');
		for (size_t n = depths[i]; n-- > 0;)
			buf_putc(&text, n % 2 == 0 ? ']' : '}');
		value_write_json(&out, value_type_builtin(JSON), buf_str(&text));
		ck_assert_int_eq(buf_data(&out)[0], depths[i] <= 16384 ? '[' : '"');
		if (depths[i] <= 16384)
			ck_assert_text(buf_str(&out), buf_str(&text));
		buf_free(&text);
	}
}
END_TEST

START_TEST(whatever_bytes_come_valid_json_goes_out)
{
	static const uint32_t oids[] = {
		INT8,	    BOOL,	 TEXT,	    JSON,	INT4_ARRAY,
		TEXT_ARRAY, JSONB_ARRAY, BOX_ARRAY, INT2VECTOR, INT2VECTOR_ARRAY};
	static const char meaningful[] = "{}[]\",:;\\ \n\r12.e-tfnul=NULL\xc3\xa4\xff";
	uint64_t seed = 17;

	for (int round = 0; round < 60000; round++) {
		size_t len = random_below(&seed, 24);
		char *text = malloc(len + 1);
		uint32_t oid = oids[random_below(&seed, ARRAY_SIZE(oids))];

		/* most of it begins as an array or object would */
		for (size_t i = 0; i < len; i++)
			text[i] = meaningful[random_below(&seed, sizeof(meaningful))];
		if (len > 0 && random_below(&seed, 2) == 0)
			text[0] = '{';
		if (len > 1 && random_below(&seed, 2) == 0)
			text[len - 1] = '}';
		text = realloc(text, len > 0 ? len : 1);
		buf_reset(&out);
		value_write_json(&out, value_type_builtin(oid), (struct str){text, len});
		assert_valid_json(buf_str(&out));
		free(text);
	}
}
END_TEST

START_TEST(a_full_buffer_stays_in_error)
{
	static const struct {
		uint32_t oid;
		const char *text;
	} cases[] = {{TEXT, "0123456789abcdef0123456789"},
		     {JSON, "[\"0123456789abcdef\",1,2,3,4,5]"},
		     {JSON, "[\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n}"},
		     {INT4_ARRAY, "{1111111111,2222222222,3}"},
		     {TEXT_ARRAY, "{\"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"}"},
		     {INT4_ARRAY, "{1111111111,2222222222,3}broken"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf full;

		buf_init(&full, 16, NULL);
		buf_puts(&full, "kept");
		value_write_json(&full, value_type_builtin(cases[i].oid), str_from(cases[i].text));
		ck_assert_int_eq(buf_error(&full), -ENOBUFS);
		buf_truncate(&full, 4);
		ck_assert_text(buf_str(&full), STR("kept"));
		buf_free(&full);
	}
}
END_TEST

static const struct {
	uint32_t oid;
	const char *name;
	enum value_kind kind, element_kind;
	uint32_t element_oid;
	char delimiter;
} types[] = {
	{BOOL, "bool", VALUE_BOOL, VALUE_TEXT, 0, 0},
	{INT8, "int8", VALUE_NUMBER, VALUE_TEXT, 0, 0},
	{OID, "oid", VALUE_NUMBER, VALUE_TEXT, 0, 0},
	{19, "name", VALUE_TEXT, VALUE_TEXT, 0, 0},
	{18, "char", VALUE_TEXT, VALUE_TEXT, 0, 0},
	{MONEY, "money", VALUE_TEXT, VALUE_TEXT, 0, 0},
	{28, "xid", VALUE_TEXT, VALUE_TEXT, 0, 0},
	{600, "point", VALUE_TEXT, VALUE_TEXT, 0, 0},
	{JSONB, "jsonb", VALUE_JSON, VALUE_TEXT, 0, 0},
	{INT4_ARRAY, "int4[]", VALUE_ARRAY, VALUE_NUMBER, 23, ','},
	{TEXT_ARRAY, "text[]", VALUE_ARRAY, VALUE_TEXT, TEXT, ','},
	{JSONB_ARRAY, "jsonb[]", VALUE_ARRAY, VALUE_JSON, JSONB, ','},
	{BOX_ARRAY, "box[]", VALUE_ARRAY, VALUE_TEXT, 603, ';'},
	{1014, "bpchar[]", VALUE_ARRAY, VALUE_TEXT, 1042, ','},
	{RECORD_ARRAY, "record[]", VALUE_ARRAY, VALUE_TEXT, RECORD, ','},
	{INT2VECTOR, "int2vector", VALUE_ARRAY, VALUE_NUMBER, 21, ' '},
	{INT2VECTOR_ARRAY, "int2vector[]", VALUE_ARRAY, VALUE_ARRAY, INT2VECTOR, ','},
	{ANYARRAY, "anyarray", VALUE_ARRAY, VALUE_TEXT, 0, ','},
	{4451, "int4multirange", VALUE_TEXT, VALUE_TEXT, 0, 0},
	{2278, "void", VALUE_TEXT, VALUE_TEXT, 0, 0},
};

START_TEST(builtin_types)
{
	const struct value_type *type = value_type_builtin(types[_i].oid);

	ck_assert_ptr_nonnull(type);
	ck_assert_uint_eq(type->oid, types[_i].oid);
	ck_assert_str_eq(type->name, types[_i].name);
	ck_assert_int_eq(type->kind, types[_i].kind);
	ck_assert_int_eq(type->element_kind, types[_i].element_kind);
	ck_assert_uint_eq(type->element_oid, types[_i].element_oid);
	ck_assert_int_eq(type->delimiter, types[_i].delimiter);
}
END_TEST

START_TEST(builtin_types_are_consistent)
{
	size_t found = 0;

	for (uint32_t oid = 0; oid < 20000; oid++) {
		const struct value_type *type = value_type_builtin(oid), *element;

		if (type == NULL)
			continue;
		found++;
		/* above, releases number them anew */
		ck_assert_uint_lt(oid, 10000);
		ck_assert_uint_eq(type->oid, oid);
		if (type->kind != VALUE_ARRAY || type->element_oid == 0)
			continue;
		element = value_type_builtin(type->element_oid);
		ck_assert_ptr_nonnull(element);
		ck_assert_int_eq(element->kind, type->element_kind);
	}
	ck_assert_uint_gt(found, 150);
	ck_assert_ptr_null(value_type_builtin(0));
	ck_assert_ptr_null(value_type_builtin(UINT32_MAX));
}
END_TEST

static struct json parse(const char *text)
{
	struct json_error error;
	struct json value;

	ck_assert_msg(json_parse(&arena, str_from(text), &value, &error) == 0, "%s: %s", text,
		      error.message);
	return value;
}

static const struct {
	const char *json;
	bool element_json;
	int rc;
	const char *text;
} arrays[] = {
	{"[]", false, 0, "{}"},
	{"[1,-2.5,1e5]", false, 0, "{1,-2.5,1e5}"},
	{"[true,false,null]", false, 0, "{true,false,NULL}"},
	{"[\"a\",\"\",\"NULL\",\"a b\",\"{x,y}\"]", false, 0,
	 "{\"a\",\"\",\"NULL\",\"a b\",\"{x,y}\"}"},
	{"[\"q\\\"q\",\"b\\\\b\",\"\\\\\",\"\\\"\"]", false, 0,
	 "{\"q\\\"q\",\"b\\\\b\",\"\\\\\",\"\\\"\"}"},
	{"[\"\xc3\xa4\\n\"]", false, 0, "{\"\xc3\xa4\n\"}"},
	{"[[1,2],[3,4]]", false, 0, "{{1,2},{3,4}}"},
	{"[[[1]],[[2]]]", false, 0, "{{{1}},{{2}}}"},
	{"[[1,null],[null,4]]", false, 0, "{{1,NULL},{NULL,4}}"},
	{"[[]]", false, 0, "{}"},
	{"[[],[]]", false, 0, "{}"},
	{"[[[],[]],[[],[]]]", false, 0, "{}"},
	{"[{\"a\": [1]},{}]", false, 0, "{\"{\\\"a\\\": [1]}\",\"{}\"}"},
	{"[{\"json\":1}]", false, 0, "{\"{\\\"json\\\":1}\"}"},
	{"[[1,2],[3]]", false, -EINVAL, NULL},
	{"[[1],[2,3]]", false, -EINVAL, NULL},
	{"[[1],2]", false, -EINVAL, NULL},
	{"[1,[2]]", false, -EINVAL, NULL},
	{"[[1],null]", false, -EINVAL, NULL},
	{"[[],[1]]", false, -EINVAL, NULL},
	{"[[1],[]]", false, -EINVAL, NULL},
	{"[[],1]", false, -EINVAL, NULL},
	{"[[[1]],[2]]", false, -EINVAL, NULL},
	{"[[1],[[2]]]", false, -EINVAL, NULL},
	{"[\"a\\u0000\"]", false, -EINVAL, NULL},
	{"1", false, -EINVAL, NULL},
	{"{}", false, -EINVAL, NULL},
	/* json[] and jsonb[]: one dimension, whatever is inside */
	{"[[1,[2]],[]]", true, 0, "{\"[1,[2]]\",\"[]\"}"},
	{"[{\"a\":\"x\\ny\"},null,1,true]", true, 0,
	 "{\"{\\\"a\\\":\\\"x\\\\ny\\\"}\",NULL,1,true}"},
	{"[\"{\\\"a\\\":1}\",\"null\"]", true, 0, "{\"{\\\"a\\\":1}\",\"null\"}"},
	{"[]", true, 0, "{}"},
};

START_TEST(array_parameters)
{
	struct json value = parse(arrays[_i].json);
	const char *text = "untouched";

	ck_assert_int_eq(value_array_text(&arena, &value, ',', arrays[_i].element_json, &text),
			 arrays[_i].rc);
	ck_assert_str_eq(text, arrays[_i].rc == 0 ? arrays[_i].text : "untouched");
}
END_TEST

START_TEST(array_delimiter)
{
	struct json value = parse("[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]");
	const char *text;

	ck_assert_int_eq(value_array_text(&arena, &value, ';', false, &text), 0);
	ck_assert_str_eq(text, "{\"(1,1),(0,0)\";\"(2,2),(1,1)\"}");
}
END_TEST

static const struct {
	const char *json;
	int rc;
	const char *text;
} params[] = {
	{"null", 0, NULL},
	{"true", 0, "true"},
	{"false", 0, "false"},
	{"1.50e0", 0, "1.50e0"},
	{"12345678901234567890", 0, "12345678901234567890"},
	{"\"\"", 0, ""},
	{"\"a\\n\\u00e4\"", 0, "a\n\xc3\xa4"},
	{"\"1\"", 0, "1"},
	{"[1, {\"a\":\"\\n\"}]", 0, "[1, {\"a\":\"\\n\"}]"},
	{"{\"a\" : 1}", 0, "{\"a\" : 1}"},
	{"{}", 0, "{}"},
	{"{\"json\":{\"from\":1,\"column\":2}}", 0, "{\"from\":1,\"column\":2}"},
	{"{\"json\":\"text\"}", 0, "\"text\""},
	{"{\"json\":null}", 0, "null"},
	{"{\"json\":[1]}", 0, "[1]"},
	{"{\"json\":1,\"x\":2}", 0, "{\"json\":1,\"x\":2}"},
	{"{\"json\":{\"json\":1}}", 0, "{\"json\":1}"},
	{"\"a\\u0000b\"", -EINVAL, "untouched"},
};

START_TEST(other_parameters)
{
	struct json value = parse(params[_i].json);
	const char *text = "untouched";

	ck_assert_int_eq(value_param_text(&arena, &value, &text), params[_i].rc);
	if (params[_i].text == NULL)
		ck_assert_ptr_null(text);
	else
		ck_assert_str_eq(text, params[_i].text);
}
END_TEST

/* As many elements in every dimension as `sizes` says. */
static void random_array(uint64_t *seed, const size_t *sizes, size_t dimensions, bool numbers)
{
	char text[12];
	size_t len;

	buf_putc(&out, '[');
	for (size_t i = 0; i < sizes[0]; i++) {
		if (i > 0)
			buf_putc(&out, ',');
		if (dimensions > 1) {
			random_array(seed, sizes + 1, dimensions - 1, numbers);
		} else if (random_below(seed, 8) == 0) {
			buf_puts(&out, "null");
		} else if (numbers) {
			json_write_int(&out, (int64_t)random_next(seed));
		} else {
			len = random_below(seed, sizeof(text));
			random_text(seed, text, len);
			for (size_t n = 0; n < len; n++)
				text[n] = text[n] == '\0' ? 'N' : text[n];
			json_write_string(&out, (struct str){text, len});
		}
	}
	buf_putc(&out, ']');
}

START_TEST(random_arrays_come_back)
{
	uint64_t seed = 23;
	struct buf again;

	buf_init(&again, 0, NULL);
	for (int round = 0; round < 20000; round++) {
		size_t sizes[6], dimensions = 1 + random_below(&seed, ARRAY_SIZE(sizes));
		bool numbers = random_below(&seed, 2) == 0;
		const char *text;
		struct json value;

		for (size_t i = 0; i < dimensions; i++)
			sizes[i] = 1 + random_below(&seed, 3);
		buf_reset(&out);
		buf_reset(&again);
		random_array(&seed, sizes, dimensions, numbers);
		value = parse(buf_cstr(&out));
		ck_assert_int_eq(value_array_text(&arena, &value, ',', false, &text), 0);
		value_write_json(&again, value_type_builtin(numbers ? INT4_ARRAY : TEXT_ARRAY),
				 str_from(text));
		ck_assert_text(buf_str(&again), buf_str(&out));
		arena_free(&arena);
	}
	buf_free(&again);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/value");
	TCase *results = suite_case(suite, "results", 60);
	TCase *parameters = suite_case(suite, "parameters", 60);

	tcase_add_checked_fixture(results, set_up, tear_down);
	tcase_add_loop_test(results, values_as_json, 0, ARRAY_SIZE(values));
	tcase_add_test(results, values_as_text);
	tcase_add_test(results, absent_text_is_empty);
	tcase_add_test(results, deep_json);
	tcase_add_test(results, whatever_bytes_come_valid_json_goes_out);
	tcase_add_test(results, a_full_buffer_stays_in_error);
	tcase_add_loop_test(results, builtin_types, 0, ARRAY_SIZE(types));
	tcase_add_test(results, builtin_types_are_consistent);

	tcase_add_checked_fixture(parameters, set_up, tear_down);
	tcase_add_loop_test(parameters, array_parameters, 0, ARRAY_SIZE(arrays));
	tcase_add_test(parameters, array_delimiter);
	tcase_add_loop_test(parameters, other_parameters, 0, ARRAY_SIZE(params));
	tcase_add_test(parameters, random_arrays_come_back);
	return suite_run(suite);
}
