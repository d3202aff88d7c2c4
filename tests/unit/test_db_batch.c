/* SPDX-License-Identifier: PostgreSQL */
/* Fast reads of a read-only database go in batches: one transaction, one Sync. What one of them
 * does is never another's matter. With a real server. */
#include "db/placement.h"
#include "db/statements.h"
#include "unit/db_lanes.h"

#define DIVIDE "select 10 / $1::int"
#define SERIES "select generate_series(1, $1::int)"
#define SLEEP  "select pg_sleep($1::float8)"

static void batch_open(struct db_env *env, unsigned connections)
{
	env->conf.read_only = true;
	lanes_open(env, connections);
	gate_known(env);
}

static void start_one(struct db_env *env, struct ask *ask, struct co_group *group, const char *sql,
		      const char *value)
{
	init(ask, env, sql, value);
	ask_start(ask, group);
}

/* Nothing is under way any more, and the only connection has outlived it. */
static void ck_settled(struct db_env *env)
{
	AWAIT(env->pool->idle_count == 1);
	ck_assert_uint_eq(env->pool->stats.connects, 1);
	ck_query(env->pool, "select current_setting('default_transaction_read_only')", "on;");
}

/* ---- that they are one ---- */

static void task_one(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, "select now(), current_setting('transaction_read_only'), $1::text", "x");
	ck_assert_uint_eq(env->pool->stats.batches, 0);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < 3; i++)
		start_one(env, &asks[i], &group,
			  "select now(), current_setting('transaction_read_only'), $1::text", "x");
	end_all(&group);
	ck_assert_uint_eq(env->pool->stats.batches, 1);
	ck_assert_uint_eq(env->pool->stats.batched, 3);
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	for (size_t i = 0; i < 3; i++) {
		ck_ask_ok(&asks[i], ask_text(&asks[0]));
		ck_assert_ptr_nonnull(strstr(ask_text(&asks[i]), "|on|"));
		ck_assert_str_eq(asks[i].query.command, "SELECT");
		ck_assert_int_eq(asks[i].query.count, 1);
	}
	free_all(asks, 3);
	ck_settled(env);
}

START_TEST(several_are_one_transaction_that_cannot_write)
{
	db_env_run(task_one);
}
END_TEST

static void start_named(struct db_env *env, struct ask *asks, size_t count, struct co_group *group)
{
	for (size_t i = 0; i < count; i++)
		start_one(env, &asks[i], group, GATED, names[i]);
}

static void task_own(struct db_env *env)
{
	struct ask asks[4];
	struct co_group group;

	env->conf.prepared_statements = 0;
	batch_open(env, 1);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_named(env, asks, 4, &group);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "b|0;");
	ck_ask_ok(&asks[2], "c|0;");
	ck_ask_ok(&asks[3], "d|0;");
	free_all(asks, 4);
	ck_settled(env);
}

START_TEST(each_gets_its_own)
{
	db_env_run(task_own);
}
END_TEST

static void task_late_answer(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	make_known(env, SERIES, "3");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "3");
	start_one(env, &asks[1], &group, GATED, "b");
	await_at_gate(1);
	ck_assert_int_eq(asks[0].seen, 0);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "1;2;3;");
	ck_ask_ok(&asks[1], "b|0;");
	free_all(asks, 2);
}

START_TEST(none_sees_a_row_before_all_are_done)
{
	db_env_run(task_late_answer);
}
END_TEST

static void task_large_expected(struct db_env *env)
{
	struct ask asks[4];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SERIES, "200"); /* some 400 KiB, as they are held */
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < 4; i++)
		start_one(env, &asks[i], &group, SERIES, "200");
	end_all(&group);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(asks[i].seen, 200);
	ck_assert_uint_eq(env->pool->stats.batches, 2);
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	free_all(asks, 4);
}

START_TEST(what_they_return_together_is_bounded)
{
	db_env_run(task_large_expected);
}
END_TEST

/* So many at once, on the only connection; returns in how many batches they went. */
static uint64_t batches_of(struct db_env *env, size_t count)
{
	struct ask asks[8];
	struct co_group group;
	uint64_t before = env->pool->stats.batches;

	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < count; i++)
		start_one(env, &asks[i], &group, GATED, "a");
	end_all(&group);
	for (size_t i = 0; i < count; i++)
		ck_ask_ok(&asks[i], "a|0;");
	free_all(asks, count);
	AWAIT(env->pool->idle_count == 1);
	return env->pool->stats.batches - before;
}

