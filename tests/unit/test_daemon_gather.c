/* SPDX-License-Identifier: PostgreSQL */
/* Gathers in the test's own loop, with a real server: how they are answered, how they end before
 * their end, and what they hold meanwhile. */
#include "unit/daemon_server.h"
#include "unit/postgres.h"

#include <libpq-fe.h>

#define DATABASE "[database main]\nconninfo = application_name=suite\npool_max = 3\n"

/* On a connection of its own, blocking: the first value. */
static const char *aside(const char *sql)
{
	static char answer[256];
	PGconn *pg = PQconnectdb("options='-c client_min_messages=error'");
	PGresult *result = PQexec(pg, sql);

	ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK ||
			      PQresultStatus(result) == PGRES_TUPLES_OK,
		      "%s: %s", sql, PQerrorMessage(pg));
	snprintf(answer, sizeof(answer), "%s",
		 PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(pg);
	return answer;
}

static void await_aside(const char *sql, const char *answer)
{
	while (strcmp(aside(sql), answer) != 0)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
}

#define SLEEPERS                                                                                   \
	"select count(*) from pg_stat_activity where application_name = 'suite' and "              \
	"wait_event = 'PgSleep'"

#define PING "{\"ping\":true}\n"

static int row_index;
static PGconn *row_holder; /* has locked what a test's queries wait for */

/* ---- combined answers ---- */

/* What stands between the head and the times is compared: in order, by these parts. */
static const struct {
	const char *request;
	const char *parts[6];
} answers[] = {
	/* in the order of submission, whatever order they end in */
	{"{\"gather\":[\"select pg_sleep(0.05), 1 as first\",\"select 2 as second\"]}",
	 {"{\"id\":1,\"ok\":true,\"failed\":0,", "\"first\"", "[\"\",1]", "\"second\"", "[[2]]"}},
	{"{\"gather\":{\"a\":\"select 1\",\"b\":\"select 1/0\"}}",
	 {"\"ok\":false,\"failed\":1", "\"results\":{\"a\":{", "[[1]]", "\"b\":{\"error\":{",
	  "\"sqlstate\":\"22012\""}},
	{"{\"gather\":[\"select\"]}", {"\"rows\":[[]]"}},
	{"{\"gather\":[{\"sql\":\"select $1::int + 1\",\"params\":[41]}]}", {"\"rows\":[[42]]"}},
	{"{\"gather\":[{\"sql\":\"select :a::int + :b\",\"params\":{\"b\":2,\"a\":40}}]}",
	 {"\"rows\":[[42]]"}},
	/* an array where the parameter's type is one, else its JSON */
	{"{\"gather\":[{\"sql\":\"select $1::int[], $2::json\",\"params\":[[1,null,3],[1,2]]}]}",
	 {"\"rows\":[[[1,null,3],[1,2]]]"}},
	{"{\"gather\":[{\"sql\":\"select $1::mood[]\",\"params\":[[\"sad\",\"glad\"]]}]}",
	 {"\"type\":\"mood[]\"", "\"rows\":[[[\"sad\",\"glad\"]]]"}},
	{"{\"gather\":[\"select 'sad'::mood, array[1, 2]::days, array[3]::day[]\"]}",
	 {"\"type\":\"mood\"", "\"rows\":[[\"sad\",[1,2],[3]]]"}},
	/* some like the one before, some not */
	{"{\"gather\":[\"select 1 as a\",\"select 2 as a\",\"select 'x' as a\",\"select 3 as b\","
	 "\"select 4 as b, 5 as a\",\"select 6 as b\"],\"concurrency\":1}",
	 {"[{\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[1]],",
	  "{\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[2]],",
	  "{\"columns\":[{\"name\":\"a\",\"type\":\"text\",\"oid\":25}],\"rows\":[[\"x\"]],",
	  "{\"columns\":[{\"name\":\"b\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[3]],",
	  "{\"columns\":[{\"name\":\"b\",\"type\":\"int4\",\"oid\":23},"
	  "{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[4,5]],",
	  "{\"columns\":[{\"name\":\"b\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[6]],"}},
	{"{\"gather\":[\"select\",\"select\",\"select 'sad'::mood as m\",\"select 'glad'::mood as "
	 "m\","
	 "\"select 1 as n, 1 as n\",\"select 2 as n, 2 as n\"],\"rows\":\"objects\","
	 "\"concurrency\":1}",
	 {"\"rows\":[{}]", "\"rows\":[{}]", "\"rows\":[{\"m\":\"sad\"}]",
	  "\"rows\":[{\"m\":\"glad\"}]", "\"rows\":[{\"n\":1,\"n:2\":1}]",
	  "\"rows\":[{\"n\":2,\"n:2\":2}]"}},
	{"{\"gather\":[\"select 1 as a\",\"select 2 as a\",\"select 3 as a\"],\"concurrency\":1}",
	 {"{\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[1]],",
	  "{\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[2]],",
	  "{\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}],\"rows\":[[3]],"}},
	{"{\"gather\":[{\"sql\":\"select :a\",\"params\":{\"b\":1}}]}",
	 {"\"code\":\"bad_request\"", "\"effects\":\"none\"", "\"key\":\"b\""}},
	{"{\"gather\":[{\"sql\":\"select $1 + :a\",\"params\":{\"a\":1}}]}",
	 {"\"code\":\"bad_request\""}},
	{"{\"gather\":[{\"sql\":\"select $1::int[]\",\"params\":[[[1],[2,3]]]}]}",
	 {"\"code\":\"bad_request\"", "\"effects\":\"none\""}},
	{"{\"gather\":[{\"sql\":\"select $1::nothing[]\",\"params\":[[1]]}]}",
	 {"\"code\":\"sql\"", "\"effects\":\"none\"", "\"sqlstate\":\"42704\""}},
	{"{\"gather\":[\"\",\"begin\",\"copy t from stdin\",\"select 1; select 2\",\"select 1\"]}",
	 {"\"failed\":4", "\"code\":\"bad_request\"", "\"rows\":[[1]]"}},
	{"{\"gather\":[{\"sql\":\"select pg_sleep(1000)\",\"timeout\":0.02},\"select 1\"]}",
	 {"\"failed\":1", "\"code\":\"timeout\"", "\"effects\":\"none\"", "\"rows\":[[1]]"}},
	{"{\"gather\":[\"select pg_sleep(1000)\",\"select 1/0\"],\"on_error\":\"cancel\"}",
	 {"\"failed\":2", "\"code\":\"cancelled\"", "\"effects\":\"none\"",
	  "\"sqlstate\":\"22012\""}},
	/* more than the pool has connections: those that never start are answered too */
	{"{\"gather\":[\"select pg_sleep(1000)\",\"select pg_sleep(1000)\",\"select "
	 "pg_sleep(1000)\","
	 "\"select 1\",\"select 1\",\"select 1\",\"select 1\",\"select 1\",\"select 1\",\"select "
	 "1\"],"
	 "\"timeout\":0.05}",
	 {"\"failed\":10", "\"code\":\"timeout\"", "\"effects\":\"none\""}},
	{"{\"gather\":[\"select generate_series(1, 100000)\",\"select 1\"],\"concurrency\":1}",
	 {"\"failed\":1", "\"code\":\"too_large\"", "\"rows\":[[1]]"}},
};

