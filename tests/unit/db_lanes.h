/* SPDX-License-Identifier: PostgreSQL */
/*
 * For the suites of shared connections: statements that count as fast, and a gate at which they can
 * be made to wait.
 */
#ifndef UNIT_DB_LANES_H
#define UNIT_DB_LANES_H

#include "unit/db_pool.h"

/* Waits while the gate is shut; its first column says whose answer it is. */
#define GATED "select $1::text, count(*) from lanes_gate"

static inline void lanes_open(struct db_env *env, unsigned connections)
{
	env->conf.pool_max = env->conf.pool_min = connections;
	env->conf.pipeline_depth = 16;
	env->conf.pipeline_connections = 4;
	env->conf.pipeline_threshold_ns = 60 * CLOCK_SECOND;
	env->conf.prepared_statements = 100;
	db_env_open(env);
	AWAIT(pool_open(env->pool) == connections);
}

/* ---- a gate ---- */

static inline PGconn *gate_shut(void)
{
	PGconn *pg = PQconnectdb("application_name=gate");
	PGresult *result = PQexec(pg, "begin; lock table lanes_gate");

	ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s", PQerrorMessage(pg));
	PQclear(result);
	return pg;
}

static inline void gate_open(PGconn *pg)
{
	PQfinish(pg);
}

static inline void await_at_gate(int count)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "select count(*) = %d from pg_stat_activity where application_name = 'gatherd' "
		 "and wait_event_type = 'Lock'",
		 count);
	await_aside(sql);
}

/* ---- queries ---- */

static inline void init(struct ask *ask, struct db_env *env, const char *sql, const char *value)
{
	ask_init(ask, env->pool, sql);
	ask->values[0] = value;
	ask->query.value_count = value != NULL;
}

static inline void run_once(struct db_env *env, const char *sql, const char *value)
{
	struct ask ask;

	init(&ask, env, sql, value);
	ask_main(&ask);
	ck_ask_ok(&ask, NULL);
	ask_free(&ask);
}

/* Until it counts as fast. */
static inline void make_known(struct db_env *env, const char *sql, const char *value)
{
	run_once(env, sql, value);
	run_once(env, sql, value);
}

static inline void gate_known(struct db_env *env)
{
	aside("create table if not exists lanes_gate (n int)");
	make_known(env, GATED, "x");
}

/* A shared connection takes nothing more after a while. Those that are shared now do, however slow
 * the machine is. */
static inline void keep_shared(struct db_env *env)
{
	list_for_each (node, &env->pool->shared)
		LIST_ENTRY(node, struct conn, node)->shared_since_ns = INT64_MAX / 2;
}

/* Starts them one after the other, so that they are sent in this order; more may come after them.
 */
static inline void start_all(struct db_env *env, struct ask *asks, size_t count,
			     struct co_group *group, const char *const *names)
{
	for (size_t i = 0; i < count; i++) {
		init(&asks[i], env, GATED, names[i]);
		ask_start(&asks[i], group);
		AWAIT(asks[i].query.state == DB_QUERY_RUNNING);
		keep_shared(env);
	}
}

static inline void free_all(struct ask *asks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ask_free(&asks[i]);
}

static const char *const names[] = {"a", "b", "c", "d"};

static inline struct conn *first_shared(struct db_env *env)
{
	return first_conn(&env->pool->shared);
}

static inline void end_all(struct co_group *group)
{
	ck_assert_int_eq(co_group_wait(group, CLOCK_NEVER), 0);
}

#endif
