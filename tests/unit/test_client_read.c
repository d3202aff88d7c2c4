/* SPDX-License-Identifier: PostgreSQL */
/* Lines from the daemon: what is read of them, what is refused, and the values in them. */
#include "base/mem.h"
#include "client/event.h"
#include "client/skip.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static struct document *document;
static struct gather_event event;

static void set_up(void)
{
	document = document_new();
	ck_assert_ptr_nonnull(document);
}

static void tear_down(void)
{
	document_free(document);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static int read_line(const char *line)
{
	int rc = document_read(document, str_from(line));

	return rc == 0 ? event_read(document, &event) : rc;
}

static const struct {
	const char *line;
	int rc;
	enum gather_event_kind kind;
} shapes[] = {
	{"{\"id\":1,\"ok\":true,\"failed\":0,\"results\":[]}", 0, GATHER_EVENT_ANSWER},
	{"{\"id\":1,\"results\":{\"a\":{\"count\":1}}}", 0, GATHER_EVENT_ANSWER},
	{"{\"id\":1,\"error\":{\"code\":\"denied\"}}", 0, GATHER_EVENT_REFUSED},
	{" { \"id\" : 1 , \"event\" : \"end\" } ", 0, GATHER_EVENT_END},
	{"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\"}]}", 0,
	 GATHER_EVENT_COLUMNS},
	{"{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[1],[2]]}", 0, GATHER_EVENT_ROWS},
	{"{\"id\":1,\"event\":\"done\",\"item\":7}", 0, GATHER_EVENT_DONE},
	{"{\"id\":1,\"event\":\"error\",\"item\":7,\"error\":{}}", 0, GATHER_EVENT_ERROR},
	{"{\"id\":1,\"event\":\"end\",\"error\":{}}", 0, GATHER_EVENT_END},
	{"{\"id\":1,\"event\":\"listening\",\"channels\":[]}", 0, GATHER_EVENT_LISTENING},
	{"{\"id\":1,\"event\":\"notification\",\"channel\":\"a\",\"payload\":\"\"}", 0,
	 GATHER_EVENT_NOTIFICATION},
	{"{\"id\":1,\"event\":\"resync\"}", 0, GATHER_EVENT_RESYNC},
	{"{\"id\":1,\"cancelled\":true}", 0, EVENT_CANCELLED},
	{"{\"id\":1,\"event\":\"of tomorrow\",\"item\":\"x\"}", 0, EVENT_UNKNOWN},
	{"{\"id\":1,\"pong\":true}", 0, EVENT_UNKNOWN},
	{"{\"id\":1,\"event\":\"done\",\"item\":0,\"step\":1}", 0, GATHER_EVENT_DONE},
	{"{\"id\":1,\"results\":[{\"steps\":[{}]}],\"snapshot\":7}", 0, GATHER_EVENT_ANSWER},
	{"{}", 0, EVENT_UNKNOWN},
	{"", -EINVAL, 0},
	{"[]", -EINVAL, 0},
	{"7", -EINVAL, 0},
	{"{\"id\":1", -EINVAL, 0},
	{"{\"id\":1}x", -EINVAL, 0},
	{"{\"id\":1,}", -EINVAL, 0},
	{"{\"id\"}", -EINVAL, 0},
	{"{id:1}", -EINVAL, 0},
	{"{\"id\":tru}", -EINVAL, 0},
	{"{\"id\":\"open}", -EINVAL, 0},
	{"{\"id\":\"a\\", -EINVAL, 0},
	{"{\"id\":\"\\x\"}", -EINVAL, 0},
	{"{\"id\":[1 2]}", -EINVAL, 0},
	{"{\"a\":[[[[[[[\"]\"}", -EINVAL, 0},
	{"{\"id\":1,\"results\":7}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[7]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"rows\":[7]}]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"rows\":{}}]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"columns\":[{\"name\":7}]}]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"error\":\"x\"}]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"steps\":{}}]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"steps\":[7]}]}", -EINVAL, 0},
	{"{\"id\":1,\"results\":[{\"steps\":[{\"rows\":[7]}]}]}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"done\",\"item\":0,\"step\":-1}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"done\",\"item\":0,\"step\":\"x\"}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"done\",\"item\":0,\"step\":99999999999}", -EINVAL, 0},
	{"{\"id\":1,\"error\":7}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"rows\",\"rows\":[]}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"rows\",\"item\":-1,\"rows\":[]}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"rows\",\"item\":1e9,\"rows\":[]}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"rows\",\"item\":99999999999,\"rows\":[]}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"rows\",\"item\":0}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"columns\",\"item\":0}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"error\",\"item\":0}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"done\",\"item\":0,\"error\":{}}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"end\",\"error\":7}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"notification\",\"channel\":\"a\"}", -EINVAL, 0},
	{"{\"id\":1,\"event\":\"notification\",\"channel\":\"a\",\"payload\":7}", -EINVAL, 0},
};

START_TEST(shape)
{
	ck_assert_msg(read_line(shapes[_i].line) == shapes[_i].rc, "%s", shapes[_i].line);
	if (shapes[_i].rc == 0)
		ck_assert_msg(event.kind == shapes[_i].kind, "%s", shapes[_i].line);
}
END_TEST

/* Whatever is cut off a line, it is no line. */
START_TEST(every_prefix_is_refused)
{
	const char *line =
		"{\"id\":12,\"results\":[{\"name\":\"a\\u00e4\",\"columns\":[{\"name\":\"x\","
		"\"oid\":20}],\"rows\":[[1.5e3,null,true,{\"k\":[\"]\"]}]]}]}";

	for (size_t len = 0; len < strlen(line); len++) {
		char *copy = strndup(line, len); /* so that reading behind the end is seen */

		ck_assert_int_eq(document_read(document, (struct str){copy, len}), -EINVAL);
		free(copy);
	}
	ck_assert_int_eq(read_line(line), 0);
}
END_TEST

#define ROW "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[" /* and a row and ]} */

START_TEST(values_as_text)
{
	static const char *const texts[] = {"x",     "a\"\n\xc3\xa4",  "12.50",		"true",
					    "false", "[1, {\"a\":2}]", "{\"b\": null}", ""};
	const struct gather_result *result;

	ck_assert_int_eq(read_line(ROW "[\"x\",\"a\\\"\\n\\u00e4\",12.50,true,false,[1, {\"a\":2}],"
				       "{\"b\": null},\"\",null]]}"),
			 0);
	result = gather_event_result(&event);
	/* Twice: texts stay once they were made. */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
			ck_assert_str_eq(gather_value_text(result, 0, i), texts[i]);
			ck_assert_uint_eq(gather_value_length(result, 0, i), strlen(texts[i]));
			ck_assert(!gather_value_is_null(result, 0, i));
		}
	ck_assert_ptr_null(gather_value_text(result, 0, 8));
	ck_assert(gather_value_is_null(result, 0, 8));
	/* Out of range is nothing, not a crash. */
	ck_assert_ptr_null(gather_value_text(result, 0, 9));
	ck_assert_ptr_null(gather_value_text(result, 1, 0));
	ck_assert_ptr_null(gather_value_text(NULL, 0, 0));
	ck_assert(gather_value_is_null(result, 7, 7));
}
END_TEST