static void task_answers(struct daemon_env *env)
{
	struct client *client = client_new(env);
	const char *line;

	client_send(client, answers[row_index].request);
	shutdown(client->fd, SHUT_WR); /* it gets its answer all the same */
	line = client_line(client);
	ck_assert_ptr_nonnull(line);
	for (size_t i = 0; i < 6 && answers[row_index].parts[i] != NULL; i++) {
		ck_contains(line, answers[row_index].parts[i]);
		line = strstr(line, answers[row_index].parts[i]);
	}
	ck_end(client);
	client_close(client);
}

START_TEST(combined_answers)
{
	row_index = _i;
	aside("drop domain if exists day, days cascade; drop type if exists mood cascade; "
	      "create type mood as enum ('sad', 'glad'); create domain day as int; "
	      "create domain days as int[]");
	daemon_env_run(task_answers, "max_answer = 64K\n" DATABASE, false);
}
END_TEST

/* Types of parameters are asked for once, and anew after an error that may come from them. */
static void task_param_types(struct daemon_env *env)
{
	static const char request[] = "{\"gather\":[{\"sql\":\"select * from taken where i = "
				      "any($1)\",\"params\":[[1]]}]}\n";
	struct client *client = client_new(env);

	client_send(client, request);
	ck_contains(client_line(client), "\"rows\":[[1]]");
	aside("drop table taken; create table taken (i text); insert into taken values ('{1}')");
	client_send(client, request);
	client_line(client); /* an error, or not: that is the server's plan's matter */
	client_send(client, request);
	ck_contains(client_line(client), "\"rows\":[]");
	client_close(client);
}

