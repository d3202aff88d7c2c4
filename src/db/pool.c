/* SPDX-License-Identifier: PostgreSQL */
#include "db/pool.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/backoff.h"
#include "db/conn.h"
#include "db/placement.h"
#include "db/query.h"
#include "db/round_trip.h"
#include "db/statements.h"
#include "db/types.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* PostgreSQL's Unix socket refuses some of 300 connects at once. */
#define CONNECTS_AT_ONCE 16

static void fill(struct pool *pool);

uint64_t pool_random(struct pool *pool, uint64_t bound)
{
	return backoff_random(&pool->random, bound);
}

int pool_new(struct pool **ret_pool, struct co_loop *loop, struct resolver *resolver,
	     const struct config_database *conf)
{
	struct pool *pool = mem_calloc(1, sizeof(*pool));
	int rc;

	if (pool == NULL)
		return -ENOMEM;
	rc = types_new(&pool->types);
	if (rc == 0)
		rc = statements_new(&pool->statements);
	if (rc < 0) {
		types_free(pool->types);
		mem_free(pool);
		return rc;
	}
	pool->conf = conf;
	pool->loop = loop;
	pool->resolver = resolver;
	co_group_init(&pool->group, loop, CO_KEEP_GOING);
	lanes_init(&pool->lanes);
	list_init(&pool->connecting);
	list_init(&pool->idle);
	list_init(&pool->shared);
	list_init(&pool->busy);
	list_init(&pool->closing);
	co_waitq_init(&pool->cancels.waiters);
	pool->connect_window = CONNECTS_AT_ONCE;
	pool->without_since_ns = co_loop_now_ns(loop);
	pool->random = (uint64_t)pool->without_since_ns | 1;
	fill(pool);
	*ret_pool = pool;
	return 0;
}

/* ---- which connection is in which list ---- */

static struct list *list_of(struct pool *pool, enum conn_state state)
{
	struct list *const lists[] = {&pool->connecting, &pool->idle, &pool->shared, &pool->busy,
				      &pool->closing};

	return lists[state];
}

static size_t *count_of(struct pool *pool, enum conn_state state)
{
	size_t *const counts[] = {&pool->connecting_count, &pool->idle_count, &pool->shared_count,
				  &pool->busy_count, &pool->closing_count};

	return counts[state];
}

/* To the front: the idle one that was used last is the one to use next, so that those not needed
 * can age. */
static void move(struct pool *pool, struct conn *conn, enum conn_state state)
{
	list_remove(&conn->node);
	(*count_of(pool, conn->state))--;
	conn->state = state;
	list_push_front(list_of(pool, state), &conn->node);
	(*count_of(pool, state))++;
}

void pool_conn_add(struct pool *pool, struct conn *conn)
{
	conn->state = CONN_CONNECTING;
	list_push_front(&pool->connecting, &conn->node);
	pool->connecting_count++;
}

void pool_conn_remove(struct pool *pool, struct conn *conn)
{
	list_remove(&conn->node);
	(*count_of(pool, conn->state))--;
	round_trip_forget(conn);
}

/* ---- connecting ---- */

static size_t connections(const struct pool *pool)
{
	return pool->connecting_count + pool_open(pool);
}

static bool may_connect(const struct pool *pool)
{
	return !pool->stopping && connections(pool) < pool->conf->pool_max &&
	       pool->connecting_count < pool->connect_window &&
	       co_loop_now_ns(pool->loop) >= pool->retry_ns;
}

/* Opens what the queue and pool_min ask for. One that cannot be started for want of memory is tried
 * again with the next event. */
static void fill(struct pool *pool)
{
	while (may_connect(pool) && (pool->connecting_count < placement_wanted(pool) ||
				     connections(pool) < pool->conf->pool_min))
		if (conn_start(pool) < 0)
			break;
}

static void dispatch(struct pool *pool)
{
	lanes_dispatch(pool);
	fill(pool);
}

void pool_conn_takes(struct pool *pool, struct conn *conn, bool shared)
{
	move(pool, conn, shared ? CONN_SHARED : CONN_BUSY);
	conn->shared_since_ns = co_loop_now_ns(pool->loop);
}

void pool_conn_has_room(struct pool *pool)
{
	if (pool->lanes.shared.length > 0)
		dispatch(pool);
}

static void on_retry(void *arg)
{
	fill(arg);
}

static void back_off(struct pool *pool)
{
	/* Those that were under way together are one failure. */
	if (co_loop_now_ns(pool->loop) < pool->retry_ns)
		return;
	pool->failures++;
	pool->connect_window = 1;
	pool->retry_ns = clock_after_ns(co_loop_now_ns(pool->loop),
					backoff_ns(pool->failures, pool->refused, &pool->random));
	/* Without the timer the next submitted query is what tries again. */
	if (co_timer_start(&pool->retry, pool->loop, pool->retry_ns, on_retry, pool) < 0)
		pool->retry_ns = 0;
}

/* ---- while no connection works ---- */

static void lost_all(struct pool *pool)
{
	if (pool_open(pool) == 0)
		pool->without_since_ns = co_loop_now_ns(pool->loop);
}

int64_t pool_give_up_ns(const struct pool *pool, const struct db_query *query)
{
	if (pool_open(pool) > 0 || pool->conf->unavailable_after_ns == 0)
		return CLOCK_NEVER;
	return clock_after_ns(MAX(pool->without_since_ns, query->submitted_ns),
			      pool->conf->unavailable_after_ns);
}

