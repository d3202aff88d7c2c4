/* SPDX-License-Identifier: PostgreSQL */
/* Who shares a connection and who has one to itself, and what the neighbours on a shared one have
 * to fear from each other: nothing. With a real server. */
#include "unit/db_lanes.h"

/* ---- who shares ---- */

static void task_unknown(struct db_env *env)
{
	lanes_open(env, 2);
	aside("create table if not exists lanes_gate (n int)");
	run_once(env, GATED, "x");
	ck_assert_uint_eq(env->pool->stats.shared, 0);
	run_once(env, GATED, "x");
	ck_assert_uint_eq(env->pool->stats.shared, 0);
	run_once(env, GATED, "x");
	ck_assert_uint_eq(env->pool->stats.shared, 1);
}

START_TEST(a_statement_is_alone_until_it_is_known)
{
	db_env_run(task_unknown);
}
END_TEST

static void task_several(struct db_env *env)
{
	struct co_group group;
	struct ask asks[4];
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 4, &group, names);
	ck_assert_uint_eq(env->pool->shared_count, 1);
	ck_assert_uint_eq(first_shared(env)->assigned, 4);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "b|0;");
	ck_ask_ok(&asks[2], "c|0;");
	ck_ask_ok(&asks[3], "d|0;");
	free_all(asks, 4);
	AWAIT(env->pool->idle_count == 1);
	ck_assert_uint_eq(env->pool->stats.connects, 1);
}

START_TEST(several_share_and_each_gets_its_own)
{
	db_env_run(task_several);
}
END_TEST

static void task_spread(struct db_env *env)
{
	struct co_group group;
	struct ask asks[16];
	PGconn *gate;

	lanes_open(env, 8);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < 16; i++) {
		init(&asks[i], env, GATED, "x");
		ask_start(&asks[i], &group);
	}
	await_at_gate(4);
	ck_assert_uint_eq(env->pool->shared_count, 4);
	list_for_each (node, &env->pool->shared)
		ck_assert_uint_eq(LIST_ENTRY(node, struct conn, node)->assigned, 4);
	gate_open(gate);
	end_all(&group);
	free_all(asks, 16);
}

START_TEST(a_gather_is_spread_evenly)
{
	db_env_run(task_spread);
}
END_TEST

static void task_grows(struct db_env *env)
{
	struct co_group group;
	struct ask asks[4];
	PGconn *gate;

	env->conf.pool_min = 0;
	env->conf.pool_max = 8;
	env->conf.pipeline_depth = 16;
	env->conf.pipeline_connections = 4;
	env->conf.pipeline_threshold_ns = 60 * CLOCK_SECOND;
	db_env_open(env);
	gate_known(env);
	ck_assert_uint_eq(pool_open(env->pool), 1);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 4, &group, names);
	AWAIT(pool_open(env->pool) >= 2);
	gate_open(gate);
	end_all(&group);
	free_all(asks, 4);
}

START_TEST(those_behind_another_make_the_pool_grow)
{
	db_env_run(task_grows);
}
END_TEST

/* Several answers come at once: each has all of its rows, and its own end. */
static void task_whole(struct db_env *env)
{
	static const struct {
		const char *sql, *known, *value, *rows;
	} asked[] = {
		{GATED, "a", "a", "a|0;"},
		{"select generate_series(1, $1::int)", "5", "5", "1;2;3;4;5;"},
		{"select 1 where $1::bool", "f", "f", ""},
		{"select 6 / ($1::int - n) from generate_series(1, 5) as n", "9", "3", NULL},
		{"select $1::int, ''", "1", NULL, "~|;"},
	};
	struct ask asks[ARRAY_SIZE(asked)];
	struct co_group group;
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		make_known(env, asked[i].sql, asked[i].known);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		init(&asks[i], env, asked[i].sql, asked[i].value);
		asks[i].query.value_count = 1;
		asks[i].query.whole = true;
		ask_start(&asks[i], &group);
	}
	await_at_gate(1);
	gate_open(gate);
	end_all(&group);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		if (asked[i].rows == NULL) {
			ck_ask_err(&asks[i], ERR_SQL, ERR_EFFECTS_NONE);
			ck_assert_str_eq(asks[i].query.err.sqlstate, "22012");
			continue;
		}
		ck_ask_ok(&asks[i], asked[i].rows);
		ck_assert_str_eq(asks[i].query.command, "SELECT");
		ck_assert_int_eq(asks[i].query.count, asks[i].seen);
	}
	ck_assert_uint_ge(env->pool->stats.shared, ARRAY_SIZE(asked));
	free_all(asks, ARRAY_SIZE(asked));
}

