/* SPDX-License-Identifier: PostgreSQL */
/* Whole runs of the command against a daemon that plays a script: output, messages and exit
 * statuses. */
#include "base/mem.h"
#include "cli/lines.h"
#include "cli/listing.h"
#include "cli/run.h"
#include "unit/fake_gatherd.h"
#include "unit/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static char dir[] = "/tmp/gather-run.XXXXXX";
static char out[1 << 16], err[1 << 16];
static struct fake_gatherd fake;
/* What standard output is opened with, and the end of a pipe that is closed once it is. */
static int out_flags = O_WRONLY | O_CREAT | O_TRUNC, closed_end = -1;

/* Signals that may cancel a run. */
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void set_up(void)
{
	/* What runs this may have been started by nohup or in the background, and the command
	 * leaves ignored what is ignored. */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void tear_down(void)
{
	static const char *const files[] = {"out",   "err",  "in",     "a.csv",
					    "b.csv", "file", "1.json", "2.json"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
	ck_assert_msg(rmdir(dir) == 0, "something is left in %s", dir);
}

static void redirect(const char *path, int fd, int flags)
{
	int file = open(path, flags, 0600);

	ck_assert_int_ge(file, 0);
	dup2(file, fd);
	close(file);
}

static void read_back(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, size - 1);

	text[len > 0 ? len : 0] = '\0';
	close(fd);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

/* Runs the command line; `out` and `err` are what it wrote. Returns the exit status. */
static int run(const char *const *words)
{
	struct options options;
	struct arena arena;
	char command[] = "gather", copies[32][256], *argv[32] = {command};
	int argc = 1, status;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = strcpy(copies[argc], words[argc - 1]);
	setenv("GATHERD_SOCKET", fake.path, 1);
	redirect("out", STDOUT_FILENO, out_flags);
	if (closed_end >= 0)
		close(closed_end);
	redirect("err", STDERR_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
	arena_init(&arena, 0, NULL);
	ck_assert_int_eq(options_parse(&arena, argc, argv, &options), 0);
	if (options.verb == VERB_LINES)
		status = run_lines(&options);
	else if (options.verb == VERB_QUERIES || options.verb == VERB_REPORT)
		status = run_queries(&arena, &options);
	else
		status = run_listing(&options);
	arena_free(&arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
	if (closed_end < 0)
		read_back("out", out, sizeof(out));
	read_back("err", err, sizeof(err));
	return status;
}

#define RUN(...)    run((const char *const[]){__VA_ARGS__, NULL})
#define SCRIPT(...) fake_start(&fake, (struct fake_step[]){__VA_ARGS__, {0}})

#define COLUMNS(item)                                                                              \
	"{\"id\":1,\"event\":\"columns\",\"item\":" item                                           \
	",\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}]}\n"
#define ROWS(item, rows) "{\"id\":1,\"event\":\"rows\",\"item\":" item ",\"rows\":[" rows "]}\n"
#define DONE(item)                                                                                 \
	"{\"id\":1,\"event\":\"done\",\"item\":" item ",\"count\":1,\"command\":\"SELECT\"}\n"
#define FAIL(item, code, effects)                                                                  \
	"{\"id\":1,\"event\":\"error\",\"item\":" item ",\"error\":{\"code\":\"" code              \
	"\",\"message\":\"said so\",\"effects\":\"" effects "\"}}\n"
/* Of an INSERT. */
#define WROTE(item)                                                                                \
	"{\"id\":1,\"event\":\"done\",\"item\":" item ",\"count\":1,\"command\":\"INSERT\"}\n"
#define ONE_UNPRINTED "gather: 1 query was carried out; its result was not printed\n"
#define END	      "{\"id\":1,\"event\":\"end\",\"ok\":true,\"failed\":0,\"elapsed\":2.5}\n"

START_TEST(all_well)
{
	SCRIPT({FAKE_READ,
		"{\"id\":1,\"gather\":[\"select 1\"],\"stream\":true,\"values\":\"text\"}"},
	       {FAKE_SEND, COLUMNS("0") ROWS("0", "[\"1\"]") DONE("0") END}, {FAKE_EOF});
	ck_assert_int_eq(RUN("-r", "select 1"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "1\n");
	ck_assert_str_eq(err, "");
	fake_stop(&fake);
}
END_TEST

START_TEST(all_options_are_sent)
{
	SCRIPT({FAKE_READ,
		"\"gather\":[\"select "
		"1\"],\"db\":\"x\",\"timeout\":2.5,\"on_error\":\"cancel\",\"stream\":true,"
		"\"rows\":\"objects\",\"concurrency\":3}"},
	       {FAKE_SEND, DONE("0") END});
	ck_assert_int_eq(RUN("-d", "x", "-m", "2500ms", "-e", "-j", "3", "--objects", "select 1"),
			 EXIT_ALL_WELL);
	fake_stop(&fake);
}
END_TEST

/* Each query is sent the names that it has, and they are sent beside it. */
START_TEST(settings)
{
	write_file("in", "-- name: a\nselect :x, ':y';\n\n-- name: b\nselect :y::text; -- name: "
			 "c\nselect 3");
	SCRIPT({FAKE_READ,
		"[{\"sql\":\"select :x, ':y'\",\"name\":\"a\",\"params\":{\"x\":\"1;\"}},"
		"{\"sql\":\"select :y::text\",\"name\":\"b\",\"params\":{\"y\":\"\"}},"},
	       {FAKE_SEND, DONE("0") DONE("1") DONE("2") END});
	ck_assert_int_eq(RUN("-v", "x=1;", "-v", "y=", "-f", "in"), EXIT_ALL_WELL);
	fake_stop(&fake);
}
END_TEST

START_TEST(report)
{
	SCRIPT({FAKE_READ, "\"report\":\"daily\",\"params\":{\"day\":\"today\"}"},
	       {FAKE_SEND,
		"{\"id\":1,\"event\":\"columns\",\"item\":0,\"name\":\"q\",\"columns\":[]}\n"
		"{\"id\":1,\"event\":\"done\",\"item\":0,\"name\":\"q\",\"count\":0}\n" END});
	ck_assert_int_eq(RUN("--json", "report", "daily", "day=today"), EXIT_ALL_WELL);
	ck_assert_ptr_nonnull(
		strstr(out, "{\"results\":{\"q\":{\"columns\":[],\"rows\":[],\"count\":0}},"));
	fake_stop(&fake);
}
END_TEST

static const struct {
	const char *name;
	struct fake_step steps[5];
	int status;
	const char *said; /* a part of it */
} statuses[] = {
	{"a failed query",
	 {{FAKE_READ, NULL}, {FAKE_SEND, FAIL("0", "timeout", "none") DONE("1") END}},
	 EXIT_FAILED,
	 "query 1: timeout: said so\nQUERY:  select 1\n"},
	{"one whose effects are not known",
	 {{FAKE_READ, NULL}, {FAKE_SEND, FAIL("0", "connection_lost", "unknown") DONE("1") END}},
	 EXIT_DOUBT,
	 "EFFECTS:  unknown"},
	{"one that is done",
	 {{FAKE_READ, NULL}, {FAKE_SEND, FAIL("1", "too_large", "done") DONE("0") END}},
	 EXIT_DOUBT,
	 "EFFECTS:  done"},
	{"cancelled because of another",
	 {{FAKE_READ, NULL},
	  {FAKE_SEND, FAIL("1", "sql", "none") FAIL("0", "cancelled", "none") END}},
	 EXIT_FAILED,
	 "1 query was cancelled"},
	{"refused for an option",
	 {{FAKE_READ, NULL},
	  {FAKE_SEND, "{\"id\":1,\"error\":{\"code\":\"bad_request\",\"message\":\"no\",\"key\":"
		      "\"timeout\",\"effects\":\"none\"}}\n"}},
	 EXIT_NOTHING,
	 "refused: bad_request: no (-m)\n"},
	{"refused",
	 {{FAKE_READ, NULL},
	  {FAKE_SEND, "{\"id\":1,\"error\":{\"code\":\"bad_request\",\"message\":\"no\",\"key\":"
		      "\"db\",\"effects\":\"none\"}}\n"}},
	 EXIT_NOTHING,
	 "refused: bad_request: no\n"},
	{"gone before anything", {{FAKE_READ, NULL}, {FAKE_CLOSE}}, EXIT_DOUBT, "went away"},
	{"gone in the middle",
	 {{FAKE_READ, NULL}, {FAKE_SEND, DONE("0")}, {FAKE_CLOSE}},
	 EXIT_DOUBT,
	 "went away"},
	{"gone before the end",
	 {{FAKE_READ, NULL}, {FAKE_SEND, DONE("0") DONE("1")}, {FAKE_CLOSE}},
	 EXIT_DOUBT,
	 "went away"},
	{"gone after a failure",
	 {{FAKE_READ, NULL}, {FAKE_SEND, FAIL("1", "sql", "none")}, {FAKE_CLOSE}},
	 EXIT_DOUBT,
	 "query 2: ERROR:  said so"},
	{"reset", {{FAKE_RESET}}, EXIT_DOUBT, "went away"},
	{"garbage", {{FAKE_READ, NULL}, {FAKE_SEND, "hello\n"}}, EXIT_DOUBT, "makes no sense"},
	{"an end without all answers",
	 {{FAKE_READ, NULL}, {FAKE_SEND, DONE("0") END}},
	 EXIT_DOUBT,
	 "makes no sense"},
	{"two answers to one",
	 {{FAKE_READ, NULL}, {FAKE_SEND, DONE("0") DONE("0")}},
	 EXIT_DOUBT,
	 "makes no sense"},
	{"no stream",
	 {{FAKE_READ, NULL}, {FAKE_SEND, "{\"id\":1,\"results\":[]}\n"}},
	 EXIT_DOUBT,
	 "makes no sense"},
};

START_TEST(status)
{
	fake_start(&fake, statuses[_i].steps);
	ck_assert_msg(RUN("select 1", "select 2") == statuses[_i].status, "%s: %s",
		      statuses[_i].name, err);
	ck_assert_msg(strstr(err, statuses[_i].said) != NULL, "%s: %s", statuses[_i].name, err);
	fake_stop(&fake);
}
END_TEST

static const struct {
	const char *text, *said;
} bad_files[] = {
	{"select 1;\n\nselect 'x", "in:3: a quote"},
	{"select (1;", "in:1: a quote, comment or parenthesis"},
	{"select $$ x", "in:1:"},
	{"", "in: no statement"},
	{"-- nothing\n;;", "in: no statement"},
	{"select 1;\nselect '\xff';", "in:2: not UTF-8"},
	{"-- name: a\nselect 1;\n-- name: a\nselect 2;", "in:4: the name a is taken by in:2"},
	{"\n-- name: my report\nselect 1", "in:2: \"my report\" is no query's name"},
	{"select 1;\n-- name: b\n", "in:2: \"b\" is a name without a query"},
	{"select 1\n-- name: b\nselect 2;",
	 "in:2: \"b\" is a name inside a query: is the semicolon"},
};

/* Nothing runs: there is not even a daemon. */
START_TEST(bad_file)
{
	write_file("in", bad_files[_i].text);
	ck_assert_int_eq(RUN("-f", "in"), EXIT_NOTHING);
	ck_assert_msg(strstr(err, bad_files[_i].said) != NULL, "%s", err);
}
END_TEST

START_TEST(no_file)
{
	ck_assert_int_eq(RUN("-f", "nonexistent"), EXIT_NOTHING);
	ck_assert_ptr_nonnull(strstr(err, "nonexistent: No such file"));
}
END_TEST

START_TEST(unused_setting)
{
	ck_assert_int_eq(RUN("-v", "dya=1", "select ':dya', :day"), EXIT_NOTHING);
	ck_assert_ptr_nonnull(strstr(err, "no query has a :dya\n"));
	ck_assert_int_eq(RUN("-v", "day=1", "select 1", "-c", "select :'day'"), EXIT_NOTHING);
	ck_assert_ptr_nonnull(
		strstr(err, "no query has a :day; psql's :'name' is written :name here\n"));
}
END_TEST

START_TEST(no_daemon)
{
	strcpy(fake.path, "/nonexistent/sock");
	ck_assert_int_eq(RUN("select 1"), EXIT_NOTHING);
	ck_assert_ptr_nonnull(strstr(err, "/nonexistent/sock: No such file"));
}
END_TEST

START_TEST(place_of_an_error_in_a_file)
{
	write_file("in", "select 1;\n\n-- name: second\nselect\n  nope;\n");
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, DONE("0") "{\"id\":1,\"event\":\"error\",\"item\":1,\"error\":{\"code\":"
				     "\"sql\",\"severity\":\"ERROR\","
				     "\"message\":\"no\\u001bpe\",\"position\":10,\"hint\":\"h\","
				     "\"effects\":\"none\"}}\n" END});
	ck_assert_int_eq(RUN("-f", "in"), EXIT_FAILED);
	ck_assert_str_eq(
		err,
		"gather: in:5: second: ERROR:  no?pe\nLINE 2:   nope\n          ^\nHINT:  h\n");
	fake_stop(&fake);
}
END_TEST

#define SYNTAX_ERROR_AT(position)                                                                  \
	"{\"id\":1,\"event\":\"error\",\"item\":0,\"error\":{\"code\":\"sql\",\"severity\":"       \
	"\"ERROR\","                                                                               \
	"\"message\":\"m\",\"sqlstate\":\"42601\",\"position\":" position                          \
	",\"effects\":\"none\"}}\n"

static const struct {
	const char *position, *sql, *hint; /* NULL: none */
} syntax_errors[] = {
	{SYNTAX_ERROR_AT("8"), "select :b + :a",
	 "HINT:  :b stands in the query, but there is no -v b=VALUE\n"},
	{SYNTAX_ERROR_AT("18"), "select 'größe' + :wörter + :a",
	 "HINT:  :wörter stands in the query, but there is no -v wörter=VALUE\n"},
	{SYNTAX_ERROR_AT("15"), "select 1 from :a",
	 "HINT:  :a is a value; it cannot stand for a name or a part of the SQL; its type is "
	 "written :a::TYPE\n"},
	{SYNTAX_ERROR_AT("13"), "select :a + :'b'",
	 "HINT:  psql's :'name' is written :name here\n"},
	{SYNTAX_ERROR_AT("16"), "select :a from :\"b\"",
	 "HINT:  psql's :\"name\" is not known here: a value cannot stand for a name\n"},
	{SYNTAX_ERROR_AT("9"), "select :b + :a", NULL},
	{SYNTAX_ERROR_AT("13"), "select :a, ' :b'", NULL},
	{SYNTAX_ERROR_AT("99"), "select :a", NULL},
};

START_TEST(hint_at_a_name)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, syntax_errors[_i].position},
	       {FAKE_SEND, "{\"id\":1,\"event\":\"end\",\"ok\":false,\"failed\":1}\n"});
	ck_assert_int_eq(RUN("-v", "a=1", syntax_errors[_i].sql), EXIT_FAILED);
	if (syntax_errors[_i].hint == NULL)
		ck_assert_ptr_null(strstr(err, "HINT"));
	else
		ck_assert_msg(strstr(err, syntax_errors[_i].hint) != NULL, "%s", err);
	fake_stop(&fake);
}
END_TEST