START_TEST(value_with_a_nul_has_its_length)
{
	ck_assert_int_eq(read_line(ROW "[\"a\\u0000b\"]]}"), 0);
	ck_assert_mem_eq(gather_value_text(&event.result, 0, 0), "a\0b", 4);
	ck_assert_uint_eq(gather_value_length(&event.result, 0, 0), 3);
}
END_TEST

START_TEST(rows_as_objects)
{
	ck_assert_int_eq(read_line(ROW "{\"a\":1,\"b\":\"x\"}]}"), 0);
	ck_assert_str_eq(gather_value_text(&event.result, 0, 1), "x");
}
END_TEST

/* Rows that are only copied: as they stand, whatever their strings hold. */
START_TEST(rows_as_they_stand)
{
	static const char *const rows[] = {
		"[]",
		"[1.5e3, null,true]",
		"[\"]\",\"}\",\"[{\"]",
		"[\"\\\"]\",\"\\\\\",\"\xc3\xa4]\xe2\x82\xac\"]",
		("{\"a]\":[[{}],{\"b\":[]}],\"c\":\"a long text, with more than sixteen bytes ] "
		 "\\\" ]\"}"),
	};
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_puts(&line, ROW);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		buf_puts(&line, i > 0 ? " , " : " ");
		buf_puts(&line, rows[i]);
	}
	buf_puts(&line, "]}");
	document->raw_rows = true;
	ck_assert_int_eq(document_read(document, buf_str(&line)), 0);
	ck_assert_int_eq(event_read(document, &event), 0);
	ck_assert_uint_eq(event.result.rows->count, ARRAY_SIZE(rows));
	ck_assert(str_equal(event.result.rows->raw, (struct str){buf_data(&line) + strlen(ROW) - 1,
								 buf_len(&line) - strlen(ROW)}));
	/* Of no cell anything is known. */
	ck_assert_ptr_null(gather_value_text(&event.result, 1, 0));
	for (size_t len = 0; len < buf_len(&line); len++) {
		/* A block of its own: the sanitizers see what is read beyond it. */
		char *copy = malloc(len > 0 ? len : 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, buf_data(&line), len);
		ck_assert_int_eq(document_read(document, (struct str){copy, len}), -EINVAL);
		free(copy);
	}
	/* Of anything else there is as much as ever. */
	ck_assert_int_eq(
		read_line("{\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\"}]}"), 0);
	ck_assert_int_eq(read_line("{\"results\":[{\"rows\":[[7]]}]}"), 0);
	ck_assert_str_eq(gather_value_text(&event.answer.results[0], 0, 0), "7");
	buf_free(&line);
}
END_TEST

