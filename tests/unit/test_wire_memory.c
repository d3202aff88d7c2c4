/* SPDX-License-Identifier: PostgreSQL */
/* Every allocation fails once: the caller is told, nothing leaks, nothing half-made looks whole. */
#include "base/budget.h"
#include "base/mem.h"
#include "unit/mem_failure.h"
#include "unit/wire.h"
#include "wire/reply.h"
#include "wire/request.h"

#include <errno.h>

/*
 * Runs `attempt` with the nth allocation and all after it failing, for every n, until it needs no
 * more. The budget tells of what is charged and never given back.
 */
static void fail_everywhere(void (*attempt)(struct arena *arena, bool *ret_failed))
{
	bool failed = true;
	int n;

	for (n = 0; failed; n++) {
		struct mem_failure failure = {.countdown = n, .more = INT_MAX};
		struct budget budget;
		struct arena arena;

		budget_init(&budget, 0, NULL);
		arena_init(&arena, 0, &budget);
		mem_set_fail_hook(mem_failure_hook, &failure);
		attempt(&arena, &failed);
		mem_set_fail_hook(NULL, NULL);
		ck_assert_int_eq(failed, failure.failed > 0);
		arena_free(&arena);
		ck_assert_uint_eq(budget.used_bytes, 0);
		ck_assert_uint_eq(mem_live_blocks(), 0);
		ck_assert_int_lt(n, 10000);
	}
	ck_assert_int_gt(n, 2);
}

/* Big enough for several blocks of the arena, a growing stack and a set of keys. */
static struct str big_request(void)
{
	static char line[60000];
	size_t len = (size_t)sprintf(line, "{\"id\":\"an \\u0069d\",\"gather\":[");

	for (int i = 0; i < 200; i++)
		len += (size_t)sprintf(
			line + len,
			"%s{\"sql\":\"select\\n%d\",\"name\":\"n%d\",\"params\":[1,[2,3],null]}",
			i > 0 ? "," : "", i, i);
	len += (size_t)sprintf(line + len, ",{\"sql\":\"x\",\"params\":{");
	for (int i = 0; i < 30; i++)
		len += (size_t)sprintf(line + len, "%s\"p%d\":%d", i > 0 ? "," : "", i, i);
	len += (size_t)sprintf(line + len, "}}");
	for (int i = 0; i < 50; i++)
		len += (size_t)sprintf(line + len,
				       ",{\"name\":\"s%d\",\"transaction\":[\"y\",{\"sql\":\"z\","
				       "\"params\":[{\"from\":\"n%d\",\"column\":\"c\"},"
				       "{\"from\":\"n0\",\"column\":\"c\",\"row\":0}]}]}",
				       i, i);
	len += (size_t)sprintf(line + len, "]}");
	return (struct str){line, len};
}

static void parse_json(struct arena *arena, bool *ret_failed)
{
	struct json value = {.count = 77};
	struct json_error error;
	int rc = json_parse(arena, big_request(), &value, &error);

	*ret_failed = rc < 0;
	if (rc < 0) {
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_uint_eq(value.count, 77);
	}
}

START_TEST(json)
{
	fail_everywhere(parse_json);
}
END_TEST

static void parse_request(struct arena *arena, bool *ret_failed)
{
	static const struct request_limits limits = {.max_queries = 1000};
	struct request request;
	struct err err;
	int rc = request_parse(arena, big_request(), 123, &limits, &request, &err);

	*ret_failed = rc < 0;
	if (rc == 0) {
		ck_assert_uint_eq(request.gather.item_count, 251);
		return;
	}
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_eq(err.code, ERR_INTERNAL);
	ck_assert_ptr_nonnull(err.message);
	ck_assert_int_eq(request.verb, REQUEST_NONE);
	ck_assert_ptr_null(request.gather.items);
	ck_assert(str_is(request.id, "123") || str_is(request.id, "\"an id\""));
}

START_TEST(requests)
{
	fail_everywhere(parse_request);
}
END_TEST

/* Refused where the item is read, where references are resolved, and where they go in a circle. */
static const char *const wrong[] = {
	"{\"id\":7,\"gather\":{\"it\\u0065m\":{\"sql\":\"x\",\"bogus\":1}}}",
	"{\"id\":7,\"gather\":{\"a\":{\"sequence\":[\"x\",{\"sql\":\"y\",\"db\":\"z\"}]}}}",
	"{\"id\":7,\"gather\":{\"a\":{\"sql\":\"x\",\"params\":[{\"from\":\"b\",\"column\":\"c\"}]}"
	"}}",
	"{\"id\":7,\"gather\":{\"a\":{\"sql\":\"x\",\"params\":[{\"from\":\"b\",\"column\":\"c\"}]}"
	","
	"\"b\":{\"sql\":\"x\",\"params\":{\"p\":{\"from\":\"a\",\"column\":\"c\"}}}}}",
	"{\"id\":7,\"snapshot\":true,\"gather\":{\"a\":{\"sequence\":[\"x\"]}}}",
};

