/* SPDX-License-Identifier: PostgreSQL */
/* One query from submission to its outcome, with a real server: rows, tags, errors, their effects,
 * and sinks that do not take everything. */
#include "unit/db_pool.h"

/* ---- what comes back ---- */

static const struct {
	const char *sql, *columns, *rows, *command;
	int64_t count;
	bool has_rows;
} outcomes[] = {
	{"select 1 as a, 'x' as b", "a:23|b:25", "1|x;", "SELECT", 1, true},
	{"select 1 as a where false", "a:23", "", "SELECT", 0, true},
	{"select null::text as n, '' as e", "n:25|e:25", "~|;", "SELECT", 1, true},
	{"select g from generate_series(1, 3) g", "g:23", "1;2;3;", "SELECT", 3, true},
	{"select", "", ";", "SELECT", 1, true},
	{"values (1), (2)", "column1:23", "1;2;", "SELECT", 2, true},
	{"show server_encoding", "server_encoding:25", "UTF8;", "SHOW", 1, true},
	{"insert into t select generate_series(1, 5)", "", "", "INSERT", 5, false},
	{"insert into t values (1) returning i", "i:23", "1;", "INSERT", 1, true},
	{"update t set i = 0 where false returning i", "i:23", "", "UPDATE", 0, true},
	{"delete from t", "", "", "DELETE", 0, false},
	{"create table other (i int)", "", "", "CREATE TABLE", -1, false},
	{"create table made as select 1 as one", "", "", "SELECT", 1, false},
	{"select 'a' as same, 'b' as same", "same:25|same:25", "a|b;", "SELECT", 1, true},
	{"do $$begin end$$", "", "", "DO", -1, false},
	{"vacuum t", "", "", "VACUUM", -1, false},
};

static int row_index;

static void prepare_tables(void)
{
	aside("drop table if exists t, other, made, parent, child cascade");
	aside("create table t (i int)");
	aside("create table parent (i int primary key); create table child (i int references "
	      "parent "
	      "deferrable initially deferred)");
}

static void task_outcome(struct db_env *env)
{
	struct ask ask;

	prepare_tables();
	db_env_open(env);
	ask_init(&ask, env->pool, outcomes[row_index].sql);
	ask_main(&ask);
	ck_ask_ok(&ask, outcomes[row_index].rows);
	ck_assert_int_eq(ask.rc, 0);
	ck_assert_str_eq(buf_cstr(&ask.columns), outcomes[row_index].columns);
	ck_assert_str_eq(ask.query.command, outcomes[row_index].command);
	ck_assert_int_eq(ask.query.count, outcomes[row_index].count);
	ck_assert_int_eq(ask.query.has_rows, outcomes[row_index].has_rows);
	ck_assert_int_gt(ask.query.sent_ns, 0);
	ck_assert_int_le(ask.query.queued_ns, ask.query.elapsed_ns);
	ck_assert(!ask.query.stopped_by_sink);
	ask_free(&ask);
}

START_TEST(outcome)
{
	row_index = _i;
	db_env_run(task_outcome);
}
END_TEST

/* ---- several rows at a time ---- */

static int chunked;

#ifdef HAVE_PQSETCHUNKEDROWSMODE
#include <dlfcn.h>

/* In the place of libpq's: goes on to it. */
int PQsetChunkedRowsMode(PGconn *pg, int rows)
{
	int (*real)(PGconn *, int) = (int (*)(PGconn *, int))dlsym(RTLD_NEXT, __func__);

	chunked++;
	return real(pg, rows);
}
#define CAN_CHUNK 1
#else
#define CAN_CHUNK 0
#endif

static const int row_counts[] = {0, 1, 15, 16, 17, 32, 1000};