START_TEST(types_of_parameters_that_change)
{
	aside("drop table if exists taken; create table taken (i int); insert into taken values "
	      "(1)");
	daemon_env_run(task_param_types, DATABASE, false);
}
END_TEST

/* ---- streamed ---- */

static void task_stream(struct daemon_env *env)
{
	struct client *client = client_new(env);
	int64_t rows = 0;
	bool slow_done = false, fast_done = false;
	const char *line;

	client_send(client, "{\"id\":\"s\",\"stream\":true,\"gather\":[\"select pg_sleep(0.05)\","
			    "\"select g, repeat('x', 1000) from generate_series(1, 1000) g\"]}\n");
	for (;;) {
		line = client_line(client);
		ck_assert_ptr_nonnull(line);
		ck_assert_int_eq(strncmp(line, "{\"id\":\"s\",\"event\":\"", 19), 0);
		if (strstr(line, "\"event\":\"end\"") != NULL)
			break;
		if (strstr(line, "\"event\":\"rows\",\"item\":1") != NULL) {
			ck_assert(!fast_done);
			ck_assert_uint_le(strlen(line), 32768);
			for (const char *c = strstr(line, "\"rows\":[") + 8; *c != '\0'; c++)
				rows += c[0] == '[';
		}
		if (strstr(line, "\"event\":\"done\",\"item\":1") != NULL) {
			ck_contains(line, "\"count\":1000");
			fast_done = true;
		}
		if (strstr(line, "\"event\":\"done\",\"item\":0") != NULL)
			slow_done = true;
	}
	ck_contains(line, "\"ok\":true,\"failed\":0");
	ck_assert(slow_done && fast_done);
	ck_assert_int_eq(rows, 1000);
	client_close(client);
}

START_TEST(streamed_events)
{
	daemon_env_run(task_stream, DATABASE, false);
}
END_TEST

/* A client that does not read for now: its query waits in the server, and little is held here. */
static void task_paused(struct daemon_env *env)
{
	struct client *client = client_new(env);
	const char *line;
	size_t bytes = 0;

	client_send(client, "{\"stream\":true,\"gather\":[\"select repeat('x', 10000) from "
			    "generate_series(1, 2000)\"]}\n");
	await_aside("select count(*) from pg_stat_activity where application_name = 'suite' and "
		    "wait_event = 'ClientWrite'",
		    "1");
	ck_assert_uint_lt(env->server.memory.peak_bytes, 2 << 20);
	/* Others are served meanwhile, on the same connection too. */
	{
		struct client *other = client_new(env);

		client_send(other, "{\"gather\":[\"select 1\"]}\n");
		ck_contains(client_line(other), "[[1]]");
		client_close(other);
	}
	do {
		line = client_line(client);
		ck_assert_ptr_nonnull(line);
		bytes += strlen(line);
	} while (strstr(line, "\"event\":\"end\"") == NULL);
	ck_contains(line, "\"ok\":true");
	ck_assert_uint_gt(bytes, 2000 * 10000);
	ck_assert_uint_lt(env->server.memory.peak_bytes, 2 << 20);
	client_close(client);
}

START_TEST(a_client_that_does_not_read_stops_its_query)
{
	daemon_env_run(task_paused, DATABASE, false);
}
END_TEST

/* While it is paused, the client goes: the query ends in the server. */
static void task_paused_gone(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, "{\"stream\":true,\"gather\":[\"select repeat('x', 10000) from "
			    "generate_series(1, 2000000)\"]}\n");
	await_aside("select count(*) from pg_stat_activity where application_name = 'suite' and "
		    "wait_event = 'ClientWrite'",
		    "1");
	client_close(client);
	await_aside("select count(*) from pg_stat_activity where application_name = 'suite' and "
		    "state = 'active'",
		    "0");
}

START_TEST(a_client_that_goes_while_it_is_waited_for)
{
	daemon_env_run(task_paused_gone, DATABASE, false);
}
END_TEST

static bool reads_again;
static size_t bytes_taken;

/* A client that takes nothing, then all at once, then is gone. */
static ssize_t take_by_turns(int fd, const struct msghdr *message, int flags)
{
	bool gone = row_index > 0 && bytes_taken > 0;
	size_t bytes = 0;

	(void)fd;
	(void)flags;
	if (!reads_again || gone) {
		errno = gone ? EPIPE : EAGAIN;
		return -1;
	}
	for (size_t i = 0; i < message->msg_iovlen; i++)
		bytes += message->msg_iov[i].iov_len;
	bytes_taken += bytes;
	return (ssize_t)bytes;
}

