/* SPDX-License-Identifier: PostgreSQL */
/*
 * Every allocation of a pool's life fails once, and then all from there on for a while: connect,
 * query, look up a type, prepare, cancel, reset, end. No crash, no leak, and each query has exactly
 * one outcome.
 */
#include "unit/db_pool.h"

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

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db memory");
	TCase *tcase = suite_case(suite, "memory", 240);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, 3);
	return suite_run(suite);
}
