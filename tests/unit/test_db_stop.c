/* SPDX-License-Identifier: PostgreSQL */
/* Ending queries before their end, with a real server: in every state that a query can be in, and
 * never another's. */
#include "base/sys.h"
#include "db/lease.h"
#include "unit/db_pool.h"

#define SLEEP "select pg_sleep(1000)"

static int64_t in_ms(int64_t ms)
{
	return clock_after_ns(co_now_ns(), ms * CLOCK_MS);
}

/* Not before the query has been sent, however busy the machine is. */
#define WHILE_IT_RUNS in_ms(500)

/* ---- by the deadline ---- */

static void task_late_running(struct db_env *env)
{
	struct ask ask;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	ask_init(&ask, env->pool, SLEEP);
	ask.deadline_ns = WHILE_IT_RUNS;
	ask_main(&ask);
	ck_ask_err(&ask, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ck_assert_int_eq(ask.rc, 0);
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1); /* the connection is used on */
	ck_assert_uint_ge(env->pool->stats.cancels, 1);
}

START_TEST(a_late_query_is_cancelled)
{
	db_env_run(task_late_running);
}
END_TEST

static void task_late_queued(struct db_env *env)
{
	struct co_group group;
	struct ask running, queued;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&running, env->pool, SLEEP);
	ask_start(&running, &group);
	await_sleepers(1);
	ask_init(&queued, env->pool, "select 1");
	queued.deadline_ns = in_ms(10);
	ask_main(&queued);
	ck_ask_err(&queued, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ck_assert_int_eq(queued.query.sent_ns, 0);
	ck_assert_uint_eq(lanes_queued(&env->pool->lanes), 0);
	ck_assert_uint_eq(env->pool->stats.cancels, 0); /* it cost the running one nothing */
	ck_assert(!running.returned);
	co_group_cancel(&group);
	co_group_wait(&group, CLOCK_NEVER);
	ck_assert_int_eq(running.rc, -ECANCELED);
	ck_ask_err(&running, ERR_CANCELLED, ERR_EFFECTS_NONE);
	ask_free(&running);
	ask_free(&queued);
}

START_TEST(a_late_query_leaves_the_queue)
{
	db_env_run(task_late_queued);
}
END_TEST

static void task_late_before(struct db_env *env)
{
	struct ask ask;

	db_env_open(env);
	ask_init(&ask, env->pool, "select 1");
	ask.deadline_ns = co_now_ns();
	ask_main(&ask);
	ck_ask_err(&ask, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ck_assert_int_eq(ask.rc, 0);
	ck_assert_int_eq(ask.query.sent_ns, 0);
	ask_free(&ask);
}

START_TEST(a_deadline_that_is_over)
{
	db_env_run(task_late_before);
}
END_TEST

/* A time-out of the server's own is not ours. */
static void task_server_timeout(struct db_env *env)
{
	struct ask ask;

	env->conf.statement_timeout_ns = 300 * CLOCK_MS;
	db_env_open(env);
	ask_init(&ask, env->pool, SLEEP);
	ask_main(&ask);
	ck_ask_err(&ask, ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(ask.query.err.sqlstate, "57014");
	ask_free(&ask);
	ck_assert_uint_eq(env->pool->stats.cancels, 0);
}

START_TEST(the_servers_own_time_out_is_its_error)
{
	db_env_run(task_server_timeout);
}
END_TEST

/* ---- by a cancel of the task ---- */

static void task_cancelled_before(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, "select 1");
	ask_start(&ask, &group);
	ck_assert_int_eq(co_yield(), 0); /* it is queued now: there is no connection yet */
	ck_assert_int_eq(ask.query.state, DB_QUERY_QUEUED);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(ask.rc, -ECANCELED);
	ck_ask_err(&ask, ERR_CANCELLED, ERR_EFFECTS_NONE);
	ck_assert_uint_eq(lanes_queued(&env->pool->lanes), 0);
	ask_free(&ask);
}

START_TEST(cancelled_in_the_queue)
{
	db_env_run(task_cancelled_before);
}
END_TEST

/* Assigned to a connection, whose driver has not run since. */
static void task_assigned(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, SLEEP);
	ask_start(&ask, &group);
	ck_assert_int_eq(co_yield(), 0);
	ck_assert_int_eq(ask.query.state, DB_QUERY_ASSIGNED);
	conn_stop_query(ask.query.conn, &ask.query, DB_STOP_TIMEOUT);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_err(&ask, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ck_assert_int_eq(ask.query.sent_ns, 0);
	ck_assert_uint_eq(env->pool->stats.cancels, 0);
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1);
}