#define LARGE "select repeat('x', 10000) from generate_series(1, 40)"
#define SMALL "select 'y'"

/* Both share a connection, so what came of the first is held here. While it is given the client has
 * read enough for the second to go on, or is found to be gone. */
static void task_both_paused(struct daemon_env *env)
{
	struct client *client = client_new(env);
	struct session *session = LIST_ENTRY(env->server.sessions.next, struct session, node);

	for (int i = 0; i < 3; i++) {
		client_send(client, "{\"gather\":[\"" LARGE "\",\"" SMALL "\"]}\n");
		ck_contains(client_line(client), "\"ok\":true");
	}
	reads_again = false;
	bytes_taken = 0;
	sys.sendmsg = take_by_turns;
	client_send(client, "{\"stream\":true,\"gather\":[\"" LARGE "\",\"" SMALL "\"]}\n");
	while (list_empty(&session->paused) || session->paused.next == session->paused.prev)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	reads_again = true;
	client_send(client, PING); /* to be answered: then all of it goes out */
	while (env->server.requests_running > 0)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	ck_assert(row_index > 0 || bytes_taken > 400000);
	client_close(client);
}

START_TEST(two_that_wait_for_the_same_client)
{
	row_index = _i;
	daemon_env_run(task_both_paused,
		       "item_buffer = 1K\n[database main]\nconninfo = "
		       "application_name=suite\npool_max = 1\n"
		       "pipeline_threshold = 60s\n",
		       false);
}
END_TEST

/* A row for which memory_limit has no room costs its query, not its client; also behind one that
 * had it, with which it came. */
static const char *const large_rows[] = {
	"select 'small' union all select repeat('x', 3000000)",
	"select 'small' union all select repeat(chr(1), 10000)", /* six times as long in JSON */
};

static void task_large_row(struct daemon_env *env)
{
	struct client *client = client_new(env);
	char request[256];
	const char *line;
	bool failed = false;

	env->server.memory.limit_bytes = 60000;
	snprintf(request, sizeof(request), "{\"id\":1,\"stream\":true,\"gather\":[\"%s\"]}\n",
		 large_rows[row_index]);
	client_send(client, request);
	do {
		line = client_line(client);
		ck_assert_msg(line != NULL, "the client was hung up on");
		if (strstr(line, "\"event\":\"error\"") != NULL) {
			ck_contains(line, "\"code\":\"too_large\"");
			failed = true;
		}
	} while (strstr(line, "\"event\":\"end\"") == NULL);
	ck_assert(failed);
	ck_contains(line, "\"failed\":1");
	client_send(client, "{\"id\":2,\"gather\":[\"select 1\"]}\n");
	ck_contains(client_line(client), "[[1]]");
	ck_assert_uint_eq(env->server.clients_dropped, 0);
	client_close(client);
}

START_TEST(a_row_beyond_memory_limit)
{
	row_index = _i;
	daemon_env_run(task_large_row, DATABASE, false);
}
END_TEST

/* ---- before the end ---- */

static void task_cancel(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client,
		    "{\"id\":\"long\",\"gather\":[\"select pg_sleep(1000)\",\"select 1\"]}\n");
	await_aside(SLEEPERS, "1");
	while (env->server.queries < 1) /* the other one has ended */
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	client_send(client, "{\"id\":\"long\",\"gather\":[]}\n");
	ck_contains(client_line(client), "{\"id\":\"long\",\"error\":{\"code\":\"bad_request\"");
	client_send(client, "{\"id\":\"c\",\"cancel\":\"long\"}\n");
	ck_line(client, "{\"id\":\"c\",\"cancelled\":true}");
	ck_contains(client_line(client), "{\"id\":\"long\",\"ok\":false,\"failed\":1,");
	ck_contains(client->line, "\"code\":\"cancelled\"");
	ck_contains(client->line, "[[1]]");
	client_send(client, "{\"id\":\"c\",\"cancel\":\"long\"}\n");
	ck_line(client, "{\"id\":\"c\",\"cancelled\":false}");
	client_close(client);
}

START_TEST(a_request_is_cancelled)
{
	daemon_env_run(task_cancel, DATABASE, false);
}
END_TEST

/* In the very turn in which it was read: its task has not run yet. */
static void task_cancel_at_once(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, "{\"id\":1,\"gather\":[\"select pg_sleep(1000)\"]}\n"
			    "{\"id\":2,\"cancel\":1}\n");
	ck_line(client, "{\"id\":2,\"cancelled\":true}");
	ck_contains(client_line(client), "\"code\":\"cancelled\"");
	client_close(client);
}