static const char *const no_rows[] = {
	"7]}",	       "\"x\"]}", "[1],7]}",  "[1][2]]}",    "[1],,[2]]}",
	",[1]]}",      "[1],]}",  ",]}",      "[1] x,[2]]}", "[1}]}",
	"{\"a\":1]]}", "[1]}}",	  "[\"]\"]}", "[\"a\\\"]]}", "[[1],[2]}",
	"[1]]",	       "[1]]]}",  "[1],[2]",  "[1]\\,[2]]}",
};

/* Their own shape is judged, if not what is in them. */
START_TEST(what_stands_there_is_no_rows)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	document->raw_rows = true;
	/* Wherever it falls in what is looked at together. */
	for (size_t i = 0; i < 2 * 64; i++) {
		buf_reset(&line);
		buf_puts(&line, ROW);
		for (size_t space = 0; space < i; space++)
			buf_putc(&line, ' ');
		buf_puts(&line, no_rows[_i]);
		ck_assert_msg(document_read(document, buf_str(&line)) == -EINVAL, "%s",
			      no_rows[_i]);
	}
	buf_free(&line);
}
END_TEST

/* The next pseudo-random number below `limit`. */
static unsigned draw(uint64_t *seed, unsigned limit)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % limit;
}

static void make_value(struct buf *out, uint64_t *seed, unsigned depth)
{
	static const char *const texts[] = {"]",    "[", "{", "}",	  "\\\"",
					    "\\\\", ",", "x", "\xc3\xa4", "\\u00e4"};
	static const char *const spaces[] = {"", "", "", " ", "\t "};
	unsigned count = draw(seed, depth < 2 ? 5 : 3);
	bool object = draw(seed, 4) == 0;

	if (depth > 4 || (depth > 1 && draw(seed, 3) > 0)) {
		buf_putc(out, '"');
		for (count = draw(seed, 40); count > 0; count--)
			buf_puts(out, texts[draw(seed, ARRAY_SIZE(texts))]);
		buf_putc(out, '"');
		return;
	}
	object &= depth > 0;
	buf_putc(out, object ? '{' : '[');
	for (unsigned i = 0; i < count; i++) {
		buf_puts(out, i > 0 ? "," : "");
		buf_puts(out, spaces[draw(seed, ARRAY_SIZE(spaces))]);
		if (object)
			buf_printf(out, "\"%u\":", i);
		make_value(out, seed, depth + 1);
		buf_puts(out, spaces[draw(seed, ARRAY_SIZE(spaces))]);
	}
	buf_putc(out, object ? '}' : ']');
}

