/* SPDX-License-Identifier: PostgreSQL */
/* Requests as they are built, and the lines that they become. */
#include "base/mem.h"
#include "client/request.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

static struct gather_request *request;
static struct buf line;

static void set_up(void)
{
	request = gather_request_new();
	buf_init(&line, 0, NULL);
}

static void tear_down(void)
{
	gather_request_free(request);
	buf_free(&line);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static void check_line(const char *expected)
{
	ck_assert_int_eq(request_write(request, 7, &line), 0);
	ck_assert_str_eq(buf_cstr(&line), expected);
}

START_TEST(plain_queries)
{
	gather_request_add(request, NULL, "select 1");
	gather_request_add(request, NULL, "select '\"\n\xc3\xa4'");
	check_line("{\"id\":7,\"gather\":[\"select 1\",\"select '\\\"\\n\xc3\xa4'\"]}\n");
}
END_TEST

START_TEST(all_that_a_query_can_have)
{
	gather_request_add(request, "a", "select $1");
	gather_request_param_text(request, NULL, "x\ny");
	gather_request_param_int64(request, NULL, INT64_MIN);
	gather_request_param_bool(request, NULL, true);
	gather_request_param_null(request, NULL);
	gather_request_query_db(request, "other");
	gather_request_query_timeout(request, 1500);
	check_line(
		"{\"id\":7,\"gather\":[{\"sql\":\"select $1\",\"name\":\"a\",\"params\":[\"x\\ny\","
		"-9223372036854775808,true,null],\"db\":\"other\",\"timeout\":1.5}]}\n");
}
END_TEST

START_TEST(sequence_and_transaction)
{
	gather_request_sequence(request, "s");
	gather_request_query_db(request, "other");
	gather_request_query_timeout(request, 1500);
	gather_request_step(request, NULL, "a");
	gather_request_step(request, "label", "b $1");
	gather_request_param_int64(request, NULL, 1);
	gather_request_query_timeout(request, 500);
	gather_request_query_max_rows(request, 7);
	gather_request_transaction(request, NULL);
	gather_request_transaction_modes(request, GATHER_ISOLATION_SERIALIZABLE, true, true);
	gather_request_step(request, NULL, "c");
	gather_request_add(request, NULL, "d");
	gather_request_transaction(request, NULL);
	gather_request_step(request, NULL, "e");
	check_line(
		"{\"id\":7,\"gather\":[{\"sequence\":[\"a\",{\"sql\":\"b $1\",\"name\":\"label\","
		"\"params\":[1],\"timeout\":0.5,\"max_rows\":7}],\"name\":\"s\",\"db\":\"other\","
		"\"timeout\":1.5},{\"transaction\":[\"c\"],\"isolation\":\"serializable\","
		"\"read_only\":true,\"deferrable\":true},\"d\",{\"transaction\":[\"e\"]}]}\n");
}
END_TEST

static const struct {
	enum gather_isolation isolation;
	const char *json;
} isolations[] = {
	{GATHER_ISOLATION_DEFAULT, ""},
	{GATHER_ISOLATION_READ_COMMITTED, ",\"isolation\":\"read committed\""},
	{GATHER_ISOLATION_REPEATABLE_READ, ",\"isolation\":\"repeatable read\""},
	{GATHER_ISOLATION_SERIALIZABLE, ",\"isolation\":\"serializable\""},
};

START_TEST(isolation)
{
	char expected[128];

	gather_request_transaction(request, NULL);
	gather_request_transaction_modes(request, isolations[_i].isolation, false, false);
	gather_request_step(request, NULL, "s");
	snprintf(expected, sizeof(expected),
		 "{\"id\":7,\"gather\":[{\"transaction\":[\"s\"]%s}]}\n", isolations[_i].json);
	check_line(expected);
}
END_TEST

START_TEST(references)
{
	gather_request_add(request, "a", "select 1 as x");
	gather_request_add(request, NULL, "select $1, $2, $3");
	gather_request_param_reference(request, NULL, "a", "x \"y\"", 0);
	gather_request_param_reference(request, NULL, "a", "x", INT64_MAX);
	gather_request_param_reference(request, NULL, "a", "x", GATHER_WHOLE_COLUMN);
	gather_request_add(request, NULL, "select :n");
	gather_request_param_reference(request, "n", "a", "x", 2);
	check_line("{\"id\":7,\"gather\":[{\"sql\":\"select 1 as x\",\"name\":\"a\"},"
		   "{\"sql\":\"select $1, $2, $3\",\"params\":["
		   "{\"from\":\"a\",\"column\":\"x \\\"y\\\"\",\"row\":0},"
		   "{\"from\":\"a\",\"column\":\"x\",\"row\":9223372036854775807},"
		   "{\"from\":\"a\",\"column\":\"x\"}]},"
		   "{\"sql\":\"select "
		   ":n\",\"params\":{\"n\":{\"from\":\"a\",\"column\":\"x\",\"row\":2}}}"
		   "]}\n");
}
END_TEST

START_TEST(options)
{
	gather_request_add(request, NULL, "select 1");
	gather_request_set_db(request, "main");
	gather_request_set_timeout(request, 2000);
	gather_request_set_cancel_on_error(request, true);
	gather_request_set_concurrency(request, 3);
	gather_request_set_values_text(request, true);
	gather_request_set_snapshot(request, true);
	gather_request_set_stream(request, true);
	check_line("{\"id\":7,\"gather\":[\"select "
		   "1\"],\"db\":\"main\",\"timeout\":2.0,\"on_error\":\"cancel\",\"snapshot\":true,"
		   "\"stream\":true,\"values\":\"text\",\"concurrency\":3}\n");
}
END_TEST

START_TEST(options_can_be_taken_back)
{
	gather_request_add(request, NULL, "select 1");
	gather_request_set_db(request, "main");
	gather_request_set_db(request, NULL);
	gather_request_set_timeout(request, 2000);
	gather_request_set_timeout(request, 0);
	check_line("{\"id\":7,\"gather\":[\"select 1\"]}\n");
}
END_TEST

START_TEST(longest_timeout)
{
	gather_request_add(request, NULL, "select 1");
	gather_request_set_timeout(request, INT64_MAX);
	check_line("{\"id\":7,\"gather\":[\"select 1\"],\"timeout\":9223372036.854775807}\n");
}
END_TEST

START_TEST(report)
{
	gather_request_report(request, "daily");
	gather_request_param_text(request, "day", "today");
	gather_request_param_double(request, "x", 0.1);
	check_line("{\"id\":7,\"report\":\"daily\",\"params\":{\"day\":\"today\",\"x\":0.1}}\n");
}
END_TEST

static const struct {
	double value;
	const char *json;
} doubles[] = {
	{0, "0"},
	{0.1, "0.1"},
	{1.0 / 3, "0.3333333333333333"},
	{-2.5, "-2.5"},
	{1e300, "1e+300"},
	{5e-324, "4.94065645841247e-324"},
	{1.7976931348623157e308, "1.7976931348623157e+308"},
	{(double)NAN, "\"NaN\""},
	{-(double)INFINITY, "\"-Infinity\""},
};

START_TEST(double_param)
{
	char expected[128];

	gather_request_add(request, NULL, "s");
	gather_request_param_double(request, NULL, doubles[_i].value);
	snprintf(expected, sizeof(expected),
		 "{\"id\":7,\"gather\":[{\"sql\":\"s\",\"params\":[%s]}]}\n", doubles[_i].json);
	check_line(expected);
}
END_TEST

static const struct {
	const char *json, *sent; /* sent NULL: refused */
} jsons[] = {
	{"[1, 2]", "[1,2]"},
	{"\n{\"a\" :\n1}", "{\"a\":1}"},
	{"1.50", "1.50"},
	{"{\"from\":1,\"column\":2}", "{\"json\":{\"from\":1,\"column\":2}}"},
	{"{\"from\":1,\"column\":2,\"row\":3}", "{\"json\":{\"from\":1,\"column\":2,\"row\":3}}"},
	{"{\"from\":1,\"column\":2,\"x\":3}", "{\"from\":1,\"column\":2,\"x\":3}"},
	{"{\"json\":1}", "{\"json\":{\"json\":1}}"},
	{"{\"json\":1,\"x\":2}", "{\"json\":1,\"x\":2}"},
	{"{\"a\":1", NULL},
	{"", NULL},
};

START_TEST(json_param)
{
	char expected[128];
	int rc;

	gather_request_add(request, NULL, "s");
	rc = gather_request_param_json(request, NULL, jsons[_i].json);
	ck_assert_int_eq(rc, jsons[_i].sent != NULL ? 0 : GATHER_INVALID);
	if (rc < 0)
		return;
	snprintf(expected, sizeof(expected),
		 "{\"id\":7,\"gather\":[{\"sql\":\"s\",\"params\":[%s]}]}\n", jsons[_i].sent);
	check_line(expected);
}
END_TEST

/* The first failure sticks, and nothing is sent. */
static void check_refused(void)
{
	gather_request_add(request, NULL, "select 1");
	ck_assert_int_eq(request_write(request, 1, &line), GATHER_INVALID);
	ck_assert_uint_eq(buf_len(&line), 0);
}

START_TEST(nothing_to_run)
{
	ck_assert_int_eq(request_write(request, 1, &line), GATHER_INVALID);
}
END_TEST

START_TEST(both_kinds_of_params)
{
	gather_request_add(request, NULL, "s");
	ck_assert_int_eq(gather_request_param_null(request, NULL), 0);
	ck_assert_int_eq(gather_request_param_null(request, "a"), GATHER_INVALID);
	check_refused();
}
END_TEST

START_TEST(param_before_a_query)
{
	ck_assert_int_eq(gather_request_param_null(request, NULL), GATHER_INVALID);
	check_refused();
}
END_TEST

START_TEST(report_param_without_a_name)
{
	gather_request_report(request, "r");
	ck_assert_int_eq(gather_request_param_null(request, NULL), GATHER_INVALID);
}
END_TEST

START_TEST(report_and_query)
{
	gather_request_report(request, "r");
	ck_assert_int_eq(gather_request_add(request, NULL, "s"), GATHER_INVALID);
}
END_TEST

/* What belongs nowhere: each of these is wrong after `before`. */
enum misplaced {
	STEP,
	STEP_PARAM,
	STEP_DB,
	MODES,
	WRONG_MODES,
	MAX_ROWS,
	NEGATIVE_MAX_ROWS,
	REFERENCE_TO_NOTHING,
	REFERENCE_BEFORE_THE_FIRST_ROW
};

static int misplace(enum misplaced what)
{
	switch (what) {
	case STEP:
		return gather_request_step(request, NULL, "s");
	case STEP_PARAM:
		return gather_request_param_null(request, NULL);
	case STEP_DB:
		return gather_request_query_db(request, "x");
	case MODES:
		return gather_request_transaction_modes(request, GATHER_ISOLATION_DEFAULT, true,
							false);
	case WRONG_MODES:
		return gather_request_transaction_modes(request, (enum gather_isolation)4, false,
							false);
	case MAX_ROWS:
		return gather_request_query_max_rows(request, 1);
	case NEGATIVE_MAX_ROWS:
		return gather_request_query_max_rows(request, -1);
	case REFERENCE_TO_NOTHING:
		return gather_request_param_reference(request, NULL, NULL, "x", 0);
	case REFERENCE_BEFORE_THE_FIRST_ROW:
		return gather_request_param_reference(request, NULL, "a", "x", -2);
	}
	return 0;
}

static const struct {
	const char *before; /* Query, Sequence, Transaction, report; a step of its own: s */
	enum misplaced what;
} misplacements[] = {
	{"", STEP},
	{"Q", STEP},
	{"SsQ", STEP},
	{"r", STEP},
	{"S", STEP_PARAM},
	{"T", STEP_PARAM},
	{"", STEP_DB},
	{"Ss", STEP_DB},
	{"r", STEP_DB},
	{"", MODES},
	{"Q", MODES},
	{"Ss", MODES},
	{"Ts", MODES},
	{"T", WRONG_MODES},
	{"", MAX_ROWS},
	{"S", MAX_ROWS},
	{"r", MAX_ROWS},
	{"Q", NEGATIVE_MAX_ROWS},
	{"Q", REFERENCE_TO_NOTHING},
	{"Q", REFERENCE_BEFORE_THE_FIRST_ROW},
};

START_TEST(misplaced)
{
	for (const char *at = misplacements[_i].before; *at != '\0'; at++) {
		if (*at == 'Q')
			gather_request_add(request, NULL, "q");
		else if (*at == 'S')
			gather_request_sequence(request, NULL);
		else if (*at == 'T')
			gather_request_transaction(request, NULL);
		else if (*at == 'r')
			gather_request_report(request, "r");
		else
			gather_request_step(request, NULL, "s");
	}
	ck_assert_int_eq(request->status, 0);
	ck_assert_int_eq(misplace(misplacements[_i].what), GATHER_INVALID);
	ck_assert_int_eq(request_write(request, 1, &line), GATHER_INVALID);
}
END_TEST

START_TEST(item_without_steps)
{
	gather_request_sequence(request, NULL);
	gather_request_add(request, NULL, "select 1");
	ck_assert_int_eq(request_write(request, 1, &line), GATHER_INVALID);
	ck_assert_uint_eq(buf_len(&line), 0);
}
END_TEST

/* SQL that would have to be changed to be sent is not sent. */
START_TEST(text_that_is_no_utf8)
{
	ck_assert_int_eq(gather_request_add(request, NULL, "select '\xff'"), GATHER_INVALID);
	check_refused();
}
END_TEST

START_TEST(param_that_is_no_utf8)
{
	gather_request_add(request, NULL, "s");
	ck_assert_int_eq(gather_request_param_text(request, NULL, "\xc3"), GATHER_INVALID);
	check_refused();
}
END_TEST

START_TEST(locale_with_a_comma)
{
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL &&
	    setlocale(LC_NUMERIC, "fr_FR.UTF-8") == NULL)
		return; /* the C locale's cases are above */
	gather_request_add(request, NULL, "s");
	gather_request_param_double(request, NULL, 1.5);
	gather_request_set_timeout(request, 1500);
	check_line("{\"id\":7,\"gather\":[{\"sql\":\"s\",\"params\":[1.5]}],\"timeout\":1.5}\n");
}
END_TEST