/* ---- the combined answer, as it comes ---- */

START_TEST(json_of_what_is_refused)
{
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, "{\"id\":1,\"error\":{\"code\":\"bad_request\",\"message\":\"no\"}}\n"});
	ck_assert_int_eq(RUN("--json", "select 1"), EXIT_NOTHING);
	ck_assert_str_eq(out, "");
	fake_stop(&fake);
}
END_TEST

/* What has come is there, and nobody can take it for all. */
START_TEST(json_that_breaks_off)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, DONE("0") COLUMNS("1") ROWS("1", "[1],[2]")},
	       {FAKE_CLOSE});
	ck_assert_int_eq(RUN("--json", "select 1", "select 2"), EXIT_DOUBT);
	ck_assert_str_eq(out, "{\"results\":[{\"count\":1,\"command\":\"SELECT\"},{\"columns\":[{"
			      "\"name\":\"n\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[1],[2]");
	fake_stop(&fake);
}
END_TEST

START_TEST(json_that_breaks_off_into_a_file)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]")}, {FAKE_CLOSE});
	ck_assert_int_eq(RUN("--json", "-o", "file", "select 1"), EXIT_DOUBT);
	ck_assert_int_ne(access("file", F_OK), 0);
	fake_stop(&fake);
}
END_TEST