START_TEST(what_has_come_whole_is_given_whole)
{
	db_env_run(task_whole);
}
END_TEST

static void task_never(struct db_env *env)
{
	lanes_open(env, 1);
	gate_known(env);
	for (int i = 0; i < 5; i++)
		run_once(env, GATED, "x");
	ck_assert_uint_eq(env->pool->stats.shared, 0);
}

static void task_depth_one(struct db_env *env)
{
	env->conf.pool_max = 1;
	env->conf.pipeline_depth = 1;
	env->conf.pipeline_connections = 4;
	env->conf.pipeline_threshold_ns = 60 * CLOCK_SECOND;
	db_env_open(env);
	gate_known(env);
	for (int i = 0; i < 5; i++)
		run_once(env, GATED, "x");
	ck_assert_uint_eq(env->pool->stats.shared, 0);
}

static void task_reset_always(struct db_env *env)
{
	env->conf.session_reset = CONFIG_RESET_ALWAYS;
	task_never(env);
}

START_TEST(some_pools_never_share)
{
	void (*const tasks[])(struct db_env *) = {task_depth_one, task_reset_always};

	db_env_run(tasks[_i]);
}
END_TEST

static void task_demoted(struct db_env *env)
{
	uint64_t shared;

	lanes_open(env, 2);
	env->conf.pipeline_threshold_ns = CLOCK_SECOND;
	make_known(env, "select pg_sleep($1::float8)", "0");
	/* longer than any statement may take now and then */
	run_once(env, "select pg_sleep($1::float8)", "2.75");
	shared = env->pool->stats.shared;
	ck_assert_uint_eq(shared, 1);
	for (int i = 0; i < 16; i++)
		run_once(env, "select pg_sleep($1::float8)", "0");
	ck_assert_uint_eq(env->pool->stats.shared, shared);
}

START_TEST(a_slow_run_puts_it_out_of_the_shared_lane)
{
	db_env_run(task_demoted);
}
END_TEST

static void task_changes_session(struct db_env *env)
{
	lanes_open(env, 1);
	aside("create or replace function lanes_changes() returns int language sql as "
	      "$$select set_config('application_name', 'changed', false); select 1$$");
	for (int i = 0; i < 4; i++)
		run_once(env, "select lanes_changes()", NULL);
	ck_assert_uint_eq(env->pool->stats.shared, 0);
	ck_query(env->pool, "select current_setting('application_name')", "gatherd;");
}

START_TEST(what_changes_the_session_does_not_share_one)
{
	db_env_run(task_changes_session);
}
END_TEST

/* ---- neither lane starves ---- */

struct flood {
	struct db_env *env;
	bool alone, over;
	size_t rounds;
};

static void flood_one(const struct flood *flood, const char *value)
{
	struct ask ask;

	init(&ask, flood->env, GATED, value);
	ask.query.class.plain_read = !flood->alone;
	ask_main(&ask);
	ck_ask_ok(&ask, NULL);
	ask_free(&ask);
}

static int flood_main(void *arg)
{
	struct flood *flood = arg;

	while (!flood->over) {
		flood_one(flood, "flood");
		flood->rounds++;
	}
	return 0;
}

static const unsigned pool_sizes[] = {1, 2, 8};
static unsigned pool_size;

