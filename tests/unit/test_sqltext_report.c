/* SPDX-License-Identifier: PostgreSQL */
/* Report files: what is read of them, every mistake with its line, and what a query then reads. */
#include "base/mem.h"
#include "sqltext/params.h"
#include "sqltext/report.h"
#include "unit/mem_failure.h"
#include "unit/sqltext.h"
#include "unit/suite.h"

#include <errno.h>

#define TEXT_BYTES 4096

static struct arena arena;
static char mistakes[TEXT_BYTES];

static void set_up(void)
{
	arena_init(&arena, 0, NULL);
	mistakes[0] = '\0';
}

static void tear_down(void)
{
	mem_set_fail_hook(NULL, NULL);
	arena_free(&arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static void note(void *arg, unsigned line, const char *text)
{
	size_t len = strlen(mistakes);

	(void)arg;
	snprintf(mistakes + len, sizeof(mistakes) - len, "%s%u: %s", len > 0 ? "\n" : "", line,
		 text);
}

static int parse(const char *text, struct report *ret_report)
{
	return report_parse(&arena, STR("daily-sales"), str_from(text), ret_report, note, NULL);
}

static void assert_str(struct str text, const char *wanted)
{
	ck_assert_msg(str_is(text, wanted), "\"%.*s\", not \"%s\"", (int)text.len, text.data,
		      wanted);
}

static const char whole[] = "-- report: daily-sales\n"
			    "-- title: Daily sales\n"
			    "-- param: day date = current_date\n"
			    "-- param: region text\n"
			    "-- snapshot: yes\n"
			    "-- Made for the shop; see :day.\n"
			    "\n"
			    "-- name: revenue\n"
			    "-- title: Revenue by region\n"
			    "select region, sum(amount) from orders where day = :day group by 1;\n"
			    "\n"
			    "-- name: top_products\n"
			    "/* the best */\n"
			    "select * from products\n"
			    "where region = :region and day = :day\n"
			    "limit 10;\n";

START_TEST(reads_a_whole_file)
{
	struct report report;

	ck_assert_int_eq(parse(whole, &report), 0);
	ck_assert_str_eq(mistakes, "");
	assert_str(report.name, "daily-sales");
	assert_str(report.title, "Daily sales");
	ck_assert(report.snapshot);
	ck_assert_uint_eq(report.param_count, 2);
	assert_str(report.params[0].name, "day");
	assert_str(report.params[0].type, "date");
	assert_str(report.params[0].default_expression, "current_date");
	assert_str(report.params[1].name, "region");
	assert_str(report.params[1].type, "text");
	ck_assert_ptr_null(report.params[1].default_expression.data);
	ck_assert_uint_eq(report.query_count, 2);
	assert_str(report.queries[0].name, "revenue");
	assert_str(report.queries[0].title, "Revenue by region");
	assert_str(report.queries[0].sql,
		   "select region, sum(amount) from orders where day = :day group by 1");
	ck_assert_uint_eq(report.queries[0].line, 10);
	assert_str(report.queries[1].name, "top_products");
	ck_assert_ptr_null(report.queries[1].title.data);
	ck_assert_uint_eq(report.queries[1].line, 14);
	ck_assert_uint_eq(report_find_param(&report, STR("region")), 1);
	ck_assert_uint_eq(report_find_param(&report, STR("Region")), 2);
}
END_TEST

START_TEST(a_query_is_enough)
{
	struct report report;

	ck_assert_int_eq(parse("-- name: a\nselect 1", &report), 0);
	assert_str(report.name, "daily-sales");
	ck_assert_ptr_null(report.title.data);
	ck_assert(!report.snapshot);
	ck_assert_uint_eq(report.param_count, 0);
	ck_assert_uint_eq(report.query_count, 1);
}
END_TEST

START_TEST(takes_a_byte_order_mark_and_crlf)
{
	struct report report;

	ck_assert_int_eq(
		parse("\xef\xbb\xbf-- title: T\r\n-- snapshot: no\r\n-- name: a\r\nselect 1;\r\n",
		      &report),
		0);
	assert_str(report.title, "T");
	assert_str(report.queries[0].sql, "select 1");
	ck_assert_uint_eq(report.queries[0].line, 4);
}
END_TEST

START_TEST(a_title_may_stand_before_a_later_name)
{
	struct report report;

	ck_assert_int_eq(
		parse("-- name: a\nselect 1;\n-- title: B\n-- name: b\nselect 2;", &report), 0);
	ck_assert_ptr_null(report.title.data);
	assert_str(report.queries[1].title, "B");
}
END_TEST

START_TEST(comments_that_look_like_directives_are_comments)
{
	struct report report;

	ck_assert_int_eq(parse("-- Note: x\n-- author: y\n/* -- param: z */\n-- name: a\nselect "
			       "'\n-- name: b\n',\n"
			       " 1 -- name: c\n;",
			       &report),
			 0);
	ck_assert_str_eq(mistakes, "");
	ck_assert_uint_eq(report.query_count, 1);
	ck_assert_uint_eq(report.param_count, 0);
}
END_TEST

static const struct {
	const char *line, *type, *expression;
} params[] = {
	{"p date", "date", NULL},
	{"p date = current_date", "date", "current_date"},
	{"p date=current_date-1", "date", "current_date-1"},
	{"p int =-1", "int", "-1"},
	{"p timestamp with time zone = now() - interval '1 day'", "timestamp with time zone",
	 "now() - interval '1 day'"},
	{"p numeric(10,2)", "numeric(10,2)", NULL},
	{"p numeric(10, 2) = 1.5", "numeric(10, 2)", "1.5"},
	{"p text[] = '{}'", "text[]", "'{}'"},
	{"p int[3][] = array[1, 2]", "int[3][]", "array[1, 2]"},
	{"p shop.\"Odd = Type\" = 'a'", "shop.\"Odd = Type\"", "'a'"},
	{"p interval day to second(3)", "interval day to second(3)", NULL},
	{"p bool = (select a = b from t)", "bool", "(select a = b from t)"},
	{"p text = 'it''s; -- fine :x $1'", "text", "'it''s; -- fine :x $1'"},
	{"p date = '2026-01-01'::date -- the first", "date", "'2026-01-01'::date"},
	{"p date = /* x */ now() /* y */", "date", "now()"},
	{"p int = x[1:n]", "int", "x[1:n]"},
	{"_P1 text", "text", NULL},
};

START_TEST(reads_params)
{
	char text[256];
	struct report report;

	snprintf(text, sizeof(text), "-- param: %s\n-- name: a\nselect 1", params[_i].line);
	ck_assert_msg(parse(text, &report) == 0, "%s", mistakes);
	ck_assert_uint_eq(report.param_count, 1);
	assert_str(report.params[0].type, params[_i].type);
	if (params[_i].expression == NULL)
		ck_assert_ptr_null(report.params[0].default_expression.data);
	else
		assert_str(report.params[0].default_expression, params[_i].expression);
}
END_TEST

#define NOT_A_NAME "a parameter's name is made of letters, digits and _, no digit first"
#define NO_TYPE	   "a parameter needs a type after its name"
#define NOT_A_TYPE "the parameter's type is not one"
#define NOT_ONE	   "the parameter's default is not one expression"
#define NOT_CLOSED "a quote or comment in the parameter's default is not closed"
#define QUERY	   "\n-- name: q\nselect 1;"
#define NAME_RULE  " is no query's name: ASCII letters, digits, _ . and -, a letter or _ first"
#define AFTER(key) "\"-- " key ":\" belongs before the first query"

static const struct {
	const char *text, *mistakes;
} wrong[] = {
	/* nothing */
	{"", "1: no query in it"},
	{"-- report: daily-sales\n-- title: x\n", "1: no query in it"},
	/* bytes */
	{"-- name: a\nselect '\xff';\n-- \xc3\nx", "2: not valid UTF-8\n3: not valid UTF-8"},
	/* report and title */
	{"-- report: other" QUERY, "1: the report is called \"other\", its file \"daily-sales\""},
	{"-- report: daily-sales\n-- report: daily-sales" QUERY,
	 "2: \"-- report:\" again, first on line 1"},
	{"-- report:" QUERY, "1: nothing after \"-- report:\""},
	{"-- title: a\n-- title: b" QUERY, "2: \"-- title:\" again, first on line 1"},
	{"-- title:  " QUERY, "1: nothing after \"-- title:\""},
	{"-- name: a\n-- title: x\n-- title: y\nselect 1",
	 "3: \"-- title:\" again, first on line 2"},
	/* snapshot */
	{"-- snapshot: true" QUERY, "1: snapshot is yes or no, not \"true\""},
	{"-- snapshot:" QUERY, "1: nothing after \"-- snapshot:\""},
	{"-- snapshot: yes\n-- snapshot: yes" QUERY, "2: \"-- snapshot:\" again, first on line 1"},
	/* params */
	{"-- param:" QUERY, "1: " NOT_A_NAME},
	{"-- param: 1a int" QUERY, "1: " NOT_A_NAME},
	{"-- param: :a int" QUERY, "1: " NOT_A_NAME},
	{"-- param: \"a\" int" QUERY, "1: " NOT_A_NAME},
	{"-- param: a$b int" QUERY, "1: " NOT_A_NAME},
	{"-- param: a" QUERY, "1: " NO_TYPE},
	{"-- param: a = 1" QUERY, "1: " NO_TYPE},
	{"-- param: a -- int" QUERY, "1: " NO_TYPE},
	{"-- param: a (int)" QUERY, "1: " NO_TYPE},
	{"-- param: a 'int'" QUERY, "1: " NO_TYPE},
	{"-- param: a int; drop" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a numeric(10" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a numeric(10]" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a int) or (1" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a int := 1" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a \"int" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a int default 1 + 1" QUERY, "1: " NOT_A_TYPE},
	{"-- param: a int =" QUERY, "1: no expression after the parameter's \"=\""},
	{"-- param: a int = -- 1" QUERY, "1: no expression after the parameter's \"=\""},
	{"-- param: a int = 1) or (1" QUERY, "1: " NOT_ONE},
	{"-- param: a int = (1" QUERY, "1: " NOT_ONE},
	{"-- param: a int = ([1)]" QUERY, "1: " NOT_ONE},
	{"-- param: a int = 1, 2" QUERY, "1: " NOT_ONE},
	{"-- param: a int = 1; select 2" QUERY, "1: " NOT_ONE},
	{"-- param: a text = 'x" QUERY, "1: " NOT_CLOSED},
	{"-- param: a text = 1 /* x" QUERY, "1: " NOT_CLOSED},
	{"-- param: a int = $1" QUERY, "1: the parameter's default cannot use $n"},
	{"-- param: a int\n-- param: b int = :a" QUERY,
	 "2: the parameter's default cannot use another parameter"},
	{"-- param: a int\n-- param: b int\n-- param: a text" QUERY, "3: parameter \"a\" again"},
	/* names */
	{"select 1", "1: a query without a \"-- name:\" line before it"},
	{"-- name: a\nselect 1;\n\nselect\n2;", "4: a query without a \"-- name:\" line before it"},
	{"-- name: a\n;-- x\n", "1: no query after the name \"a\"\n1: no query in it"},
	{"-- name: a\n-- name: b\nselect 1", "1: no query after the name \"a\""},
	{"-- name: a\nselect 1;\n-- name: b", "3: no query after the name \"b\""},
	{"-- name: a^\nselect 1", "1: \"a^\"" NAME_RULE},
	{"-- name: get users\nselect 1", "1: \"get users\"" NAME_RULE},
	{"-- name:\nselect 1", "1: \"\"" NAME_RULE},
	{"-- name: a\nselect 1;\n-- name: b\nselect 2;\n-- name: a\nselect 3;",
	 "5: query \"a\" again, first on line 2"},
	{"-- name: a\nselect 1\n-- name: b\nselect 2",
	 "3: a name inside the query of line 2: is its semicolon missing?"},
	/* the head's keys behind it */
	{"-- name: a\n-- param: x int\nselect 1;", "2: " AFTER("param")},
	{"-- name: a\nselect 1;\n-- snapshot: yes\n", "3: " AFTER("snapshot")},
	{"-- name: a\nselect 1;\n-- report: daily-sales\n", "3: " AFTER("report")},
	/* queries */
	{"-- name: a\nselect :x", "2: parameter \"x\" is not declared"},
	{"-- param: a int\n-- name: q\nselect :a,\n':b' || :c,\n x[1:d], :e",
	 "4: parameter \"c\" is not declared\n"
	 "5: parameter \"e\" is not declared"},
	{"-- name: a\nselect $1", "2: a report's parameters are written :name, not $1"},
	{"-- name: a\nselect 'x", "2: the query has an unclosed quote, comment or parenthesis"},
	{"-- name: a\nselect (1", "2: the query has an unclosed quote, comment or parenthesis"},
	{"-- name: a\nselect 1; /* x",
	 "2: a query without a \"-- name:\" line before it\n"
	 "2: the query has an unclosed quote, comment or parenthesis"},
	/* all at once */
	{"-- report: x\n-- snapshot: maybe\n-- param: 1\nselect :y;\n-- name: b!\nselect 2;",
	 "2: snapshot is yes or no, not \"maybe\"\n"
	 "3: " NOT_A_NAME "\n"
	 "4: a query without a \"-- name:\" line before it\n"
	 "4: parameter \"y\" is not declared\n"
	 "5: \"b!\"" NAME_RULE "\n"
	 "1: the report is called \"x\", its file \"daily-sales\""},
};

START_TEST(tells_every_mistake)
{
	struct str text = exact_copy(str_from(wrong[_i].text));
	struct report report = {.query_count = 77};

	ck_assert_int_eq(report_parse(&arena, STR("daily-sales"), text, &report, note, NULL),
			 -EINVAL);
	ck_assert_str_eq(mistakes, wrong[_i].mistakes);
	ck_assert_uint_eq(report.query_count, 77);
	free_exact(text);
}
END_TEST

START_TEST(a_nul_byte_is_a_mistake)
{
	struct report report;

	ck_assert_int_eq(report_parse(&arena, STR("r"), (struct str){"-- name: a\nselect\0 1", 20},
				      &report, note, NULL),
			 -EINVAL);
	ck_assert_str_eq(mistakes, "2: a NUL byte");
}
END_TEST

START_TEST(long_names_are_shown_cut_between_characters)
{
	char text[512] = "-- name: ";
	struct report report;

	for (int i = 0; i < 100; i++)
		strcat(text, "\xc3\xa9");
	strcat(text, "\nselect 1");
	ck_assert_int_eq(parse(text, &report), -EINVAL);
	/* "1: " and the quote, 40 characters of two bytes, the quote */
	ck_assert_int_eq(strncmp(mistakes + 4 + 80, "\"" NAME_RULE, strlen("\"" NAME_RULE)), 0);
}
END_TEST

static const struct {
	const char *sql;
	bool day, region; /* given */
	const char *text;
} texts[] = {
	{"select 1", false, false, "select 1"},
	{"select :day", true, true, "select CAST(:day AS date)"},
	{"select :day", false, true, "select CAST((current_date - 1) AS date)"},
	{"select :region, :day, :region", true, true,
	 "select CAST(:region AS numeric(10,2)[]), CAST(:day AS date), CAST(:region AS "
	 "numeric(10,2)[])"},
	{"select :region", true, false, "select :region"},
	{"select ':day', \":day\", x::day, x[1:day] -- :day\n+ :day", true, true,
	 "select ':day', \":day\", x::day, x[1:day] -- :day\n+ CAST(:day AS date)"},
	{"select :region[1], :day.x, :day::text", true, true,
	 "select (CAST(:region AS numeric(10,2)[]))[1], (CAST(:day AS date)).x, CAST(:day AS "
	 "date)::text"},
	{"select :day [1]", false, true, "select (CAST((current_date - 1) AS date)) [1]"},
	{"select :day:region", true, true,
	 "select CAST(:day AS date) CAST(:region AS numeric(10,2)[])"},
	{"select x[:day : :region]", true, true,
	 "select x[CAST(:day AS date) : CAST(:region AS numeric(10,2)[])]"},
	{"limit:day", true, true, "limit CAST(:day AS date)"},
	{"limit:day", false, true, "limit CAST((current_date - 1) AS date)"},
};

START_TEST(query_text_for_what_is_given)
{
	bool given[] = {texts[_i].day, texts[_i].region};
	struct report report;
	char text[512];

	snprintf(text, sizeof(text),
		 "-- param: day date = current_date - 1\n-- param: region numeric(10,2)[]\n-- "
		 "name: q\n%s",
		 texts[_i].sql);
	ck_assert_msg(parse(text, &report) == 0, "%s", mistakes);
	ck_assert_str_eq(report_query_text(&arena, &report, 0, given), texts[_i].text);
}
END_TEST

START_TEST(query_text_can_be_numbered)
{
	static const struct str names[] = {STR("day"), STR("region")};
	bool given[] = {true, true};
	struct sql_params rewritten;
	struct report report;
	const char *text;

	ck_assert_int_eq(parse(whole, &report), 0);
	text = report_query_text(&arena, &report, 1, given);
	ck_assert_int_eq(sql_params_rewrite(&arena, str_from(text), names, 2, &rewritten), 0);
	ck_assert_str_eq(rewritten.sql, "select * from products\nwhere region = CAST($1 AS text)"
					" and day = CAST($2 AS date)\nlimit 10");
	ck_assert_uint_eq(rewritten.unused, 2);
	ck_assert_uint_eq(rewritten.order[0], 1);
	ck_assert_uint_eq(rewritten.order[1], 0);
}
END_TEST

START_TEST(no_memory_at_any_point)
{
	bool given[] = {true, false};
	struct report report;
	int allocations = 0, rc;
	const char *text = NULL;

	do {
		struct mem_failure failure = {.countdown = allocations, .more = INT_MAX};

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = parse(whole, &report);
		if (rc == 0)
			text = report_query_text(&arena, &report, 0, given);
		mem_set_fail_hook(NULL, NULL);
		ck_assert(rc == 0 || rc == -ENOMEM);
		ck_assert_str_eq(mistakes, "");
		if (text == NULL)
			arena_free(&arena);
	} while (text == NULL && ++allocations < 100);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_gt(allocations, 1);
}
END_TEST

static void ignore(void *arg, unsigned line, const char *text)
{
	unsigned *mistake_count = arg;

	(void)text;
	*mistake_count += line > 0;
}

START_TEST(random_text_is_read_or_refused)
{
	char text[1024];
	uint64_t seed = 11 + (uint64_t)_i;

	for (int round = 0; round < 5000; round++) {
		struct str copy =
			exact_copy((struct str){text, random_sql(&seed, text, sizeof(text))});
		unsigned mistake_count = 0;
		struct report report;
		int rc = report_parse(&arena, STR("r"), copy, &report, ignore, &mistake_count);

		ck_assert_msg(rc == (mistake_count > 0 ? -EINVAL : 0), "%.*s", (int)copy.len,
			      copy.data);
		for (size_t i = 0; rc == 0 && i < report.query_count; i++) {
			bool *given = arena_calloc(&arena, report.param_count, sizeof(*given));

			ck_assert_ptr_nonnull(given);
			ck_assert_ptr_nonnull(report_query_text(&arena, &report, i, given));
		}
		arena_free(&arena);
		free_exact(copy);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqltext/report");
	TCase *tcase = suite_case(suite, "files", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, reads_a_whole_file);
	tcase_add_test(tcase, a_query_is_enough);
	tcase_add_test(tcase, takes_a_byte_order_mark_and_crlf);
	tcase_add_test(tcase, a_title_may_stand_before_a_later_name);
	tcase_add_test(tcase, comments_that_look_like_directives_are_comments);
	tcase_add_loop_test(tcase, reads_params, 0, (int)ARRAY_SIZE(params));
	tcase_add_loop_test(tcase, tells_every_mistake, 0, (int)ARRAY_SIZE(wrong));
	tcase_add_test(tcase, a_nul_byte_is_a_mistake);
	tcase_add_test(tcase, long_names_are_shown_cut_between_characters);
	tcase_add_loop_test(tcase, query_text_for_what_is_given, 0, (int)ARRAY_SIZE(texts));
	tcase_add_test(tcase, query_text_can_be_numbered);
	tcase_add_test(tcase, no_memory_at_any_point);
	tcase = suite_case(suite, "random", 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, random_text_is_read_or_refused, 0, 4);
	return suite_run(suite);
}
