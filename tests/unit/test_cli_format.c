/* SPDX-License-Identifier: PostgreSQL */
/* What each format makes of events, in whatever order they come: to the byte, tables as psql prints
 * them. */
#include "base/mem.h"
#include "cli/show.h"
#include "unit/psql_tables.h"
#include "unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct show show;
static struct format format;
static struct output output;
static struct spool spool;
static struct progress progress;
static struct input input;
static struct query queries[4];
static char path[] = "/tmp/gather-format.XXXXXX";
static int said; /* what went to stderr */

/* `names` and `titles` of as many queries as there are names. */
static void begin(enum options_format which, size_t count)
{
	int fd = mkstemp(path);

	spool_init(&spool);
	ck_assert_int_ge(fd, 0);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	ck_assert_int_eq(output_open(&output, NULL, &spool, NULL), 0);
	format_init(&format, which, &output);
	input.queries = queries;
	input.count = count;
	for (size_t i = 0; i < count; i++)
		if (queries[i].sql == NULL)
			queries[i].sql = "select 1";
	ck_assert_int_eq(show_init(&show, &input, &format, &spool, &progress), 0);
	/* The texts of failures have tests of their own. */
	said = open("/dev/null", O_WRONLY);
	dup2(said, STDERR_FILENO);
}

static int feed(const char *line)
{
	struct document *document = document_new();
	struct gather_event event;
	int rc;

	ck_assert_int_eq(document_read(document, str_from(line)), 0);
	ck_assert_int_eq(event_read(document, &event), 0);
	rc = event.kind == GATHER_EVENT_END ? show_end(&show, &event) : show_event(&show, &event);
	document_free(document);
	return rc;
}

/* All of the lines, then what is on standard output. */
static const char *printed(const char *const *lines)
{
	static char text[1 << 16];
	ssize_t len;
	int fd;

	for (; *lines != NULL; lines++)
		ck_assert_int_eq(feed(*lines), 0);
	output_flush(&output);
	fd = open(path, O_RDONLY);
	len = read(fd, text, sizeof(text) - 1);
	ck_assert_int_ge(len, 0);
	text[len] = '\0';
	close(fd);
	return text;
}