static void among_flood(struct db_env *env, bool alone)
{
	struct flood flood = {.env = env, .alone = alone};
	struct flood other = {.env = env, .alone = !alone};
	struct co_group group;

	lanes_open(env, pool_size);
	gate_known(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(co_group_go(&group, flood_main, &flood, "flood"), 0);
	AWAIT(flood.rounds > 200);
	for (int i = 0; i < 10; i++)
		flood_one(&other, "one");
	flood.over = true;
	end_all(&group);
}

static void task_alone_among_shared(struct db_env *env)
{
	among_flood(env, false);
}

static void task_shared_among_alone(struct db_env *env)
{
	among_flood(env, true);
}

START_TEST(who_needs_a_connection_gets_it_from_a_busy_shared_lane)
{
	pool_size = pool_sizes[_i];
	db_env_run(task_alone_among_shared);
}
END_TEST

START_TEST(the_shared_lane_gets_its_part)
{
	pool_size = pool_sizes[_i];
	db_env_run(task_shared_among_alone);
}
END_TEST

static void task_lifetime(struct db_env *env)
{
	struct flood flood = {.env = env};
	struct co_group group;

	env->conf.server_lifetime_ns = 200 * CLOCK_MS;
	lanes_open(env, 1);
	gate_known(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(co_group_go(&group, flood_main, &flood, "flood"), 0);
	AWAIT(env->pool->stats.connects > 3);
	flood.over = true;
	end_all(&group);
}

START_TEST(a_busy_shared_connection_is_looked_after)
{
	db_env_run(task_lifetime);
}
END_TEST

static void task_stuck_replaced(struct db_env *env)
{
	struct co_group group;
	struct ask stuck;
	PGconn *gate;

	lanes_open(env, 2);
	env->conf.pipeline_connections = 1;
	env->conf.pipeline_threshold_ns = CLOCK_SECOND;
	gate_known(env);
	make_known(env, "select 7", NULL);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, &stuck, 1, &group, names);
	ck_assert_uint_eq(env->pool->shared_count, 1);
	AWAIT(co_now_ns() - first_shared(env)->head_since_ns >= CLOCK_SECOND);
	run_once(env, "select 7", NULL); /* not behind that one */
	ck_assert(!stuck.returned);
	gate_open(gate);
	end_all(&group);
	ask_free(&stuck);
}

START_TEST(a_stuck_connection_is_replaced)
{
	db_env_run(task_stuck_replaced);
}
END_TEST

/* ---- neighbours ---- */

static void task_late(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3], late;
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 2, &group, names);
	init(&late, env, GATED, "late");
	late.deadline_ns = clock_after_ns(co_now_ns(), CLOCK_SECOND / 2);
	ask_main(&late); /* although the others have not got theirs */
	ck_ask_err(&late, ERR_TIMEOUT, ERR_EFFECTS_UNKNOWN);
	ck_assert(!asks[0].returned && !asks[1].returned);
	ck_assert_uint_eq(env->pool->stats.cancels, 0);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "b|0;");
	free_all(asks, 2);
	ask_free(&late);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1);
}

START_TEST(a_late_one_behind_others_is_answered_at_once)
{
	db_env_run(task_late);
}
END_TEST

static void task_stuck_head(struct db_env *env)
{
	struct co_group group;
	struct ask head, behind[2];

	lanes_open(env, 1);
	make_known(env, "select pg_sleep($1::float8)", "0");
	make_known(env, "select $1::text", "x");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	init(&head, env, "select pg_sleep($1::float8)", "1000");
	ask_start(&head, &group);
	await_sleepers(1);
	keep_shared(env);
	for (size_t i = 0; i < 2; i++) {
		init(&behind[i], env, "select $1::text", names[i]);
		ask_start(&behind[i], &group);
		AWAIT(behind[i].query.state == DB_QUERY_RUNNING);
	}
	ck_assert_uint_eq(env->pool->shared_count, 1);
	conn_stop_query(first_shared(env), &head.query, DB_STOP_CANCELLED);
	ck_ask_err(&head, ERR_CANCELLED, ERR_EFFECTS_UNKNOWN);
	end_all(&group);
	ck_ask_ok(&behind[0], "a;");
	ck_ask_ok(&behind[1], "b;");
	ck_assert_uint_ge(env->pool->stats.cancels, 1);
	ask_free(&head);
	free_all(behind, 2);
}