static void task_chunks(struct db_env *env)
{
	struct ask ask;
	struct buf expected;
	char sql[80];

	db_env_open(env);
	snprintf(sql, sizeof(sql), "select g, g * 2 from generate_series(1, %d) g",
		 row_counts[row_index]);
	buf_init(&expected, 0, NULL);
	for (int i = 1; i <= row_counts[row_index]; i++)
		buf_printf(&expected, "%d|%d;", i, 2 * i);
	/* as text, with a PREPARE before it, and by its name */
	for (int run = 0; run < 3; run++) {
		ask_init(&ask, env->pool, sql);
		ask.query.whole = true;
		ask_main(&ask);
		ck_ask_ok(&ask, buf_cstr(&expected));
		ck_assert_int_eq(ask.query.count, row_counts[row_index]);
		ask_free(&ask);
	}
	/* one whose rows are seen as they come */
	ck_assert_int_eq(chunked > 0, CAN_CHUNK);
	chunked = 0;
	ask_init(&ask, env->pool, sql);
	ask_main(&ask);
	ck_ask_ok(&ask, buf_cstr(&expected));
	ck_assert_int_eq(chunked, 0);
	ask_free(&ask);
	buf_free(&expected);
}

START_TEST(rows_in_chunks)
{
	row_index = _i;
	db_env_run(task_chunks);
}
END_TEST

/* Fifteen rows below the limit are shown together; those above it end the query. */
static void task_large_chunks(struct db_env *env)
{
	static const struct {
		int bytes;
		enum err_code code;
	} cases[] = {{100000, ERR_NONE}, {1000000, CAN_CHUNK ? ERR_TOO_LARGE : ERR_NONE}};
	struct ask ask;
	char sql[80];

	db_env_open(env);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(sql, sizeof(sql), "select repeat('x', %d) from generate_series(1, 15)",
			 cases[i].bytes);
		ask_init(&ask, env->pool, sql);
		ask.query.whole = true;
		ask.query.row_limit_bytes = (size_t)4 * 1024 * 1024;
		ask_main(&ask);
		ck_assert_int_eq(ask.query.err.code, cases[i].code);
		ck_assert_int_eq(ask.seen, cases[i].code == ERR_NONE ? 15 : 0);
		ask_free(&ask);
	}
}

START_TEST(large_rows_in_chunks)
{
	db_env_run(task_large_chunks);
}
END_TEST

static void task_values(struct db_env *env)
{
	struct ask ask;

	db_env_open(env);
	ask_init(&ask, env->pool, "select $1::int + 1, $2::text, $3::int[], $4 || 'x'");
	ask.values[0] = "41";
	ask.values[1] = NULL;
	ask.values[2] = "{1,2}";
	ask.values[3] = "; drop table t --";
	ask.query.value_count = 4;
	ask_main(&ask);
	ck_ask_ok(&ask, "42|~|{1,2}|; drop table t --x;");
	ask_free(&ask);
	ck_query_fails(env->pool, "select $1::int", "08P01", ERR_EFFECTS_NONE);
}

START_TEST(values_are_sent_as_parameters)
{
	db_env_run(task_values);
}
END_TEST

/* ---- errors, and what may remain ---- */

static const struct {
	const char *sql, *sqlstate;
	enum err_effects effects;
} failures[] = {
	{"selct 1", "42601", ERR_EFFECTS_NONE},
	{"select 1/0", "22012", ERR_EFFECTS_NONE},
	{"select 1/(3 - g) from generate_series(1, 5) g", "22012", ERR_EFFECTS_NONE},
	{"insert into t values ('x')", "22P02", ERR_EFFECTS_NONE},
	{"select 1; select 2", "42601", ERR_EFFECTS_UNKNOWN},
	/* a constraint that is checked at the commit: behind the command's own success */
	{"insert into child values (7)", "23503", ERR_EFFECTS_NONE},
	{"insert into child values (7), (8) returning i", "23503", ERR_EFFECTS_NONE},
	{"do $$begin raise 'no'; end$$", "P0001", ERR_EFFECTS_UNKNOWN},
	{"drop database nothing", "3D000", ERR_EFFECTS_UNKNOWN},
	{"copy nothing to '/tmp/nothing'", "42P01", ERR_EFFECTS_UNKNOWN},
	/* refused before the server begins */
	{"call nobody()", "42883", ERR_EFFECTS_NONE},
	{"vacuum nothing", "42P01", ERR_EFFECTS_NONE},
};

