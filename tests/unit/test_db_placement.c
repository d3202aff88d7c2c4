/* SPDX-License-Identifier: PostgreSQL */
/* Who gets which connection while there are not enough for all: the slow are held back beside the
 * fast, but get on, and who turns out to be fast does not wait for the slow. With a real server. */
#include "db/lanes.h"
#include "db/lease.h"
#include "db/pressure.h"
#include "db/statements.h"
#include "unit/db_lanes.h"

static size_t running(const struct ask *asks, size_t count)
{
	size_t running = 0;

	for (size_t i = 0; i < count; i++)
		running += asks[i].query.state == DB_QUERY_RUNNING;
	return running;
}

/* All at the gate: those that may share, once that is known, or those that never do. */
static void start(struct db_env *env, struct ask *asks, size_t count, struct co_group *group,
		  bool slow)
{
	for (size_t i = 0; i < count; i++) {
		init(&asks[i], env, GATED, "x");
		asks[i].query.class.plain_read = !slow;
		ask_start(&asks[i], group);
	}
}

static void task_promoted(struct db_env *env)
{
	struct co_group group;
	struct ask asks[6];
	PGconn *gate;

	lanes_open(env, 1);
	aside("create table if not exists lanes_gate (n int)");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start(env, asks, ARRAY_SIZE(asks), &group, false);
	AWAIT(env->pool->lanes.alone.length == 5 && running(asks, 6) == 1);
	gate_open(gate);
	end_all(&group);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++)
		ck_ask_ok(&asks[i], "x|0;");
	free_all(asks, ARRAY_SIZE(asks));
	/* The third had a connection to itself before the second was known to be fast. */
	ck_assert_uint_ge(env->pool->stats.shared, 3);
}

START_TEST(who_waits_is_not_held_to_what_was_unknown)
{
	db_env_run(task_promoted);
}
END_TEST

/* A hair too slow as long as all is well. */
static void make_late(struct db_env *env, const char *sql)
{
	struct statement *statement;

	make_known(env, sql, NULL);
	statement = statements_get(env->pool->statements, sql);
	ck_assert_ptr_nonnull(statement);
	statement->history.mean_ns = env->conf.pipeline_threshold_ns;
	statement_put(statement);
}

static void task_promoted_in_time(struct db_env *env)
{
	struct co_group group;
	struct ask slow, late[4];
	PGconn *gate;

	lanes_open(env, 1);
	aside("create table if not exists lanes_gate (n int)");
	make_late(env, "select 1");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	init(&slow, env, GATED, "slow");
	ask_start(&slow, &group);
	for (size_t i = 0; i < ARRAY_SIZE(late); i++) {
		init(&late[i], env, "select 1", NULL);
		ask_start(&late[i], &group);
	}
	/* The first came when nobody waited. Nothing ends, but for how long nobody knows. */
	AWAIT(env->pool->lanes.shared.length == 4);
	gate_open(gate);
	end_all(&group);
	ask_free(&slow);
	free_all(late, ARRAY_SIZE(late));
}

START_TEST(who_may_share_at_last_need_not_see_another_end)
{
	db_env_run(task_promoted_in_time);
}
END_TEST

static void task_leased(struct db_env *env)
{
	struct pressure *pressure;
	struct db_lease lease;
	struct ask ask;

	lanes_open(env, 1);
	pressure = &env->pool->lanes.pressure;
	init(&ask, env, "select 1", NULL);
	ck_assert_int_eq(
		db_lease_take(env->pool, &lease, (struct db_owner){0}, &ask.arena, CLOCK_NEVER), 0);
	db_lease_send(&lease, &ask.query);
	db_lease_await(&ask.query, CLOCK_NEVER);
	ck_assert_int_eq(pressure_alone_ns(pressure), 0);
	db_lease_release(&lease);
	ck_assert_int_ge(pressure_alone_ns(pressure), ask.query.elapsed_ns / 2);
	ask_free(&ask);
}

/* Who waits for a connection waits for its end, whatever it is used for. */
START_TEST(a_lease_is_one_run)
{
	db_env_run(task_leased);
}
END_TEST