/* What is wrong with a request may go unsaid without memory, but not that it is wrong. */
static void parse_refused(struct arena *arena, const char *line)
{
	static const struct request_limits limits = {.max_queries = 1000};
	struct request request;
	struct err err;
	int rc = request_parse(arena, str_from(line), 5, &limits, &request, &err);

	ck_assert(rc == -ENOMEM || rc == -EINVAL);
	ck_assert(err.code == (rc == -ENOMEM ? ERR_INTERNAL : ERR_BAD_REQUEST));
	ck_assert_ptr_nonnull(err.message);
	ck_assert(str_is(request.id, "7") || (rc == -ENOMEM && str_is(request.id, "5")));
	arena_free(arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

START_TEST(refusals)
{
	struct arena arena;

	for (int n = 0; n < 30; n++) {
		struct mem_failure failure = {.countdown = n, .more = INT_MAX};

		arena_init(&arena, 0, NULL);
		mem_set_fail_hook(mem_failure_hook, &failure);
		parse_refused(&arena, wrong[_i]);
		mem_set_fail_hook(NULL, NULL);
	}
	/* an arena that is full at any point, also while the message is made */
	for (size_t max_bytes = 16; max_bytes < 12000; max_bytes += 16) {
		arena_init(&arena, max_bytes, NULL);
		parse_refused(&arena, wrong[_i]);
	}
}
END_TEST

static void make_shape(struct arena *arena, bool *ret_failed)
{
	struct reply_column columns[300];
	struct reply_shape shape = {.column_count = 77};
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		columns[i] =
			(struct reply_column){STR("a name that repeats"), value_type_builtin(20)};
	rc = reply_shape_make(arena, (struct reply_style){.row_objects = true}, columns,
			      ARRAY_SIZE(columns), &shape);
	*ret_failed = rc < 0;
	if (rc < 0) {
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_uint_eq(shape.column_count, 77);
	}
}

START_TEST(shapes)
{
	fail_everywhere(make_shape);
}
END_TEST

static void write_values(struct arena *arena, bool *ret_failed)
{
	struct buf out;
	size_t whole;

	buf_init(&out, 0, arena->budget);
	value_write_json(&out, value_type_builtin(1009), STR("{\"a\\\\b\",\"c\\\"d\",{NULL}}"));
	value_write_json(&out, value_type_builtin(3807), STR("{\"{\\\"a\\\": 1}\",NULL}"));
	value_write_json(&out, value_type_builtin(3807), STR("{\"{\\\"a\\\": 1}\",NULL"));
	for (int i = 0; i < 100; i++)
		value_write_json(&out, value_type_builtin(114), STR("[\n1,\n\"\xff\"]"));
	*ret_failed = buf_error(&out) != 0;
	whole = buf_len(&out);
	ck_assert(*ret_failed || whole > 1000);
	if (*ret_failed)
		ck_assert_int_eq(buf_error(&out), -ENOMEM);
	buf_free(&out);
}

START_TEST(values_written)
{
	fail_everywhere(write_values);
}
END_TEST

static void write_params(struct arena *arena, bool *ret_failed)
{
	static const char *const texts[] = {"[[\"a\",\"b\"],[null,\"d\\\"e\"]]", "[]", "\"text\"",
					    "{\"a\":[1]}"};
	struct json values[ARRAY_SIZE(texts)];
	struct json_error error;

	*ret_failed = true;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *untouched = "untouched", *text = untouched;
		int rc = json_parse(arena, str_from(texts[i]), &values[i], &error);

		if (rc == 0 && values[i].type == JSON_ARRAY)
			rc = value_array_text(arena, &values[i], ',', false, &text);
		else if (rc == 0)
			rc = value_param_text(arena, &values[i], &text);
		ck_assert(rc == 0 || rc == -ENOMEM);
		ck_assert((text == untouched) == (rc < 0));
		if (rc < 0)
			return;
	}
	*ret_failed = false;
}

START_TEST(parameters)
{
	fail_everywhere(write_params);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/memory");
	TCase *tcase = suite_case(suite, "memory", 60);

	tcase_add_test(tcase, json);
	tcase_add_test(tcase, requests);
	tcase_add_loop_test(tcase, refusals, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tcase, shapes);
	tcase_add_test(tcase, values_written);
	tcase_add_test(tcase, parameters);
	return suite_run(suite);
}
