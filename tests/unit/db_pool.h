/* SPDX-License-Identifier: PostgreSQL */
/*
 * A pool beside a real server, and queries asked of it, for the suites of src/db. What a test took
 * (blocks of memory, descriptors) must be given back when it ends.
 */
#ifndef UNIT_DB_POOL_H
#define UNIT_DB_POOL_H

#include "base/buf.h"
#include "conf/config.h"
#include "db/conn.h"
#include "db/pool.h"
#include "db/query.h"
#include "db/types.h"
#include "unit/db_fixture.h"
#include "unit/postgres.h"
#include "unit/suite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct db_env {
	struct db_fixture fixture;
	struct config_database conf;
	struct pool *pool;
};

/* ---- the pool ---- */

static inline struct config_database db_env_conf(const char *conninfo)
{
	return (struct config_database){
		.name = "suite",
		.conninfo = conninfo,
		.pool_max = 4,
		.unavailable_after_ns = 60 * CLOCK_SECOND,
		.queue_limit = 10000,
		.server_connect_timeout_ns = 10 * CLOCK_SECOND,
	};
}

static inline void db_env_open(struct db_env *env)
{
	ck_assert_int_eq(pool_new(&env->pool, env->fixture.loop, env->fixture.resolver, &env->conf),
			 0);
}

static inline void db_env_close(struct db_env *env)
{
	pool_free(env->pool, clock_after_ns(co_now_ns(), 10 * CLOCK_SECOND));
	env->pool = NULL;
}

static inline const char *aside(const char *sql);

struct db_env_task {
	struct db_env env;
	void (*task)(struct db_env *env);
};

static inline int db_env_main(void *arg)
{
	struct db_env_task *run = arg;

	run->task(&run->env);
	if (run->env.pool != NULL)
		db_env_close(&run->env);
	return 0;
}

/* Runs the task with a configuration of its own; it opens the pool, which is closed after it. */
static inline void db_env_run(void (*task)(struct db_env *env))
{
	struct db_env_task run = {.task = task};
	size_t blocks = mem_live_blocks();
	int descriptors = open_descriptors();

	/* What earlier tests left running in the server. */
	aside("select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity "
	      "where application_name = 'gatherd'");

	run.env.conf = db_env_conf("");
	arena_init(&run.env.fixture.arena, 0, NULL);
	ck_assert_int_eq(co_loop_new(&run.env.fixture.loop, NULL), 0);
	ck_assert_int_eq(resolver_new(&run.env.fixture.resolver, run.env.fixture.loop), 0);
	ck_assert_int_eq(co_loop_run(run.env.fixture.loop, db_env_main, &run), 0);
	resolver_free(run.env.fixture.resolver);
	co_loop_free(run.env.fixture.loop);
	arena_free(&run.env.fixture.arena);
	ck_assert_uint_eq(mem_live_blocks(), blocks);
	ck_assert_int_eq(open_descriptors(), descriptors);
}

/* ---- queries ---- */

/* A query, what came of it as text ("a|b;c|d;", NULL as ~), and how its sink behaves. */
struct ask {
	struct pool *pool;
	struct db_query query;
	struct arena arena;
	int64_t deadline_ns;
	struct buf rows, columns;
	int rc;
	bool returned;
	int64_t pause_at; /* rows after which the sink asks for a pause each time; 0: never */
	int64_t fail_at;  /* the row that it refuses, from 1; 0: none; -1: the columns */
	size_t paused;	  /* how often it asked for a pause */
	int64_t seen;
	struct co_group *group;
	const char *values[8];
};

static inline int ask_columns(void *ctx, const struct db_column *columns, size_t count)
{
	struct ask *ask = ctx;

	for (size_t i = 0; i < count; i++)
		buf_printf(&ask->columns, "%s%s:%u", i > 0 ? "|" : "", columns[i].name,
			   columns[i].oid);
	return ask->fail_at == -1 ? -ENOBUFS : 0;
}

static inline int ask_row(void *ctx, const struct db_cell *cells, size_t count)
{
	struct ask *ask = ctx;

	ask->seen++;
	if (ask->seen == ask->fail_at)
		return -ENOBUFS;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(&ask->rows, '|');
		if (cells[i].text == NULL)
			buf_putc(&ask->rows, '~');
		else
			buf_append(&ask->rows, cells[i].text, cells[i].len);
	}
	buf_putc(&ask->rows, ';');
	if (ask->pause_at == 0 || ask->seen % ask->pause_at != 0)
		return 0;
	ask->paused++;
	return DB_SINK_PAUSE;
}