START_TEST(a_request_is_cancelled_at_once)
{
	daemon_env_run(task_cancel_at_once, DATABASE, false);
}
END_TEST

static void task_gone(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, "{\"gather\":[\"select pg_sleep(1000)\",\"select pg_sleep(1000)\","
			    "\"select pg_sleep(1000)\",\"select pg_sleep(1000)\"]}\n");
	await_aside(SLEEPERS, "3");
	if (row_index == 1)
		shutdown(client->fd, SHUT_WR);
	if (row_index == 1)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	client_close(client);
	await_aside(SLEEPERS, "0");
}

START_TEST(a_client_that_goes_ends_its_queries)
{
	row_index = _i;
	daemon_env_run(task_gone, DATABASE, false);
}
END_TEST

static void task_shutdown(struct daemon_env *env)
{
	struct client *client = client_new(env);
	struct session *session = LIST_ENTRY(env->server.sessions.next, struct session, node);

	client_send(client, "{\"id\":1,\"gather\":[\"select pg_sleep(1000)\"]}\n");
	await_aside(SLEEPERS, "1");
	env->server.state = SERVER_DRAINING;
	session_drain(session);
	client_send(client, "{\"id\":2,\"gather\":[\"select 1\"]}\n");
	ck_line(client, "{\"id\":2,\"error\":{\"code\":\"shutting_down\"");
	gather_cancel(LIST_ENTRY(session->requests.next, struct gather, node), ERR_SHUTTING_DOWN);
	ck_contains(client_line(client), "\"code\":\"shutting_down\"");
	ck_contains(client->line, "\"effects\":\"none\"");
	ck_end(client);
	client_close(client);
}

START_TEST(what_runs_is_told_of_the_end)
{
	daemon_env_run(task_shutdown, DATABASE, false);
}
END_TEST

/* ---- limits ---- */

static void task_queue(struct daemon_env *env)
{
	struct client *client = client_new(env);

	/* 3 connections and 2 in the queue */
	client_send(client, "{\"id\":1,\"gather\":[\"select pg_sleep(1000)\",\"select 1\","
			    "\"select 1\",\"select 1\",\"select 1\",\"select 1\"]}\n");
	ck_line(client, "{\"id\":1,\"error\":{\"code\":\"queue_full\"");
	client_send(client, "{\"id\":2,\"gather\":[\"select 1\",\"select 1\","
			    "\"select 1\",\"select 1\",\"select 1\"]}\n");
	ck_contains(client_line(client), "\"ok\":true");
	/* Those that have ended wait for nothing, whatever becomes of the rest of their gather. */
	client_send(client, "{\"id\":3,\"stream\":true,\"gather\":[\"select pg_sleep(1000)\","
			    "\"select 1\",\"select 1\",\"select 1\",\"select 1\"]}\n");
	for (int ended = 0; ended < 4;)
		ended += strstr(client_line(client), "\"event\":\"done\"") != NULL;
	client_send(client, "{\"id\":4,\"gather\":[\"select 1\",\"select 1\","
			    "\"select 1\",\"select 1\"]}\n");
	ck_line(client, "{\"id\":4,\"ok\":true");
	client_close(client);
}

START_TEST(the_queue_has_a_limit)
{
	daemon_env_run(task_queue, DATABASE "queue_limit = 2\n", false);
}
END_TEST

/* Sends a gather of 30 long queries. */
static struct client *client_flooding(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, "{\"gather\":[\"select pg_sleep(1000)\"");
	for (int i = 1; i < 30; i++)
		client_send(client, ",\"select pg_sleep(1000)\"");
	client_send(client, "]}\n");
	return client;
}

/* As many start as pipelines hold, 3 connections with 8 each; of those who come then, 2 for each.
 */
static void task_started(struct daemon_env *env)
{
	struct database *database = LIST_ENTRY(env->server.databases.next, struct database, node);
	struct client *first = client_flooding(env), *second;

	while (database->running < 24)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	ck_assert_uint_eq(database->running, 24);
	second = client_flooding(env);
	while (database->running < 30)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	ck_assert_uint_eq(database->running, 30);
	client_close(first);
	while (database->running > 24)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	client_close(second);
}

START_TEST(no_more_start_than_fit_into_the_pipelines)
{
	daemon_env_run(task_started, DATABASE "pipeline_depth = 8\n", false);
}
END_TEST