START_TEST(a_stuck_head_is_cancelled_in_the_server)
{
	db_env_run(task_stuck_head);
}
END_TEST

static void task_innocent(struct db_env *env)
{
	struct co_group group;
	struct ask asks[2];
	char sql[64];
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 2, &group, names);
	await_at_gate(1);
	/* A cancel that was meant for one before them. */
	first_shared(env)->suspect = true;
	snprintf(sql, sizeof(sql), "select pg_cancel_backend(%d)", conn_pid(first_shared(env)));
	aside(sql);
	AWAIT(asks[0].query.alone);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "b|0;");
	free_all(asks, 2);
}

START_TEST(an_innocent_that_a_cancel_hits_is_run_again)
{
	db_env_run(task_innocent);
}
END_TEST

static void task_killed(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 3, &group, names);
	await_at_gate(1);
	terminate(conn_pid(first_shared(env)));
	end_all(&group);
	gate_open(gate);
	ck_ask_err(&asks[0], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[0].query.err.sqlstate, "57P01");
	ck_ask_err(&asks[1], ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
	ck_ask_err(&asks[2], ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
	free_all(asks, 3);
	ck_query(env->pool, "select 1", "1;");
}

START_TEST(a_killed_backend_fails_all_that_it_had)
{
	db_env_run(task_killed);
}
END_TEST

static void task_error(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	make_known(env, "select 10 / $1::int", "1");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 1, &group, names);
	init(&asks[1], env, "select 10 / $1::int", "0");
	ask_start(&asks[1], &group);
	init(&asks[2], env, "select 10 / $1::int", "5");
	ask_start(&asks[2], &group);
	AWAIT(asks[2].query.state == DB_QUERY_RUNNING);
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_err(&asks[1], ERR_SQL, ERR_EFFECTS_NONE);
	ck_ask_ok(&asks[2], "2;");
	free_all(asks, 3);
}

START_TEST(an_error_is_one_querys_alone)
{
	db_env_run(task_error);
}
END_TEST

static void task_stale(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	aside("drop table if exists lanes_t; create table lanes_t (a int); "
	      "insert into lanes_t values (1)");
	make_known(env, "select * from lanes_t", NULL);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	aside("alter table lanes_t add b int default 2");
	start_all(env, asks, 1, &group, names);
	for (size_t i = 1; i < 3; i++) {
		init(&asks[i], env, "select * from lanes_t", NULL);
		ask_start(&asks[i], &group);
		AWAIT(asks[i].query.state == DB_QUERY_RUNNING);
	}
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "1|2;");
	ck_ask_ok(&asks[2], "1|2;");
	free_all(asks, 3);
}

START_TEST(a_stale_statement_with_others_behind_it)
{
	db_env_run(task_stale);
}
END_TEST

/* ---- sinks that pause ---- */

#define SERIES "select generate_series(1, $1::int)"

/* One that pauses after each row, between two others. */
static void start_paused(struct db_env *env, struct ask *asks, struct co_group *group,
			 const char *rows)
{
	PGconn *gate;

	gate_known(env);
	make_known(env, SERIES, "1");
	gate = gate_shut();
	co_group_init(group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 1, group, names);
	init(&asks[1], env, SERIES, rows);
	asks[1].pause_at = 1;
	ask_start(&asks[1], group);
	init(&asks[2], env, GATED, "c");
	ask_start(&asks[2], group);
	AWAIT(asks[2].query.state == DB_QUERY_RUNNING);
	ck_assert_uint_eq(first_shared(env)->assigned, 3);
	gate_open(gate);
}