static void task_grow(struct db_env *env)
{
	struct conn *conn;

	batch_open(env, 1);
	env->conf.pipeline_depth = 2;
	conn = first_conn(&env->pool->idle);
	ck_assert_uint_eq(conn_depth(conn), 2);
	ck_assert_uint_ge(batches_of(env, 4), 2); /* of one each: how quick they are is not known */
	ck_assert_int_gt(conn->pace_ns, 0);
	ck_assert_uint_eq(conn_depth(conn), 8);
	ck_assert_uint_eq(placement_depth(env->pool), 2);
	ck_assert_uint_eq(batches_of(env, 8), 2);
	/* As many as are through in half of what counts as fast, and never fewer than it has
	 * otherwise. */
	conn->pace_ns = env->conf.pipeline_threshold_ns / 12;
	ck_assert_uint_eq(conn_depth(conn), 6);
	conn->pace_ns = env->conf.pipeline_threshold_ns;
	ck_assert_uint_eq(conn_depth(conn), 2);
}

START_TEST(where_queries_are_quick_batches_are_larger)
{
	db_env_run(task_grow);
}
END_TEST

static void task_depth_writes(struct db_env *env)
{
	struct conn *conn;

	lanes_open(env, 1);
	conn = first_conn(&env->pool->idle);
	conn->pace_ns = 1;
	ck_assert_uint_eq(conn_depth(conn), env->conf.pipeline_depth);
}

START_TEST(where_there_are_no_batches_pipelines_are_no_deeper)
{
	db_env_run(task_depth_writes);
}
END_TEST

static void task_unknown_function(struct db_env *env)
{
	batch_open(env, 1);
	aside("create or replace function batch_f() returns int language sql as 'select 1'");
	for (int i = 0; i < 5; i++)
		run_once(env, "select batch_f()", NULL);
	ck_assert_uint_eq(env->pool->stats.shared, 0);
}

START_TEST(what_calls_functions_of_others_is_in_none)
{
	db_env_run(task_unknown_function);
}
END_TEST

/* ---- errors ---- */

static void task_error(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;
	uint64_t shared;

	batch_open(env, 1);
	make_known(env, DIVIDE, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, DIVIDE, "0");
	start_one(env, &asks[2], &group, GATED, "c");
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "22012");
	ck_ask_ok(&asks[2], "c|0;");
	free_all(asks, 3);
	ck_assert_uint_eq(env->pool->stats.batches, 1);
	ck_assert_uint_eq(env->pool->stats.repeated, 3);
	ck_assert_uint_eq(env->pool->stats.resets, 0); /* its ROLLBACK and no more */
	ck_settled(env);
	/* It is in none again so soon. */
	shared = env->pool->stats.shared;
	run_once(env, DIVIDE, "1");
	ck_assert_uint_eq(env->pool->stats.shared, shared);
}

START_TEST(an_error_is_one_querys_alone)
{
	db_env_run(task_error);
}
END_TEST

/* A batch of one: behind another, which needs none. */
static PGconn *start_behind(struct db_env *env, struct ask *asks, struct co_group *group,
			    const char *sql, const char *value)
{
	PGconn *gate = gate_shut();

	co_group_init(group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], group, GATED, "a");
	AWAIT(asks[0].query.state == DB_QUERY_RUNNING);
	keep_shared(env);
	start_one(env, &asks[1], group, sql, value);
	AWAIT(asks[1].query.state == DB_QUERY_RUNNING);
	ck_assert_uint_eq(env->pool->stats.batches, 1);
	ck_assert_uint_eq(env->pool->stats.batched, 1);
	return gate;
}

static void task_error_single(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	make_known(env, DIVIDE, "1");
	gate = start_behind(env, asks, &group, DIVIDE, "0");
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "22012");
	free_all(asks, 2);
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	ck_settled(env);
}

START_TEST(an_error_of_one_by_itself_is_its_answer)
{
	db_env_run(task_error_single);
}
END_TEST