static void task_requests(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, "{\"id\":\"a\",\"gather\":[\"select n from held\"]}\n"
			    "{\"id\":\"b\",\"gather\":[\"select pg_sleep(0.05)\"]}\n"
			    "{\"id\":\"c\",\"ping\":true}\n{\"id\":\"d\",\"ping\":true}");
	shutdown(client->fd, SHUT_WR);
	/* Two at once: the third is read when one of them has been answered. */
	ck_line(client, "{\"id\":\"b\",");
	ck_line(client, "{\"id\":\"c\",");
	ck_line(client, "{\"id\":\"d\",");
	PQclear(PQexec(row_holder, "commit"));
	ck_line(client, "{\"id\":\"a\",");
	ck_end(client);
	client_close(client);
}

START_TEST(requests_in_flight_have_a_limit)
{
	aside("drop table if exists held; create table held (n int); insert into held values (1)");
	row_holder = PQconnectdb("");
	PQclear(PQexec(row_holder, "begin; lock table held in access exclusive mode"));
	daemon_env_run(task_requests, "max_requests = 2\n" DATABASE, false);
	PQfinish(row_holder);
	row_holder = NULL;
}
END_TEST

/* ---- room ---- */

#define SIXTY_ROWS "select repeat('x', 1000) from generate_series(1, 55)"

/* What fits beside the large one does, whatever the order; what is taken back from it ends it. */
static const struct {
	const char *request;
	const char *parts[5];
} rooms[] = {
	/* the large one came first, and had ended well */
	{"{\"gather\":[\"" SIXTY_ROWS "\",\"select repeat('y', 20000)\"]}",
	 {"\"ok\":false,\"failed\":1,", "[{\"error\":{\"code\":\"too_large\"",
	  "\"effects\":\"none\"", "yyy", "\"count\":1"}},
	/* it comes last */
	{"{\"gather\":[\"select repeat('y', 20000)\",\"" SIXTY_ROWS "\"]}",
	 {"\"failed\":1,", "yyy", "{\"error\":{\"code\":\"too_large\""}},
	/* what it wrote stays */
	{"{\"gather\":[\"insert into roomy " SIXTY_ROWS " returning t\","
	 "\"select repeat('y', 20000)\"]}",
	 {"\"failed\":1,", "\"code\":\"too_large\"", "\"effects\":\"done\"", "yyy"}},
	{"{\"gather\":[{\"transaction\":[\"select 1\",\"insert into roomy " SIXTY_ROWS
	 " returning t\"]},\"select repeat('y', 20000)\"]}",
	 {"\"failed\":1,", "\"rows\":[[1]],\"count\":1,\"command\":\"SELECT\"",
	  "\"effects\":\"done\"", "\"outcome\":\"committed\"", "yyy"}},
	/* several steps are large together: the item ends where it has too much */
	{"{\"gather\":[{\"transaction\":[\"" SIXTY_ROWS "\",\"" SIXTY_ROWS "\"]},"
	 "\"select repeat('y', 20000)\"]}",
	 {"\"failed\":1,", "\"code\":\"too_large\"", "\"outcome\":\"rolled_back\"", "yyy"}},
	{"{\"gather\":[{\"sequence\":[\"" SIXTY_ROWS "\",\"" SIXTY_ROWS "\",\"select 1\"]},"
	 "\"select repeat('y', 20000)\"]}",
	 {"\"failed\":1,", "\"code\":\"too_large\"", "\"code\":\"skipped\"", "yyy"}},
	/* its end is an error like any other */
	{"{\"on_error\":\"cancel\",\"gather\":[\"" SIXTY_ROWS "\","
	 "\"select repeat('y', 20000)\",\"select pg_sleep(1000)\"]}",
	 {"\"failed\":", "\"code\":\"too_large\"", "\"code\":\"cancelled\""}},
	/* errors have long texts */
	{"{\"gather\":[\"" SIXTY_ROWS "\",\"select roomy_error(1)\",\"select roomy_error(2)\"]}",
	 {"\"failed\":2,", "xxx", "\"message\":\"eee", "\"message\":\"the error's text is left",
	  "\"sqlstate\":\"P0001\""}},
};

