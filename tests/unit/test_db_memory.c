/* SPDX-License-Identifier: PostgreSQL */
/*
 * Every allocation of a pool's life fails once, and then all from there on for a while: connect,
 * query, look up a type, prepare, cancel, reset, end. No crash, no leak, and each query has exactly
 * one outcome. And what libpq does not take is not sent.
 */
#include "db/lease.h"
#include "unit/db_lanes.h"

static const char *const life[] = {
	"select 1",
	"select 'sad'::mood, g from generate_series(1, 3) g",
	"select pg_sleep(1000)",
	"set work_mem = '1MB'",
	"select 1/0",
	"select 1",
	"insert into t values (1) returning i",
};

/* An outcome that makes sense: an error that says what it is, or all of the rows. */
static void ck_outcome(struct ask *ask)
{
	static const char *const rows[ARRAY_SIZE(life)] = {
		"1;", "sad|1;sad|2;sad|3;", NULL, "", NULL, "1;", "1;"};

	ck_assert(ask->returned);
	ck_assert_int_eq(ask->query.state, DB_QUERY_DONE);
	ck_assert_ptr_null(ask->query.conn);
	if (ask->query.err.code != ERR_NONE) {
		ck_assert_ptr_nonnull(ask->query.err.message);
		return;
	}
	if (ask->query.stopped_by_sink)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(life); i++)
		if (ask->query.sql == life[i]) {
			ck_assert_ptr_nonnull(rows[i]);
			ck_assert_str_eq(ask_text(ask), rows[i]);
			ck_assert_ptr_nonnull(ask->query.command);
		}
}

static int more; /* that fail after the first */

/* What the test itself allocates must not fail. */
static void task_life(struct db_env *env)
{
	struct mem_failure failure = {0};

	env->conf.pool_max = 2;
	env->conf.pool_min = 1;
	env->conf.prepared_statements = 4;
	env->conf.unavailable_after_ns = CLOCK_SECOND;
	for (int n = 0; n == 0 || failure.failed > 0; n++) {
		size_t blocks = mem_live_blocks();

		failure = (struct mem_failure){.countdown = n, .more = more};
		mem_set_fail_hook(mem_failure_hook, &failure);
		if (pool_new(&env->pool, env->fixture.loop, env->fixture.resolver, &env->conf) <
		    0) {
			ck_assert_int_gt(failure.failed, 0);
			mem_set_fail_hook(NULL, NULL);
			ck_assert_uint_eq(mem_live_blocks(), blocks);
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(life); i++) {
			struct ask ask;

			ask_init(&ask, env->pool, life[i]);
			/* The sink's own buffers are not what is tested. */
			mem_set_fail_hook(NULL, NULL);
			ck_assert_ptr_nonnull(buf_reserve(&ask.rows, 1024));
			ck_assert_ptr_nonnull(buf_reserve(&ask.columns, 1024));
			mem_set_fail_hook(mem_failure_hook, &failure);
			if (i == 2)
				ask.deadline_ns = clock_after_ns(co_now_ns(), 5 * CLOCK_MS);
			ask_main(&ask);
			ck_outcome(&ask);
			ask_free(&ask);
		}
		pool_free(env->pool, clock_after_ns(co_now_ns(), 10 * CLOCK_SECOND));
		env->pool = NULL;
		mem_set_fail_hook(NULL, NULL);
		if (n > 0 && failure.failed == 0)
			ck_assert_int_gt(n, 50); /* else little was tried */
	}
}

START_TEST(every_allocation_fails)
{
	static const int runs[] = {0, 2, 19};

	aside("drop type if exists mood cascade; create type mood as enum ('sad'); "
	      "drop table if exists t; create table t (i int)");
	more = runs[_i];
	db_env_run(task_life);
}
END_TEST

/* ---- what libpq does not take ---- */

/* As where it has no memory: of such a one it takes nothing. */
#define TOO_MANY_VALUES 70000