/* The names are known before anything has come; it is the second query that comes first. */
START_TEST(json_by_name)
{
	write_file("in", "-- name: a\nselect 1;\n-- name: b\nselect 2;");
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND,
		DONE("1") COLUMNS("0") ROWS("0", "[1]")
			FAIL("0", "sql",
			     "none") "{\"id\":1,\"event\":\"end\",\"ok\":false,\"failed\":1}\n"});
	ck_assert_int_eq(RUN("--json", "-f", "in"), EXIT_FAILED);
	ck_assert_str_eq(out, "{\"results\":{\"a\":{\"columns\":[{\"name\":\"n\",\"type\":\"int4\","
			      "\"oid\":23}],\"rows\":[[1]],\"error\":{\"code\":\"sql\",\"message\":"
			      "\"said so\",\"effects\":\"none\"}},\"b\":{\"count\":1,\"command\":"
			      "\"SELECT\"}},\"id\":1,\"ok\":false,\"failed\":1}\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(json_file_for_each_query)
{
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, COLUMNS("1") DONE("1") COLUMNS("0") ROWS("0", "[1]") DONE("0") END});
	ck_assert_int_eq(RUN("--json", "-o", "%n.json", "select 1", "select 2"), EXIT_ALL_WELL);
	read_back("1.json", out, sizeof(out));
	ck_assert_str_eq(out, "{\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}],"
			      "\"rows\":[[1]],\"count\":1,\"command\":\"SELECT\"}\n");
	read_back("2.json", out, sizeof(out));
	ck_assert_str_eq(out, "{\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}],"
			      "\"rows\":[],\"count\":1,\"command\":\"SELECT\"}\n");
	fake_stop(&fake);
}
END_TEST

/* ---- steps ---- */

#define STEP(n)	     "0,\"step\":" n
#define CLOSED(rest) "{\"id\":1,\"event\":\"done\",\"item\":0" rest "}\n"
#define CLOSED_BY(code, effects, rest)                                                             \
	"{\"id\":1,\"event\":\"error\",\"item\":0,\"error\":{\"code\":\"" code                     \
	"\",\"message\":\"said so\",\"effects\":\"" effects "\"}" rest "}\n"
#define COMMITTED   ",\"outcome\":\"committed\",\"elapsed\":0.5"
#define ROLLED_BACK ",\"outcome\":\"rolled_back\""
#define IN_DOUBT    ",\"outcome\":\"unknown\""

START_TEST(sequence_is_sent)
{
	write_file("in", "-- name: b\nselect :x;");
	SCRIPT({FAKE_READ,
		"{\"id\":1,\"gather\":[{\"sequence\":[\"select 1\",{\"sql\":\"select :x\",\"name\":"
		"\"b\",\"params\":{\"x\":\"7\"}}]}],\"stream\":true"},
	       {FAKE_SEND, COLUMNS(STEP("0")) ROWS(STEP("0"), "[1]") DONE(STEP("0")) COLUMNS(STEP(
				   "1")) ROWS(STEP("1"), "[2]") DONE(STEP("1")) CLOSED("") END});
	ck_assert_int_eq(RUN("-s", "-r", "-v", "x=7", "select 1", "-f", "in"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "1\n2\n");
	ck_assert_str_eq(err, "");
	fake_stop(&fake);
}
END_TEST

START_TEST(transaction_is_sent)
{
	SCRIPT({FAKE_READ, "\"gather\":[{\"transaction\":[\"select 1\"]}],\"db\":\"x\""},
	       {FAKE_SEND, DONE(STEP("0")) CLOSED(COMMITTED) END});
	ck_assert_int_eq(RUN("-1", "-d", "x", "select 1"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "SELECT 1\n");
	ck_assert_str_eq(err, "");
	fake_stop(&fake);
}
END_TEST

START_TEST(snapshot_is_sent)
{
	SCRIPT({FAKE_READ, "\"gather\":[\"select 1\"],\"snapshot\":true,\"stream\":true"},
	       {FAKE_SEND, DONE("0") "{\"id\":1,\"event\":\"end\",\"ok\":true,\"failed\":0,"
				     "\"snapshot\":{\"lsn\":\"0/1\"}}\n"});
	ck_assert_int_eq(RUN("--snapshot", "--json", "select 1"), EXIT_ALL_WELL);
	ck_assert_str_eq(out,
			 "{\"results\":[{\"count\":1,\"command\":\"SELECT\"}],"
			 "\"id\":1,\"ok\":true,\"failed\":0,\"snapshot\":{\"lsn\":\"0/1\"}}\n");
	fake_stop(&fake);
}
END_TEST

/* The combined answer has what the daemon gives it, in another order. Names are labels only. */
START_TEST(transaction_as_json)
{
	write_file("in", "-- name: a\nselect 1;\n-- name: b\nselect 2;");
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, COLUMNS(STEP("1")) ROWS(STEP("1"), "[2]") DONE(STEP("0")) DONE(STEP("1"))
				   CLOSED(COMMITTED) END});
	ck_assert_int_eq(RUN("-1", "--json", "-f", "in"), EXIT_ALL_WELL);
	ck_assert_str_eq(
		out,
		"{\"results\":[{\"steps\":[{\"name\":\"a\",\"count\":1,\"command\":\"SELECT\"},"
		"{\"name\":\"b\",\"columns\":[{\"name\":\"n\",\"type\":\"int4\","
		"\"oid\":23}],\"rows\":[[2]],\"count\":1,\"command\":\"SELECT\"}],"
		"\"outcome\":\"committed\",\"elapsed\":0.5}],"
		"\"id\":1,\"ok\":true,\"failed\":0,\"elapsed\":2.5}\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(transaction_as_jsonl)
{
	static const char events[] = COLUMNS(STEP("0")) DONE(STEP("0")) CLOSED(COMMITTED) END;

	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, events});
	ck_assert_int_eq(RUN("-1", "--jsonl", "select 1"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, events);
	fake_stop(&fake);
}
END_TEST

START_TEST(file_for_each_step)
{
	write_file("in", "-- name: a\nselect 1;\n-- name: b\nselect 2;");
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, COLUMNS(STEP("0")) ROWS(STEP("0"), "[1]") DONE(STEP("0"))
				   COLUMNS(STEP("1")) DONE(STEP("1")) CLOSED(COMMITTED) END});
	ck_assert_int_eq(RUN("-1", "--csv", "-o", "%n.csv", "-f", "in"), EXIT_ALL_WELL);
	read_back("a.csv", out, sizeof(out));
	ck_assert_str_eq(out, "n\n1\n");
	read_back("b.csv", out, sizeof(out));
	ck_assert_str_eq(out, "n\n");
	fake_stop(&fake);
}
END_TEST