START_TEST(stopped_when_assigned)
{
	db_env_run(task_assigned);
}
END_TEST

static void await_running(struct ask *ask)
{
	while (ask->query.state != DB_QUERY_RUNNING)
		ck_assert_int_eq(co_yield(), 0);
}

/* The server has ended its query; nothing of it has been read here. */
static void await_server_done(struct ask *ask)
{
	char sql[128];

	await_running(ask);
	snprintf(sql, sizeof(sql), "select state = 'idle' from pg_stat_activity where pid = %d",
		 conn_pid(ask->query.conn));
	while (strcmp(aside(sql), "t") != 0)
		; /* the loop must not turn */
}

/* What completed although it was cancelled has its result given, all of it. */
static void task_completes(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	aside("drop table if exists t; create table t (i int)");
	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, "insert into t values (1), (2), (3) returning i");
	ask_start(&ask, &group);
	await_server_done(&ask);
	co_group_cancel(&group);
	co_group_wait(&group, CLOCK_NEVER);
	ck_assert_int_eq(ask.rc, -ECANCELED);
	ck_ask_ok(&ask, "1;2;3;");
	ck_assert_int_eq(ask.query.count, 3);
	ask_free(&ask);
	ck_query(env->pool, "select count(*) from t", "3;");
}

START_TEST(what_completes_all_the_same_gives_its_result)
{
	db_env_run(task_completes);
}
END_TEST

/* While it is paused its rows cannot be given, so they must not look whole. */
static const struct {
	const char *sql;
	enum err_effects effects;
} paused_queries[] = {
	{"insert into t select generate_series(1, 10) returning i", ERR_EFFECTS_DONE},
	{"select generate_series(1, 10)", ERR_EFFECTS_DONE},
	/* the server waits to send: it is cancelled in the midst */
	{"select repeat('x', 100000) from generate_series(1, 10000)", ERR_EFFECTS_NONE},
};

static int row_index;

static void task_paused(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	aside("drop table if exists t; create table t (i int)");
	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, paused_queries[row_index].sql);
	ask.pause_at = 3;
	ask_start(&ask, &group);
	AWAIT(ask.paused == 1);
	co_group_cancel(&group);
	co_group_wait(&group, CLOCK_NEVER);
	ck_ask_err(&ask, ERR_CANCELLED, paused_queries[row_index].effects);
	ck_assert_int_eq(ask.seen, 3);
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1);
}

START_TEST(a_paused_query_is_not_given_in_part)
{
	row_index = _i;
	db_env_run(task_paused);
}
END_TEST

/* A sink that would pause after the cancel: nobody would resume it. */
static int cancel_then_pause(void *ctx, const struct db_cell *cells, size_t count)
{
	struct ask *ask = ctx;

	(void)cells;
	(void)count;
	ask->seen++;
	co_group_cancel(ask->group);
	return DB_SINK_PAUSE;
}

static void task_pause_after(struct db_env *env)
{
	struct co_group group;
	struct ask ask;

	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, "select repeat('x', 100000) from generate_series(1, 10000)");
	ask.group = &group;
	ask.query.sink.row = cancel_then_pause;
	ask_start(&ask, &group);
	co_group_wait(&group, CLOCK_NEVER);
	ck_ask_err(&ask, ERR_CANCELLED, ERR_EFFECTS_NONE);
	ask_free(&ask);
}

START_TEST(a_pause_that_comes_with_the_cancel)
{
	db_env_run(task_pause_after);
}
END_TEST

/* ---- several up to one Sync ---- */

/* The deadline of one ends them all. The one whose rows come now, and whose sink takes no more,
 * must not keep the server from hearing of it. */