static void task_bounced(struct db_env *env)
{
	struct ask asks[4];
	struct co_group group;
	PGconn *gate;

	env->conf.prepared_statements = 100;
	batch_open(env, 1);
	env->conf.pipeline_depth = 4; /* so batches of two */
	make_known(env, DIVIDE, "1");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, DIVIDE, "0");
	start_one(env, &asks[2], &group, GATED, "c");
	start_one(env, &asks[3], &group, GATED, "d");
	await_at_gate(1);
	ck_assert_uint_eq(env->pool->stats.batches, 2);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_ask_ok(&asks[2], "c|0;");
	ck_ask_ok(&asks[3], "d|0;");
	/* The second batch was refused whole: it may be one again. */
	ck_assert(!asks[2].query.alone && !asks[3].query.alone);
	ck_assert_uint_eq(env->pool->stats.repeated, 4);
	free_all(asks, 4);
	ck_settled(env);
}

START_TEST(a_batch_behind_a_failed_one_is_sent_again)
{
	db_env_run(task_bounced);
}
END_TEST

static void task_not_prepared(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, DIVIDE, "1");
	make_known(env, SERIES, "1");
	statements_invalidate_all(env->pool->statements);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, DIVIDE, "0");
	start_one(env, &asks[1], &group, SERIES, "2"); /* to be dropped and prepared anew */
	end_all(&group);
	ck_ask_err(&asks[0], ERR_SQL, ERR_EFFECTS_NONE);
	ck_ask_ok(&asks[1], "1;2;");
	free_all(asks, 2);
	for (int i = 0; i < 3; i++)
		run_once(env, SERIES, "3");
	ck_settled(env);
	ck_query(env->pool,
		 "select statement, count(*) from pg_prepared_statements group by 1 "
		 "having count(*) > 1",
		 "");
}

static void task_not_prepared_yet(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	uint64_t resets;

	batch_open(env, 1);
	make_known(env, DIVIDE, "1");
	make_known(env, SERIES, "1");
	run_once(env, "select set_config('batch.x', 'y', false)", NULL);
	AWAIT(env->pool->idle_count == 1); /* all that was prepared is gone with that */
	resets = env->pool->stats.resets;
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, DIVIDE, "0");
	start_one(env, &asks[1], &group, SERIES, "2");
	end_all(&group);
	ck_ask_err(&asks[0], ERR_SQL, ERR_EFFECTS_NONE);
	ck_ask_ok(&asks[1], "1;2;");
	free_all(asks, 2);
	for (int i = 0; i < 3; i++)
		run_once(env, SERIES, "3");
	ck_settled(env);
	ck_assert_uint_eq(env->pool->stats.resets, resets);
}

START_TEST(what_was_not_prepared_is_not_used)
{
	db_env_run(_i == 0 ? task_not_prepared : task_not_prepared_yet);
}
END_TEST

static void task_stale(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;

	batch_open(env, 1);
	aside("drop table if exists batch_t; create table batch_t (a int); "
	      "insert into batch_t values (1)");
	make_known(env, "select * from batch_t", NULL);
	aside("alter table batch_t add b int default 2");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, "select * from batch_t", NULL);
	start_one(env, &asks[2], &group, "select * from batch_t", NULL);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "1|2;");
	ck_ask_ok(&asks[2], "1|2;");
	free_all(asks, 3);
	ck_settled(env);
}

START_TEST(a_stale_statement_in_a_batch)
{
	db_env_run(task_stale);
}
END_TEST

/* ---- what functions do behind a view's back ---- */

#define VIEW_OF(what) "create view batch_" what " as select batch_acts('" what "') as x; "

/* Views that do what they are called for once batch_flag has a row; until then they count as fast.
 */