static void task_paused(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];

	lanes_open(env, 1);
	start_paused(env, asks, &group, "5");
	AWAIT(asks[2].returned);
	ck_ask_ok(&asks[2], "c|0;");
	ck_assert(!asks[1].returned);
	ck_assert_int_eq(asks[1].seen, 1);     /* no more than it would take */
	ck_query(env->pool, "select 1", "1;"); /* the connection is free */
	for (int64_t seen = 1; seen < 5; seen++) {
		db_query_resume(&asks[1].query);
		AWAIT(asks[1].seen == seen + 1);
	}
	db_query_resume(&asks[1].query);
	end_all(&group);
	ck_ask_ok(&asks[1], "1;2;3;4;5;");
	ck_assert_int_eq(asks[1].query.count, 5);
	free_all(asks, 3);
}

START_TEST(a_paused_sink_holds_up_nobody)
{
	db_env_run(task_paused);
}
END_TEST

static void task_paused_ended(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];

	lanes_open(env, 1);
	start_paused(env, asks, &group, "5");
	AWAIT(asks[1].query.state == DB_QUERY_HELD);
	db_query_drop(&asks[1].query);
	end_all(&group);
	ck_assert(asks[1].query.stopped_by_sink);
	free_all(asks, 3);
}

START_TEST(what_is_held_can_be_dropped)
{
	db_env_run(task_paused_ended);
}
END_TEST

/* What is held counts for as long as it is. */
static void task_held_counts(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];
	struct budget held;

	budget_init(&held, 0, NULL);
	lanes_open(env, 1);
	env->pool->held = &held;
	start_paused(env, asks, &group, "5");
	AWAIT(asks[1].query.state == DB_QUERY_HELD);
	ck_assert_uint_gt(held.used_bytes, 0);
	ck_assert_uint_eq(held.used_bytes, asks[1].query.hold.bytes);
	asks[1].pause_at = 0;
	db_query_resume(&asks[1].query);
	end_all(&group);
	ck_ask_ok(&asks[1], "1;2;3;4;5;");
	ck_assert_uint_eq(held.used_bytes, 0);
	free_all(asks, 3);
}

START_TEST(what_is_held_counts)
{
	db_env_run(task_held_counts);
}
END_TEST

/* Less than one may have, but more than there is for all together. */
static void task_held_together(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];
	struct budget held;

	budget_init(&held, 128 * HOLD_ROW_BYTES, NULL);
	lanes_open(env, 1);
	env->pool->held = &held;
	start_paused(env, asks, &group, "200");
	end_all(&group);
	ck_ask_err(&asks[1], ERR_TOO_LARGE, ERR_EFFECTS_UNKNOWN);
	ck_assert_int_eq(asks[1].seen, 1);
	ck_ask_ok(&asks[2], "c|0;");
	ck_assert_uint_eq(held.used_bytes, 0);
	ck_assert_uint_gt(held.peak_bytes, 64 * HOLD_ROW_BYTES);
	free_all(asks, 3);
}

START_TEST(what_all_hold_is_bounded)
{
	db_env_run(task_held_together);
}
END_TEST

static void task_hold_limit(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];
	uint64_t shared;

	lanes_open(env, 1);
	start_paused(env, asks, &group, "100000");
	end_all(&group);
	ck_ask_err(&asks[1], ERR_TOO_LARGE, ERR_EFFECTS_UNKNOWN);
	ck_ask_ok(&asks[2], "c|0;");
	free_all(asks, 3);
	/* As it is told to: it is not for a shared connection any more. */
	shared = env->pool->stats.shared;
	run_once(env, SERIES, "100000");
	ck_assert_uint_eq(env->pool->stats.shared, shared);
}