#define BOTH_DONE  DONE(STEP("0")) DONE(STEP("1"))
#define ONE_FAILED DONE(STEP("0")) FAIL(STEP("1"), "sql", "none")

static const struct {
	const char *name, *option;
	const char *answer;
	int status;
	const char *said; /* all of it */
} endings[] = {
	{"a step of a sequence fails", "-s",
	 FAIL(STEP("0"), "sql", "none") FAIL(STEP("1"), "skipped", "none")
		 CLOSED_BY("sql", "none", "") END,
	 EXIT_FAILED,
	 "gather: step 1: ERROR:  said so\nQUERY:  select 1\n"
	 "gather: 1 step was cancelled or not run, without any effect\n"},
	{"one whose effects are not known", "-s",
	 DONE(STEP("0")) FAIL(STEP("1"), "connection_lost", "unknown")
		 CLOSED_BY("connection_lost", "unknown", "") END,
	 EXIT_DOUBT,
	 "gather: step 2: connection_lost: said so\nQUERY:  select 2\n"
	 "EFFECTS:  unknown: the query may have been executed\n"},
	{"no connection", "-s",
	 FAIL(STEP("0"), "skipped", "none") FAIL(STEP("1"), "skipped", "none")
		 CLOSED_BY("unavailable", "none", "") END,
	 EXIT_FAILED,
	 "gather: 2 steps were cancelled or not run, without any effect\n"
	 "gather: sequence: unavailable: said so\n"},
	{"rolled back", "-1", ONE_FAILED CLOSED_BY("sql", "none", ROLLED_BACK) END, EXIT_FAILED,
	 "gather: step 2: ERROR:  said so\nQUERY:  select 2\n"
	 "gather: the transaction was rolled back: nothing of it remains\n"},
	{"rolled back, whatever a step says", "-1",
	 DONE(STEP("0")) FAIL(STEP("1"), "connection_lost", "unknown")
		 CLOSED_BY("connection_lost", "none", ROLLED_BACK) END,
	 EXIT_FAILED,
	 "gather: step 2: connection_lost: said so\nQUERY:  select 2\n"
	 "EFFECTS:  unknown: the query may have been executed\n"
	 "gather: the transaction was rolled back: nothing of it remains\n"},
	{"rolled back, but not all of it", "-1",
	 ONE_FAILED CLOSED_BY("sql", "unknown", ROLLED_BACK) END, EXIT_DOUBT,
	 "gather: step 2: ERROR:  said so\nQUERY:  select 2\n"
	 "gather: the transaction was rolled back; what a step did outside of it (setval, COPY to "
	 "a file, ...) may remain\n"},
	{"COMMIT fails", "-1", BOTH_DONE CLOSED_BY("sql", "none", ROLLED_BACK) END, EXIT_FAILED,
	 "gather: COMMIT: ERROR:  said so\n"
	 "gather: the transaction was rolled back: nothing of it remains\n"},
	{"nobody knows", "-1", BOTH_DONE CLOSED_BY("connection_lost", "unknown", IN_DOUBT) END,
	 EXIT_DOUBT,
	 "gather: COMMIT: connection_lost: said so\n"
	 "gather: whether the transaction was committed is not known\n"},
	{"not said", "-1", BOTH_DONE CLOSED("") END, EXIT_DOUBT,
	 "gather: whether the transaction was committed is not known\n"},
	{"no connection for a transaction", "-1",
	 FAIL(STEP("0"), "skipped", "none") FAIL(STEP("1"), "skipped", "none")
		 CLOSED_BY("unavailable", "none", ROLLED_BACK) END,
	 EXIT_FAILED,
	 "gather: 2 steps were cancelled or not run, without any effect\n"
	 "gather: transaction: unavailable: said so\n"
	 "gather: the transaction was rolled back: nothing of it remains\n"},
	{"committed, whatever else was said", "-1",
	 BOTH_DONE CLOSED_BY("timeout", "unknown", COMMITTED) END, EXIT_ALL_WELL,
	 "gather: COMMIT: timeout: said so\n"
	 "gather: the transaction was committed all the same\n"},
	{"committed, with an answer missing", "-1",
	 DONE(STEP("0")) FAIL(STEP("1"), "too_large", "done")
		 CLOSED_BY("too_large", "done", COMMITTED) END,
	 EXIT_DOUBT,
	 "gather: step 2: too_large: said so\nQUERY:  select 2\n"
	 "EFFECTS:  done: the query was executed, only its answer is missing\n"
	 "gather: the transaction was committed all the same\n"},
	{"an end without the item's", "-1", BOTH_DONE END, EXIT_DOUBT,
	 "gather: the answer makes no sense\n"},
	{"an item's end without all steps'", "-1", DONE(STEP("0")) CLOSED(COMMITTED) END,
	 EXIT_DOUBT, "gather: the answer makes no sense\n"},
	{"two ends", "-1",
	 COLUMNS(STEP("0")) COLUMNS(STEP("1")) BOTH_DONE CLOSED(COMMITTED) CLOSED(COMMITTED) END,
	 EXIT_DOUBT,
	 "gather: the transaction was committed all the same\n"
	 "gather: the answer makes no sense\n"},
	{"a step too many", "-1", BOTH_DONE DONE(STEP("2")), EXIT_DOUBT,
	 "gather: the answer makes no sense\n"},
	{"another item", "-1", DONE("1,\"step\":0"), EXIT_DOUBT,
	 "gather: the answer makes no sense\n"},
	{"a step of a query", "-q", DONE(STEP("0")), EXIT_DOUBT,
	 "gather: the answer makes no sense\n"},
};