static void task_batch_paused(struct db_env *env)
{
	struct ask begin, rows, rollback;
	struct db_query *queries[] = {&begin.query, &rows.query};
	struct db_lease lease;

	env->conf.pool_max = 1;
	db_env_open(env);
	ask_init(&begin, env->pool, "begin");
	ask_init(&rows, env->pool, "select repeat('x', 100000) from generate_series(1, 10000)");
	rows.pause_at = 1;
	ck_assert_int_eq(
		db_lease_take(env->pool, &lease, (struct db_owner){0}, &begin.arena, CLOCK_NEVER),
		0);
	db_lease_send_batch(&lease, queries, 2);
	db_lease_await(&begin.query, in_ms(50));
	db_lease_await(&rows.query, CLOCK_NEVER);
	ck_assert_int_eq(rows.seen, 1 + (int64_t)(rows.paused - 1));
	ck_ask_err(&rows, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ck_assert(db_lease_holds(&lease)); /* not given up after the grace time */
	ask_init(&rollback, env->pool, "rollback");
	db_lease_send(&lease, &rollback.query);
	db_lease_await(&rollback.query, CLOCK_NEVER);
	ck_ask_ok(&rollback, "");
	db_lease_release(&lease);
	ask_free(&begin);
	ask_free(&rows);
	ask_free(&rollback);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1);
}

START_TEST(a_batch_ends_whoever_is_paused)
{
	db_env_run(task_batch_paused);
}
END_TEST

/* ---- when the server does not react ---- */

static void task_frozen(struct db_env *env)
{
	struct ask ask;
	int pid;

	env->conf.pool_max = 1;
	db_env_open(env);
	pid = only_backend(env->pool);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ask_init(&ask, env->pool, "select 1");
	ask.deadline_ns = WHILE_IT_RUNS;
	ask_main(&ask);
	ck_ask_err(&ask, ERR_TIMEOUT, ERR_EFFECTS_UNKNOWN);
	ask_free(&ask);
	/* Its place is another's now. */
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 2);
	ck_assert_uint_eq(env->pool->stats.lost, 1);
	kill(pid, SIGCONT);
}

START_TEST(a_frozen_backend_is_given_up)
{
	db_env_run(task_frozen);
}
END_TEST

static int refuse_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	(void)fd;
	(void)addr;
	(void)len;
	errno = ECONNREFUSED;
	return -1;
}

/* No way for the cancel: the query must not keep its caller for as long as it likes. */
/* The server has the deadline too, where the statement could be sent with one. */
static void no_cancel(struct db_env *env, bool plain, enum err_effects effects)
{
	struct ask ask;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	sys.connect = refuse_connect;
	ask_init(&ask, env->pool, SLEEP);
	ask.query.class.plain_read = plain;
	ask.deadline_ns = WHILE_IT_RUNS;
	ask_main(&ask);
	sys.connect = sys_real.connect;
	ck_ask_err(&ask, ERR_TIMEOUT, effects);
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 2);
}

static void task_backstop(struct db_env *env)
{
	no_cancel(env, true, ERR_EFFECTS_NONE);
}

static void task_no_cancel(struct db_env *env)
{
	no_cancel(env, false, ERR_EFFECTS_UNKNOWN);
}

START_TEST(without_a_way_to_cancel_the_server_ends_it)
{
	db_env_run(task_backstop);
}
END_TEST

START_TEST(without_any_way_the_session_ends)
{
	db_env_run(task_no_cancel);
}
END_TEST

/* As before, but the query ends by itself: whether the cancel still comes is not known. */
static void task_doubtful(struct db_env *env)
{
	struct ask ask;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	sys.connect = refuse_connect;
	ask_init(&ask, env->pool, "select pg_sleep(1)");
	ask.deadline_ns = WHILE_IT_RUNS;
	ask_main(&ask);
	sys.connect = sys_real.connect;
	ck_ask_ok(&ask, ";");
	ask_free(&ask);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 2);
}

START_TEST(after_a_cancel_in_doubt_the_session_is_not_used)
{
	db_env_run(task_doubtful);
}
END_TEST

/* ---- nobody else is hit ---- */

#define STORM_WORKERS 16
#define STORM_ROUNDS  32

struct worker {
	struct db_env *env;
	unsigned random;
	int victims, hit, innocents_hit;
};