static void views_known(struct db_env *env)
{
	static const char *const texts[] = {
		"select * from batch_off",  "select * from batch_rw",	"select * from batch_write",
		"select * from batch_done", "select * from batch_hold", "select * from batch_zone",
	};

	aside("drop schema if exists batch cascade; create schema batch; set search_path = batch; "
	      "drop table if exists public.batch_target, public.batch_flag cascade; "
	      "create table public.batch_target (n int); create table public.batch_flag (n int); "
	      "create or replace function public.batch_acts(what text) returns int "
	      "language plpgsql as $$ begin "
	      "if not exists (select from public.batch_flag) then return 0; end if; "
	      "if what = 'off' then "
	      "perform set_config('default_transaction_read_only', 'off', false); "
	      "elsif what = 'rw' then perform set_config('transaction_read_only', 'off', true); "
	      "elsif what = 'write' then insert into public.batch_target values (1); "
	      "elsif what = 'done' then commit; "
	      "elsif what = 'zone' then perform set_config('TimeZone', 'Asia/Tokyo', false); "
	      "elsif what = 'hold' then "
	      "execute 'declare c cursor with hold for select 1 / (n - 1) from public.batch_flag'; "
	      "end if; return 1; end $$; set search_path = public; "
	      "drop view if exists batch_off, batch_rw, batch_write, batch_done, batch_hold, "
	      "batch_zone; " VIEW_OF("off") VIEW_OF("rw") VIEW_OF("write") VIEW_OF("done")
		      VIEW_OF("hold") VIEW_OF("zone"));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		make_known(env, texts[i], NULL);
	aside("insert into batch_flag values (1)");
}

/* Each is in a batch of its own, but all are on their way before the first has run. */
static void task_escapes_ahead(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	env->conf.pipeline_depth = 3; /* so batches of one */
	views_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, "select * from batch_off", NULL);
	start_one(env, &asks[2], &group, "select * from batch_write", NULL);
	await_at_gate(1);
	ck_assert_uint_eq(env->pool->stats.batches, 3);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[1], "1;"); /* it did turn the default off */
	ck_ask_err(&asks[2], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[2].query.err.sqlstate, "25006");
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	free_all(asks, 3);
	ck_assert_str_eq(aside("select count(*) from batch_target"), "0");
	ck_settled(env);
}

/* The two in one batch; the second must not be able to write. */
static void ck_no_escape(struct db_env *env, const char *opens)
{
	struct ask asks[2], later;
	struct co_group group;
	uint64_t batches = env->pool->stats.batches;

	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, opens, NULL);
	start_one(env, &asks[1], &group, "select * from batch_write", NULL);
	AWAIT(env->pool->stats.batches == batches + 1);
	/* Sent before anybody knows what the first has done. */
	start_one(env, &later, &group, "select * from batch_write", NULL);
	end_all(&group);
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "25006");
	ck_ask_err(&later, ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(later.query.err.sqlstate, "25006");
	free_all(asks, 2);
	ask_free(&later);
	ck_assert_str_eq(aside("select count(*) from batch_target"), "0");
	ck_settled(env);
}

static void task_escapes(struct db_env *env)
{
	batch_open(env, 1);
	views_known(env);
	ck_no_escape(env, "select * from batch_off");
}

static void task_escapes_now(struct db_env *env)
{
	batch_open(env, 1);
	views_known(env);
	ck_no_escape(env, "select * from batch_rw");
}

static void task_escapes_by_commit(struct db_env *env)
{
	batch_open(env, 1);
	views_known(env);
	ck_no_escape(env, "select * from batch_done");
}

START_TEST(nothing_makes_a_batch_write)
{
	void (*const tasks[])(struct db_env *) = {task_escapes, task_escapes_ahead,
						  task_escapes_now, task_escapes_by_commit};

	db_env_run(tasks[_i]);
}
END_TEST

static void task_commit_fails(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;

	batch_open(env, 1);
	views_known(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, "select * from batch_hold", NULL);
	start_one(env, &asks[2], &group, GATED, "c");
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "22012");
	ck_ask_ok(&asks[2], "c|0;");
	ck_assert_uint_eq(env->pool->stats.repeated, 3);
	free_all(asks, 3);
	ck_settled(env);
}

START_TEST(an_error_of_the_commit_is_one_querys_alone)
{
	db_env_run(task_commit_fails);
}
END_TEST

static void task_changes_session(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	uint64_t batches, shared;

	batch_open(env, 1);
	views_known(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, "select * from batch_zone", NULL);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	free_all(asks, 2);
	ck_settled(env);
	ck_assert_uint_ge(env->pool->stats.resets, 1);
	/* One of the two it was: from now on each goes by itself, until it is known which. */
	batches = env->pool->stats.batches;
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, GATED, "b");
	end_all(&group);
	free_all(asks, 2);
	ck_assert_uint_eq(env->pool->stats.batches, batches + 2);
	shared = env->pool->stats.shared;
	run_once(env, "select * from batch_zone", NULL);
	ck_assert_uint_eq(env->pool->stats.shared, shared + 1);
	run_once(env, "select * from batch_zone", NULL);
	ck_assert_uint_eq(env->pool->stats.shared, shared + 1);
	ck_settled(env);
}