static int build_all(void)
{
	struct gather_request *built = gather_request_new();
	int rc = GATHER_NO_MEMORY;

	if (built == NULL)
		return rc;
	for (int i = 0; i < 20; i++) {
		gather_request_add(built, "name", "select $1");
		gather_request_param_text(built, NULL, "text");
		gather_request_param_json(built, NULL, "{\"a\":[1]}");
		gather_request_param_reference(built, NULL, "name", "column", i);
	}
	gather_request_transaction(built, "name");
	gather_request_step(built, "name", "select 1");
	rc = request_write(built, 1, &line);
	gather_request_free(built);
	return rc;
}

/* A request that lacks a piece is never written. */
START_TEST(every_allocation_fails_once)
{
	struct buf whole;
	int rc = GATHER_NO_MEMORY;

	ck_assert_int_eq(build_all(), 0);
	buf_init(&whole, 0, NULL);
	buf_append_str(&whole, buf_str(&line));
	for (int n = 0; rc == GATHER_NO_MEMORY; n++) {
		struct mem_failure failure = {.countdown = n};

		ck_assert_int_lt(n, 1000);
		buf_free(&line);
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = build_all();
		mem_set_fail_hook(NULL, NULL);
		if (rc < 0)
			ck_assert_uint_eq(buf_len(&line), 0);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert(str_equal(buf_str(&line), buf_str(&whole)));
	buf_free(&whole);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_request");
	TCase *tcase = suite_case(suite, "builder", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, plain_queries);
	tcase_add_test(tcase, all_that_a_query_can_have);
	tcase_add_test(tcase, sequence_and_transaction);
	tcase_add_loop_test(tcase, isolation, 0, ARRAY_SIZE(isolations));
	tcase_add_test(tcase, references);
	tcase_add_test(tcase, options);
	tcase_add_test(tcase, options_can_be_taken_back);
	tcase_add_test(tcase, longest_timeout);
	tcase_add_test(tcase, report);
	tcase_add_loop_test(tcase, double_param, 0, ARRAY_SIZE(doubles));
	tcase_add_loop_test(tcase, json_param, 0, ARRAY_SIZE(jsons));
	tcase_add_test(tcase, nothing_to_run);
	tcase_add_test(tcase, both_kinds_of_params);
	tcase_add_test(tcase, param_before_a_query);
	tcase_add_test(tcase, report_param_without_a_name);
	tcase_add_test(tcase, report_and_query);
	tcase_add_loop_test(tcase, misplaced, 0, ARRAY_SIZE(misplacements));
	tcase_add_test(tcase, item_without_steps);
	tcase_add_test(tcase, text_that_is_no_utf8);
	tcase_add_test(tcase, param_that_is_no_utf8);
	tcase_add_test(tcase, locale_with_a_comma);
	tcase_add_test(tcase, every_allocation_fails_once);
	return suite_run(suite);
}
