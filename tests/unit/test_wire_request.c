/* SPDX-License-Identifier: PostgreSQL */
/* Requests that are well formed: what is read out of them. */
#include "base/clock.h"
#include "base/mem.h"
#include "unit/wire.h"
#include "wire/request.h"

static struct arena arena;
static struct request request;

static void set_up(void)
{
	arena_init(&arena, 0, NULL);
}

static void tear_down(void)
{
	arena_free(&arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static const struct request *parse(const char *line)
{
	static const struct request_limits limits = {.max_queries = 1000};
	struct err err;

	ck_assert_msg(request_parse(&arena, str_from(line), 12, &limits, &request, &err) == 0,
		      "%s: %s", line, err.message);
	return &request;
}

static const struct {
	const char *line, *id;
} ids[] = {
	{"{\"ping\":true}", "12"},
	{"{\"id\":null,\"ping\":true}", "12"},
	{"{\"id\":7,\"ping\":true}", "7"},
	{"{\"ping\":true,\"id\":-0}", "-0"},
	{"{\"id\":123456789012345678901234567890,\"ping\":true}", "123456789012345678901234567890"},
	{"{\"id\":\"1\",\"ping\":true}", "\"1\""},
	{"{\"id\":\"\",\"ping\":true}", "\"\""},
	{"{\"id\":\"\\u0061\\/\\n\",\"ping\":true}", "\"a/\\n\""},
	{"{\"id\":\"\\u0000\",\"ping\":true}", "\"\\u0000\""},
	{"{\"id\":\"\\ud83d\\ude00\",\"ping\":true}", "\"\xf0\x9f\x98\x80\""},
	{"{\"id\":1,\"ping\":true} \r", "1"},
	{"{ \"id\" : 1 , \"ping\" : true }", "1"},
};

START_TEST(ids_are_echoed)
{
	ck_assert_text(parse(ids[_i].line)->id, str_from(ids[_i].id));
}
END_TEST

START_TEST(numbers_of_lines)
{
	request_number(&request, 0);
	ck_assert(str_is(request.id, "0"));
	request_number(&request, 10);
	ck_assert(str_is(request.id, "10"));
	request_number(&request, UINT64_MAX);
	ck_assert(str_is(request.id, "18446744073709551615"));
	ck_assert_str_eq(request.id.data, "18446744073709551615");
}
END_TEST

START_TEST(longest_id)
{
	char line[200];

	snprintf(line, sizeof(line), "{\"id\":\"%0128d\",\"ping\":true}", 1);
	ck_assert_uint_eq(parse(line)->id.len, 130);
}
END_TEST

START_TEST(verbs)
{
	ck_assert_int_eq(parse("{\"ping\":true}")->verb, REQUEST_PING);
	ck_assert_int_eq(parse("{\"stats\":true}")->verb, REQUEST_STATS);
	ck_assert_int_eq(parse("{\"reports\":true}")->verb, REQUEST_REPORTS);
	ck_assert_int_eq(parse("{\"gather\":[]}")->verb, REQUEST_GATHER);
	ck_assert_int_eq(parse("{\"report\":\"daily\"}")->verb, REQUEST_REPORT);
	ck_assert_text(request.report, STR("daily"));
	ck_assert_int_eq(parse("{\"listen\":[\"a\",\"A b\",\"\\u00e4\"],\"db\":\"d\"}")->verb,
			 REQUEST_LISTEN);
	ck_assert_uint_eq(request.channel_count, 3);
	ck_assert_str_eq(request.channels[0], "a");
	ck_assert_str_eq(request.channels[1], "A b");
	ck_assert_str_eq(request.channels[2], "\xc3\xa4");
	ck_assert_text(request.options.db, STR("d"));
	ck_assert_int_eq(parse("{\"cancel\":7}")->verb, REQUEST_CANCEL);
	ck_assert_text(request.cancel_id, STR("7"));
	ck_assert_text(parse("{\"cancel\":\"\\u0037\"}")->cancel_id, STR("\"7\""));
	/* null counts as absent, of a verb and of what does not go with it */
	ck_assert_int_eq(parse("{\"ping\":true,\"gather\":null,\"timeout\":null}")->verb,
			 REQUEST_PING);
}
END_TEST

START_TEST(nothing_gathered)
{
	parse("{\"gather\":[]}");
	ck_assert_uint_eq(request.gather.item_count, 0);
	ck_assert(!request.gather.by_name);
	parse("{\"gather\":{}}");
	ck_assert_uint_eq(request.gather.item_count, 0);
	ck_assert(request.gather.by_name);
}
END_TEST

START_TEST(defaults)
{
	const struct request_query *item;

	parse("{\"gather\":[\"select 1\"]}");
	ck_assert_ptr_null(request.options.db.data);
	ck_assert_int_eq(request.options.timeout_ns, 0);
	ck_assert(!request.options.cancel_on_error);
	ck_assert(!request.options.stream);
	ck_assert(!request.options.row_objects);
	ck_assert(!request.options.values_text);
	ck_assert(!request.options.snapshot);
	ck_assert_uint_eq(request.options.concurrency, 0);
	ck_assert_int_eq(request.gather.items[0].kind, REQUEST_QUERY);
	ck_assert_uint_eq(request.gather.items[0].step_count, 1);
	ck_assert_uint_eq(request.gather.items[0].depend_count, 0);
	item = request.gather.items[0].steps;
	ck_assert_text(item->sql, STR("select 1"));
	ck_assert(!item->sql_has_nul);
	ck_assert_ptr_null(item->name.data);
	ck_assert_ptr_null(request.gather.items[0].db.data);
	ck_assert_int_eq(item->timeout_ns, 0);
	ck_assert_uint_eq(item->max_rows, 0);
	ck_assert_int_eq(item->params_kind, REQUEST_PARAMS_NONE);
}
END_TEST

START_TEST(null_options_are_absent)
{
	parse("{\"gather\":[{\"sql\":\"a\",\"name\":null,\"params\":null,\"db\":null,\"timeout\":"
	      "null,"
	      "\"max_rows\":null,\"sequence\":null,\"isolation\":null,\"read_only\":null},"
	      "{\"sequence\":[{\"sql\":\"a\",\"db\":null,\"transaction\":null}],\"sql\":null,"
	      "\"params\":null,\"max_rows\":null,\"deferrable\":null}],\"db\":null,\"timeout\":"
	      "null,\"on_error\":"
	      "null,"
	      "\"snapshot\":null,\"stream\":null,\"rows\":null,\"values\":null,\"concurrency\":"
	      "null,"
	      "\"format\":null,\"params\":null}");
	ck_assert_ptr_null(request.gather.items[0].name.data);
	ck_assert_ptr_null(request.options.db.data);
}
END_TEST

START_TEST(all_options)
{
	parse("{\"gather\":[],\"db\":\"main\",\"timeout\":2.5,\"on_error\":\"cancel\",\"snapshot\":"
	      "false,"
	      "\"stream\":true,\"rows\":\"objects\",\"values\":\"text\",\"concurrency\":8}");
	ck_assert_text(request.options.db, STR("main"));
	ck_assert_int_eq(request.options.timeout_ns, 2500 * CLOCK_MS);
	ck_assert(request.options.cancel_on_error);
	ck_assert(request.options.stream);
	ck_assert(request.options.row_objects);
	ck_assert(request.options.values_text);
	ck_assert_uint_eq(request.options.concurrency, 8);
	parse("{\"gather\":[],\"on_error\":\"continue\",\"stream\":false,\"rows\":\"arrays\","
	      "\"values\":\"json\"}");
	ck_assert(!request.options.cancel_on_error);
	ck_assert(!request.options.row_objects);
	ck_assert(!request.options.values_text);
}
END_TEST

static const struct {
	const char *seconds;
	int64_t ns;
} timeouts[] = {
	{"1", CLOCK_SECOND},
	{"0.1", 100 * CLOCK_MS},
	{"30", 30 * CLOCK_SECOND},
	{"1e-3", CLOCK_MS},
	{"0.000000001", 1},
	{"1e-300", 1},
	{"9e9", 9000000000 * CLOCK_SECOND},
	{"1e10", CLOCK_NEVER},
	{"1e308", CLOCK_NEVER},
};

START_TEST(timeouts_are_nanoseconds)
{
	char line[100];

	snprintf(line, sizeof(line), "{\"gather\":[],\"timeout\":%s}", timeouts[_i].seconds);
	ck_assert_int_eq(parse(line)->options.timeout_ns, timeouts[_i].ns);
}
END_TEST

/* A query's one step has its name and its timeout too. */
START_TEST(query_objects)
{
	const struct request_query *item;

	parse("{\"gather\":[\"a\",{\"name\":\"top\",\"sql\":\"select $1, "
	      "$2\",\"params\":[\"2026-11-20\",10],"
	      "\"timeout\":2,\"db\":\"replica\"}]}");
	ck_assert_uint_eq(request.gather.item_count, 2);
	item = request.gather.items[1].steps;
	ck_assert_text(item->name, STR("top"));
	ck_assert_text(item->sql, STR("select $1, $2"));
	ck_assert_text(request.gather.items[1].db, STR("replica"));
	ck_assert_text(request.gather.items[1].name, STR("top"));
	ck_assert_int_eq(request.gather.items[1].timeout_ns, 2 * CLOCK_SECOND);
	ck_assert_int_eq(item->timeout_ns, 2 * CLOCK_SECOND);
	ck_assert_int_eq(item->params_kind, REQUEST_PARAMS_POSITIONAL);
	ck_assert_uint_eq(item->param_count, 2);
	ck_assert_ptr_null(item->params[0].name.data);
	ck_assert_text(item->params[0].value->text, STR("2026-11-20"));
	ck_assert_text(item->params[1].value->text, STR("10"));
}
END_TEST

START_TEST(gather_by_name)
{
	parse("{\"gather\":{\"one\":\"select 1\",\"two\":{\"sql\":\"select "
	      "2\",\"name\":\"two\"},\"\":\"\"}}");
	ck_assert(request.gather.by_name);
	ck_assert_uint_eq(request.gather.item_count, 3);
	ck_assert_text(request.gather.items[0].name, STR("one"));
	ck_assert_text(request.gather.items[0].steps->sql, STR("select 1"));
	ck_assert_text(request.gather.items[1].name, STR("two"));
	ck_assert_text(request.gather.items[1].steps->sql, STR("select 2"));
	ck_assert_ptr_nonnull(request.gather.items[2].name.data);
	ck_assert_ptr_nonnull(request.gather.items[2].steps->sql.data);
}
END_TEST

START_TEST(named_parameters)
{
	const struct request_query *item;

	parse("{\"gather\":[{\"sql\":\"x\",\"params\":{\"region\":\"EU\",\"none\":null}}]}");
	item = request.gather.items[0].steps;
	ck_assert_int_eq(item->params_kind, REQUEST_PARAMS_NAMED);
	ck_assert_uint_eq(item->param_count, 2);
	ck_assert_text(item->params[0].name, STR("region"));
	ck_assert_text(item->params[0].value->text, STR("EU"));
	ck_assert_int_eq(item->params[1].value->type, JSON_NULL);
}
END_TEST

START_TEST(empty_parameters_are_none)
{
	static const char *const empty[] = {"[]", "{}", "null"};

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		char line[100];

		snprintf(line, sizeof(line), "{\"gather\":[{\"sql\":\"x\",\"params\":%s}]}",
			 empty[i]);
		parse(line);
		ck_assert_int_eq(request.gather.items[0].steps->params_kind, REQUEST_PARAMS_NONE);
		snprintf(line, sizeof(line), "{\"report\":\"x\",\"params\":%s}", empty[i]);
		parse(line);
		ck_assert_uint_eq(request.report_param_count, 0);
	}
}
END_TEST

START_TEST(report_parameters)
{
	parse("{\"report\":\"daily-sales\",\"params\":{\"day\":\"2026-11-20\"},\"timeout\":60}");
	ck_assert_uint_eq(request.report_param_count, 1);
	ck_assert_text(request.report_params[0].name, STR("day"));
	ck_assert_text(request.report_params[0].value->text, STR("2026-11-20"));
	ck_assert_int_eq(request.options.timeout_ns, 60 * CLOCK_SECOND);
}
END_TEST

/* Objects that only look like references, and what is judged in the item's place. */
START_TEST(left_to_the_item)
{
	const struct request_query *item;

	parse("{\"gather\":[{\"sql\":\"a\\u0000b\",\"params\":[\"\\u0000\",{\"from\":1},{\"json\":{"
	      "\"from\":1,"
	      "\"column\":2}},{\"from\":1,\"column\":2,\"x\":3},[{\"from\":1,\"column\":2}],1."
	      "7e308]},\"\\u0000\"]}");
	item = request.gather.items[0].steps;
	ck_assert(item->sql_has_nul);
	ck_assert_text(item->sql, STR("a\0b"));
	ck_assert_uint_eq(item->param_count, 6);
	ck_assert(item->params[0].value->has_nul);
	ck_assert(request.gather.items[1].steps->sql_has_nul);
	parse("{\"gather\":[\"\"]}");
	ck_assert_text(request.gather.items[0].steps->sql, STR(""));
}
END_TEST

START_TEST(sequences)
{
	const struct request_item *item;

	parse("{\"gather\":[\"a\",{\"name\":\"log\",\"sequence\":[\"b\",{\"sql\":\"c\",\"name\":"
	      "\"label\",\"params\":[1],\"timeout\":2,\"max_rows\":5},{\"name\":\"label\",\"sql\":"
	      "\"d\"}],\"db\":\"other\",\"timeout\":3}]}");
	item = &request.gather.items[1];
	ck_assert_int_eq(item->kind, REQUEST_SEQUENCE);
	ck_assert_text(item->name, STR("log"));
	ck_assert_text(item->db, STR("other"));
	ck_assert_int_eq(item->timeout_ns, 3 * CLOCK_SECOND);
	ck_assert_uint_eq(item->step_count, 3);
	ck_assert_text(item->steps[0].sql, STR("b"));
	ck_assert_ptr_null(item->steps[0].name.data);
	ck_assert_int_eq(item->steps[0].timeout_ns, 0);
	ck_assert_text(item->steps[1].name, STR("label"));
	ck_assert_int_eq(item->steps[1].timeout_ns, 2 * CLOCK_SECOND);
	ck_assert_uint_eq(item->steps[1].max_rows, 5);
	ck_assert_uint_eq(item->steps[1].param_count, 1);
	ck_assert_text(item->steps[2].name, STR("label"));
}
END_TEST

static const struct {
	const char *keys;
	enum request_isolation isolation;
	bool read_only, deferrable;
} transactions[] = {
	{"", REQUEST_ISOLATION_DEFAULT, false, false},
	{",\"isolation\":null,\"read_only\":false", REQUEST_ISOLATION_DEFAULT, false, false},
	{",\"isolation\":\"read committed\"", REQUEST_READ_COMMITTED, false, false},
	{",\"isolation\":\"repeatable read\",\"read_only\":true", REQUEST_REPEATABLE_READ, true,
	 false},
	{",\"isolation\":\"serializable\",\"read_only\":true,\"deferrable\":true",
	 REQUEST_SERIALIZABLE, true, true},
};

START_TEST(transactions_run_as_asked)
{
	const struct request_item *item;
	char line[200];

	snprintf(line, sizeof(line), "{\"gather\":{\"move\":{\"transaction\":[\"a\",\"b\"]%s}}}",
		 transactions[_i].keys);
	item = parse(line)->gather.items;
	ck_assert_int_eq(item->kind, REQUEST_TRANSACTION);
	ck_assert_text(item->name, STR("move"));
	ck_assert_uint_eq(item->step_count, 2);
	ck_assert_int_eq(item->isolation, transactions[_i].isolation);
	ck_assert_int_eq(item->read_only, transactions[_i].read_only);
	ck_assert_int_eq(item->deferrable, transactions[_i].deferrable);
}
END_TEST

START_TEST(row_limits)
{
	parse("{\"gather\":[{\"sql\":\"x\",\"max_rows\":1},{\"sql\":\"x\",\"max_rows\":"
	      "9223372036854775807}]}");
	ck_assert_uint_eq(request.gather.items[0].steps->max_rows, 1);
	ck_assert_uint_eq(request.gather.items[1].steps->max_rows, INT64_MAX);
}
END_TEST

static const char *const snapshots[] = {
	"{\"gather\":[],\"snapshot\":true}",
	"{\"gather\":[\"a\",{\"sql\":\"b\",\"db\":\"one\"},{\"sql\":\"c\",\"db\":\"one\"}],"
	"\"snapshot\":true}",
	"{\"snapshot\":true,\"gather\":{\"a\":\"x\",\"b\":{\"sql\":\"y\",\"db\":\"one\"}},\"db\":"
	"\"one\"}",
	/* nobody uses the request's own */
	"{\"gather\":[{\"sql\":\"x\",\"db\":\"two\"}],\"snapshot\":true,\"db\":\"one\"}",
	"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"sql\":\"y\",\"params\":[{\"from\":\"a\","
	"\"column\":\"c\"}]}],\"snapshot\":true}",
	"{\"report\":\"daily\",\"snapshot\":true}",
};

START_TEST(snapshots_are_asked_for)
{
	ck_assert(parse(snapshots[_i])->options.snapshot);
}
END_TEST

START_TEST(references)
{
	const struct request_reference *reference;
	const struct request_item *items;

	parse("{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":\"b\",\"column\":\"id\",\"row\":2}"
	      ",7,{\"column\":\"c\\u0074\",\"from\":\"b\"}]},\"y\",{\"sql\":\"z\",\"name\":\"b\"}]"
	      "}");
	items = request.gather.items;
	reference = items[0].steps->params[0].reference;
	ck_assert_uint_eq(reference->item, 2);
	ck_assert_text(reference->column, STR("id"));
	ck_assert_int_eq(reference->row, 2);
	ck_assert_ptr_null(items[0].steps->params[1].reference);
	reference = items[0].steps->params[2].reference;
	ck_assert_text(reference->column, STR("ct"));
	ck_assert_int_eq(reference->row, -1);
	ck_assert_uint_eq(items[0].depend_count, 1);
	ck_assert_uint_eq(items[0].depends[0], 2);
	ck_assert_uint_eq(items[1].depend_count, 0);
	ck_assert_uint_eq(items[2].depend_count, 0);
}
END_TEST

/* null is absent here as well */
START_TEST(reference_without_a_row)
{
	parse("{\"gather\":[{\"name\":\"\",\"sql\":\"x\"},{\"sql\":\"y\",\"params\":[{\"from\":"
	      "\"\","
	      "\"column\":\"\",\"row\":null}]}]}");
	ck_assert_int_eq(request.gather.items[1].steps->params[0].reference->row, -1);
	ck_assert_uint_eq(request.gather.items[1].steps->params[0].reference->item, 0);
}
END_TEST

/* Each source once, in the order in which it is met, whatever step it is for. */
START_TEST(references_of_steps)
{
	static const size_t depends[] = {3, 0};
	const struct request_item *items;

	parse("{\"gather\":{\"a\":\"x\","
	      "\"t\":{\"transaction\":[\"y\","
	      "{\"sql\":\"y\",\"params\":{\"p\":{\"from\":\"d\",\"column\":\"i\",\"row\":0},"
	      "\"q\":{\"from\":\"a\",\"column\":\"i\"}}},"
	      "{\"sql\":\"y\",\"params\":[{\"from\":\"d\",\"column\":\"j\"}]}]},"
	      "\"c\":{\"sql\":\"y\",\"params\":[{\"from\":\"a\",\"column\":\"i\"}]},"
	      "\"d\":{\"sql\":\"y\",\"params\":[{\"from\":\"c\",\"column\":\"i\"}]}}}");
	items = request.gather.items;
	ck_assert_uint_eq(items[1].depend_count, 2);
	ck_assert_mem_eq(items[1].depends, depends, sizeof(depends));
	ck_assert_uint_eq(items[1].steps[1].params[0].reference->item, 3);
	ck_assert_uint_eq(items[1].steps[1].params[1].reference->item, 0);
	ck_assert_uint_eq(items[1].steps[2].params[0].reference->item, 3);
	ck_assert_uint_eq(items[2].depends[0], 0);
	ck_assert_uint_eq(items[3].depends[0], 2);
}
END_TEST

static void write_chained(struct buf *line, int index, int source)
{
	buf_printf(line, "%s\"n%d\":{\"sql\":\"\",\"params\":[", index > 0 ? "," : "", index);
	if (source >= 0)
		buf_printf(line, "{\"from\":\"n%d\",\"column\":\"c\"}", source);
	buf_puts(line, "]}");
}

/* As long as a gather can be: neither the stack nor the time is the client's to choose. */
START_TEST(a_long_chain)
{
	struct request_limits limits = {.max_queries = 200000};
	struct buf line;
	struct err err;

	for (int direction = -1; direction <= 1; direction += 2) {
		buf_init(&line, 0, NULL);
		buf_puts(&line, "{\"gather\":{");
		for (int i = 0; i < 200000; i++)
			write_chained(&line, i, i + direction < 200000 ? i + direction : -1);
		buf_puts(&line, "}}");
		ck_assert_int_eq(request_parse(&arena, buf_str(&line), 1, &limits, &request, &err),
				 0);
		ck_assert_uint_eq(request.gather.items[100000].depends[0],
				  (size_t)(100000 + direction));
		buf_free(&line);
		arena_free(&arena);
	}
}
END_TEST

/* Two diamonds a layer: so many ways that none but a linear walk ends. */
START_TEST(many_ways_to_the_same_item)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_puts(&line, "{\"gather\":{\"a0\":\"x\",\"b0\":\"x\"");
	for (int i = 1; i < 300; i++)
		for (char side = 'a'; side <= 'b'; side++)
			buf_printf(&line,
				   ",\"%c%d\":{\"sql\":\"x\",\"params\":["
				   "{\"from\":\"a%d\",\"column\":\"c\"},"
				   "{\"from\":\"b%d\",\"column\":\"c\"}]}",
				   side, i, i - 1, i - 1);
	buf_puts(&line, "}}");
	buf_putc(&line, '\0');
	parse(buf_data(&line));
	ck_assert_uint_eq(request.gather.items[599].depend_count, 2);
	buf_free(&line);
}
END_TEST