static void task_given_up(struct db_env *env)
{
	struct co_group group;
	struct ask asks[2], late;
	PGconn *gate;

	lanes_open(env, 1);
	aside("create table if not exists lanes_gate (n int)");
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start(env, asks, ARRAY_SIZE(asks), &group, false);
	init(&late, env, GATED, "late");
	late.deadline_ns = clock_after_ns(co_now_ns(), 10 * CLOCK_MS);
	ask_main(&late);
	ck_ask_err(&late, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ask_free(&late);
	gate_open(gate);
	end_all(&group);
	free_all(asks, ARRAY_SIZE(asks));
	ck_query(env->pool, "select 1", "1;");
}

START_TEST(who_has_given_up_waits_no_more)
{
	db_env_run(task_given_up);
}
END_TEST

/* As after long runs, which last so long and of which there may be so few. */
static void hold_back(struct db_env *env, int64_t alone_ns)
{
	struct pressure *pressure = &env->pool->lanes.pressure;

	pressure->alone_ns = 1;
	pressure->alone_ns2 = (double)alone_ns;
	pressure->most = 1;
}

static void task_held_back(struct db_env *env)
{
	struct co_group group;
	struct ask fast, slow[4];
	PGconn *gate;

	lanes_open(env, 8);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, &fast, 1, &group, names);
	ck_assert_uint_eq(env->pool->shared_count, 1);
	hold_back(env, 3600 * CLOCK_SECOND);
	start(env, slow, ARRAY_SIZE(slow), &group, true);
	/* The third although the first two do not end, but not soon. */
	AWAIT(running(slow, 4) == 4);
	gate_open(gate);
	end_all(&group);
	ck_assert_int_ge(slow[2].query.sent_ns - slow[1].query.sent_ns, CLOCK_SECOND);
	ck_assert_int_ge(slow[3].query.sent_ns - slow[2].query.sent_ns, CLOCK_SECOND);
	ask_free(&fast);
	free_all(slow, ARRAY_SIZE(slow));
}

START_TEST(the_slow_are_held_back_but_get_on)
{
	db_env_run(task_held_back);
}
END_TEST

static void task_no_hurry(struct db_env *env)
{
	struct co_group group;
	struct ask fast, slow[3];
	PGconn *gate;

	lanes_open(env, 4);
	gate_known(env);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start_all(env, &fast, 1, &group, names);
	start(env, slow, ARRAY_SIZE(slow), &group, true);
	AWAIT(running(slow, 3) == 2);
	/* One is kept for the fast as long as one of them runs. */
	AWAIT(env->pool->lanes.due.heap_index == 0);
	ck_assert_uint_eq(env->pool->idle_count, 1);
	ck_assert_uint_eq(env->pool->lanes.alone.length, 1);
	gate_open(gate);
	end_all(&group);
	ask_free(&fast);
	free_all(slow, ARRAY_SIZE(slow));
}

START_TEST(nobody_looks_again_where_only_an_end_helps)
{
	db_env_run(task_no_hurry);
}
END_TEST

static void task_one_kept(struct db_env *env)
{
	struct lanes *lanes;
	struct co_group group;
	struct ask slow[4];
	PGconn *gate;

	lanes_open(env, 4);
	lanes = &env->pool->lanes;
	gate_known(env);
	make_known(env, "select 7", NULL);
	run_once(env, "select 7", NULL);
	AWAIT(env->pool->shared_count == 0);
	lanes->shared_seen_ns = co_now_ns() - CLOCK_SECOND;
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start(env, slow, ARRAY_SIZE(slow), &group, true);
	AWAIT(running(slow, 4) == 3);
	ck_assert_uint_eq(env->pool->idle_count, 1);
	run_once(env, "select 7", NULL); /* with all others at the gate */
	AWAIT(env->pool->shared_count == 0);
	/* But not for ever. */
	lanes->shared_seen_ns = co_now_ns() - 10 * CLOCK_SECOND;
	lanes_dispatch(env->pool);
	AWAIT(running(slow, 4) == 4);
	gate_open(gate);
	end_all(&group);
	free_all(slow, ARRAY_SIZE(slow));
}

START_TEST(one_is_kept_for_who_looks_something_up_now_and_then)
{
	db_env_run(task_one_kept);
}
END_TEST

static void task_not_alone(struct db_env *env)
{
	struct co_group group;
	struct ask slow[4];
	PGconn *gate;

	lanes_open(env, 4);
	gate_known(env);
	AWAIT(env->pool->shared_count == 0);
	env->pool->lanes.shared_seen_ns = 0;
	hold_back(env, 3600 * CLOCK_SECOND);
	gate = gate_shut();
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	start(env, slow, ARRAY_SIZE(slow), &group, true);
	AWAIT(running(slow, 4) == 4);
	gate_open(gate);
	end_all(&group);
	free_all(slow, ARRAY_SIZE(slow));
}

START_TEST(the_slow_have_all_where_nobody_is_fast)
{
	db_env_run(task_not_alone);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db_placement");
	TCase *tcase = suite_case(suite, "placement", 60);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(tcase, who_waits_is_not_held_to_what_was_unknown);
	tcase_add_test(tcase, who_may_share_at_last_need_not_see_another_end);
	tcase_add_test(tcase, a_lease_is_one_run);
	tcase_add_test(tcase, who_has_given_up_waits_no_more);
	tcase_add_test(tcase, the_slow_are_held_back_but_get_on);
	tcase_add_test(tcase, nobody_looks_again_where_only_an_end_helps);
	tcase_add_test(tcase, one_is_kept_for_who_looks_something_up_now_and_then);
	tcase_add_test(tcase, the_slow_have_all_where_nobody_is_fast);
	return suite_run(suite);
}