static void task_room(struct daemon_env *env)
{
	struct client *client = client_new(env);
	const char *line;

	client_send(client, rooms[row_index].request);
	client_send(client, "\n");
	line = client_line(client);
	ck_assert_ptr_nonnull(line);
	ck_assert_uint_le(strlen(line), 64 * 1024);
	for (size_t i = 0; i < 5 && rooms[row_index].parts[i] != NULL; i++) {
		ck_contains(line, rooms[row_index].parts[i]);
		line = strstr(line, rooms[row_index].parts[i]);
	}
	/* Nothing of it is left to be told of the next one. */
	client_send(client, "{\"id\":2,\"gather\":[\"" SIXTY_ROWS "\"]}\n");
	ck_contains(client_line(client), "{\"id\":2,\"ok\":true");
	client_close(client);
}

/* One connection: they run one after the other, in order. */
#define ONE_BY_ONE                                                                                 \
	"max_answer = 64K\n[database main]\nconninfo = application_name=suite\npool_max = 1\n"

START_TEST(the_largest_has_to_go)
{
	row_index = _i;
	aside("drop table if exists roomy; create table roomy (t text); "
	      "create or replace function roomy_error(n int) returns int language plpgsql as "
	      "'begin raise exception using message = repeat(''e'', 5000); end'");
	daemon_env_run(task_room, ONE_BY_ONE, false);
}
END_TEST

/* It still runs when another has need of its room: its query ends in the server, or this would
 * never end. */
static void task_running(struct daemon_env *env)
{
	static const char sleeping[] = "select count(*) from pg_stat_activity where "
				       "application_name = 'suite' and wait_event = 'PgSleep'";
	struct client *client = client_new(env);
	struct session *session = LIST_ENTRY(env->server.sessions.next, struct session, node);
	struct gather *gather;

	client_send(client, row_index == 0 ? "{\"gather\":[" : "{\"gather\":[{\"transaction\":[");
	client_send(client, "\"select case when g <= 55 then repeat('x', 1000) else "
			    "pg_sleep(1000)::text end from generate_series(1, 56) g\"");
	client_send(client, row_index == 0 ? "" : "]}");
	client_send(client, ",\"select repeat('y', 40000) from held\"]}\n");
	await_aside(sleeping, "1");
	await_aside("select count(*) from pg_locks where not granted", "1");
	/* What the server has sent of it, 8 KiB at a time. */
	gather = LIST_ENTRY(session->requests.next, struct gather, node);
	while (gather->answer_bytes < 48000)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	PQclear(PQexec(row_holder, "commit"));
	ck_contains(client_line(client), "\"failed\":1,");
	ck_contains(client->line, "\"code\":\"too_large\"");
	ck_contains(client->line, "\"effects\":\"none\"");
	ck_contains(strstr(client->line, "too_large"), "[[\"yyy");
	await_aside(sleeping, "0");
	client_close(client);
}

START_TEST(the_largest_has_to_go_while_it_runs)
{
	row_index = _i;
	aside("drop table if exists held; create table held (n int); insert into held values (1)");
	row_holder = PQconnectdb("");
	PQclear(PQexec(row_holder, "begin; lock table held in access exclusive mode"));
	daemon_env_run(task_running, "max_answer = 64K\n" DATABASE, false);
	PQfinish(row_holder);
	row_holder = NULL;
}
END_TEST

/* Nine small ones beside a large one, all at once, again and again. */
static void task_small_ones(struct daemon_env *env)
{
	struct client *client = client_new(env);

	for (int round = 0; round < 20; round++) {
		client_send(client, "{\"gather\":[");
		for (int i = 0; i < 10; i++) {
			char text[128];

			snprintf(text, sizeof(text),
				 "%s\"select repeat('x', 100) from generate_series(1, %d)\"",
				 i > 0 ? "," : "", i == round % 10 ? 100000 : 45);
			client_send(client, text);
		}
		client_send(client, "]}\n");
		ck_contains(client_line(client), "\"failed\":1,");
		ck_contains(client->line, "\"code\":\"too_large\"");
	}
	client_close(client);
}

START_TEST(small_ones_stand_beside_a_large_one)
{
	daemon_env_run(task_small_ones, "max_answer = 64K\n" DATABASE, false);
}
END_TEST

/* The same where the daemon's memory ends, between clients: what is large is ended, and new
 * requests are refused; nobody is hung up on. */
