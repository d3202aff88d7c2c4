/* SPDX-License-Identifier: PostgreSQL */
/* The pool with a real server: how many connections, which one, and what happens while the server
 * is away. */
#include "unit/db_pool.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ASKS_MAX 40

static char conninfo[256];

static struct ask asks[ASKS_MAX];

/* Many at once, each with a row of its own. */
static void start_asks(struct db_env *env, struct co_group *group, const char *sql, size_t count)
{
	co_group_init(group, env->fixture.loop, CO_KEEP_GOING);
	for (size_t i = 0; i < count; i++) {
		ask_init(&asks[i], env->pool, sql);
		asks[i].query.owner.request = i;
		ask_start(&asks[i], group);
	}
}

static void finish_asks(struct co_group *group, size_t count, const char *rows)
{
	ck_assert_int_eq(co_group_wait(group, CLOCK_NEVER), 0);
	for (size_t i = 0; i < count; i++) {
		ck_ask_ok(&asks[i], rows);
		ask_free(&asks[i]);
	}
}

/* ---- how many ---- */

static void task_min(struct db_env *env)
{
	env->conf.pool_min = 3;
	db_env_open(env);
	AWAIT(env->pool->idle_count == 3);
	ck_assert_uint_eq(pool_open(env->pool), 3);
	terminate(conn_pid(first_conn(&env->pool->idle)));
	AWAIT(env->pool->stats.connects == 4 && env->pool->idle_count == 3);
}

START_TEST(pool_min_are_open_without_any_query)
{
	db_env_run(task_min);
}
END_TEST

static void task_max(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 3;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(0.1)", 20);
	AWAIT(env->pool->busy_count == 3);
	finish_asks(&group, 20, ";");
	ck_assert_uint_eq(env->pool->stats.connects, 3);
	ck_assert_uint_eq(env->pool->stats.queries, 20);
	ck_assert_uint_eq(env->pool->stats.errors, 0);
}

START_TEST(pool_max_are_never_exceeded)
{
	db_env_run(task_max);
}
END_TEST

static void task_few(struct db_env *env)
{
	env->conf.pool_max = 30;
	db_env_open(env);
	for (int i = 0; i < 10; i++)
		ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 1); /* one is enough */
}

START_TEST(no_more_than_are_needed)
{
	db_env_run(task_few);
}
END_TEST

static void task_parallel(struct db_env *env)
{
	struct co_group group;
	size_t most = 0;

	env->conf.pool_max = 30;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(0.01)", ASKS_MAX);
	while (co_group_live(&group) > 0) {
		most = MAX(most, env->pool->connecting_count);
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS / 10)), 0);
	}
	ck_assert_uint_gt(most, 1);
	ck_assert_uint_le(most, 16);
	finish_asks(&group, ASKS_MAX, ";");
}

START_TEST(connects_at_once_are_bounded)
{
	db_env_run(task_parallel);
}
END_TEST

/* ---- which ---- */

static void task_lifo(struct db_env *env)
{
	struct co_group group;
	int pid;

	env->conf.pool_max = 4;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(0.01)", 4);
	finish_asks(&group, 4, ";");
	AWAIT(env->pool->idle_count == 4);
	pid = conn_pid(first_conn(&env->pool->idle));
	for (int i = 0; i < 10; i++) {
		ck_query(env->pool, "select 1", "1;");
		ck_assert_int_eq(conn_pid(first_conn(&env->pool->idle)), pid);
	}
}

START_TEST(the_last_used_is_used_next)
{
	db_env_run(task_lifo);
}
END_TEST

static void task_idle(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 4;
	env->conf.pool_min = 1;
	env->conf.server_idle_timeout_ns = 20 * CLOCK_MS;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(0.01)", 4);
	finish_asks(&group, 4, ";");
	AWAIT(pool_open(env->pool) == 1);
	/* Many idle time-outs later the one of pool_min is still there. */
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), 20 * CLOCK_MS)), 0);
	ck_assert_uint_eq(pool_open(env->pool), 1);
	ck_assert_uint_eq(env->pool->stats.lost, 0);
	ck_query(env->pool, "select 1", "1;");
}