/* What is found without looking into it is what is read. */
START_TEST(rows_that_are_not_read_are_those_that_are)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	for (uint64_t seed = 1, round = 0; round < 2000; round++) {
		size_t count, again;
		struct str rows;

		buf_reset(&line);
		buf_append(&line, ROW, strlen(ROW) - 1);
		make_value(&line, &seed, 0);
		buf_putc(&line, '}');
		document->raw_rows = false;
		ck_assert_int_eq(document_read(document, buf_str(&line)), 0);
		ck_assert_int_eq(event_read(document, &event), 0);
		rows = event.result.rows->raw;
		count = event.result.rows->count;
		document->raw_rows = true;
		ck_assert_int_eq(document_read(document, buf_str(&line)), 0);
		ck_assert_int_eq(event_read(document, &event), 0);
		ck_assert_ptr_eq(event.result.rows->raw.data, rows.data);
		ck_assert_uint_eq(event.result.rows->raw.len, rows.len);
		ck_assert_uint_eq(event.result.rows->count, count);
		ck_assert_uint_eq(skip_rows_scalar(rows, &again), rows.len);
		ck_assert_uint_eq(again, count);
	}
	buf_free(&line);
}
END_TEST

/* Whatever it is given. */
START_TEST(skipping_in_plain_c_is_the_same)
{
	static const char bytes[] = "[]{}[]\"\"\\,, x\xc3";
	char text[300];
	size_t found = 0;

	for (uint64_t seed = 2, round = 0; round < 20000; round++) {
		size_t len = 1 + draw(&seed, sizeof(text)), count = 7, scalar_count = 7, end;

		text[0] = '[';
		for (size_t i = 1; i < len; i++)
			text[i] = bytes[draw(&seed, draw(&seed, sizeof(bytes) - 2) + 1)];
		end = skip_rows((struct str){text, len}, &count);
		ck_assert_uint_eq(skip_rows_scalar((struct str){text, len}, &scalar_count), end);
		ck_assert_uint_eq(scalar_count, count);
		found += end > 2;
	}
	ck_assert_uint_gt(found, 100);
}
END_TEST

/* A json column may nest as it likes, and is handed out as it stands. */
START_TEST(deep_value)
{
	enum { DEPTH = 200000 };
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_puts(&line, ROW "[");
	for (int i = 0; i < DEPTH; i++)
		buf_putc(&line, '[');
	for (int i = 0; i < DEPTH; i++)
		buf_putc(&line, ']');
	buf_puts(&line, "]]}");
	ck_assert_int_eq(document_read(document, buf_str(&line)), 0);
	ck_assert_int_eq(event_read(document, &event), 0);
	ck_assert_uint_eq(gather_value_length(&event.result, 0, 0), 2 * DEPTH);
	buf_free(&line);
}
END_TEST

static const struct {
	const char *json;
	bool is_int64;
	int64_t int64;
	bool is_double;
	double number;
} numbers[] = {
	{"0", true, 0, true, 0},
	{"-7", true, -7, true, -7},
	{"9223372036854775807", true, INT64_MAX, true, 9223372036854775807.0},
	{"-9223372036854775808", true, INT64_MIN, true, -9223372036854775808.0},
	{"9223372036854775808", false, 0, true, 9223372036854775808.0},
	{"\"42\"", true, 42, true, 42},
	{"1.5", false, 0, true, 1.5},
	{"\"1e3\"", false, 0, true, 1000},
	{"\"Infinity\"", false, 0, true, (double)INFINITY},
	{"\"-Infinity\"", false, 0, true, -(double)INFINITY},
	{"\"\"", false, 0, false, 0},
	{"\"-\"", false, 0, false, 0},
	{"\"1x\"", false, 0, false, 0},
	{"\"0x10\"", false, 0, false, 0},
	{"\" 1\"", false, 0, false, 0},
	{"null", false, 0, false, 0},
	{"true", false, 0, false, 0},
	{"[1]", false, 0, false, 0},
};

START_TEST(value_as_number)
{
	int64_t int64 = 77;
	double number = 77;
	char line[256];

	snprintf(line, sizeof(line), ROW "[%s]]}", numbers[_i].json);
	ck_assert_int_eq(read_line(line), 0);
	ck_assert_int_eq(gather_value_int64(&event.result, 0, 0, &int64),
			 numbers[_i].is_int64 ? 0 : GATHER_INVALID);
	ck_assert_int_eq(int64, numbers[_i].is_int64 ? numbers[_i].int64 : 77);
	ck_assert_int_eq(gather_value_double(&event.result, 0, 0, &number),
			 numbers[_i].is_double ? 0 : GATHER_INVALID);
	ck_assert(number == (numbers[_i].is_double ? numbers[_i].number : 77));
}
END_TEST