START_TEST(many_distinct_names)
{
	struct request_limits limits = {.max_queries = 200000};
	struct buf line;
	struct err err;

	buf_init(&line, 0, NULL);
	buf_puts(&line, "{\"gather\":[");
	for (int i = 0; i < 200000; i++)
		buf_printf(&line, "%s{\"sql\":\"\",\"name\":\"n%d\"}", i > 0 ? "," : "", i);
	buf_puts(&line, "]}");
	ck_assert_int_eq(request_parse(&arena, buf_str(&line), 1, &limits, &request, &err), 0);
	ck_assert_text(request.gather.items[199999].name, STR("n199999"));
	buf_free(&line);
}
END_TEST

/* Pieces of requests in random order: accepted or refused, never anything else. */
START_TEST(random_lines_are_judged_safely)
{
	static const char *const pieces[] = {
		"{",
		"}",
		"[",
		"]",
		",",
		":",
		"\"id\"",
		"\"gather\"",
		"\"sql\"",
		"\"params\"",
		"\"name\"",
		"\"timeout\"",
		"\"cancel\"",
		"null",
		"true",
		"7",
		"\"a\\u0000\"",
		"1e999",
		"\"\xc3\xa4\"",
		" ",
		"\"rows\"",
		"\"objects\"",
		"{\"gather\":[",
		"{\"sql\":\"x\",",
		"\"params\":[",
		"\"from\":",
		"\"column\":",
		"{\"from\":\"a\",\"column\":\"c\"}",
		"\"sequence\":[",
		"{\"transaction\":[",
		"\"isolation\":\"serializable\"",
		"\"max_rows\":3",
		"\"snapshot\":true",
		"\"name\":\"a\",",
	};
	static const struct request_limits limits = {.max_queries = 4};
	uint64_t seed = 5;
	struct buf line;

	buf_init(&line, 0, NULL);
	for (int round = 0; round < 100000; round++) {
		struct request random;
		struct err err;
		int rc;

		buf_reset(&line);
		buf_puts(&line, round % 2 == 0 ? "{\"gather\":" : "{\"id\":");
		for (size_t i = 0, count = random_below(&seed, 12); i < count; i++)
			buf_puts(&line, pieces[random_below(&seed, ARRAY_SIZE(pieces))]);
		rc = request_parse(&arena, buf_str(&line), 1, &limits, &random, &err);
		if (rc < 0) {
			ck_assert(utf8_valid(err.message, strlen(err.message)));
			ck_assert(err.code == ERR_BAD_REQUEST || err.code == ERR_TOO_LARGE);
		}
		assert_valid_json(random.id);
		arena_free(&arena);
	}
	buf_free(&line);
}
END_TEST