START_TEST(idle_ones_go_down_to_pool_min)
{
	db_env_run(task_idle);
}
END_TEST

static void task_lifetime(struct db_env *env)
{
	int first;

	env->conf.pool_max = 1;
	env->conf.server_lifetime_ns = CLOCK_SECOND / 2;
	db_env_open(env);
	first = only_backend(env->pool);
	while (env->pool->stats.connects < 3)
		ck_query(env->pool, "select 1", "1;"); /* none of them notices */
	AWAIT(pool_open(env->pool) == 0);	       /* an idle one ends as well */
	ck_assert_int_ne(only_backend(env->pool), first);
	ck_assert_uint_eq(env->pool->stats.lost, 0);
	ck_assert_uint_eq(env->pool->stats.errors, 0);
}

START_TEST(a_connection_has_a_lifetime)
{
	db_env_run(task_lifetime);
}
END_TEST

/* ---- sessions that end ---- */

static void task_idle_dies(struct db_env *env)
{
	env->conf.pool_max = 1;
	db_env_open(env);
	terminate(only_backend(env->pool));
	AWAIT(pool_open(env->pool) == 0);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.lost, 1);
	ck_assert_uint_eq(env->pool->stats.errors, 0);
}

START_TEST(an_idle_session_that_ends_is_replaced)
{
	db_env_run(task_idle_dies);
}
END_TEST

/* The loop has not turned since: nobody knows yet that the session is no more. */
static void task_dying(struct db_env *env)
{
	env->conf.pool_max = 1;
	db_env_open(env);
	for (int i = 0; i < 5; i++) {
		int pid = only_backend(env->pool);

		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
		terminate(pid);
		ck_query(env->pool, "select 1", "1;");
	}
	ck_assert_uint_eq(env->pool->stats.lost, 5);
	ck_assert_uint_eq(env->pool->stats.errors, 0);
}

START_TEST(a_query_given_to_a_dead_session_goes_to_another)
{
	db_env_run(task_dying);
}
END_TEST

static void task_busy_dies(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 1;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(1000)", 1);
	ask_init(&asks[1], env->pool, "select 1");
	ask_start(&asks[1], &group);
	await_sleepers(1);
	terminate(conn_pid(first_conn(&env->pool->busy)));
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_err(&asks[0], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[0].query.err.sqlstate, "57P01");
	ck_ask_ok(&asks[1], "1;"); /* who waited behind it never knows */
	ask_free(&asks[0]);
	ask_free(&asks[1]);
	ck_assert_uint_eq(env->pool->stats.lost, 1);
}

START_TEST(a_busy_session_that_ends_fails_its_query_alone)
{
	db_env_run(task_busy_dies);
}
END_TEST

/* The server tells with its next answer. Its new default is no session state of a query's: only a
 * new session has it as its own. */
static void task_reload(struct db_env *env)
{
	int pid;

	env->conf.pool_max = 1;
	db_env_open(env);
	pid = only_backend(env->pool);
	aside("alter system set timezone = 'Asia/Tokyo'");
	aside("select pg_reload_conf()");
	while (env->pool->stats.lost == 0)
		ck_query(env->pool, "select 1", "1;");
	ck_query(env->pool, "show timezone", "Asia/Tokyo;");
	ck_assert_int_ne(only_backend(env->pool), pid);
	ck_assert_uint_eq(env->pool->stats.errors, 0);
	aside("alter system reset timezone");
	aside("select pg_reload_conf()");
}

START_TEST(a_server_that_is_configured_anew)
{
	db_env_run(task_reload);
}
END_TEST

/* Servers before 14 tell it while nothing runs. Nothing may be sent there any more. */
static void task_changed_idle(struct db_env *env)
{
	struct conn *conn;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	conn = first_conn(&env->pool->idle);
	mem_free(conn->baseline.values[0]);
	conn->baseline.values[0] = mem_strdup("as it was");
	conn->transport.frames.reported = true;
	co_unpark(conn->driver);
	ck_assert_int_eq(co_yield(), 0);
	ck_query(env->pool, "select 1", "1;");
	ck_assert_uint_eq(env->pool->stats.connects, 2);
	ck_assert_uint_eq(env->pool->stats.resets, 0);
}