START_TEST(what_changes_the_session_is_found_out)
{
	db_env_run(task_changes_session);
}
END_TEST

/* ---- those who give up ---- */

static void task_cancelled(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SLEEP, "0");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, GATED, "a");
	start_one(env, &asks[1], &group, SLEEP, "1000");
	start_one(env, &asks[2], &group, GATED, "c");
	await_sleepers(1);
	conn_stop_query(first_shared(env), &asks[1].query, DB_STOP_CANCELLED);
	ck_ask_err(&asks[1], ERR_CANCELLED, ERR_EFFECTS_UNKNOWN);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[2], "c|0;");
	ck_assert_uint_ge(env->pool->stats.cancels, 1);
	ck_assert_uint_eq(env->pool->stats.repeated, 2);
	free_all(asks, 3);
	ck_settled(env);
}

START_TEST(one_that_is_given_up_takes_nobody_along)
{
	db_env_run(task_cancelled);
}
END_TEST

static void task_cancelled_single(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	make_known(env, SLEEP, "0");
	gate = start_behind(env, asks, &group, SLEEP, "1000");
	gate_open(gate);
	await_sleepers(1);
	AWAIT(asks[0].returned);
	conn_stop_query(first_shared(env), &asks[1].query, DB_STOP_CANCELLED);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_CANCELLED, ERR_EFFECTS_NONE);
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(one_by_itself_is_given_up)
{
	db_env_run(task_cancelled_single);
}
END_TEST

static void task_dropped(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	make_known(env, SERIES, "3");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "3");
	start_one(env, &asks[1], &group, GATED, "b");
	await_at_gate(1);
	db_query_drop(&asks[0].query); /* asks for the end of the batch */
	AWAIT(asks[0].returned);
	ck_assert(asks[0].query.stopped_by_sink);
	ck_assert_int_eq(asks[0].seen, 0);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[1], "b|0;");
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(one_whose_rows_nobody_wants)
{
	db_env_run(task_dropped);
}
END_TEST

static void task_killed(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "1");
	start_one(env, &asks[1], &group, GATED, "b");
	start_one(env, &asks[2], &group, GATED, "c");
	await_at_gate(1);
	terminate(conn_pid(first_shared(env)));
	end_all(&group);
	gate_open(gate);
	ck_ask_err(&asks[0], ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
	ck_assert_int_eq(asks[0].seen, 0); /* it had been run, but not committed */
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "57P01");
	ck_ask_err(&asks[2], ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	free_all(asks, 3);
	ck_query(env->pool, "select 1", "1;");
}

START_TEST(a_killed_backend_fails_all_that_it_had)
{
	db_env_run(task_killed);
}
END_TEST

/* ---- large results, slow sinks ---- */

static void task_large(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "100000");
	start_one(env, &asks[1], &group, GATED, "b");
	end_all(&group);
	ck_ask_ok(&asks[0], NULL);
	ck_assert_int_eq(asks[0].seen, 100000);
	ck_assert_int_eq(asks[0].query.count, 100000);
	ck_ask_ok(&asks[1], "b|0;");
	ck_assert_uint_eq(env->pool->stats.batches, 1);
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(what_is_too_large_to_wait_is_given_as_it_comes)
{
	db_env_run(task_large);
}
END_TEST

/* What all may hold together does not let them wait: it costs nobody his answer. */
static void task_no_room(struct db_env *env)
{
	struct ask asks[3];
	struct co_group group;
	struct budget held;

	budget_init(&held, 16 * HOLD_ROW_BYTES, NULL);
	batch_open(env, 1);
	make_known(env, SERIES, "100");
	env->pool->held = &held;
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "100");
	start_one(env, &asks[1], &group, GATED, "b");
	start_one(env, &asks[2], &group, SERIES, "100");
	end_all(&group);
	ck_ask_ok(&asks[0], NULL);
	ck_assert_int_eq(asks[0].seen, 100);
	ck_ask_ok(&asks[1], "b|0;");
	ck_ask_ok(&asks[2], ask_text(&asks[0]));
	ck_assert_uint_eq(env->pool->stats.batches, 1);
	ck_assert_uint_eq(env->pool->stats.repeated, 0);
	ck_assert_uint_eq(held.used_bytes, 0);
	free_all(asks, 3);
	ck_settled(env);
}