/* An innocent behind a cancel has more rows than can be kept; it was not hit, and so it has run. */
static void task_large_innocent(struct db_env *env)
{
	struct co_group group;
	struct ask asks[2];
	PGconn *gate;

	lanes_open(env, 1);
	gate_known(env);
	make_known(env, SERIES, "1");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 1, &group, names);
	init(&asks[1], env, SERIES, "100000");
	ask_start(&asks[1], &group);
	AWAIT(asks[1].query.state == DB_QUERY_RUNNING);
	first_shared(env)->suspect = true;
	gate_open(gate);
	end_all(&group);
	ck_ask_err(&asks[1], ERR_TOO_LARGE, ERR_EFFECTS_DONE);
	ck_assert_int_eq(asks[1].seen, 0);
	free_all(asks, 2);
}

START_TEST(what_has_run_is_not_run_again)
{
	db_env_run(task_large_innocent);
}
END_TEST

START_TEST(what_is_held_is_bounded)
{
	db_env_run(task_hold_limit);
}
END_TEST

/* ---- the table of statements ---- */

static void task_evicted(struct db_env *env)
{
	struct co_group group;
	struct ask asks[2];
	PGconn *gate;
	char sql[32];

	lanes_open(env, 2);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, asks, 2, &group, names);
	for (int i = 0; i < 4200; i++) {
		struct ask ask;

		/* Remembered, but not sent: its deadline is over when it is its turn. */
		snprintf(sql, sizeof(sql), "select %d", i);
		init(&ask, env, sql, NULL);
		ask.deadline_ns = co_now_ns() + 1;
		ask_main(&ask);
		ask_free(&ask);
	}
	gate_open(gate);
	end_all(&group);
	ck_ask_ok(&asks[0], "a|0;");
	ck_ask_ok(&asks[1], "b|0;");
	free_all(asks, 2);
	run_once(env, GATED, "x");
}

START_TEST(a_statement_that_is_forgotten_while_in_use)
{
	db_env_run(task_evicted);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db_lanes");
	TCase *who = suite_case(suite, "who shares", 60);
	TCase *turns = suite_case(suite, "turns", 60);
	TCase *neighbours = suite_case(suite, "neighbours", 60);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(who, a_statement_is_alone_until_it_is_known);
	tcase_add_test(who, several_share_and_each_gets_its_own);
	tcase_add_test(who, a_gather_is_spread_evenly);
	tcase_add_test(who, those_behind_another_make_the_pool_grow);
	tcase_add_test(who, what_has_come_whole_is_given_whole);
	tcase_add_loop_test(who, some_pools_never_share, 0, 2);
	tcase_add_test(who, a_slow_run_puts_it_out_of_the_shared_lane);
	tcase_add_test(who, what_changes_the_session_does_not_share_one);
	tcase_add_loop_test(turns, who_needs_a_connection_gets_it_from_a_busy_shared_lane, 0, 3);
	tcase_add_loop_test(turns, the_shared_lane_gets_its_part, 0, 3);
	tcase_add_test(turns, a_busy_shared_connection_is_looked_after);
	tcase_add_test(turns, a_stuck_connection_is_replaced);
	tcase_add_test(neighbours, a_late_one_behind_others_is_answered_at_once);
	tcase_add_test(neighbours, a_stuck_head_is_cancelled_in_the_server);
	tcase_add_test(neighbours, an_innocent_that_a_cancel_hits_is_run_again);
	tcase_add_test(neighbours, a_killed_backend_fails_all_that_it_had);
	tcase_add_test(neighbours, an_error_is_one_querys_alone);
	tcase_add_test(neighbours, a_stale_statement_with_others_behind_it);
	tcase_add_test(neighbours, a_paused_sink_holds_up_nobody);
	tcase_add_test(neighbours, what_is_held_can_be_dropped);
	tcase_add_test(neighbours, what_is_held_counts);
	tcase_add_test(neighbours, what_all_hold_is_bounded);
	tcase_add_test(neighbours, what_is_held_is_bounded);
	tcase_add_test(neighbours, what_has_run_is_not_run_again);
	tcase_add_test(neighbours, a_statement_that_is_forgotten_while_in_use);
	return suite_run(suite);
}