static void tear_down(void)
{
	show_free(&show);
	format_free(&format);
	output_close(&output);
	spool_close(&spool);
	unlink(path);
	close(said);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

#define PRINTED(...) printed((const char *const[]){__VA_ARGS__, NULL})
#define COLUMNS(item)                                                                              \
	"{\"id\":1,\"event\":\"columns\",\"item\":" item                                           \
	",\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}]}"
#define ROWS(item, rows) "{\"id\":1,\"event\":\"rows\",\"item\":" item ",\"rows\":[" rows "]}"
#define DONE(item)                                                                                 \
	"{\"id\":1,\"event\":\"done\",\"item\":" item                                              \
	",\"count\":1,\"command\":\"SELECT\",\"queued\":0.5,\"elapsed\":1.0}"
#define FAIL(item)                                                                                 \
	"{\"id\":1,\"event\":\"error\",\"item\":" item                                             \
	",\"error\":{\"code\":\"sql\",\"message\":\"m\",\"effects\":\"none\"},\"queued\":0.5,"     \
	"\"elapsed\":1.0}"
#define END "{\"id\":1,\"event\":\"end\",\"ok\":true,\"failed\":0,\"elapsed\":2.5}"

/* Two queries, the second one first and both in pieces. */
#define MIXED                                                                                      \
	COLUMNS("1"), ROWS("1", "[21]"), COLUMNS("0"), ROWS("0", "[11]"), ROWS("1", "[22]"),       \
		DONE("1"), ROWS("0", "[12]"), DONE("0"), END

START_TEST(table_as_psql)
{
	const struct psql_table *table = &psql_tables[_i];

	begin(FORMAT_TABLE, 1);
	ck_assert_msg(strcmp(printed(table->events), table->printed) == 0, "%s", table->name);
}
END_TEST

START_TEST(table_in_order)
{
	queries[1].name = "second";
	begin(FORMAT_TABLE, 2);
	ck_assert_str_eq(PRINTED(MIXED), " n  \n----\n 11\n 12\n(2 rows)\n\n"
					 "second\n n  \n----\n 21\n 22\n(2 rows)\n\n");
}
END_TEST

START_TEST(table_with_a_title)
{
	queries[0].name = "q";
	queries[0].title = "T";
	begin(FORMAT_TABLE, 1);
	ck_assert_str_eq(PRINTED(COLUMNS("0"), ROWS("0", "[123456]"), DONE("0"), END),
			 "   T\n   n    \n--------\n 123456\n(1 row)\n\n");
}
END_TEST

/* A server chooses its command tags, and whoever wrote a report its titles. */
START_TEST(no_tag_or_title_reaches_a_terminal_raw)
{
	queries[0].title = "\x1b[31mred\xc2\x9b";
	begin(FORMAT_TABLE, 1);
	ck_assert_str_eq(PRINTED("{\"id\":1,\"event\":\"done\",\"item\":0,\"command\":"
				 "\"\\u001b]0;x\\u0007\",\"queued\":0.5,\"elapsed\":1.0}",
				 END),
			 "\\x1B[31mred\\u009B\n\\x1B]0;x\\x07\n");
}
END_TEST

START_TEST(failed_query_shows_nothing)
{
	begin(FORMAT_TABLE, 2);
	ck_assert_str_eq(
		PRINTED(COLUMNS("0"), ROWS("0", "[1]"), FAIL("0"), COLUMNS("1"), DONE("1"), END),
		" n \n---\n(0 rows)\n\n");
	ck_assert(show.failed && !show.doubt);
}
END_TEST

START_TEST(raw)
{
	begin(FORMAT_RAW, 2);
	ck_assert_str_eq(PRINTED(MIXED), "11\n12\n21\n22\n");
}
END_TEST

START_TEST(raw_values)
{
	begin(FORMAT_RAW, 1);
	ck_assert_str_eq(
		PRINTED(COLUMNS("0"), ROWS("0", "[\"a\\tb\",null,\"\",\"c\\nd\"]"), DONE("0"), END),
		"a\tb\t\t\tc\nd\n");
}
END_TEST

/* The rows of the query whose turn it is are out before it is done. */
START_TEST(raw_as_they_come)
{
	begin(FORMAT_RAW, 2);
	ck_assert_str_eq(PRINTED(COLUMNS("1"), ROWS("1", "[21]"), DONE("1"), COLUMNS("0"),
				 ROWS("0", "[11]")),
			 "11\n");
	ck_assert_str_eq(PRINTED(DONE("0")), "11\n21\n");
}
END_TEST

/* What is known to be void is never shown. */
START_TEST(raw_without_what_failed)
{
	begin(FORMAT_RAW, 2);
	ck_assert_str_eq(PRINTED(COLUMNS("1"), ROWS("1", "[21]"), FAIL("1"), COLUMNS("0"),
				 ROWS("0", "[11]"), DONE("0"), END),
			 "11\n");
}
END_TEST

START_TEST(csv)
{
	begin(FORMAT_CSV, 2);
	ck_assert_str_eq(PRINTED(MIXED), "n\n11\n12\n\nn\n21\n22\n");
}
END_TEST

START_TEST(csv_values)
{
	begin(FORMAT_CSV, 1);
	ck_assert_str_eq(PRINTED("{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{"
				 "\"name\":\"a,b\"},{\"name\":\"c\"}]}",
				 ROWS("0", "[\"q\\\"q\",null],[\"\",\"l1\\nl2\"],[\"x\\r\",\"\\\\."
					   "\"],[\" s \",\"plain\"]"),
				 DONE("0"), END),
			 "\"a,b\",c\n\"q\"\"q\",\n\"\",\"l1\nl2\"\n\"x\r\",\"\\.\"\n s ,plain\n");
}
END_TEST

#define RESULT(rows)                                                                               \
	"\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}],\"rows\":[" rows              \
	"],\"count\":1,\"command\":\"SELECT\",\"queued\":0.5,\"elapsed\":1.0}"
/* What is known at the end of the whole stands behind its results. */
#define TAIL ",\"id\":1,\"ok\":true,\"failed\":0,\"elapsed\":2.5}\n"
#define ERROR_MEMBERS                                                                              \
	"\"error\":{\"code\":\"sql\",\"message\":\"m\",\"effects\":\"none\"},\"queued\":0.5,"      \
	"\"elapsed\":1.0}"

START_TEST(json)
{
	queries[1].name = "b";
	begin(FORMAT_JSON, 2);
	ck_assert_str_eq(PRINTED(MIXED),
			 "{\"results\":[{" RESULT("[11],[12]") ",{\"name\":\"b\"," RESULT(
				 "[21],[22]") "]" TAIL);
}
END_TEST

START_TEST(json_by_name)
{
	queries[0].name = "a";
	queries[1].name = "b";
	begin(FORMAT_JSON, 2);
	format.by_name = true;
	ck_assert_str_eq(PRINTED(MIXED),
			 "{\"results\":{\"a\":{" RESULT("[11],[12]") ",\"b\":{" RESULT(
				 "[21],[22]") "}" TAIL);
}
END_TEST

/* Of the query whose turn it is; the other's wait. */
START_TEST(json_as_it_comes)
{
	begin(FORMAT_JSON, 2);
	ck_assert_str_eq(PRINTED(COLUMNS("1"), ROWS("1", "[21]"), DONE("1")), "");
	ck_assert_str_eq(
		PRINTED(COLUMNS("0"), ROWS("0", "[11],[12]"), ROWS("0", ""), ROWS("0", "[13]")),
		"{\"results\":[{\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}],"
		"\"rows\":[[11],[12],[13]");
	ck_assert_str_eq(PRINTED(DONE("0"), END),
			 "{\"results\":[{" RESULT("[11],[12],[13]") ",{" RESULT("[21]") "]" TAIL);
}
END_TEST

/* What is of one query alone goes through no file. */
START_TEST(json_of_one_query_is_not_spooled)
{
	begin(FORMAT_JSON, 1);
	ck_assert_str_eq(PRINTED(COLUMNS("0"), ROWS("0", "[1]"), DONE("0"), END),
			 "{\"results\":[{" RESULT("[1]") "]" TAIL);
	ck_assert_int_eq(spool.fd, -1);
}
END_TEST

/* Of two that fail, one has shown rows, and its error stands behind them; the other one's are
 * known to be void before its turn. */
START_TEST(json_errors_and_commands)
{
	begin(FORMAT_JSON, 4);
	ck_assert_str_eq(
		PRINTED(COLUMNS("2"), ROWS("2", "[1]"), FAIL("2"), COLUMNS("0"), ROWS("0", "[1]"),
			FAIL("0"), DONE("1"), COLUMNS("3"), DONE("3"), END),
		"{\"results\":[{\"columns\":[{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}],"
		"\"rows\":[[1]]," ERROR_MEMBERS ",{\"count\":1,\"command\":\"SELECT\","
		"\"queued\":0.5,\"elapsed\":1.0},{" ERROR_MEMBERS ",{" RESULT("") "]" TAIL);
}
END_TEST

/* A daemon takes no such request; its answer would be one all the same. */
START_TEST(json_of_nothing)
{
	begin(FORMAT_JSON, 0);
	ck_assert_str_eq(PRINTED(END), "{\"results\":[]" TAIL);
}
END_TEST

/* Values stay as the daemon wrote them. */
START_TEST(json_values)
{
	begin(FORMAT_JSON, 1);
	ck_assert_ptr_nonnull(
		strstr(PRINTED(COLUMNS("0"), ROWS("0", "[1.50,{\"a\": [\"\\u00e4\"]}],{\"x\":1}"),
			       DONE("0"), END),
		       "\"rows\":[[1.50,{\"a\": [\"\\u00e4\"]}],{\"x\":1}]"));
}
END_TEST

START_TEST(jsonl)
{
	begin(FORMAT_JSONL, 2);
	format.unordered = true;
	ck_assert_str_eq(PRINTED(COLUMNS("1"), DONE("1"), FAIL("0"), END),
			 COLUMNS("1") "\n" DONE("1") "\n" FAIL("0") "\n" END "\n");
	ck_assert(show.failed);
}
END_TEST

/* A report's queries are known only from its events. */
START_TEST(report)
{
	begin(FORMAT_CSV, 0);
	ck_assert_str_eq(PRINTED(COLUMNS("1"), ROWS("1", "[2]"), DONE("1"), COLUMNS("0"),
				 ROWS("0", "[1]"), DONE("0"), END),
			 "n\n1\n\nn\n2\n");
}
END_TEST

static const struct {
	const char *lines[4];
	enum options_format format;
} impossible[] = {
	{{DONE("0"), DONE("0")}, FORMAT_TABLE},
	{{DONE("0"), ROWS("0", "[1]")}, FORMAT_RAW},
	{{FAIL("0"), DONE("0")}, FORMAT_JSON},
	{{DONE("2")}, FORMAT_RAW},
	{{DONE("0"), END}, FORMAT_RAW}, /* of two */
	{{DONE("1"), END}, FORMAT_JSON},
	{{ROWS("0", "[1]")}, FORMAT_JSON},
	{{COLUMNS("0"), COLUMNS("0")}, FORMAT_CSV},
};

START_TEST(answer_that_cannot_be)
{
	const char *const *line = impossible[_i].lines;

	begin(impossible[_i].format, 2);
	for (; line[1] != NULL; line++)
		ck_assert_int_eq(feed(*line), 0);
	ck_assert_int_eq(feed(*line), -EPROTO);
}
END_TEST

START_TEST(doubt)
{
	begin(FORMAT_TABLE, 1);
	ck_assert_int_eq(feed("{\"id\":1,\"event\":\"error\",\"item\":0,\"error\":{\"code\":"
			      "\"connection_lost\",\"effects\":\"unknown\"}}"),
			 0);
	ck_assert(show.failed && show.doubt);
}
END_TEST

/* The answer breaks off: failures that waited for their turn are told all the same. */
START_TEST(abandon)
{
	begin(FORMAT_RAW, 2);
	ck_assert_int_eq(feed(FAIL("1")), 0);
	ck_assert(show.failed && !show.told);
	show_abandon(&show);
	ck_assert(show.told);
}
END_TEST

/* Memory does not grow with the rows of a query whose turn has not come. */
START_TEST(rows_that_wait_are_on_disk)
{
	size_t blocks;

	begin(FORMAT_CSV, 2);
	ck_assert_int_eq(feed(COLUMNS("1")), 0);
	blocks = mem_live_blocks();
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(feed(ROWS("1", "[1],[2],[3]")), 0);
	ck_assert_uint_eq(mem_live_blocks(), blocks);
	ck_assert_uint_eq(show.items.row_count, 30000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_format");
	TCase *tcase = suite_case(suite, "formats", 20);

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_loop_test(tcase, table_as_psql, 0, ARRAY_SIZE(psql_tables));
	tcase_add_test(tcase, table_in_order);
	tcase_add_test(tcase, table_with_a_title);
	tcase_add_test(tcase, no_tag_or_title_reaches_a_terminal_raw);
	tcase_add_test(tcase, failed_query_shows_nothing);
	tcase_add_test(tcase, raw);
	tcase_add_test(tcase, raw_values);
	tcase_add_test(tcase, raw_as_they_come);
	tcase_add_test(tcase, raw_without_what_failed);
	tcase_add_test(tcase, csv);
	tcase_add_test(tcase, csv_values);
	tcase_add_test(tcase, json);
	tcase_add_test(tcase, json_by_name);
	tcase_add_test(tcase, json_as_it_comes);
	tcase_add_test(tcase, json_of_one_query_is_not_spooled);
	tcase_add_test(tcase, json_errors_and_commands);
	tcase_add_test(tcase, json_of_nothing);
	tcase_add_test(tcase, json_values);
	tcase_add_test(tcase, jsonl);
	tcase_add_test(tcase, report);
	tcase_add_loop_test(tcase, answer_that_cannot_be, 0, ARRAY_SIZE(impossible));
	tcase_add_test(tcase, doubt);
	tcase_add_test(tcase, abandon);
	tcase_add_test(tcase, rows_that_wait_are_on_disk);
	return suite_run(suite);
}