static void task_failure(struct db_env *env)
{
	struct ask ask;

	prepare_tables();
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_init(&ask, env->pool, failures[row_index].sql);
	ask_main(&ask);
	ck_ask_err(&ask, ERR_SQL, failures[row_index].effects);
	ck_assert_str_eq(ask.query.err.sqlstate, failures[row_index].sqlstate);
	ask_free(&ask);
	/* The connection goes on, and nothing remains. */
	ck_query(env->pool, "select count(*) from t", "0;");
	ck_query(env->pool, "select count(*) from child", "0;");
	ck_assert_uint_eq(env->pool->stats.connects, 1);
	ck_assert_uint_eq(env->pool->stats.errors, 1);
	ck_assert_uint_eq(env->pool->stats.queries, 3);
}

START_TEST(failure)
{
	row_index = _i;
	db_env_run(task_failure);
}
END_TEST

/* Whatever the error, the next one on the connection has its own rows. */
static void task_in_turn(struct db_env *env)
{
	env->conf.pool_max = 1;
	db_env_open(env);
	for (int i = 0; i < 100; i++) {
		char sql[64], rows[64];

		snprintf(sql, sizeof(sql), i % 3 == 0 ? "select %d/0" : "select %d", i);
		snprintf(rows, sizeof(rows), "%d;", i);
		if (i % 3 == 0)
			ck_query_fails(env->pool, sql, "22012", ERR_EFFECTS_NONE);
		else
			ck_query(env->pool, sql, rows);
	}
}

START_TEST(errors_disturb_nobody)
{
	db_env_run(task_in_turn);
}
END_TEST

/* Refused before it is sent by those who read the text (sqltext/classify); here it must not hang.
 */
static const struct {
	const char *sql;
	enum err_effects effects;
} copies[] = {
	{"copy t from stdin", ERR_EFFECTS_NONE},
	{"copy t to stdout", ERR_EFFECTS_UNKNOWN},
	{"copy (insert into t values (1) returning i) to stdout", ERR_EFFECTS_UNKNOWN},
};

static void task_copy(struct db_env *env)
{
	struct ask ask;

	prepare_tables();
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_init(&ask, env->pool, copies[row_index].sql);
	ask_main(&ask);
	ck_ask_err(&ask, ERR_BAD_REQUEST, copies[row_index].effects);
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 2);
}

START_TEST(copy_ends_its_connection)
{
	row_index = _i;
	db_env_run(task_copy);
}
END_TEST

/* Functions that end their own session. */
static const struct {
	const char *sql;
	enum err_effects effects;
} deaths[] = {
	{"select die(0)", ERR_EFFECTS_NONE},
	{"select die(g - 3) from generate_series(1, 5) g", ERR_EFFECTS_NONE},
	/* in the commit: whether it went through is not known */
	{"insert into t values (1)", ERR_EFFECTS_UNKNOWN},
};

static void task_death(struct db_env *env)
{
	struct ask ask;

	prepare_tables();
	aside("create or replace function die(i int) returns int language plpgsql as $$begin if i "
	      "= 0 "
	      "then perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(100); end if; "
	      "return i; end$$; "
	      "create or replace function die_late() returns trigger language plpgsql as $$begin "
	      "perform die(0); return null; end$$; "
	      "create constraint trigger late after insert on t deferrable initially deferred "
	      "for each row execute function die_late()");
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_init(&ask, env->pool, deaths[row_index].sql);
	ask_main(&ask);
	ck_ask_err(&ask, ERR_SQL, deaths[row_index].effects);
	ck_assert_str_eq(ask.query.err.sqlstate, "57P01");
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.lost, 1);
}

START_TEST(a_session_that_dies)
{
	row_index = _i;
	db_env_run(task_death);
}
END_TEST