START_TEST(ending)
{
	static const char *const formats[] = {"--csv", "-r", "--json", "--jsonl"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, endings[_i].answer});
		ck_assert_msg(RUN(endings[_i].option, formats[i], "select 1", "select 2") ==
				      endings[_i].status,
			      "%s: %s", endings[_i].name, err);
		ck_assert_str_eq(err, endings[_i].said);
		fake_stop(&fake);
	}
}
END_TEST

START_TEST(place_of_an_error_in_a_step)
{
	write_file("in", "create table a (b int);\n-- name: second\nselect\n  nope;\n");
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND,
		DONE(STEP("0")) "{\"id\":1,\"event\":\"error\",\"item\":0,\"step\":1,"
				"\"error\":{\"code\":\"sql\",\"severity\":\"ERROR\","
				"\"message\":\"nope\",\"position\":10,\"effects\":"
				"\"none\"}}\n" CLOSED_BY("sql", "none", ROLLED_BACK) END});
	ck_assert_int_eq(RUN("-1", "-f", "in"), EXIT_FAILED);
	ck_assert_str_eq(err, "gather: in:4: second: ERROR:  nope\nLINE 2:   nope\n          ^\n"
			      "gather: the transaction was rolled back: nothing of it remains\n");
	fake_stop(&fake);
}
END_TEST

/* ---- titles of a report ---- */

#define LISTING                                                                                    \
	"{\"id\":1,\"reports\":[{\"name\":\"other\",\"queries\":[{\"name\":\"q\",\"title\":\"X\"}" \
	"]},"                                                                                      \
	"{\"name\":\"broken\",\"error\":\"e\"},{\"name\":\"daily\",\"title\":\"D\",\"params\":[]," \
	"\"queries\":[{\"name\":\"q\",\"title\":\"The \\\"title\\\"\"},{\"name\":\"p\"}]}]}\n"
#define REPORT_DONE(item, name)                                                                    \
	"{\"id\":2,\"event\":\"done\",\"item\":" item ",\"name\":\"" name                          \
	"\",\"count\":1,\"command\":\"DELETE\"}\n"
#define REPORT_END "{\"id\":2,\"event\":\"end\",\"ok\":true,\"failed\":0}\n"

static const struct {
	const char *listing, *printed;
} listings[] = {
	{LISTING, "The \"title\"\nDELETE 1\np\nDELETE 1\n"},
	{"{\"id\":1,\"reports\":[]}\n", "q\nDELETE 1\np\nDELETE 1\n"},
	{"{\"id\":1,\"reports\":7}\n", "q\nDELETE 1\np\nDELETE 1\n"},
	{"{\"id\":1,\"error\":{\"code\":\"denied\"}}\n", "q\nDELETE 1\np\nDELETE 1\n"},
	{"", "q\nDELETE 1\np\nDELETE 1\n"},
};

/* Both lines are sent before an answer is read. */
START_TEST(report_with_titles)
{
	SCRIPT({FAKE_READ, "{\"id\":1,\"reports\":true}"},
	       {FAKE_READ, "{\"id\":2,\"report\":\"daily\""}, {FAKE_SEND, listings[_i].listing},
	       {FAKE_SEND, REPORT_DONE("0", "q") REPORT_DONE("1", "p") REPORT_END});
	ck_assert_int_eq(RUN("report", "daily"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, listings[_i].printed);
	ck_assert_str_eq(err, "");
	fake_stop(&fake);
}
END_TEST

/* ---- files ---- */

START_TEST(file_appears)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]") DONE("0") END});
	ck_assert_int_eq(RUN("--csv", "-o", "file", "select 1"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "");
	read_back("file", out, sizeof(out));
	ck_assert_str_eq(out, "n\n1\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(file_does_not_appear)
{
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]") DONE("0") FAIL("1", "sql", "none") END});
	ck_assert_int_eq(RUN("--csv", "-o", "file", "select 1", "select 2"), EXIT_FAILED);
	ck_assert_int_ne(access("file", F_OK), 0);
	fake_stop(&fake);
}
END_TEST

START_TEST(file_for_each_query)
{
	write_file("in", "-- name: a\nselect 1;\n-- name: b\nselect 2;");
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("1") ROWS("1", "[2]") DONE("1") COLUMNS("0")
						      ROWS("0", "[1]") DONE("0") END});
	ck_assert_int_eq(RUN("--csv", "-o", "%n.csv", "-f", "in"), EXIT_ALL_WELL);
	read_back("a.csv", out, sizeof(out));
	ck_assert_str_eq(out, "n\n1\n");
	read_back("b.csv", out, sizeof(out));
	ck_assert_str_eq(out, "n\n2\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(file_that_cannot_be)
{
	ck_assert_int_eq(RUN("-o", "none/file", "select 1"), EXIT_NOTHING);
	ck_assert_ptr_nonnull(strstr(err, "none/file: its directory does not exist"));
}
END_TEST

/* The output takes no more: the daemon is told, and what became of the queries is waited for. */
START_TEST(full_disk)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]")},
	       {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SEND, "{\"id\":2,\"cancelled\":true}\n" FAIL("0", "cancelled", "none") END});
	ck_assert_int_eq(RUN("-r", "-o", "/dev/full", "select 1"), EXIT_FAILED);
	ck_assert_ptr_nonnull(strstr(err, "/dev/full: No space left"));
	fake_stop(&fake);
}
END_TEST

/* Quietly, but for what was done all the same. */
static const struct {
	const char *answer, *said;
} closed_pipes[] = {
	{FAIL("0", "cancelled", "none") FAIL("1", "cancelled", "none"), ""},
	{DONE("0") WROTE("1"), ONE_UNPRINTED},
};

START_TEST(closed_pipe)
{
	int ends[2];
	char path[64];

	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]")},
	       {FAKE_READ, "\"cancel\":1"}, {FAKE_SEND, closed_pipes[_i].answer},
	       {FAKE_SEND, "{\"id\":2,\"cancelled\":true}\n" END});
	ck_assert_int_eq(pipe(ends), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	ck_assert_int_eq(symlink(path, "out"), 0);
	out_flags = O_WRONLY;
	closed_end = ends[0];
	ck_assert_int_eq(RUN("-r", "select 1", "select 2"), EXIT_SIGNAL(SIGPIPE));
	read_back("err", err, sizeof(err));
	ck_assert_str_eq(err, closed_pipes[_i].said);
	fake_stop(&fake);
}
END_TEST

/* Lines of 1000 bytes: more than a pipe holds. */
#define MUCH 2000

/* Reads nothing before all of the script was played, then all; says by its status whether it was
 * enough. */
static pid_t start_slow_reader(int from, int played)
{
	static char bytes[1 << 16];
	size_t total = 0;
	ssize_t n;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	close(closed_end);
	while (read(played, bytes, 1) > 0)
		;
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		total += (size_t)n;
	_exit(total == MUCH * 1001 ? 0 : 1);
}