START_TEST(what_has_no_room_to_wait_is_given_as_it_comes)
{
	db_env_run(task_no_room);
}
END_TEST

static void task_large_failed(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	make_known(env, DIVIDE, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "100000");
	start_one(env, &asks[1], &group, DIVIDE, "0");
	end_all(&group);
	ck_ask_err(&asks[0], ERR_TOO_LARGE, ERR_EFFECTS_NONE); /* it was rolled back */
	ck_assert_int_eq(asks[0].seen, 100000);		       /* and is not run again */
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "22012");
	ck_assert_uint_eq(env->pool->stats.repeated, 1);
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(what_was_given_is_not_given_again)
{
	db_env_run(task_large_failed);
}
END_TEST

/* What its sink has refused did not complete: the batch was rolled back. */
static void task_refused_and_failed(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	make_known(env, DIVIDE, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	init(&asks[0], env, SERIES, "600");
	asks[0].fail_at = 1;
	ask_start(&asks[0], &group);
	start_one(env, &asks[1], &group, DIVIDE, "0");
	end_all(&group);
	ck_assert(asks[0].query.stopped_by_sink);
	ck_assert_int_eq(asks[0].query.err.effects, ERR_EFFECTS_NONE);
	ck_assert_int_eq(asks[0].seen, 1);
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[1].query.err.sqlstate, "22012");
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(what_was_refused_and_rolled_back_has_no_effects)
{
	db_env_run(task_refused_and_failed);
}
END_TEST

static void task_large_paused(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	init(&asks[0], env, SERIES, "100000");
	asks[0].pause_at = 1;
	ask_start(&asks[0], &group);
	start_one(env, &asks[1], &group, GATED, "b");
	end_all(&group);
	ck_ask_err(&asks[0], ERR_TOO_LARGE, ERR_EFFECTS_UNKNOWN);
	ck_assert_int_eq(asks[0].seen, 1);
	ck_ask_ok(&asks[1], "b|0;");
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(what_a_slow_sink_leaves_is_bounded)
{
	db_env_run(task_large_paused);
}
END_TEST

static void task_paused(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	init(&asks[0], env, SERIES, "3");
	asks[0].pause_at = 1;
	ask_start(&asks[0], &group);
	start_one(env, &asks[1], &group, GATED, "b");
	AWAIT(asks[1].returned);
	ck_ask_ok(&asks[1], "b|0;");
	AWAIT(asks[0].query.state == DB_QUERY_HELD);
	ck_settled(env);
	for (int64_t seen = 1; seen < 3; seen++) {
		db_query_resume(&asks[0].query);
		AWAIT(asks[0].seen == seen + 1);
	}
	db_query_resume(&asks[0].query);
	end_all(&group);
	ck_ask_ok(&asks[0], "1;2;3;");
	free_all(asks, 2);
}

START_TEST(a_paused_sink_holds_up_nobody)
{
	db_env_run(task_paused);
}
END_TEST

/* The server is done, and most of the rows are on their way, when its caller gives up. */
static int give_up_then_pause(void *ctx, const struct db_cell *cells, size_t count)
{
	struct ask *ask = ctx;
	char sql[128];

	(void)cells;
	(void)count;
	ask->seen++;
	snprintf(sql, sizeof(sql), "select state = 'idle' from pg_stat_activity where pid = %d",
		 conn_pid(ask->query.conn));
	while (strcmp(aside(sql), "t") != 0)
		; /* the loop must not turn */
	co_group_cancel(ask->group);
	return DB_SINK_PAUSE;
}

static void task_paused_and_given_up(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	PGconn *gate;

	batch_open(env, 1);
	make_known(env, SERIES, "1");
	/* More than one read brings, and less than the socket holds. */
	gate = start_behind(env, asks, &group, SERIES, "6000");
	asks[1].group = &group;
	asks[1].query.sink.row = give_up_then_pause;
	asks[1].query.hold_limit_bytes = 64 * HOLD_BYTES_MIN;
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_CANCELLED, ERR_EFFECTS_DONE);
	ck_assert_int_eq(asks[1].seen, 1);
	free_all(asks, 2);
	ck_settled(env);
}

START_TEST(what_is_paused_and_given_up_is_not_given_in_part)
{
	db_env_run(task_paused_and_given_up);
}
END_TEST

static void task_slow(struct db_env *env)
{
	struct ask asks[2];
	struct co_group group;
	uint64_t shared;

	batch_open(env, 1);
	env->conf.pipeline_threshold_ns = CLOCK_SECOND;
	make_known(env, SLEEP, "0");
	make_known(env, SERIES, "1");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_one(env, &asks[0], &group, SERIES, "1");
	start_one(env, &asks[1], &group, SLEEP, "1.1");
	end_all(&group);
	free_all(asks, 2);
	/* Nobody can tell which it was: the next time each goes by itself, and it shows. */
	shared = env->pool->stats.shared;
	run_once(env, SLEEP, "2.2"); /* more than a busy machine explains */
	ck_assert_uint_eq(env->pool->stats.shared, shared + 1);
	run_once(env, SLEEP, "0");
	run_once(env, SLEEP, "0");
	run_once(env, SLEEP, "0");
	ck_assert_uint_eq(env->pool->stats.shared, shared + 1);
	run_once(env, SERIES, "1"); /* innocent */
	ck_assert_uint_eq(env->pool->stats.shared, shared + 2);
}

START_TEST(the_slow_one_of_a_batch_is_found_out)
{
	db_env_run(task_slow);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db_batch");
	TCase *one = suite_case(suite, "one transaction", 60);
	TCase *errors = suite_case(suite, "errors", 60);
	TCase *functions = suite_case(suite, "functions", 60);
	TCase *given_up = suite_case(suite, "given up", 60);
	TCase *sinks = suite_case(suite, "sinks", 60);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(one, several_are_one_transaction_that_cannot_write);
	tcase_add_test(one, each_gets_its_own);
	tcase_add_test(one, none_sees_a_row_before_all_are_done);
	tcase_add_test(one, what_they_return_together_is_bounded);
	tcase_add_test(one, where_queries_are_quick_batches_are_larger);
	tcase_add_test(one, where_there_are_no_batches_pipelines_are_no_deeper);
	tcase_add_test(one, what_calls_functions_of_others_is_in_none);
	tcase_add_test(errors, an_error_is_one_querys_alone);
	tcase_add_test(errors, an_error_of_one_by_itself_is_its_answer);
	tcase_add_test(errors, a_batch_behind_a_failed_one_is_sent_again);
	tcase_add_loop_test(errors, what_was_not_prepared_is_not_used, 0, 2);
	tcase_add_test(errors, a_stale_statement_in_a_batch);
	tcase_add_loop_test(functions, nothing_makes_a_batch_write, 0, 4);
	tcase_add_test(functions, an_error_of_the_commit_is_one_querys_alone);
	tcase_add_test(functions, what_changes_the_session_is_found_out);
	tcase_add_test(given_up, one_that_is_given_up_takes_nobody_along);
	tcase_add_test(given_up, one_by_itself_is_given_up);
	tcase_add_test(given_up, one_whose_rows_nobody_wants);
	tcase_add_test(given_up, a_killed_backend_fails_all_that_it_had);
	tcase_add_test(sinks, what_is_too_large_to_wait_is_given_as_it_comes);
	tcase_add_test(sinks, what_has_no_room_to_wait_is_given_as_it_comes);
	tcase_add_test(sinks, what_was_given_is_not_given_again);
	tcase_add_test(sinks, what_was_refused_and_rolled_back_has_no_effects);
	tcase_add_test(sinks, what_a_slow_sink_leaves_is_bounded);
	tcase_add_test(sinks, a_paused_sink_holds_up_nobody);
	tcase_add_test(sinks, what_is_paused_and_given_up_is_not_given_in_part);
	tcase_add_test(sinks, the_slow_one_of_a_batch_is_found_out);
	return suite_run(suite);
}