/* Once the session is over: what was sent without its Sync was executed, too. */
static void ck_nothing_ran(struct db_env *env)
{
	AWAIT(pool_open(env->pool) == 0);
	await_aside("select count(*) = 0 from pg_stat_activity where application_name = 'gatherd'");
	ck_assert_str_eq(aside("select is_called from memory_sequence"), "f");
}

static void sequence_new(struct db_env *env)
{
	env->conf.pool_max = 1;
	aside("drop sequence if exists memory_sequence; create sequence memory_sequence");
	db_env_open(env);
}

static void task_batch_not_taken(struct db_env *env)
{
	struct ask asks[3];
	struct db_query *queries[ARRAY_SIZE(asks)];
	struct db_lease lease;

	sequence_new(env);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		ask_init(&asks[i], env->pool, "select nextval('memory_sequence')");
		queries[i] = &asks[i].query;
	}
	asks[1].query.value_count = TOO_MANY_VALUES;
	ck_assert_int_eq(
		db_lease_take(env->pool, &lease, (struct db_owner){0}, &asks[0].arena, CLOCK_NEVER),
		0);
	db_lease_send_batch(&lease, queries, ARRAY_SIZE(asks));
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		db_lease_await(queries[i], CLOCK_NEVER);
		ck_ask_err(&asks[i], ERR_INTERNAL, ERR_EFFECTS_NONE);
		ck_assert_ptr_nonnull(strstr(asks[i].query.err.message, "cannot send"));
	}
	ck_assert(!db_lease_holds(&lease));
	db_lease_release(&lease);
	ck_nothing_ran(env);
	free_all(asks, ARRAY_SIZE(asks));
}

START_TEST(a_batch_that_libpq_does_not_take_has_no_effect)
{
	db_env_run(task_batch_not_taken);
}
END_TEST

/* Of an outside command the effects would be unknown, had it been sent. */
static void task_one_not_taken(struct db_env *env)
{
	struct ask ask;

	sequence_new(env);
	ask_init(&ask, env->pool, "vacuum");
	ask.query.value_count = TOO_MANY_VALUES;
	ask_main(&ask);
	ck_ask_err(&ask, ERR_INTERNAL, ERR_EFFECTS_NONE);
	ck_assert(ask.query.never_ran);
	ask_free(&ask);
	ck_nothing_ran(env);
}

START_TEST(one_that_libpq_does_not_take_has_no_effect)
{
	db_env_run(task_one_not_taken);
}
END_TEST

/* What was to go out with it, before and behind it, on the same connection. */
static void task_neighbours_not_taken(struct db_env *env)
{
	struct co_group group;
	struct ask asks[3];

	lanes_open(env, 1);
	make_known(env, "select $1::text", "x");
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		init(&asks[i], env, "select $1::text", names[i]);
		if (i == 1)
			asks[i].query.value_count = TOO_MANY_VALUES;
		ask_start(&asks[i], &group);
	}
	end_all(&group);
	ck_ask_err(&asks[0], ERR_CONNECTION_LOST, ERR_EFFECTS_NONE);
	ck_ask_err(&asks[1], ERR_INTERNAL, ERR_EFFECTS_NONE);
	ck_ask_ok(&asks[2], "c;"); /* on another */
	ck_assert_uint_eq(env->pool->stats.connects, 2);
	free_all(asks, ARRAY_SIZE(asks));
}

START_TEST(neighbours_of_one_that_libpq_does_not_take)
{
	db_env_run(task_neighbours_not_taken);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db memory");
	TCase *tcase = suite_case(suite, "memory", 240);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, 3);
	tcase_add_test(tcase, a_batch_that_libpq_does_not_take_has_no_effect);
	tcase_add_test(tcase, one_that_libpq_does_not_take_has_no_effect);
	tcase_add_test(tcase, neighbours_of_one_that_libpq_does_not_take);
	return suite_run(suite);
}