/* A pager that does not read holds up neither the daemon nor the queries. */
START_TEST(slow_reader)
{
	struct fake_step steps[MUCH + 4] = {{FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0")}};
	char value[1001], line[1200], path[64];
	int ends[2], played[2], rc;
	pid_t reader;

	memset(value, 'x', sizeof(value));
	value[1000] = '\0';
	snprintf(line, sizeof(line),
		 "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"%s\"]]}\n", value);
	for (size_t i = 0; i < MUCH; i++)
		steps[i + 2] = (struct fake_step){FAKE_SEND, line};
	steps[MUCH + 2] = (struct fake_step){FAKE_SEND, DONE("0") END};
	/* The script's process has the only end of `played` that stays open. */
	ck_assert_int_eq(pipe(played), 0);
	fake_start(&fake, steps);
	close(played[1]);
	ck_assert_int_eq(pipe(ends), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	ck_assert_int_eq(symlink(path, "out"), 0);
	closed_end = ends[1];
	reader = start_slow_reader(ends[0], played[0]);
	out_flags = O_WRONLY;
	rc = RUN("-r", "select 1");
	close(STDOUT_FILENO);
	ck_assert_int_eq(rc, EXIT_ALL_WELL);
	ck_assert_int_eq(waitpid(reader, &rc, 0), reader);
	ck_assert_int_eq(rc, 0);
	fake_stop(&fake);
}
END_TEST

/* ---- signals ---- */

START_TEST(signal_cancels)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]")},
	       {FAKE_SIGNAL, NULL, (size_t)signals[_i]}, {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SEND, "{\"id\":2,\"cancelled\":true}\n" FAIL("0", "cancelled", "none") END});
	ck_assert_int_eq(RUN("-r", "-o", "file", "select 1"), EXIT_SIGNAL(signals[_i]));
	ck_assert_ptr_nonnull(strstr(err, "without any effect"));
	ck_assert_int_ne(access("file", F_OK), 0);
	fake_stop(&fake);
}
END_TEST

/* As under nohup: the run goes on, and the signal is not even remembered. */
START_TEST(ignored_signal_stays_ignored)
{
	signal(SIGHUP, SIG_IGN);
	SCRIPT({FAKE_READ, NULL}, {FAKE_SIGNAL, NULL, SIGHUP},
	       {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]") DONE("0") END}, {FAKE_EOF});
	ck_assert_int_eq(RUN("-r", "select 1"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "1\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(signal_leaves_doubt)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SIGNAL, NULL, SIGTERM}, {FAKE_READ, "\"cancel\":1"},
	       {FAKE_CLOSE});
	ck_assert_int_eq(RUN("select 1"), EXIT_SIGNAL(SIGTERM));
	ck_assert_ptr_nonnull(strstr(err, "may have taken effect"));
	fake_stop(&fake);
}
END_TEST

static const struct {
	const char *closing;
	int status;
	const char *said;
} cancelled_transactions[] = {
	{FAIL(STEP("1"), "cancelled", "none") CLOSED_BY("cancelled", "none", ROLLED_BACK), 130,
	 "gather: 1 step was cancelled or not run, without any effect\n"
	 "gather: the transaction was rolled back: nothing of it remains\ngather: cancelled\n"},
	{COLUMNS(STEP("1")) DONE(STEP("1")) CLOSED(COMMITTED), 130,
	 "gather: the transaction was committed all the same\ngather: cancelled\n"},
	{WROTE(STEP("1")) CLOSED(COMMITTED), 130,
	 "gather: the transaction was committed all the same\ngather: cancelled\n"
	 "gather: 1 step was carried out; its result was not printed\n"},
	{WROTE(STEP("1")) CLOSED_BY("sql", "none", ROLLED_BACK), 130,
	 "gather: COMMIT: ERROR:  said so\n"
	 "gather: the transaction was rolled back: nothing of it remains\ngather: cancelled\n"},
	{DONE(STEP("1")) CLOSED_BY("cancelled", "unknown", IN_DOUBT), 130,
	 "gather: COMMIT: cancelled: said so\n"
	 "gather: whether the transaction was committed is not known\n"
	 "gather: cancelled; some query may have taken effect\n"},
};

START_TEST(signal_in_a_transaction)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS(STEP("0")) ROWS(STEP("0"), "[1]")},
	       {FAKE_SIGNAL, NULL, SIGINT}, {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SEND, DONE(STEP("0"))}, {FAKE_SEND, cancelled_transactions[_i].closing},
	       {FAKE_SEND, END});
	ck_assert_int_eq(RUN("-1", "select 1", "select 2"), cancelled_transactions[_i].status);
	ck_assert_str_eq(err, cancelled_transactions[_i].said);
	ck_assert_str_eq(out, "");
	fake_stop(&fake);
}
END_TEST

/* The daemon does not react to the cancel: a second signal ends it all. */
START_TEST(second_signal)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SIGNAL, NULL, SIGINT}, {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SIGNAL, NULL, SIGINT}, {FAKE_EOF});
	RUN("select 1");
	ck_abort_msg("still there");
}
END_TEST

/* ---- what was done without having been shown ---- */