/* A random valid item or step, with names that may repeat and references that may go anywhere. */
static void write_random_query(struct buf *line, uint64_t *seed, bool step)
{
	buf_printf(line, "{\"sql\":\"x\",\"params\":[");
	for (size_t i = 0, count = random_below(seed, 3); i < count; i++)
		buf_printf(line, "%s{\"from\":\"%c\",\"column\":\"c\"}", i > 0 ? "," : "",
			   'a' + (int)random_below(seed, 5));
	buf_puts(line, "]");
	if (step && random_below(seed, 8) == 0)
		buf_puts(line, ",\"name\":\"a\"");
	buf_puts(line, "}");
}

static void write_random_gather(struct buf *line, uint64_t *seed, size_t count)
{
	buf_puts(line, "{\"gather\":{");
	for (size_t i = 0; i < count; i++) {
		buf_printf(line, "%s\"%c\":", i > 0 ? "," : "", (int)('a' + i));
		if (random_below(seed, 4) > 0) {
			write_random_query(line, seed, false);
			continue;
		}
		buf_puts(line, "{\"sequence\":[");
		write_random_query(line, seed, true);
		buf_puts(line, ",");
		write_random_query(line, seed, true);
		buf_puts(line, "]}");
	}
	buf_puts(line, "}}");
}