START_TEST(value_as_bool_and_nan)
{
	bool flag = false;
	double number;

	ck_assert_int_eq(read_line(ROW "[true,\"f\",\"x\",null,\"NaN\"]]}"), 0);
	ck_assert_int_eq(gather_value_bool(&event.result, 0, 0, &flag), 0);
	ck_assert(flag);
	ck_assert_int_eq(gather_value_bool(&event.result, 0, 1, &flag), 0);
	ck_assert(!flag);
	ck_assert_int_eq(gather_value_bool(&event.result, 0, 2, &flag), GATHER_INVALID);
	ck_assert_int_eq(gather_value_bool(&event.result, 0, 3, &flag), GATHER_INVALID);
	ck_assert_int_eq(gather_value_double(&event.result, 0, 4, &number), 0);
	ck_assert(isnan(number));
}
END_TEST

START_TEST(answer_by_name)
{
	const struct gather_answer *answer;
	const struct gather_result *result;

	ck_assert_int_eq(
		read_line("{\"id\":1,\"ok\":false,\"failed\":1,\"elapsed\":1.25,\"results\":{"
			  "\"a\":{\"columns\":[{\"name\":\"n\",\"type\":\"int8\",\"oid\":20}],"
			  "\"rows\":[[42]],"
			  "\"count\":1,\"command\":\"SELECT\",\"queued\":0.25,\"elapsed\":0.5},"
			  "\"b\":{\"error\":{\"code\":\"timeout\",\"message\":\"late\",\"effects\":"
			  "\"none\"}}}}"),
		0);
	answer = gather_event_answer(&event);
	ck_assert_uint_eq(gather_answer_count(answer), 2);
	ck_assert_uint_eq(gather_answer_failed(answer), 1);
	ck_assert(gather_answer_elapsed_s(answer) == 1.25);
	result = gather_answer_find(answer, "a");
	ck_assert_ptr_eq(result, gather_answer_result(answer, 0));
	ck_assert_str_eq(gather_result_name(result), "a");
	ck_assert_uint_eq(gather_result_columns(result), 1);
	ck_assert_str_eq(gather_result_column_name(result, 0), "n");
	ck_assert_str_eq(gather_result_column_type(result, 0), "int8");
	ck_assert_uint_eq(gather_result_column_oid(result, 0), 20);
	ck_assert_ptr_null(gather_result_column_name(result, 1));
	ck_assert_uint_eq(gather_result_rows(result), 1);
	ck_assert_int_eq(gather_result_count(result), 1);
	ck_assert_str_eq(gather_result_command(result), "SELECT");
	ck_assert(gather_result_queued_s(result) == 0.25 && gather_result_elapsed_s(result) == 0.5);
	ck_assert_ptr_null(gather_result_error(result));
	result = gather_answer_find(answer, "b");
	ck_assert_str_eq(gather_error_message(gather_result_error(result)), "late");
	ck_assert_int_eq(gather_result_count(result), -1);
	ck_assert_ptr_null(gather_answer_find(answer, "c"));
	ck_assert_ptr_null(gather_answer_result(answer, 2));
}
END_TEST

START_TEST(steps)
{
	const struct gather_result *item, *step;
	int64_t number = 0;

	ck_assert_int_eq(
		read_line(
			"{\"id\":1,\"ok\":false,\"failed\":1,\"results\":[{\"name\":\"t\","
			"\"steps\":["
			"{\"name\":\"label\",\"columns\":[{\"name\":\"n\"},{\"name\":\"j\"}],"
			"\"rows\":[[42,[[1]]]],\"count\":1,\"command\":\"SELECT\",\"truncated\":"
			"true},"
			"{\"error\":{\"code\":\"sql\",\"sqlstate\":\"22012\"}},"
			"{\"error\":{\"code\":\"skipped\",\"effects\":\"none\"}}],"
			"\"error\":{\"code\":\"sql\"},\"outcome\":\"rolled_back\",\"elapsed\":0.5},"
			"{\"rows\":[[7]]}]}"),
		0);
	item = gather_answer_result(&event.answer, 0);
	ck_assert_uint_eq(gather_result_steps(item), 3);
	ck_assert_int_eq(gather_result_outcome(item), GATHER_OUTCOME_ROLLED_BACK);
	ck_assert_str_eq(gather_error_code(gather_result_error(item)), "sql");
	ck_assert_uint_eq(gather_result_rows(item), 0);
	step = gather_result_step(item, 0);
	ck_assert_str_eq(gather_result_name(step), "label");
	ck_assert_int_eq(gather_value_int64(step, 0, 0, &number), 0);
	ck_assert_int_eq(number, 42);
	ck_assert_str_eq(gather_value_text(step, 0, 1), "[[1]]");
	ck_assert(gather_result_truncated(step) && !gather_result_truncated(item));
	ck_assert_int_eq(gather_result_outcome(step), GATHER_OUTCOME_NONE);
	step = gather_result_step(item, 1);
	ck_assert_str_eq(gather_error_sqlstate(gather_result_error(step)), "22012");
	ck_assert_str_eq(gather_error_code(gather_result_error(gather_result_step(item, 2))),
			 "skipped");
	ck_assert_ptr_null(gather_result_step(item, 3));
	/* A query has none. */
	ck_assert_uint_eq(gather_result_steps(gather_answer_result(&event.answer, 1)), 0);
	ck_assert_ptr_null(gather_result_step(gather_answer_result(&event.answer, 1), 0));
	ck_assert_uint_eq(gather_result_steps(NULL), 0);
	ck_assert(!gather_result_truncated(NULL));
}
END_TEST