/* kill -9 of a backend: the server ends all others, and says why in a notice. */
static void task_crash(struct db_env *env)
{
	struct co_group group;
	struct ask victim, other;

	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&victim, env->pool, "select pg_sleep(1000)");
	ask_init(&other, env->pool, "select pg_sleep(1000), 1");
	ask_start(&victim, &group);
	ask_start(&other, &group);
	await_sleepers(2);
	ck_assert_int_eq(kill(conn_pid(victim.query.conn), SIGKILL), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_err(&victim, ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
	ck_ask_err(&other, ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(other.query.err.message, "crash of another server process"));
	ask_free(&victim);
	ask_free(&other);
	/* Service resumes by itself. */
	ck_query(env->pool, "select 1", "1;");
}

START_TEST(a_crash_says_so)
{
	db_env_run(task_crash);
}
END_TEST

/* ---- parameter types ---- */

static void task_describe(struct db_env *env)
{
	struct ask ask;

	db_env_open(env);
	ask_init(&ask, env->pool, "select $1::int, $2::text[], $3 = current_date");
	ask.query.kind = DB_QUERY_DESCRIBE;
	ask_main(&ask);
	ck_ask_ok(&ask, "");
	ck_assert_uint_eq(ask.query.param_count, 3);
	ck_assert_uint_eq(ask.query.param_types[0], 23);
	ck_assert_uint_eq(ask.query.param_types[1], 1009);
	ck_assert_uint_eq(ask.query.param_types[2], 1082);
	ask_free(&ask);

	ask_init(&ask, env->pool, "select 1");
	ask.query.kind = DB_QUERY_DESCRIBE;
	ask_main(&ask);
	ck_ask_ok(&ask, "");
	ck_assert_uint_eq(ask.query.param_count, 0);
	ask_free(&ask);

	ask_init(&ask, env->pool, "select $1 from nowhere");
	ask.query.kind = DB_QUERY_DESCRIBE;
	ask_main(&ask);
	ck_ask_err(&ask, ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(ask.query.err.sqlstate, "42P01");
	ask_free(&ask);

	/* Nothing of it was run, none of it counts as a query. */
	ck_assert_uint_eq(env->pool->stats.queries, 0);
	ck_query(env->pool, "select 1", "1;");
}

START_TEST(describe_tells_parameter_types)
{
	db_env_run(task_describe);
}
END_TEST

/* ---- sinks ---- */

static void task_pause(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	env->conf.pool_max = 1;
	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, "select g, repeat('x', 1000) from generate_series(1, 100) g");
	ask.pause_at = 10;
	ask_start(&ask, &group);
	for (size_t pause = 1; pause <= 10; pause++) {
		AWAIT(ask.paused == pause);
		/* However often the loop turns, no row comes. */
		for (int i = 0; i < 20; i++)
			ck_assert_int_eq(co_yield(), 0);
		ck_assert_int_eq(ask.seen, (int64_t)pause * 10);
		ck_assert(!ask.returned);
		db_query_resume(&ask.query);
	}
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_ok(&ask, NULL);
	ck_assert_int_eq(ask.seen, 100);
	ck_assert_int_eq(ask.query.count, 100);
	db_query_resume(&ask.query); /* harmless */
	ask_free(&ask);
}

START_TEST(a_sink_pauses_and_goes_on)
{
	db_env_run(task_pause);
}
END_TEST

/* A server that is not read stops sending: what waits stays small. */
static void task_pressure(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, "select repeat('x', 100000) from generate_series(1, 100000)");
	ask.pause_at = 1;
	ask_start(&ask, &group);
	AWAIT(ask.paused == 1);
	await_aside("select count(*) = 1 from pg_stat_activity where application_name = 'gatherd' "
		    "and wait_event = 'ClientWrite'");
	ck_assert_int_eq(ask.seen, 1);
	co_group_cancel(&group);
	co_group_wait(&group, CLOCK_NEVER);
	ck_assert_int_eq(ask.rc, -ECANCELED);
	ck_ask_err(&ask, ERR_CANCELLED, ERR_EFFECTS_NONE);
	ask_free(&ask);
}

START_TEST(a_pause_reaches_the_server)
{
	db_env_run(task_pressure);
}
END_TEST