static inline void ask_init(struct ask *ask, struct pool *pool, const char *sql)
{
	*ask = (struct ask){.pool = pool, .deadline_ns = CLOCK_NEVER};
	arena_init(&ask->arena, 0, NULL);
	buf_init(&ask->rows, 0, NULL);
	buf_init(&ask->columns, 0, NULL);
	ask->query.sql = sql;
	ask->query.class = sql_classify(str_from(sql));
	ask->query.values = ask->values;
	ask->query.arena = &ask->arena;
	ask->query.sink = (struct db_sink){ask_columns, ask_row, ask};
}

static inline void ask_free(struct ask *ask)
{
	buf_free(&ask->rows);
	buf_free(&ask->columns);
	arena_free(&ask->arena);
}

/* As a task, or directly: waits. */
static inline int ask_main(void *arg)
{
	struct ask *ask = arg;

	ask->rc = db_execute(ask->pool, &ask->query, ask->deadline_ns);
	ask->returned = true;
	return 0;
}

static inline void ask_start(struct ask *ask, struct co_group *group)
{
	ck_assert_int_eq(co_group_go(group, ask_main, ask, "ask"), 0);
}

static inline const char *ask_text(struct ask *ask)
{
	const char *text = buf_cstr(&ask->rows);

	ck_assert_ptr_nonnull(text);
	return text;
}

static inline void ck_ask_ok(struct ask *ask, const char *rows)
{
	ck_assert_msg(ask->query.err.code == ERR_NONE, "%s: %s (%s)", ask->query.sql,
		      ask->query.err.message, ask->query.err.sqlstate);
	if (rows != NULL)
		ck_assert_str_eq(ask_text(ask), rows);
}

static inline void ck_ask_err(const struct ask *ask, enum err_code code, enum err_effects effects)
{
	ck_assert_msg(ask->query.err.code == code && ask->query.err.effects == effects,
		      "%s: %s, effects %s: %s (%s)", ask->query.sql,
		      err_code_name(ask->query.err.code), err_effects_name(ask->query.err.effects),
		      ask->query.err.code != ERR_NONE ? ask->query.err.message : "",
		      ask->query.err.sqlstate);
}

/* Asks, waits, and expects these rows (NULL: whatever comes, but no error). */
static inline void ck_query(struct pool *pool, const char *sql, const char *rows)
{
	struct ask ask;

	ask_init(&ask, pool, sql);
	ask_main(&ask);
	ck_ask_ok(&ask, rows);
	ask_free(&ask);
}

/* Asks, waits, and expects PostgreSQL's error. */
static inline void ck_query_fails(struct pool *pool, const char *sql, const char *sqlstate,
				  enum err_effects effects)
{
	struct ask ask;

	ask_init(&ask, pool, sql);
	ask_main(&ask);
	ck_ask_err(&ask, ERR_SQL, effects);
	ck_assert_str_eq(ask.query.err.sqlstate, sqlstate);
	ask_free(&ask);
}

/* ---- beside the pool ---- */

/* On a connection of its own, blocking: the first value, "" without one; valid until the next call.
 */
static inline const char *aside(const char *sql)
{
	static char answer[512];
	PGconn *pg = PQconnectdb("application_name=aside options='-c client_min_messages=error'");
	PGresult *result;

	ck_assert_msg(PQstatus(pg) == CONNECTION_OK, "%s", PQerrorMessage(pg));
	result = PQexec(pg, sql);
	ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK ||
			      PQresultStatus(result) == PGRES_TUPLES_OK,
		      "%s: %s", sql, PQerrorMessage(pg));
	snprintf(answer, sizeof(answer), "%s",
		 PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(pg);
	return answer;
}

/* Turns the loop until the query on the server says "t". */
static inline void await_aside(const char *sql)
{
	while (strcmp(aside(sql), "t") != 0)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
}

#define AWAIT(condition)                                                                           \
	do {                                                                                       \
		while (!(condition))                                                               \
			ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)),    \
					 0);                                                       \
	} while (0)

static inline struct conn *first_conn(const struct list *conns)
{
	ck_assert(!list_empty(conns));
	return LIST_ENTRY(list_first(conns), struct conn, node);
}

static inline int conn_pid(const struct conn *conn)
{
	return PQbackendPID(conn->link.pg);
}

/* The pid of the backend that the pool's only open connection has; runs a query for it. */
static inline int only_backend(struct pool *pool)
{
	ck_query(pool, "select 1", "1;");
	ck_assert_uint_eq(pool_open(pool), 1);
	return conn_pid(first_conn(&pool->idle));
}

/* Waits until the server says that so many of the pool's backends sleep in pg_sleep. */
static inline void await_sleepers(int count)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "select count(*) = %d from pg_stat_activity where application_name = 'gatherd' "
		 "and wait_event = 'PgSleep'",
		 count);
	await_aside(sql);
}

/* Ends a backend; it is gone when this returns. */
static inline void terminate(int pid)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "select pg_terminate_backend(%d, 10000)", pid);
	ck_assert_str_eq(aside(sql), "t");
}

#endif