static const struct {
	const char *name, *option;
	const char *before, *after; /* the signal */
	const char *said;
	bool shown; /* what came before it was, when the signal comes */
} unprinted[] = {
	{"waited for its turn", "-r", WROTE("1"), FAIL("0", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n" ONE_UNPRINTED},
	{"came while it was to stop", "-r", COLUMNS("0"), DONE("0") WROTE("1"),
	 "gather: cancelled\n" ONE_UNPRINTED},
	{"both", "-r", WROTE("1"), WROTE("0"),
	 "gather: cancelled\n"
	 "gather: 2 queries were carried out; their results were not printed\n"},
	{"has made a table of what it selects", "-r", DONE("1"), FAIL("0", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n" ONE_UNPRINTED},
	{"only reads", "-r", COLUMNS("1") ROWS("1", "[2]") DONE("1"),
	 FAIL("0", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n"},
	{"was printed", "-r", COLUMNS("0") ROWS("0", "[1]") WROTE("0"),
	 FAIL("1", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n", true},
	{"was an event that was printed", "--jsonl", WROTE("1"), FAIL("0", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n", true},
	{"is part of an answer that breaks off", "--json", WROTE("0"),
	 FAIL("1", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n" ONE_UNPRINTED},
	{"is in a file that does not appear", "-ofile", WROTE("0"), FAIL("1", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n" ONE_UNPRINTED},
	{"is in one of many files", "-o%n.json", WROTE("0"), FAIL("1", "cancelled", "none"),
	 "gather: 1 query was cancelled, without any effect\ngather: cancelled\n" ONE_UNPRINTED},
};

START_TEST(unprinted_for_a_signal)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, unprinted[_i].before},
	       {unprinted[_i].shown ? FAKE_AWAIT : FAKE_SEND, unprinted[_i].shown ? "out" : ""},
	       {FAKE_SIGNAL, NULL, SIGINT}, {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SEND, unprinted[_i].after}, {FAKE_SEND, END});
	ck_assert_int_eq(RUN(unprinted[_i].option, "select 1", "select 2"), EXIT_SIGNAL(SIGINT));
	ck_assert_msg(strcmp(err, unprinted[_i].said) == 0, "%s: %s", unprinted[_i].name, err);
	ck_assert_int_ne(access("file", F_OK), 0);
	ck_assert_int_ne(access("1.json", F_OK), 0);
	fake_stop(&fake);
}
END_TEST

START_TEST(unprinted_steps_of_a_sequence)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS(STEP("0"))}, {FAKE_SIGNAL, NULL, SIGINT},
	       {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SEND, WROTE(STEP("0")) FAIL(STEP("1"), "cancelled", "none")
				   CLOSED_BY("cancelled", "none", "") END});
	ck_assert_int_eq(RUN("-s", "select 1", "select 2"), EXIT_SIGNAL(SIGINT));
	ck_assert_str_eq(err, "gather: 1 step was cancelled or not run, without any effect\n"
			      "gather: cancelled\n"
			      "gather: 1 step was carried out; its result was not printed\n");
	fake_stop(&fake);
}
END_TEST

/* Status 1 would mean that nothing of it remains, and what a SELECT calls is not known. */
START_TEST(unprinted_steps_of_a_transaction)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS(STEP("0")) ROWS(STEP("0"), "[1]")
						      DONE(STEP("0")) CLOSED(COMMITTED) END});
	ck_assert_int_eq(RUN("-1", "-o", "/dev/full", "select 1"), EXIT_DOUBT);
	ck_assert_str_eq(err, "gather: /dev/full: No space left on device\n"
			      "gather: the transaction was committed all the same\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(unprinted_since_another_query_failed)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, WROTE("0") FAIL("1", "sql", "none") END});
	ck_assert_int_eq(RUN("-o", "file", "select 1", "select 2"), EXIT_DOUBT);
	ck_assert_str_eq(err, "gather: query 2: ERROR:  said so\nQUERY:  select 2\n" ONE_UNPRINTED);
	ck_assert_int_ne(access("file", F_OK), 0);
	fake_stop(&fake);
}
END_TEST

/* There is a directory of that name when the file is to appear, and it is not empty. */
START_TEST(unprinted_since_a_file_cannot_appear)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, WROTE("1")}, {FAKE_MKDIR, "file"},
	       {FAKE_SEND, COLUMNS("0") DONE("0") END});
	ck_assert_int_eq(RUN("-o", "file", "select 1", "select 2"), EXIT_DOUBT);
	ck_assert_ptr_nonnull(strstr(err, "gather: file: "));
	ck_assert_ptr_nonnull(strstr(err, ONE_UNPRINTED));
	rmdir("file");
	fake_stop(&fake);
}
END_TEST

START_TEST(unprinted_for_want_of_a_spool)
{
	setenv("TMPDIR", "/nonexistent", 1);
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("1") ROWS("1", "[1]") WROTE("1")},
	       {FAKE_READ, "\"cancel\":1"}, {FAKE_SEND, FAIL("0", "cancelled", "none") END});
	ck_assert_int_eq(RUN("--csv", "select 1", "select 2"), EXIT_DOUBT);
	ck_assert_str_eq(
		err, "gather: temporary file in /nonexistent (TMPDIR): No such file or directory\n"
		     "gather: 1 query was cancelled, without any effect\n" ONE_UNPRINTED);
	fake_stop(&fake);
}
END_TEST

START_TEST(outcome_is_told_without_a_spool)
{
	setenv("TMPDIR", "/nonexistent", 1);
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS(STEP("1"))}, {FAKE_READ, "\"cancel\":1"},
	       {FAKE_SEND, DONE(STEP("1")) FAIL(STEP("0"), "sql", "none")
				   CLOSED_BY("sql", "none", ROLLED_BACK) END});
	ck_assert_int_eq(RUN("-1", "select 1", "select 2"), EXIT_FAILED);
	ck_assert_ptr_nonnull(strstr(err, "step 1: ERROR:  said so\n"));
	ck_assert_ptr_nonnull(strstr(err, "rolled back: nothing of it remains\n"));
	fake_stop(&fake);
}
END_TEST

START_TEST(doubt_is_kept_without_a_spool)
{
	setenv("TMPDIR", "/nonexistent", 1);
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, FAIL("1", "connection_lost", "unknown")},
	       {FAKE_READ, "\"cancel\":1"}, {FAKE_SEND, FAIL("0", "cancelled", "none") END});
	ck_assert_int_eq(RUN("select 1", "select 2"), EXIT_DOUBT);
	fake_stop(&fake);
}
END_TEST

static const struct {
	const char *done;
	int status;
	const char *said;
} full_disks[] = {
	{DONE("0"), EXIT_FAILED, "gather: /dev/full: No space left on device\n"},
	{WROTE("0"), EXIT_DOUBT, "gather: /dev/full: No space left on device\n" ONE_UNPRINTED},
};

/* All is well until what was printed is to be written. */
START_TEST(unprinted_on_a_full_disk)
{
	SCRIPT({FAKE_READ, NULL}, {FAKE_SEND, COLUMNS("0") ROWS("0", "[1]")},
	       {FAKE_READ, "\"cancel\":1"}, {FAKE_SEND, full_disks[_i].done}, {FAKE_SEND, END});
	ck_assert_int_eq(RUN("-r", "-o", "/dev/full", "select 1"), full_disks[_i].status);
	ck_assert_str_eq(err, full_disks[_i].said);
	fake_stop(&fake);
}
END_TEST

/* ---- lines ---- */

static const struct {
	const char *requests;
	struct fake_step steps[6];
	int status;
	const char *printed;
} conversations[] = {
	{"{\"ping\":true}\n\n{\"id\":\"x\",\"gather\":[]}",
	 {{FAKE_READ, "ping"},
	  {FAKE_READ, "\n"},
	  {FAKE_READ, "gather"},
	  {FAKE_EOF},
	  {FAKE_SEND, "{\"id\":1,\"pong\":true}\n{\"id\":\"x\",\"ok\":true,\"results\":[]}\n"}},
	 EXIT_ALL_WELL,
	 "{\"id\":1,\"pong\":true}\n{\"id\":\"x\",\"ok\":true,\"results\":[]}\n"},
	{"a stream\n",
	 {{FAKE_READ, NULL},
	  {FAKE_EOF},
	  {FAKE_SEND,
	   "{\"id\":1,\"event\":\"done\",\"item\":0}\n{\"id\":1,\"event\":\"end\",\"ok\":true}\n"}},
	 EXIT_ALL_WELL,
	 "{\"id\":1,\"event\":\"done\",\"item\":0}\n{\"id\":1,\"event\":\"end\",\"ok\":true}\n"},
	{"one that fails\n",
	 {{FAKE_READ, NULL},
	  {FAKE_SEND, "{\"id\":1,\"ok\":false,\"results\":[{\"error\":{\"effects\":\"none\"}}]}\n"},
	  {FAKE_EOF}},
	 EXIT_FAILED,
	 "{\"id\":1,\"ok\":false,\"results\":[{\"error\":{\"effects\":\"none\"}}]}\n"},
	{"one in doubt\n",
	 {{FAKE_READ, NULL},
	  {FAKE_SEND,
	   "{\"id\":1,\"ok\":false,\"results\":[{\"error\":{\"effects\":\"unknown\"}}]}\n"},
	  {FAKE_EOF}},
	 EXIT_DOUBT,
	 "{\"id\":1,\"ok\":false,\"results\":[{\"error\":{\"effects\":\"unknown\"}}]}\n"},
	{"refused\n",
	 {{FAKE_READ, NULL}, {FAKE_SEND, "{\"id\":1,\"error\":{}}\n"}, {FAKE_CLOSE}},
	 EXIT_NOTHING,
	 "{\"id\":1,\"error\":{}}\n"},
	{"one\ntwo\n",
	 {{FAKE_READ, "one"},
	  {FAKE_READ, "two"},
	  {FAKE_SEND, "{\"id\":2,\"ok\":true}\n"},
	  {FAKE_CLOSE}},
	 EXIT_DOUBT,
	 "{\"id\":2,\"ok\":true}\n"},
	{"", {{FAKE_EOF}}, EXIT_ALL_WELL, ""},
};

