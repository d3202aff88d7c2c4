/* SPDX-License-Identifier: PostgreSQL */
/* Reports: files that are read when they are asked for, and names that are nothing but names. */
#include "base/log.h"
#include "daemon/gather.h"
#include "daemon/report_files.h"
#include "daemon/reports.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct gather gather;
static size_t blocks_before;

static void write_file(const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static const char sales[] = "-- report: sales\n-- title: Sales \"by day\"\n"
			    "-- param: day date = current_date\n-- param: min int\n\n"
			    "-- name: all\n-- title: Everything\n"
			    "select * from sales where day = :day and n > :min;\n\n"
			    "-- name: count\nselect count(*) from sales where n > :min;\n";

static void set_up(void)
{
	blocks_before = mem_live_blocks();
	strcpy(dir, "/tmp/reports-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_ERROR, false);
	gather = (struct gather){.session = NULL};
	arena_init(&gather.arena, 0, NULL);
	write_file("sales.sql", sales);
}

static void tear_down(void)
{
	char command[128];

	arena_free(&gather.arena);
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Asks for a report by one line of the protocol. */
static int expand(const char *line, struct err *err)
{
	struct request_limits limits = {.max_queries = 1000};

	*err = (struct err){.code = ERR_NONE};
	ck_assert_int_eq(
		request_parse(&gather.arena, str_from(line), 1, &limits, &gather.request, err), 0);
	return reports_expand(&gather, dir, err);
}

START_TEST(a_report_becomes_a_gather)
{
	struct err err;
	const struct request_gather *request = &gather.request.gather;

	ck_assert_int_eq(expand("{\"report\":\"sales\",\"params\":{\"min\":5}}", &err), 0);
	ck_assert_uint_eq(request->item_count, 2);
	ck_assert(request->by_name);
	ck_assert(str_is(request->items[0].name, "all"));
	ck_assert(str_is(request->items[1].name, "count"));
	/* What was not given is its default, as SQL; what was is a parameter. */
	ck_assert_ptr_nonnull(strstr(request->items[0].steps[0].sql.data, "current_date"));
	ck_assert_uint_eq(request->items[0].steps[0].param_count, 1);
	ck_assert(str_is(request->items[0].steps[0].params[0].name, "min"));

	ck_assert_int_eq(
		expand("{\"report\":\"sales\",\"params\":{\"day\":\"2026-11-20\",\"min\":5}}",
		       &err),
		0);
	/* Each query has those that it uses, and no others. */
	ck_assert_uint_eq(request->items[0].steps[0].param_count, 2);
	ck_assert_uint_eq(request->items[1].steps[0].param_count, 1);
	ck_assert_ptr_null(strstr(request->items[0].steps[0].sql.data, "current_date"));
}
END_TEST

static const struct {
	const char *line;
	enum err_code code;
	const char *part; /* of the message */
} refusals[] = {
	{"{\"report\":\"sales\"}", ERR_BAD_REQUEST, "needs the parameter \"min\""},
	{"{\"report\":\"sales\",\"params\":{\"min\":1,\"max\":2}}", ERR_BAD_REQUEST,
	 "no parameter \"max\""},
	{"{\"report\":\"sales\",\"params\":{\"min\":1,\"dya\":2}}", ERR_BAD_REQUEST,
	 "no parameter \"dya\"; did you mean \"day\"?"},
	{"{\"report\":\"none\"}", ERR_UNKNOWN_REPORT, "no report \"none\""},
	{"{\"report\":\"slaes\"}", ERR_UNKNOWN_REPORT,
	 "no report \"slaes\"; did you mean \"sales\"?"},
	/* names are names, not paths */
	{"{\"report\":\"../sales\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\"sub/inside\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\"/etc/passwd\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\".hidden\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\"..\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\"\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\"sales.sql\"}", ERR_UNKNOWN_REPORT, ""},
	{"{\"report\":\"sal es\"}", ERR_UNKNOWN_REPORT, ""},
	/* what is there and cannot be used */
	{"{\"report\":\"large\"}", ERR_UNKNOWN_REPORT, "cannot be used: larger than 1 MiB"},
	{"{\"report\":\"folder\"}", ERR_UNKNOWN_REPORT, "cannot be used: no regular file"},
	{"{\"report\":\"fifo\"}", ERR_UNKNOWN_REPORT, "cannot be used: no regular file"},
	{"{\"report\":\"broken\"}", ERR_UNKNOWN_REPORT, "cannot be used: line "},
};

START_TEST(a_want_of_the_daemons_is_not_the_reports_fault)
{
	struct rlimit before, none;
	struct err err;
	int rc;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = expand("{\"report\":\"sales\",\"params\":{\"min\":5}}", &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(rc, -EMFILE);
	ck_assert_int_eq(err.code, ERR_INTERNAL);
	ck_assert_int_eq(expand("{\"report\":\"sales\",\"params\":{\"min\":5}}", &err), 0);
}
END_TEST

struct told {
	unsigned lines[8];
	size_t count;
	char last[512];
};

static void on_mistake(void *arg, const char *path, unsigned line, const char *text)
{
	struct told *told = arg;

	ck_assert_uint_lt(told->count, 8);
	told->lines[told->count++] = line;
	snprintf(told->last, sizeof(told->last), "%s: %s", path, text);
}

START_TEST(the_check_tells_every_mistake)
{
	struct told told = {.count = 0};
	char path[256];

	ck_assert_int_eq(report_files_check(dir, on_mistake, &told), 0);
	ck_assert_uint_eq(told.count, 0);
	ck_assert_int_eq(report_files_check("/nonexistent", on_mistake, &told), 0);
	ck_assert_uint_eq(told.count, 0);

	write_file("broken.sql", "-- snapshot: perhaps\n-- name: a\nselect 1;\n-- name: a\n"
				 "select 2;\n");
	write_file("broken.txt", "no report");
	snprintf(path, sizeof(path), "%s/folder.sql", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(report_files_check(dir, on_mistake, &told), 0);
	ck_assert_uint_eq(told.count, 3);
	ck_assert_uint_eq(told.lines[0], 1);
	ck_assert_uint_eq(told.lines[1], 4);
	ck_assert_uint_eq(told.lines[2], 0);
	ck_assert_msg(strstr(told.last, "/folder.sql: no regular file") != NULL, "%s", told.last);
}
END_TEST

START_TEST(the_check_without_memory)
{
	struct told told = {.count = 0};
	int n = 0, rc;

	for (;; n++) {
		struct mem_failure failure = {.countdown = n};

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = report_files_check(dir, on_mistake, &told);
		mem_set_fail_hook(NULL, NULL);
		if (failure.failed == 0)
			break;
		ck_assert_int_eq(rc, -ENOMEM);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(n, 0);
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(what_is_refused)
{
	char path[256], *large = malloc(1024 * 1024 + 2);
	struct err err;

	write_file(".hidden.sql", sales);
	write_file("broken.sql", "-- name: a\nselect 1;\n-- name: a\nselect 2;\n");
	memset(large, ' ', 1024 * 1024 + 1);
	large[1024 * 1024 + 1] = '\0';
	write_file("large.sql", large);
	free(large);
	snprintf(path, sizeof(path), "%s/folder.sql", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/sub", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	write_file("sub/inside.sql", sales);
	snprintf(path, sizeof(path), "%s/fifo.sql", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* must not wait for a writer */

	ck_assert_int_lt(expand(refusals[_i].line, &err), 0);
	ck_assert_msg(err.code == refusals[_i].code, "%s: %s: %s", refusals[_i].line,
		      err_code_name(err.code), err.message);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_NONE);
	ck_assert_msg(strstr(err.message, refusals[_i].part) != NULL, "%s", err.message);
}
END_TEST

START_TEST(a_long_name)
{
	char line[1024], name[600];
	struct err err;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(line, sizeof(line), "{\"report\":\"%s\"}", name);
	ck_assert_int_lt(expand(line, &err), 0);
	ck_assert_int_eq(err.code, ERR_UNKNOWN_REPORT);
	ck_assert_uint_lt(strlen(err.message), 200);
}
END_TEST

/* ---- the list ---- */

static const char *list(const char *where)
{
	static struct buf out;

	buf_free(&out);
	buf_init(&out, 0, NULL);
	reports_write_list(&out, where, &gather.arena);
	ck_assert_int_eq(buf_error(&out), 0);
	{
		static char text[8192];

		ck_assert_uint_lt(buf_len(&out), sizeof(text));
		memcpy(text, buf_data(&out), buf_len(&out));
		text[buf_len(&out)] = '\0';
		buf_free(&out);
		return text;
	}
}

START_TEST(the_list)
{
	write_file("a.sql", "-- name: one\nselect 1;\n");
	write_file("broken.sql", "-- name: a\nselect 1;\n-- name: a\nselect 2;\n");
	write_file("README", "no report");
	write_file(".hidden.sql", sales);
	write_file("odd name.sql", sales);
	ck_assert_str_eq(strstr(list(dir), "{\"name\":\"sales\""),
			 "{\"name\":\"sales\",\"title\":\"Sales \\\"by day\\\"\",\"params\":["
			 "{\"name\":\"day\",\"type\":\"date\",\"default\":\"current_date\"},"
			 "{\"name\":\"min\",\"type\":\"int\"}],\"queries\":["
			 "{\"name\":\"all\",\"title\":\"Everything\"},{\"name\":\"count\"}]}]");
	ck_assert_int_eq(strncmp(list(dir),
				 "[{\"name\":\"a\",\"params\":[],\"queries\":[{\"name\":"
				 "\"one\"}]},{\"name\":\"broken\",\"error\":\"line ",
				 80),
			 0);
	ck_assert_ptr_null(strstr(list(dir), "hidden"));
	ck_assert_ptr_null(strstr(list(dir), "odd"));
	ck_assert_ptr_null(strstr(list(dir), "README"));
}
END_TEST

START_TEST(no_directory_is_no_report)
{
	ck_assert_str_eq(list("/nonexistent/reports"), "[]");
}
END_TEST

START_TEST(every_allocation_fails)
{
	int n = 0, rc;
	struct err err;

	for (;; n++) {
		struct mem_failure failure = {.countdown = n};
		struct request_limits limits = {.max_queries = 1000};

		arena_free(&gather.arena);
		gather = (struct gather){.session = NULL};
		arena_init(&gather.arena, 0, NULL);
		ck_assert_int_eq(request_parse(&gather.arena,
					       STR("{\"report\":\"sales\",\"params\":{\"min\":5}}"),
					       1, &limits, &gather.request, &err),
				 0);
		err.code = ERR_NONE;
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = reports_expand(&gather, dir, &err);
		mem_set_fail_hook(NULL, NULL);
		if (failure.failed == 0)
			break;
		ck_assert_int_lt(rc, 0);
		ck_assert_int_eq(err.code, ERR_INTERNAL);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(n, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon reports");
	TCase *tcase = suite_case(suite, "reports", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_report_becomes_a_gather);
	tcase_add_test(tcase, a_want_of_the_daemons_is_not_the_reports_fault);
	tcase_add_test(tcase, the_check_tells_every_mistake);
	tcase_add_test(tcase, the_check_without_memory);
	tcase_add_loop_test(tcase, what_is_refused, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, a_long_name);
	tcase_add_test(tcase, the_list);
	tcase_add_test(tcase, no_directory_is_no_report);
	tcase_add_test(tcase, every_allocation_fails);
	return suite_run(suite);
}