static void task_full(struct daemon_env *env)
{
	struct client *large = client_new(env), *small = client_new(env), *late = client_new(env);

	server_limit_memory(&env->server, 1600000); /* a million for rows */
	client_send(large, "{\"gather\":[\"select repeat('x', 100000) from generate_series(1, 8)\","
			   "\"select 1 from pg_advisory_lock(7)\"]}\n");
	await_aside("select count(*) from pg_locks where not granted", "1");
	client_send(small, "{\"gather\":[\"select 2 from held\",\"select repeat('y', 100000) from "
			   "generate_series(1, 4), held\"]}\n");
	await_aside("select count(*) from pg_locks where not granted", "3");
	while (env->server.rows.used_bytes < 800000)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	client_send(late, "{\"gather\":[\"select 3\"]}\n");
	ck_contains(client_line(late), "{\"id\":1,\"error\":{\"code\":\"queue_full\"");
	ck_contains(late->line, "\"effects\":\"none\"");
	client_send(late, PING);
	ck_contains(client_line(late), "\"pong\"");
	PQclear(PQexec(row_holder, "commit"));
	ck_contains(client_line(small), "\"ok\":true");
	PQclear(PQexec(row_holder, "select pg_advisory_unlock(7)"));
	ck_contains(client_line(large), "\"failed\":1,");
	ck_contains(large->line, "\"code\":\"too_large\",\"message\":\"the daemon's memory_limit");
	ck_contains(large->line, "[[1]]");
	ck_assert_uint_le(env->server.rows.peak_bytes, 1000000);
	client_close(large);
	client_close(small);
	client_close(late);
}

START_TEST(the_largest_of_all_has_to_go)
{
	aside("drop table if exists held; create table held (n int); insert into held values (1)");
	row_holder = PQconnectdb("");
	PQclear(PQexec(row_holder, "select pg_advisory_lock(7); "
				   "begin; lock table held in access exclusive mode"));
	daemon_env_run(task_full, DATABASE, false);
	PQfinish(row_holder);
	row_holder = NULL;
}
END_TEST

/* ---- memory ---- */

static const char *const memory_requests[] = {
	"{\"gather\":[\"select 1\",{\"sql\":\"select $1::int[]\",\"params\":[[1,2]]}]}\n",
	"{\"stream\":true,\"gather\":[\"select generate_series(1, 3)\",\"select 1/0\"]}\n",
	"{\"gather\":[{\"transaction\":[\"select 1\",\"select 2\"]}]}\n",
};

/* Each allocation fails in turn. The answer is whole, or the client sees the end. */
static void task_memory(struct daemon_env *env)
{
	bool failed = true;
	int n = 0;

	for (; failed; n++) {
		struct mem_failure failure = {.countdown = n};
		struct client *client = client_new(env);
		const char *line;

		client_send(client, memory_requests[row_index]);
		shutdown(client->fd, SHUT_WR);
		mem_set_fail_hook(mem_failure_hook, &failure);
		while ((line = client_line(client)) != NULL)
			ck_assert_int_eq(line[strlen(line) - 1], '}');
		mem_set_fail_hook(NULL, NULL);
		failed = failure.failed > 0;
		client_close(client);
	}
	ck_assert_int_gt(n, 5);
}

START_TEST(every_allocation_fails)
{
	row_index = _i;
	daemon_env_run(task_memory, DATABASE, false);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("daemon gather");
	TCase *tcase = suite_case(suite, "gather", 60);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_loop_test(tcase, combined_answers, 0, ARRAY_SIZE(answers));
	tcase_add_test(tcase, types_of_parameters_that_change);
	tcase_add_test(tcase, streamed_events);
	tcase_add_test(tcase, a_client_that_does_not_read_stops_its_query);
	tcase_add_test(tcase, a_client_that_goes_while_it_is_waited_for);
	tcase_add_loop_test(tcase, two_that_wait_for_the_same_client, 0, 2);
	tcase_add_loop_test(tcase, a_row_beyond_memory_limit, 0, ARRAY_SIZE(large_rows));
	tcase_add_test(tcase, a_request_is_cancelled);
	tcase_add_test(tcase, a_request_is_cancelled_at_once);
	tcase_add_loop_test(tcase, a_client_that_goes_ends_its_queries, 0, 2);
	tcase_add_test(tcase, what_runs_is_told_of_the_end);
	tcase_add_test(tcase, the_queue_has_a_limit);
	tcase_add_test(tcase, no_more_start_than_fit_into_the_pipelines);
	tcase_add_test(tcase, requests_in_flight_have_a_limit);
	tcase_add_loop_test(tcase, the_largest_has_to_go, 0, ARRAY_SIZE(rooms));
	tcase_add_loop_test(tcase, the_largest_has_to_go_while_it_runs, 0, 2);
	tcase_add_test(tcase, small_ones_stand_beside_a_large_one);
	tcase_add_test(tcase, the_largest_of_all_has_to_go);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, ARRAY_SIZE(memory_requests));
	return suite_run(suite);
}