START_TEST(conversation)
{
	write_file("in", conversations[_i].requests);
	fake_start(&fake, conversations[_i].steps);
	ck_assert_msg(RUN("-J", "in") == conversations[_i].status, "%s: %s",
		      conversations[_i].requests, err);
	ck_assert_str_eq(out, conversations[_i].printed);
	fake_stop(&fake);
}
END_TEST

/* ---- one question ---- */

START_TEST(ping)
{
	SCRIPT({FAKE_READ, "{\"ping\":true}"},
	       {FAKE_SEND, "{\"id\":1,\"pong\":true,\"version\":\"1.2\",\"protocol\":1}\n"});
	ck_assert_int_eq(RUN("ping"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "gatherd 1.2 is there, protocol 1\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(reports)
{
	SCRIPT({FAKE_READ, "{\"reports\":true}"},
	       {FAKE_SEND, "{\"id\":1,\"reports\":[{\"name\":\"a\",\"title\":null,\"params\":[]},{"
			   "\"name\":\"b\",\"title\":\"B, really\","
			   "\"params\":[{\"name\":\"day\",\"type\":\"date\",\"default\":\"current_"
			   "date\"},{\"name\":\"n\",\"type\":\"int\"}]},{\"name\":\"c\",\"error\":"
			   "\"line 2: what?\"}]}\n"});
	ck_assert_int_eq(RUN("--csv", "reports"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "report,title,parameters\na,\"\",\"\"\nb,\"B, really\",\"day date = "
			      "current_date, n int\"\nc,broken: line 2: what?,\"\"\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(stats)
{
	SCRIPT({FAKE_READ, "{\"stats\":true}"},
	       {FAKE_SEND, "{\"id\":1,\"stats\":{\"uptime\":1.5,\"pools\":{\"main\":{\"idle\":2}},"
			   "\"clients\":[{\"name\":\"x\",\"n\":1},7],\"none\":[]}}\n"});
	ck_assert_int_eq(RUN("-r", "stats"), EXIT_ALL_WELL);
	ck_assert_str_eq(out, "uptime\t1.5\npools.main.idle\t2\nclients.x.name\tx\nclients.x."
			      "n\t1\nclients.2\t7\nnone\t[]\n");
	fake_stop(&fake);
}
END_TEST

START_TEST(stats_denied)
{
	SCRIPT({FAKE_READ, NULL},
	       {FAKE_SEND, "{\"id\":1,\"error\":{\"code\":\"denied\",\"message\":\"not you\"}}\n"});
	ck_assert_int_eq(RUN("stats"), EXIT_NOTHING);
	ck_assert_ptr_nonnull(strstr(err, "denied: not you"));
	fake_stop(&fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_run");
	TCase *tcase = suite_case(suite, "runs", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, all_well);
	tcase_add_test(tcase, all_options_are_sent);
	tcase_add_test(tcase, settings);
	tcase_add_test(tcase, report);
	tcase_add_loop_test(tcase, status, 0, ARRAY_SIZE(statuses));
	tcase_add_loop_test(tcase, bad_file, 0, ARRAY_SIZE(bad_files));
	tcase_add_test(tcase, no_file);
	tcase_add_test(tcase, unused_setting);
	tcase_add_test(tcase, no_daemon);
	tcase_add_test(tcase, place_of_an_error_in_a_file);
	tcase_add_loop_test(tcase, hint_at_a_name, 0, (int)ARRAY_SIZE(syntax_errors));
	tcase_add_test(tcase, json_of_what_is_refused);
	tcase_add_test(tcase, json_that_breaks_off);
	tcase_add_test(tcase, json_that_breaks_off_into_a_file);
	tcase_add_test(tcase, json_by_name);
	tcase_add_test(tcase, json_file_for_each_query);
	tcase_add_test(tcase, sequence_is_sent);
	tcase_add_test(tcase, transaction_is_sent);
	tcase_add_test(tcase, snapshot_is_sent);
	tcase_add_test(tcase, transaction_as_json);
	tcase_add_test(tcase, transaction_as_jsonl);
	tcase_add_test(tcase, file_for_each_step);
	tcase_add_loop_test(tcase, ending, 0, ARRAY_SIZE(endings));
	tcase_add_test(tcase, place_of_an_error_in_a_step);
	tcase_add_loop_test(tcase, report_with_titles, 0, ARRAY_SIZE(listings));
	tcase_add_test(tcase, file_appears);
	tcase_add_test(tcase, file_does_not_appear);
	tcase_add_test(tcase, file_for_each_query);
	tcase_add_test(tcase, file_that_cannot_be);
	tcase_add_test(tcase, full_disk);
	tcase_add_loop_test(tcase, closed_pipe, 0, ARRAY_SIZE(closed_pipes));
	tcase_add_loop_test(tcase, unprinted_for_a_signal, 0, ARRAY_SIZE(unprinted));
	tcase_add_test(tcase, unprinted_steps_of_a_sequence);
	tcase_add_test(tcase, unprinted_steps_of_a_transaction);
	tcase_add_test(tcase, unprinted_since_another_query_failed);
	tcase_add_test(tcase, unprinted_since_a_file_cannot_appear);
	tcase_add_test(tcase, unprinted_for_want_of_a_spool);
	tcase_add_test(tcase, outcome_is_told_without_a_spool);
	tcase_add_test(tcase, doubt_is_kept_without_a_spool);
	tcase_add_loop_test(tcase, unprinted_on_a_full_disk, 0, ARRAY_SIZE(full_disks));
	tcase_add_test(tcase, slow_reader);
	tcase_add_loop_test(tcase, signal_cancels, 0, ARRAY_SIZE(signals));
	tcase_add_loop_test(tcase, signal_in_a_transaction, 0, ARRAY_SIZE(cancelled_transactions));
	tcase_add_test(tcase, ignored_signal_stays_ignored);
	tcase_add_test(tcase, signal_leaves_doubt);
	tcase_add_loop_test(tcase, conversation, 0, ARRAY_SIZE(conversations));
	tcase_add_test(tcase, ping);
	tcase_add_test(tcase, reports);
	tcase_add_test(tcase, stats);
	tcase_add_test(tcase, stats_denied);
	tcase = suite_case(suite, "ends at once", 20);
	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_exit_test(tcase, second_signal, EXIT_SIGNAL(SIGINT));
	return suite_run(suite);
}