static const struct {
	const char *member;
	enum gather_outcome outcome;
} outcomes[] = {
	{"", GATHER_OUTCOME_NONE},
	{",\"outcome\":null", GATHER_OUTCOME_NONE},
	{",\"outcome\":\"committed\"", GATHER_OUTCOME_COMMITTED},
	{",\"outcome\":\"rolled_back\"", GATHER_OUTCOME_ROLLED_BACK},
	{",\"outcome\":\"unknown\"", GATHER_OUTCOME_UNKNOWN},
	{",\"outcome\":\"of tomorrow\"", GATHER_OUTCOME_UNKNOWN},
	{",\"outcome\":7", GATHER_OUTCOME_UNKNOWN},
};

START_TEST(outcome)
{
	char line[128];

	snprintf(line, sizeof(line), "{\"id\":1,\"event\":\"done\",\"item\":2%s}",
		 outcomes[_i].member);
	ck_assert_int_eq(read_line(line), 0);
	ck_assert_int_eq(gather_result_outcome(gather_event_result(&event)), outcomes[_i].outcome);
	ck_assert_int_eq(gather_event_step(&event), -1);
}
END_TEST

START_TEST(event_of_a_step)
{
	ck_assert_int_eq(
		read_line("{\"id\":1,\"event\":\"rows\",\"item\":2,\"step\":3,\"rows\":[[1]]}"), 0);
	ck_assert_uint_eq(gather_event_item(&event), 2);
	ck_assert_int_eq(gather_event_step(&event), 3);
}
END_TEST

START_TEST(snapshot)
{
	static const char *const lines[] = {
		"{\"id\":1,\"results\":[],\"snapshot\":{\"id\":\"00-1\",\"in_recovery\":true}}",
		"{\"id\":1,\"event\":\"end\",\"snapshot\":{\"id\":\"00-1\",\"in_recovery\":true}}",
	};
	const struct gather_snapshot *seen;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		ck_assert_int_eq(read_line(lines[i]), 0);
		seen = gather_event_snapshot(&event);
		ck_assert_str_eq(gather_snapshot_field(seen, "id"), "00-1");
		ck_assert_ptr_null(gather_snapshot_field(seen, "lsn"));
		ck_assert(gather_snapshot_in_recovery(seen));
	}
	ck_assert_int_eq(read_line("{\"id\":1,\"results\":[]}"), 0);
	ck_assert_ptr_null(gather_answer_snapshot(gather_event_answer(&event)));
	ck_assert_int_eq(read_line("{\"id\":1,\"event\":\"end\"}"), 0);
	ck_assert_ptr_null(gather_event_snapshot(&event));
}
END_TEST