static const struct {
	const char *sql;
	int64_t fail_at, seen;
	enum err_effects effects;
} refusals[] = {
	/* far more rows than fit on the way: the server is stopped */
	{"select repeat('x', 100000) from generate_series(1, 100000)", 3, 3, ERR_EFFECTS_NONE},
	{"select repeat('x', 100000) from generate_series(1, 100000)", -1, 0, ERR_EFFECTS_NONE},
	/* the last row: all was done when it came */
	{"insert into t values (1) returning i", 1, 1, ERR_EFFECTS_DONE},
	{"insert into t select 1 where false returning i", -1, 0, ERR_EFFECTS_DONE},
	{"select 1", 1, 1, ERR_EFFECTS_DONE}, /* it may have been a function that writes */
};

static void task_refusal(struct db_env *env)
{
	struct ask ask;

	prepare_tables();
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_init(&ask, env->pool, refusals[row_index].sql);
	ask.fail_at = refusals[row_index].fail_at;
	ask_main(&ask);
	ck_assert(ask.query.stopped_by_sink);
	ck_assert_int_eq(ask.query.err.effects, refusals[row_index].effects);
	ck_assert_int_eq(ask.seen, refusals[row_index].seen);
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1);
	if (strncmp(refusals[row_index].sql, "insert", 6) == 0)
		ck_query(env->pool, "select count(*) < 2 from t", "t;");
}

START_TEST(a_sink_that_refuses_stops_the_server)
{
	row_index = _i;
	db_env_run(task_refusal);
}
END_TEST

/* A write whose rows are refused is either undone or done: what is said must be what is. */
static void task_refused_write(struct db_env *env)
{
	struct ask ask;

	prepare_tables();
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_init(&ask, env->pool,
		 "insert into t select g from generate_series(1, 300000) g returning i");
	ask.fail_at = 2;
	ask_main(&ask);
	ck_assert(ask.query.stopped_by_sink);
	if (ask.query.err.effects == ERR_EFFECTS_NONE)
		ck_query(env->pool, "select count(*) from t", "0;");
	else
		ck_query(env->pool, "select count(*) from t", "300000;");
	ck_assert_int_ne(ask.query.err.effects, ERR_EFFECTS_UNKNOWN);
	ask_free(&ask);
}

START_TEST(the_effects_of_a_refused_write)
{
	db_env_run(task_refused_write);
}
END_TEST

/* Many rows with a sink that takes them: each once, in order. */
static int64_t expected_next;

static int count_row(void *ctx, const struct db_cell *cells, size_t count)
{
	(void)ctx;
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(strtoll(cells[0].text, NULL, 10), expected_next++);
	return 0;
}

static void task_many(struct db_env *env)
{
	struct ask ask;

	db_env_open(env);
	expected_next = 1;
	ask_init(&ask, env->pool, "select generate_series(1, 50000)");
	ask.query.sink.row = count_row;
	ask_main(&ask);
	ck_ask_ok(&ask, "");
	ck_assert_int_eq(ask.query.count, 50000);
	ck_assert_int_eq(expected_next, 50001);
	ask_free(&ask);
}

START_TEST(many_rows)
{
	db_env_run(task_many);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db query");
	TCase *tcase = suite_case(suite, "query", 30);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_loop_test(tcase, rows_in_chunks, 0, ARRAY_SIZE(row_counts));
	tcase_add_test(tcase, large_rows_in_chunks);
	tcase_add_loop_test(tcase, outcome, 0, ARRAY_SIZE(outcomes));
	tcase_add_test(tcase, values_are_sent_as_parameters);
	tcase_add_loop_test(tcase, failure, 0, ARRAY_SIZE(failures));
	tcase_add_test(tcase, errors_disturb_nobody);
	tcase_add_loop_test(tcase, copy_ends_its_connection, 0, ARRAY_SIZE(copies));
	tcase_add_loop_test(tcase, a_session_that_dies, 0, ARRAY_SIZE(deaths));
	tcase_add_test(tcase, describe_tells_parameter_types);
	tcase_add_test(tcase, a_sink_pauses_and_goes_on);
	tcase_add_test(tcase, a_pause_reaches_the_server);
	tcase_add_loop_test(tcase, a_sink_that_refuses_stops_the_server, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, the_effects_of_a_refused_write);
	tcase_add_test(tcase, many_rows);
	tcase_add_test(tcase, a_crash_says_so);
	return suite_run(suite);
}
