/* SPDX-License-Identifier: PostgreSQL */
/* Command lines: what they ask for, and which are refused. */
#include "base/mem.h"
#include "cli/options.h"
#include "unit/suite.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 12

static struct arena arena;
static struct options options;

static void set_up(void)
{
	arena_init(&arena, 0, NULL);
}

static void tear_down(void)
{
	arena_free(&arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static int parse(const char *const *words)
{
	static char copies[WORDS_MAX + 1][256];
	char *argv[WORDS_MAX + 2] = {copies[0]};
	int argc = 1;

	strcpy(copies[0], "gather");
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(copies[argc], words[argc - 1]);
	return options_parse(&arena, argc, argv, &options);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static const struct {
	const char *words[WORDS_MAX];
	int rc;
	enum options_verb verb;
} lines[] = {
	{{"select 1"}, 0, VERB_QUERIES},
	{{"-c", "checkpoint"}, 0, VERB_QUERIES},
	{{"-f", "-"}, 0, VERB_QUERIES},
	{{"report", "daily", "day=1"}, 0, VERB_REPORT},
	{{"-m", "60", "report", "daily", "day=1", "--csv", "-o", "x"}, 0, VERB_REPORT},
	{{"reports"}, 0, VERB_REPORTS},
	{{"ping"}, 0, VERB_PING},
	{{"--json", "stats"}, 0, VERB_STATS},
	{{"-J", "-"}, 0, VERB_LINES},
	{{"--help"}, 0, VERB_HELP},
	{{"-V"}, 0, VERB_VERSION},
	{{"nonsense", "-h"}, -EINVAL, 0},
	{{"select 1;", "-h"}, 0, VERB_HELP},
	{{NULL}, -EINVAL, 0},
	{{"checkpoint"}, -EINVAL, 0},
	{{"report-s"}, -EINVAL, 0},
	{{"select 1", "commit"}, -EINVAL, 0},
	{{"--", "commit"}, -EINVAL, 0},
	{{"commit;"}, 0, VERB_QUERIES},
	{{"report"}, -EINVAL, 0},
	{{"report", "daily", "day"}, -EINVAL, 0},
	{{"report", "daily", "=x"}, -EINVAL, 0},
	{{"report", "daily", "-c", "select 1"}, -EINVAL, 0},
	{{"ping", "now"}, -EINVAL, 0},
	{{"ping", "-r"}, -EINVAL, 0},
	{{"--csv", "ping"}, -EINVAL, 0},
	{{"ping", "-q", "-m", "5", "-S", "s", "-o", "x", "--json"}, 0, VERB_PING},
	{{"reports", "-d", "x"}, -EINVAL, 0},
	{{"stats", "-j", "2"}, -EINVAL, 0},
	{{"stats", "-e"}, -EINVAL, 0},
	{{"--snapshot", "reports"}, -EINVAL, 0},
	{{"reports", "--json", "--objects"}, -EINVAL, 0},
	{{"reports", "-r"}, 0, VERB_REPORTS},
	{{"-o", "x%q", "select 1"}, -EINVAL, 0},
	{{"-o", "x%", "select 1"}, -EINVAL, 0},
	{{"-o", "", "select 1"}, -EINVAL, 0},
	{{"-o", "%n%%", "report", "daily"}, 0, VERB_REPORT},
	{{"-o", "%n", "stats"}, -EINVAL, 0},
	{{"-o", "%n", "-J", "-"}, -EINVAL, 0},
	{{"ping", "-v", "a=1"}, -EINVAL, 0},
	{{"stats", "-f", "x"}, -EINVAL, 0},
	{{"-v", "a", "select :a"}, -EINVAL, 0},
	{{"-j", "0", "select 1"}, -EINVAL, 0},
	{{"-j", "-1", "select 1"}, -EINVAL, 0},
	{{"-j", "4x", "select 1"}, -EINVAL, 0},
	{{"-j", "99999999999", "select 1"}, -EINVAL, 0},
	{{"-m", "soon", "select 1"}, -EINVAL, 0},
	{{"-m"}, -EINVAL, 0},
	{{"--nonsense"}, -EINVAL, 0},
	{{"-J", "-", "select 1"}, -EINVAL, 0},
	{{"-J", "-", "-d", "x"}, -EINVAL, 0},
	{{"-J", "-", "--csv"}, -EINVAL, 0},
	{{"--objects", "--csv", "select 1"}, -EINVAL, 0},
	{{"-s", "select 1", "-f", "x", "-c", "commit"}, 0, VERB_QUERIES},
	{{"--sequence", "-v", "a=1", "-f", "x"}, 0, VERB_QUERIES},
	{{"-1f", "x"}, 0, VERB_QUERIES},
	{{"--single-transaction", "-f", "x"}, 0, VERB_QUERIES},
	{{"--snapshot", "-f", "x", "--jsonl"}, 0, VERB_QUERIES},
	{{"--snapshot", "report", "daily"}, 0, VERB_REPORT},
	{{"-s"}, -EINVAL, 0},
	{{"-1"}, -EINVAL, 0},
	{{"-s", "report", "daily"}, -EINVAL, 0},
	{{"-1", "report", "daily"}, -EINVAL, 0},
	{{"-1", "ping"}, -EINVAL, 0},
	{{"-s", "--snapshot", "select 1"}, -EINVAL, 0},
	{{"-1", "--snapshot", "select 1"}, -EINVAL, 0},
	{{"-J", "-", "-s"}, -EINVAL, 0},
	{{"-J", "-", "-1"}, -EINVAL, 0},
	{{"-J", "-", "--snapshot"}, -EINVAL, 0},
};

START_TEST(line)
{
	ck_assert_int_eq(parse(lines[_i].words), lines[_i].rc);
	if (lines[_i].rc == 0)
		ck_assert_int_eq(options.verb, lines[_i].verb);
}
END_TEST

START_TEST(sources_keep_their_order)
{
	ck_assert_int_eq(PARSE("select 1", "-f", "a.sql", "-c", "select 2", "--", "-- c\nselect 3"),
			 0);
	ck_assert_uint_eq(options.source_count, 4);
	ck_assert_str_eq(options.sources[0].text, "select 1");
	ck_assert(options.sources[1].file);
	ck_assert_str_eq(options.sources[2].text, "select 2");
	ck_assert_str_eq(options.sources[3].text, "-- c\nselect 3");
}
END_TEST

START_TEST(output_that_is_standard_output)
{
	ck_assert_int_eq(PARSE("-o", "-", "select 1"), 0);
	ck_assert_ptr_null(options.output);
	ck_assert_int_eq(PARSE("-o", "./-", "select 1"), 0);
	ck_assert_str_eq(options.output, "./-");
}
END_TEST

START_TEST(settings)
{
	ck_assert_int_eq(PARSE("-v", "a=x=y", "-v", "b=", "-v", "a=2", "report", "r", "b=3"), 0);
	ck_assert_uint_eq(options.setting_count, 2);
	ck_assert_str_eq(options.settings[0].name, "a");
	ck_assert_str_eq(options.settings[0].value, "2");
	ck_assert_str_eq(options.settings[1].value, "3");
}
END_TEST

START_TEST(everything_else)
{
	ck_assert_int_eq(PARSE("-d", "db", "-S", "sock", "-m", "2min", "-j", "3", "-eq", "-o", "%n",
			       "select 1"),
			 0);
	ck_assert_str_eq(options.db, "db");
	ck_assert_str_eq(options.socket, "sock");
	ck_assert_int_eq(options.max_time_ms, 120000);
	ck_assert_uint_eq(options.jobs, 3);
	ck_assert(options.exit_on_error && options.quiet);
	ck_assert_str_eq(options.output, "%n");
	ck_assert_int_eq(options.format, FORMAT_TABLE);
}
END_TEST

START_TEST(formats)
{
	ck_assert_int_eq(PARSE("--csv", "-r", "select 1"), 0);
	ck_assert_int_eq(options.format, FORMAT_RAW); /* the last one counts */
	ck_assert_int_eq(PARSE("--objects", "select 1"), 0);
	ck_assert_int_eq(options.format, FORMAT_JSON);
	ck_assert_int_eq(PARSE("--jsonl", "--objects", "select 1"), 0);
	ck_assert_int_eq(options.format, FORMAT_JSONL);
}
END_TEST

/* Each line of the help fits a terminal, and has no option that does not exist. */
START_TEST(help)
{
	const char *at = options_help();

	while (*at != '\0') {
		size_t len = strcspn(at, "\n");

		ck_assert_uint_le(len, 80);
		at += len + 1;
	}
	ck_assert_ptr_null(strstr(options_help(), "--html"));
}
END_TEST

/* -1 is -s and more. */
START_TEST(together)
{
	ck_assert_int_eq(PARSE("select 1"), 0);
	ck_assert_int_eq(options.together, TOGETHER_NOT);
	ck_assert(!options.snapshot);
	ck_assert_int_eq(PARSE("-s", "select 1"), 0);
	ck_assert_int_eq(options.together, TOGETHER_SEQUENCE);
	ck_assert_int_eq(PARSE("-1", "select 1"), 0);
	ck_assert_int_eq(options.together, TOGETHER_TRANSACTION);
	ck_assert_int_eq(PARSE("-1", "-s", "select 1"), 0);
	ck_assert_int_eq(options.together, TOGETHER_TRANSACTION);
	ck_assert_int_eq(PARSE("-s1", "select 1"), 0);
	ck_assert_int_eq(options.together, TOGETHER_TRANSACTION);
	ck_assert_int_eq(PARSE("--snapshot", "select 1"), 0);
	ck_assert(options.snapshot);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_options");
	TCase *tcase = suite_case(suite, "command lines", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, line, 0, ARRAY_SIZE(lines));
	tcase_add_test(tcase, sources_keep_their_order);
	tcase_add_test(tcase, output_that_is_standard_output);
	tcase_add_test(tcase, settings);
	tcase_add_test(tcase, everything_else);
	tcase_add_test(tcase, formats);
	tcase_add_test(tcase, together);
	tcase_add_test(tcase, help);
	return suite_run(suite);
}