static int worker_main(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < STORM_ROUNDS; i++) {
		struct ask victim, innocent;

		worker->random = worker->random * 1103515245 + 12345;
		ask_init(&victim, worker->env->pool, "select pg_sleep(0.004)");
		victim.deadline_ns =
			clock_after_ns(co_now_ns(), (int64_t)(worker->random >> 16) % 8 * CLOCK_MS);
		ask_main(&victim);
		worker->victims++;
		worker->hit += victim.query.err.code == ERR_TIMEOUT;
		ck_assert(victim.query.err.code == ERR_TIMEOUT ||
			  victim.query.err.code == ERR_NONE);
		ask_free(&victim);

		ask_init(&innocent, worker->env->pool,
			 "select count(*) from generate_series(1, 3000)");
		ask_main(&innocent);
		worker->innocents_hit += innocent.query.err.code != ERR_NONE ||
					 strcmp(ask_text(&innocent), "3000;") != 0;
		ask_free(&innocent);
	}
	return 0;
}

static void task_storm(struct db_env *env)
{
	struct worker workers[STORM_WORKERS];
	struct co_group group;
	int hit = 0, victims = 0;

	env->conf.pool_max = 6;
	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (unsigned i = 0; i < STORM_WORKERS; i++) {
		workers[i] = (struct worker){.env = env, .random = i};
		ck_assert_int_eq(co_group_go(&group, worker_main, &workers[i], "worker"), 0);
	}
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (int i = 0; i < STORM_WORKERS; i++) {
		ck_assert_int_eq(workers[i].innocents_hit, 0);
		hit += workers[i].hit;
		victims += workers[i].victims;
	}
	ck_assert_int_eq(victims, STORM_WORKERS * STORM_ROUNDS);
	ck_assert_int_gt(hit, 0); /* else nothing was at stake */
	ck_assert_uint_gt(env->pool->stats.cancels, 0);
}

START_TEST(five_hundred_cancels_hit_no_innocent)
{
	db_env_run(task_storm);
}
END_TEST

/* ---- not too many at once ---- */

#define MANY	     24
#define MOST_AT_ONCE 8

static void task_many(struct db_env *env)
{
	struct co_group group;
	struct ask *asks = calloc(MANY, sizeof(*asks));
	size_t most = 0;

	ck_assert_ptr_nonnull(asks);
	env->conf.pool_max = MANY;
	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < MANY; i++) {
		ask_init(&asks[i], env->pool, SLEEP);
		ask_start(&asks[i], &group);
	}
	await_sleepers(MANY);
	co_group_cancel(&group);
	/* Each is a connection to the server, which has only so many. */
	while (co_group_live(&group) > 0) {
		most = MAX(most, env->pool->cancels.running);
		ck_assert_int_eq(co_yield(), 0);
	}
	ck_assert_uint_eq(most, MOST_AT_ONCE);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (size_t i = 0; i < MANY; i++) {
		ck_ask_err(&asks[i], ERR_CANCELLED, ERR_EFFECTS_NONE);
		ask_free(&asks[i]);
	}
	free(asks);
}

START_TEST(cancels_at_once_are_bounded)
{
	db_env_run(task_many);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db stop");
	TCase *tcase = suite_case(suite, "stop", 30), *storm = suite_case(suite, "storm", 120);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(tcase, a_late_query_is_cancelled);
	tcase_add_test(tcase, a_late_query_leaves_the_queue);
	tcase_add_test(tcase, a_deadline_that_is_over);
	tcase_add_test(tcase, the_servers_own_time_out_is_its_error);
	tcase_add_test(tcase, cancelled_in_the_queue);
	tcase_add_test(tcase, stopped_when_assigned);
	tcase_add_test(tcase, what_completes_all_the_same_gives_its_result);
	tcase_add_loop_test(tcase, a_paused_query_is_not_given_in_part, 0,
			    ARRAY_SIZE(paused_queries));
	tcase_add_test(tcase, a_pause_that_comes_with_the_cancel);
	tcase_add_test(tcase, a_batch_ends_whoever_is_paused);
	tcase_add_test(tcase, a_frozen_backend_is_given_up);
	tcase_add_test(tcase, without_a_way_to_cancel_the_server_ends_it);
	tcase_add_test(tcase, without_any_way_the_session_ends);
	tcase_add_test(tcase, after_a_cancel_in_doubt_the_session_is_not_used);
	tcase_add_test(storm, cancels_at_once_are_bounded);
	tcase_add_test(storm, five_hundred_cancels_hit_no_innocent);
	return suite_run(suite);
}