START_TEST(a_session_that_changes_while_idle)
{
	db_env_run(task_changed_idle);
}
END_TEST

/* ---- no server ---- */

static void pg_ctl(const char *action)
{
	char path[512], postgres[512], command[1400];
	char *end;
	FILE *file;

	snprintf(path, sizeof(path), "%s/postmaster.opts", getenv("PGDATA"));
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%511s", postgres), 1);
	fclose(file);
	end = strrchr(postgres, '/');
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	snprintf(command, sizeof(command),
		 "cd / && %s %s/pg_ctl -D %s -o '-p %s' -l /dev/null -m fast -w -s %s 3>&-",
		 geteuid() == 0 ? "runuser -u postgres --" : "", postgres, getenv("PGDATA"),
		 getenv("PGPORT"), action);
	ck_assert_int_eq(system(command), 0);
}

/* An outage: one prober, its tries further and further apart; all who waited are served. */
static void task_outage(struct db_env *env)
{
	struct co_group group;
	size_t most = 0;

	env->conf.pool_max = 8;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(0.01)", 8);
	finish_asks(&group, 8, ";");
	pg_ctl("stop");
	AWAIT(pool_open(env->pool) == 0);
	start_asks(env, &group, "select 1", 20);
	AWAIT(env->pool->stats.connect_failures > 0 && env->pool->connecting_count == 0);
	for (int64_t failures = (int64_t)env->pool->stats.connect_failures;
	     (int64_t)env->pool->stats.connect_failures < failures + 3;) {
		most = MAX(most, env->pool->connecting_count);
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	}
	ck_assert_uint_le(most, 1);
	ck_assert_uint_gt(env->pool->failures, 2);
	ck_assert_uint_eq(lanes_queued(&env->pool->lanes), 20);
	pg_ctl("start");
	finish_asks(&group, 20, "1;");
	ck_assert_uint_eq(env->pool->failures, 0);
	ck_assert_str_eq(env->pool->error, "");
}

START_TEST(an_outage_is_waited_out)
{
	db_env_run(task_outage);
}
END_TEST

/* A port where nobody listens, or one that takes a connection and never answers. */
static int port_of(bool listening, int *ret_fd)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	if (listening)
		ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_fd = fd; /* bound and not listening: refuses, and nobody else takes it */
	snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d", ntohs(addr.sin_port));
	return fd;
}

/* Connects that fail together are one failure: the next try is soon. */
static void task_together(struct db_env *env)
{
	int fd;

	port_of(false, &fd);
	env->conf.conninfo = conninfo;
	env->conf.pool_max = env->conf.pool_min = 12;
	db_env_open(env);
	ck_assert_uint_eq(env->pool->connecting_count, 12);
	AWAIT(env->pool->stats.connect_failures >= 12);
	ck_assert_uint_eq(env->pool->stats.connect_failures, 12);
	ck_assert_uint_eq(env->pool->failures, 1);
	ck_assert_uint_eq(env->pool->connect_window, 1);
	close(fd);
}

START_TEST(failures_at_once_count_once)
{
	db_env_run(task_together);
}
END_TEST