void pool_set_unavailable(const struct pool *pool, struct db_query *query)
{
	err_set(&query->err, query->arena, ERR_UNAVAILABLE, ERR_EFFECTS_NONE,
		"no connection to database \"%s\": %s", pool->conf->name,
		pool->error[0] != '\0' ? pool->error : "the server does not answer");
}

static void refuse_queued(struct pool *pool)
{
	struct db_query *query;

	while ((query = lanes_pop(&pool->lanes)) != NULL) {
		pool_set_unavailable(pool, query);
		query_finish(query);
	}
}

/* ---- queries ---- */

int pool_submit(struct pool *pool, struct db_query *query)
{
	if (pool->stopping) {
		err_set(&query->err, query->arena, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE,
			"database \"%s\" is being closed", pool->conf->name);
		return -ESHUTDOWN;
	}
	if (pool->refused && pool_open(pool) == 0 && co_loop_now_ns(pool->loop) < pool->retry_ns) {
		pool_set_unavailable(pool, query);
		return -ENOTCONN;
	}
	if (lanes_submit(pool, query) < 0) {
		err_set(&query->err, query->arena, ERR_INTERNAL, ERR_EFFECTS_NONE, "out of memory");
		return -ENOMEM;
	}
	fill(pool);
	return 0;
}

void pool_requeue(struct pool *pool, struct db_query *query)
{
	query->state = DB_QUERY_NEW;
	query->sent_ns = 0;
	if (pool_submit(pool, query) < 0)
		query_finish(query);
	else
		co_unpark(query->task); /* its time to give up may have changed */
}

/* ---- what drivers report ---- */

void pool_conn_ready(struct pool *pool, struct conn *conn)
{
	if (conn->state == CONN_CONNECTING) {
		pool->stats.connects++;
		pool->failures = 0;
		pool->refused = false;
		pool->retry_ns = 0;
		if (pool->error[0] != '\0')
			log_info("database \"%s\": connected", pool->conf->name);
		pool->error[0] = '\0';
		co_timer_stop(&pool->retry);
		pool->connect_window = MIN(pool->connect_window * 2, (unsigned)CONNECTS_AT_ONCE);
	}
	move(pool, conn, CONN_IDLE);
	dispatch(pool);
}

/* Told once, until another reason comes or a connection does. */
static void note_failure(struct pool *pool, const char *reason)
{
	char error[sizeof(pool->error)];

	snprintf(error, sizeof(error), "%s", reason);
	if (strcmp(error, pool->error) == 0)
		return;
	memcpy(pool->error, error, sizeof(error));
	log_warning("database \"%s\": cannot connect: %s", pool->conf->name, pool->error);
}

void pool_conn_failed(struct pool *pool, struct conn *conn, int rc, const struct err *err)
{
	move(pool, conn, CONN_CLOSING);
	if (conn->closing || rc == -ECANCELED)
		return;
	pool->stats.connect_failures++;
	note_failure(pool, err->code != ERR_NONE ? err->message : strerror(-rc));
	pool->refused = connect_classify(rc) == CONNECT_FAILURE_REFUSED;
	back_off(pool);
	if (pool->refused && pool_open(pool) == 0)
		refuse_queued(pool);
}

/* Those who wait in the queue reckon anew when the last connection goes. */
static void wake_queued(struct pool *pool)
{
	struct list kept;
	struct db_query *query;

	if (pool_open(pool) > 0)
		return;
	list_init(&kept);
	while ((query = lanes_pop(&pool->lanes)) != NULL)
		list_push_back(&kept, &query->node);
	while (!list_empty(&kept)) {
		query = LIST_ENTRY(list_first(&kept), struct db_query, node);
		list_remove(&query->node);
		pool_requeue(pool, query);
	}
}

static void note_loss(struct pool *pool, const struct conn *conn)
{
	pool->stats.lost++;
	log_warning("database \"%s\": a connection was lost%s%s", pool->conf->name,
		    conn->last_notice[0] != '\0' ? ": " : "", conn->last_notice);
}

void pool_conn_closing(struct pool *pool, struct conn *conn)
{
	move(pool, conn, CONN_CLOSING);
	if (!conn->closing)
		note_loss(pool, conn);
	lost_all(pool);
	wake_queued(pool);
	dispatch(pool);
}

bool pool_has_spare(const struct pool *pool)
{
	return pool_open(pool) > pool->conf->pool_min;
}

/* ---- the end ---- */

static void retire(struct list *conns)
{
	list_for_each (node, conns)
		conn_retire(LIST_ENTRY(node, struct conn, node));
}

void pool_free(struct pool *pool, int64_t deadline_ns)
{
	struct db_query *query;

	if (pool == NULL)
		return;
	pool->stopping = true;
	co_timer_stop(&pool->retry);
	lanes_close(&pool->lanes);
	while ((query = lanes_pop(&pool->lanes)) != NULL) {
		err_set(&query->err, query->arena, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE,
			"database \"%s\" is being closed", pool->conf->name);
		query_finish(query);
	}
	retire(&pool->connecting);
	retire(&pool->idle);
	retire(&pool->shared);
	retire(&pool->busy);
	co_shield();
	co_group_wait(&pool->group, deadline_ns);
	co_unshield();
	assert(lanes_queued(&pool->lanes) == 0);
	types_free(pool->types);
	statements_free(pool->statements);
	mem_free(pool);
}