/* Whether each item can run once what it depends on has run: the plain, slow way. */
static bool all_can_run(const struct request_gather *gather)
{
	bool ran[8] = {false}, progress = true;
	size_t count = 0;

	while (progress) {
		progress = false;
		for (size_t i = 0; i < gather->item_count; i++) {
			bool ready = !ran[i];

			for (size_t j = 0; j < gather->items[i].depend_count; j++)
				ready &= ran[gather->items[i].depends[j]];
			if (ready) {
				ran[i] = progress = true;
				count++;
			}
		}
	}
	return count == gather->item_count;
}

static void check_depends(const struct request_gather *gather, size_t index)
{
	const struct request_item *item = &gather->items[index];
	unsigned found = 0, listed = 0;

	for (size_t i = 0; i < item->step_count; i++)
		for (size_t j = 0; j < item->steps[i].param_count; j++) {
			const struct request_param *param = &item->steps[i].params[j];

			ck_assert_ptr_nonnull(param->reference);
			ck_assert_int_eq(gather->items[param->reference->item].kind, REQUEST_QUERY);
			ck_assert_text(gather->items[param->reference->item].name,
				       json_member(param->value, "from")->text);
			found |= 1u << param->reference->item;
		}
	for (size_t i = 0; i < item->depend_count; i++) {
		ck_assert_uint_eq(listed & 1u << item->depends[i], 0);
		listed |= 1u << item->depends[i];
	}
	ck_assert_uint_eq(found, listed);
	ck_assert_uint_eq(listed & 1u << index, 0);
}