static void task_unavailable(struct db_env *env)
{
	struct co_group group;
	int fd;

	port_of(false, &fd);
	env->conf.conninfo = conninfo;
	env->conf.pool_min = 1;
	env->conf.unavailable_after_ns = 50 * CLOCK_MS;
	db_env_open(env);
	AWAIT(env->pool->error[0] != '\0');
	start_asks(env, &group, "select 1", 5);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (int i = 0; i < 5; i++) {
		ck_ask_err(&asks[i], ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
		ck_assert_ptr_nonnull(strstr(asks[i].query.err.message, "refused"));
		ck_assert_int_eq(asks[i].query.sent_ns, 0);
		ask_free(&asks[i]);
	}
	ck_assert_uint_eq(lanes_queued(&env->pool->lanes), 0);
	close(fd);
}

START_TEST(without_any_connection_queries_give_up)
{
	db_env_run(task_unavailable);
}
END_TEST

static void task_late_while_away(struct db_env *env)
{
	struct ask ask;
	int fd;

	port_of(false, &fd);
	env->conf.conninfo = conninfo;
	env->conf.pool_min = 1;
	env->conf.unavailable_after_ns = 0; /* never */
	db_env_open(env);
	AWAIT(env->pool->error[0] != '\0');
	ask_init(&ask, env->pool, "select 1");
	ask.deadline_ns = clock_after_ns(co_now_ns(), CLOCK_MS);
	ask_main(&ask);
	ck_ask_err(&ask, ERR_TIMEOUT, ERR_EFFECTS_NONE);
	ck_assert_ptr_nonnull(strstr(ask.query.err.message, "refused"));
	ask_free(&ask);
	close(fd);
}

START_TEST(who_is_late_is_told_why_there_is_no_connection)
{
	db_env_run(task_late_while_away);
}
END_TEST

static void task_silent(struct db_env *env)
{
	struct co_group group;
	int fd;

	port_of(true, &fd);
	env->conf.conninfo = conninfo;
	env->conf.unavailable_after_ns = 50 * CLOCK_MS;
	db_env_open(env);
	start_asks(env, &group, "select 1", 1);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_err(&asks[0], ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
	ask_free(&asks[0]);
	/* The end does not wait for the connect's own time limit. */
	ck_assert_uint_eq(env->pool->connecting_count, 1);
	db_env_close(env);
	close(fd);
}

START_TEST(a_server_that_does_not_answer)
{
	db_env_run(task_silent);
}
END_TEST

/* A busy pool is no outage: who waits, waits. */
static void task_busy(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	env->conf.unavailable_after_ns = CLOCK_MS;
	start_asks(env, &group, "select pg_sleep(0.05)", 3);
	finish_asks(&group, 3, ";");
}

START_TEST(a_busy_pool_is_waited_for)
{
	db_env_run(task_busy);
}
END_TEST

/* The last connection goes while others wait: they give up after a time, counted from then. */
static void task_last_goes(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	env->conf.unavailable_after_ns = 100 * CLOCK_MS;
	start_asks(env, &group, "select pg_sleep(1000)", 3);
	await_sleepers(1);
	pg_ctl("stop");
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_err(&asks[0], ERR_SQL, ERR_EFFECTS_NONE);
	ck_assert_str_eq(asks[0].query.err.sqlstate, "57P01");
	ck_ask_err(&asks[1], ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
	ck_ask_err(&asks[2], ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
	for (int i = 0; i < 3; i++)
		ask_free(&asks[i]);
	pg_ctl("start");
}

START_TEST(when_the_last_connection_goes_the_queue_gives_up)
{
	db_env_run(task_last_goes);
}
END_TEST

static const char *const refusals[] = {
	"dbname=nowhere",
	"user=nobody password=x",
	"user=clerk password=wrong",
	"host=127.0.0.1 user=clerk password=wrong",
	"sslmode=bogus",
};

static int row_index;

static void task_refused(struct db_env *env)
{
	struct co_group group;
	uint64_t failures;

	aside("drop role if exists clerk");
	aside("create role clerk login password 'right'");
	env->conf.conninfo = refusals[row_index];
	env->conf.unavailable_after_ns = 0; /* never */
	db_env_open(env);
	start_asks(env, &group, "select 1", 5);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (int i = 0; i < 5; i++) {
		ck_ask_err(&asks[i], ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
		ask_free(&asks[i]);
	}
	/* The next one fails at once; the server is not asked again for it. */
	AWAIT(env->pool->connecting_count == 0);
	failures = env->pool->stats.connect_failures;
	ask_init(&asks[0], env->pool, "select 1");
	ask_main(&asks[0]);
	ck_ask_err(&asks[0], ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
	ask_free(&asks[0]);
	ck_assert_uint_eq(env->pool->stats.connect_failures, failures);
}

START_TEST(a_refusal_is_told_at_once)
{
	row_index = _i;
	db_env_run(task_refused);
}
END_TEST

static void task_cured(struct db_env *env)
{
	struct ask ask;

	aside("drop database if exists later");
	env->conf.conninfo = "dbname=later";
	db_env_open(env);
	ask_init(&ask, env->pool, "select 1");
	ask_main(&ask);
	ck_ask_err(&ask, ERR_UNAVAILABLE, ERR_EFFECTS_NONE);
	ask_free(&ask);
	aside("create database later");
	env->pool->retry_ns = 0; /* as if the time were over */
	ck_query(env->pool, "select current_database()", "later;");
	ck_assert(!env->pool->refused);
	db_env_close(env);
	aside("drop database later");
}

START_TEST(a_refusal_that_is_cured)
{
	db_env_run(task_cured);
}
END_TEST

/* 53300: what is open serves them all. */
static void task_too_many(struct db_env *env)
{
	struct co_group group;

	aside("drop role if exists few");
	aside("create role few login password 'x' connection limit 2");
	env->conf.conninfo = "user=few password=x";
	env->conf.pool_max = 6;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(0.02)", 12);
	finish_asks(&group, 12, ";");
	ck_assert_uint_le(env->pool->stats.connects, 2); /* the server may let one in at first */
	ck_assert_uint_gt(env->pool->stats.connect_failures, 0);
	ck_assert_uint_eq(env->pool->stats.errors, 0);
	ck_assert(!env->pool->refused);
}

START_TEST(too_many_connections)
{
	db_env_run(task_too_many);
}
END_TEST

/* ---- the end ---- */

static void task_end_at_once(struct db_env *env)
{
	env->conf.pool_min = 3;
	db_env_open(env);
	pool_free(env->pool, co_now_ns()); /* no connection has even begun */
	db_env_open(env);
	for (int i = 0; i < row_index; i++)
		ck_assert_int_eq(co_yield(), 0);
	pool_free(env->pool, co_now_ns());
	env->pool = NULL;
}

START_TEST(a_pool_that_ends_at_once)
{
	row_index = _i;
	db_env_run(task_end_at_once);
}
END_TEST

static void task_end_idle(struct db_env *env)
{
	env->conf.pool_min = 2;
	db_env_open(env);
	AWAIT(env->pool->idle_count == 2);
	db_env_close(env);
	await_aside("select count(*) = 0 from pg_stat_activity where application_name = 'gatherd'");
}

START_TEST(a_pool_ends_its_sessions)
{
	db_env_run(task_end_idle);
}
END_TEST

static void task_end_running(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	start_asks(env, &group, "select pg_sleep(0.5)", 2);
	AWAIT(asks[0].query.state == DB_QUERY_RUNNING);
	db_env_close(env);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_ask_ok(&asks[0], ";"); /* it had the time to end */
	ck_ask_err(&asks[1], ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE);
	ask_free(&asks[0]);
	ask_free(&asks[1]);
}

START_TEST(at_the_end_what_runs_may_end)
{
	db_env_run(task_end_running);
}
END_TEST

static void task_end_late(struct db_env *env)
{
	struct co_group group;

	env->conf.pool_max = 2;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(1000)", 2);
	await_sleepers(2);
	pool_free(env->pool, clock_after_ns(co_now_ns(), 10 * CLOCK_MS));
	env->pool = NULL;
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (int i = 0; i < 2; i++) {
		ck_ask_err(&asks[i], ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN);
		ask_free(&asks[i]);
	}
}

START_TEST(what_does_not_end_is_cut_off)
{
	db_env_run(task_end_late);
}
END_TEST

/* Queries and the pool run out of time in one turn: their cancels have not begun then. Servers that
 * stand still cannot confirm them meanwhile. */
static void task_end_same_turn(struct db_env *env)
{
	struct co_group group;
	int64_t deadline_ns;
	int pids[4];

	env->conf.pool_max = 4;
	db_env_open(env);
	start_asks(env, &group, "select pg_sleep(1000)", 4);
	await_sleepers(4);
	for (int i = 0; i < 4; i++) {
		pids[i] = conn_pid(asks[i].query.conn);
		ck_assert_int_eq(kill(pids[i], SIGSTOP), 0);
	}
	for (int i = 0; i < 4; i++)
		conn_stop_query(asks[i].query.conn, &asks[i].query, DB_STOP_TIMEOUT);
	deadline_ns = co_now_ns();
	pool_free(env->pool, deadline_ns);
	env->pool = NULL;
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(kill(pids[i], SIGCONT), 0);
		ck_ask_err(&asks[i], ERR_TIMEOUT, ERR_EFFECTS_UNKNOWN);
		ask_free(&asks[i]);
	}
}

START_TEST(the_end_comes_with_the_cancels)
{
	db_env_run(task_end_same_turn);
}
END_TEST

/* A query's time is over just before the pool's: the task that would cancel it is itself cancelled
 * before it runs, and nobody waits for it. */
static void task_end_unbegun(struct db_env *env)
{
	int64_t deadline_ns = clock_after_ns(co_now_ns(), CLOCK_SECOND);
	struct co_group group;

	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&asks[0], env->pool, "select pg_sleep(1000)");
	asks[0].deadline_ns = deadline_ns - 1;
	ask_start(&asks[0], &group);
	AWAIT(asks[0].query.state == DB_QUERY_RUNNING || asks[0].returned);
	pool_free(env->pool, deadline_ns);
	env->pool = NULL;
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(asks[0].query.err.code, ERR_TIMEOUT);
	ask_free(&asks[0]);
}

START_TEST(the_end_comes_before_a_cancel_begins)
{
	db_env_run(task_end_unbegun);
}
END_TEST

static void task_after_end(struct db_env *env)
{
	struct ask ask;

	db_env_open(env);
	only_backend(env->pool);
	env->pool->stopping = true;
	ask_init(&ask, env->pool, "select 1");
	ask_main(&ask);
	ck_ask_err(&ask, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE);
	ask_free(&ask);
}

START_TEST(a_pool_that_ends_takes_nothing)
{
	db_env_run(task_after_end);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db pool");
	TCase *tcase = suite_case(suite, "pool", 30), *outage = suite_case(suite, "outage", 90);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(tcase, pool_min_are_open_without_any_query);
	tcase_add_test(tcase, pool_max_are_never_exceeded);
	tcase_add_test(tcase, no_more_than_are_needed);
	tcase_add_test(tcase, connects_at_once_are_bounded);
	tcase_add_test(tcase, the_last_used_is_used_next);
	tcase_add_test(tcase, idle_ones_go_down_to_pool_min);
	tcase_add_test(tcase, a_connection_has_a_lifetime);
	tcase_add_test(tcase, an_idle_session_that_ends_is_replaced);
	tcase_add_test(tcase, a_query_given_to_a_dead_session_goes_to_another);
	tcase_add_test(tcase, a_busy_session_that_ends_fails_its_query_alone);
	tcase_add_test(tcase, a_server_that_is_configured_anew);
	tcase_add_test(tcase, a_session_that_changes_while_idle);
	tcase_add_test(tcase, failures_at_once_count_once);
	tcase_add_test(tcase, without_any_connection_queries_give_up);
	tcase_add_test(tcase, who_is_late_is_told_why_there_is_no_connection);
	tcase_add_test(tcase, a_server_that_does_not_answer);
	tcase_add_test(tcase, a_busy_pool_is_waited_for);
	tcase_add_loop_test(tcase, a_refusal_is_told_at_once, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tcase, a_refusal_that_is_cured);
	tcase_add_test(tcase, too_many_connections);
	tcase_add_loop_test(tcase, a_pool_that_ends_at_once, 0, 8);
	tcase_add_test(tcase, a_pool_ends_its_sessions);
	tcase_add_test(tcase, at_the_end_what_runs_may_end);
	tcase_add_test(tcase, what_does_not_end_is_cut_off);
	tcase_add_test(tcase, the_end_comes_with_the_cancels);
	tcase_add_test(tcase, the_end_comes_before_a_cancel_begins);
	tcase_add_test(tcase, a_pool_that_ends_takes_nothing);
	tcase_add_test(outage, when_the_last_connection_goes_the_queue_gives_up);
	tcase_add_test(outage, an_outage_is_waited_out);
	return suite_run(suite);
}