static const struct {
	const char *error;
	enum gather_effects effects;
	bool retry;
} errors[] = {
	{"\"code\":\"timeout\",\"effects\":\"none\"", GATHER_EFFECTS_NONE, true},
	{"\"code\":\"timeout\",\"effects\":\"unknown\"", GATHER_EFFECTS_UNKNOWN, false},
	{"\"code\":\"too_large\",\"effects\":\"done\"", GATHER_EFFECTS_DONE, false},
	{"\"code\":\"queue_full\",\"effects\":\"none\"", GATHER_EFFECTS_NONE, true},
	{"\"code\":\"sql\",\"sqlstate\":\"40001\",\"effects\":\"none\"", GATHER_EFFECTS_NONE, true},
	{"\"code\":\"sql\",\"sqlstate\":\"42P01\",\"effects\":\"none\"", GATHER_EFFECTS_NONE,
	 false},
	{"\"code\":\"denied\",\"effects\":\"none\"", GATHER_EFFECTS_NONE, false},
	{"\"code\":\"sql\",\"effects\":\"none\"", GATHER_EFFECTS_NONE, false},
	/* Nothing said: nothing known. */
	{"\"code\":\"timeout\"", GATHER_EFFECTS_UNKNOWN, false},
	{"\"code\":\"timeout\",\"effects\":\"of tomorrow\"", GATHER_EFFECTS_UNKNOWN, false},
};

START_TEST(error_effects)
{
	const struct gather_error *error;
	char line[256];

	snprintf(line, sizeof(line), "{\"id\":1,\"error\":{%s}}", errors[_i].error);
	ck_assert_int_eq(read_line(line), 0);
	error = gather_event_error(&event);
	ck_assert_int_eq(gather_error_effects(error), errors[_i].effects);
	ck_assert_int_eq(gather_error_may_retry(error), errors[_i].retry);
}
END_TEST

START_TEST(error_fields)
{
	const struct gather_error *error;

	ck_assert_int_eq(
		read_line("{\"id\":1,\"error\":{\"message\":7,\"position\":12,\"hint\":\"h\"}}"),
		0);
	error = gather_event_error(&event);
	ck_assert_str_eq(gather_error_code(error), "internal");
	ck_assert_str_eq(gather_error_message(error), "");
	ck_assert_ptr_null(gather_error_sqlstate(error));
	ck_assert_int_eq(gather_error_position(error), 12);
	ck_assert_str_eq(gather_error_field(error, "hint"), "h");
	ck_assert_ptr_null(gather_error_field(error, "detail"));
}
END_TEST

/* Whichever allocation fails, the line is not understood, and nothing is lost or leaked. */
START_TEST(every_allocation_fails_once)
{
	const char *line = "{\"id\":1,\"results\":{\"a\\u0020\":{\"columns\":[{\"name\":"
			   "\"\\u00e4\"}],\"rows\":[[1],[2]]},\"b\":{\"steps\":[{\"name\":"
			   "\"\\u00e4\"},{\"rows\":[[1]]}]}}}";
	int rc = -ENOMEM;

	for (int n = 0; rc == -ENOMEM; n++) {
		struct mem_failure failure = {.countdown = n};

		ck_assert_int_lt(n, 100);
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = read_line(line);
		mem_set_fail_hook(NULL, NULL);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_str_eq(gather_result_name(gather_answer_result(&event.answer, 0)), "a ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_read");
	TCase *tcase = suite_case(suite, "lines", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, shape, 0, ARRAY_SIZE(shapes));
	tcase_add_test(tcase, every_prefix_is_refused);
	tcase_add_test(tcase, values_as_text);
	tcase_add_test(tcase, value_with_a_nul_has_its_length);
	tcase_add_test(tcase, rows_as_objects);
	tcase_add_test(tcase, rows_as_they_stand);
	tcase_add_loop_test(tcase, what_stands_there_is_no_rows, 0, ARRAY_SIZE(no_rows));
	tcase_add_test(tcase, rows_that_are_not_read_are_those_that_are);
	tcase_add_test(tcase, skipping_in_plain_c_is_the_same);
	tcase_add_test(tcase, deep_value);
	tcase_add_loop_test(tcase, value_as_number, 0, ARRAY_SIZE(numbers));
	tcase_add_test(tcase, value_as_bool_and_nan);
	tcase_add_test(tcase, answer_by_name);
	tcase_add_test(tcase, steps);
	tcase_add_loop_test(tcase, outcome, 0, ARRAY_SIZE(outcomes));
	tcase_add_test(tcase, event_of_a_step);
	tcase_add_test(tcase, snapshot);
	tcase_add_loop_test(tcase, error_effects, 0, ARRAY_SIZE(errors));
	tcase_add_test(tcase, error_fields);
	tcase_add_test(tcase, every_allocation_fails_once);
	return suite_run(suite);
}