/* Whatever refers to whatever: what is accepted can run, and lists what it waits for. */
START_TEST(random_references)
{
	static const struct request_limits limits = {.max_queries = 100};
	size_t accepted = 0, circles = 0;
	uint64_t seed = 7;
	struct buf line;

	buf_init(&line, 0, NULL);
	for (int round = 0; round < 50000; round++) {
		struct request random;
		struct err err;

		buf_reset(&line);
		write_random_gather(&line, &seed, 1 + random_below(&seed, 6));
		if (request_parse(&arena, buf_str(&line), 1, &limits, &random, &err) == 0) {
			accepted++;
			ck_assert(all_can_run(&random.gather));
			for (size_t i = 0; i < random.gather.item_count; i++)
				check_depends(&random.gather, i);
		} else {
			ck_assert_str_eq(err.key, "from");
			circles += strstr(err.message, "wait for each other") != NULL;
		}
		arena_free(&arena);
	}
	buf_free(&line);
	ck_assert_uint_gt(accepted, 1000);
	ck_assert_uint_gt(circles, 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/request");
	TCase *tcase = suite_case(suite, "request", 60);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, ids_are_echoed, 0, ARRAY_SIZE(ids));
	tcase_add_test(tcase, numbers_of_lines);
	tcase_add_test(tcase, longest_id);
	tcase_add_test(tcase, verbs);
	tcase_add_test(tcase, nothing_gathered);
	tcase_add_test(tcase, defaults);
	tcase_add_test(tcase, null_options_are_absent);
	tcase_add_test(tcase, all_options);
	tcase_add_loop_test(tcase, timeouts_are_nanoseconds, 0, ARRAY_SIZE(timeouts));
	tcase_add_test(tcase, query_objects);
	tcase_add_test(tcase, gather_by_name);
	tcase_add_test(tcase, named_parameters);
	tcase_add_test(tcase, empty_parameters_are_none);
	tcase_add_test(tcase, report_parameters);
	tcase_add_test(tcase, left_to_the_item);
	tcase_add_test(tcase, sequences);
	tcase_add_loop_test(tcase, transactions_run_as_asked, 0, ARRAY_SIZE(transactions));
	tcase_add_test(tcase, row_limits);
	tcase_add_loop_test(tcase, snapshots_are_asked_for, 0, ARRAY_SIZE(snapshots));
	tcase_add_test(tcase, references);
	tcase_add_test(tcase, reference_without_a_row);
	tcase_add_test(tcase, references_of_steps);
	tcase_add_test(tcase, a_long_chain);
	tcase_add_test(tcase, many_ways_to_the_same_item);
	tcase_add_test(tcase, many_distinct_names);
	tcase_add_test(tcase, random_lines_are_judged_safely);
	tcase_add_test(tcase, random_references);
	return suite_run(suite);
}
