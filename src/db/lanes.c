/* SPDX-License-Identifier: PostgreSQL */
#include "db/lanes.h"

#include "db/conn.h"
#include "db/pool.h"
#include "db/query.h"
#include "db/statements.h"

#include <limits.h>

/* So long after its last query the shared lane keeps the others off its connections. */
#define KEEP_NS (50 * CLOCK_MS)
/* A connection that has been shared for so long takes nothing more until it is empty: its session
 * has to be looked after, too. */
#define STINT_NS (100 * CLOCK_MS)
/* More than any connection has: one that is stuck is the last to be empty. */
#define STUCK_LOAD (UINT_MAX / 2)

void lanes_init(struct lanes *lanes)
{
	*lanes = (struct lanes){.shared_seen_ns = INT64_MIN / 2};
	queue_init(&lanes->alone);
	queue_init(&lanes->shared);
}

/* ---- which lane ---- */

static bool may_share(const struct pool *pool, const struct db_query *query)
{
	const struct config_database *conf = pool->conf;

	/* What resets the session after each query has nothing to gain. Where nothing may be
	 * written several share a transaction, too: not what may set something in it.
	 */
	return query->statement != NULL && !query->alone && query->class.plain_read &&
	       query->class.may_rerun && conf->pipeline_depth > 1 &&
	       conf->session_reset == CONFIG_RESET_AUTO &&
	       !(conf->read_only && query->class.calls_unknown) &&
	       !query->statement->changes_session &&
	       history_is_fast(&query->statement->history, conf->pipeline_threshold_ns,
			       co_loop_now_ns(pool->loop));
}

/* ---- which connection ---- */

static struct conn *conn_of(struct list *node)
{
	return LIST_ENTRY(node, struct conn, node);
}

/* The one at its head is slower than was thought: whoever comes after it would wait. */
static bool is_stuck(const struct conn *conn, int64_t now_ns)
{
	return conn->assigned > 0 &&
	       now_ns - conn->head_since_ns >= conn->pool->conf->pipeline_threshold_ns;
}

static bool takes_more(const struct conn *conn, int64_t now_ns)
{
	return conn_is_sound(conn) && !conn->draining && conn->assigned < conn_depth(conn) &&
	       !is_stuck(conn, now_ns) && now_ns - conn->shared_since_ns < STINT_NS;
}

static struct conn *least_loaded(const struct pool *pool)
{
	int64_t now_ns = co_loop_now_ns(pool->loop);
	struct conn *best = NULL;

	list_for_each (node, &pool->shared) {
		struct conn *conn = conn_of(node);

		if (takes_more(conn, now_ns) && (best == NULL || conn->assigned < best->assigned))
			best = conn;
	}
	return best;
}

static struct conn *first_idle(const struct pool *pool)
{
	struct list *node = list_first(&pool->idle);

	return node == NULL ? NULL : conn_of(node);
}

/* As many as the shared lane holds on to while it is in use. */
static size_t kept(const struct pool *pool)
{
	if (pool->lanes.shared.length == 0 && pool->shared_count == 0 &&
	    co_loop_now_ns(pool->loop) - pool->lanes.shared_seen_ns > KEEP_NS)
		return 0;
	return MIN(pool->conf->pipeline_connections, pool_open(pool) / 2);
}

/* Shared connections that are not stuck: others may take the place of those. */
static size_t flowing(const struct pool *pool)
{
	int64_t now_ns = co_loop_now_ns(pool->loop);
	size_t count = 0;

	list_for_each (node, &pool->shared)
		count += !is_stuck(conn_of(node), now_ns);
	return count;
}

/* Whether one more connection may be one query's own. */
static bool alone_may_take(const struct pool *pool)
{
	size_t own = kept(pool);

	if (pool->busy_count + own >= pool_open(pool))
		return false;
	return own > 0 || pool->lanes.shared.length == 0 || pool->lanes.alone_next;
}

/* Whether one more connection may be shared. */
static bool shared_may_take(const struct pool *pool)
{
	size_t own = kept(pool);

	if (flowing(pool) >= pool->conf->pipeline_connections)
		return false;
	if (pool->lanes.alone.length == 0)
		return true;
	return own > 0 ? pool->shared_count < own : !pool->lanes.alone_next;
}

static struct conn *for_shared(struct pool *pool)
{
	struct conn *best = least_loaded(pool);

	/* Rather one more connection than one behind another. */
	if ((best == NULL || best->assigned > 0) && pool->idle_count > 0 && shared_may_take(pool)) {
		best = first_idle(pool);
		pool_conn_takes(pool, best, true);
		pool->lanes.alone_next = true;
	}
	return best;
}

static struct conn *for_alone(struct pool *pool)
{
	struct conn *conn = first_idle(pool);

	if (conn == NULL || !alone_may_take(pool))
		return NULL;
	pool_conn_takes(pool, conn, false);
	pool->lanes.alone_next = false;
	return conn;
}

/* What waits for a connection to itself, and may have one more, gets a shared one as soon as that
 * is empty. */
static void drain_for_alone(struct pool *pool)
{
	int64_t now_ns = co_loop_now_ns(pool->loop);
	struct conn *best = NULL;
	unsigned best_load = 0;

	if (pool->lanes.alone.length == 0 || pool->idle_count > 0 ||
	    pool->busy_count + kept(pool) >= pool_open(pool))
		return;
	list_for_each (node, &pool->shared) {
		struct conn *conn = conn_of(node);
		bool stuck = is_stuck(conn, now_ns);
		unsigned load = conn->assigned + (stuck ? STUCK_LOAD : 0);

		if (conn->draining && !stuck)
			return;
		if (!conn->draining && (best == NULL || load < best_load)) {
			best = conn;
			best_load = load;
		}
	}
	if (best != NULL)
		best->draining = true;
}

static void on_due(void *arg)
{
	struct pool *pool = arg;

	lanes_dispatch(pool);
}

/* When the next shared connection is stuck, if nothing comes of it before; CLOCK_NEVER: none is
 * that matters. */
static int64_t next_stuck_ns(const struct pool *pool)
{
	int64_t now_ns = co_loop_now_ns(pool->loop), due_ns = CLOCK_NEVER;
	bool idle = pool->lanes.shared.length > 0 && pool->idle_count > 0;

	if (!idle && pool->lanes.alone.length == 0)
		return CLOCK_NEVER;
	list_for_each (node, &pool->shared) {
		const struct conn *conn = conn_of(node);

		if ((idle || conn->draining) && conn->assigned > 0 && !is_stuck(conn, now_ns))
			due_ns = MIN(due_ns, clock_after_ns(conn->head_since_ns,
							    pool->conf->pipeline_threshold_ns));
	}
	return due_ns;
}

/* Some of what is decided here changes as time goes by, with no event to tell. */
static void look_again(struct pool *pool)
{
	struct lanes *lanes = &pool->lanes;
	/* Who waits although a connection is idle gets it when the shared lane is not used any
	 * more. */
	bool waits = lanes->alone.length > 0 && pool->idle_count > 0;
	int64_t due_ns = next_stuck_ns(pool);

	if (waits)
		due_ns = MIN(due_ns, clock_after_ns(lanes->shared_seen_ns, KEEP_NS + 1));
	if (due_ns == CLOCK_NEVER)
		return;
	due_ns = MAX(due_ns, clock_after_ns(co_loop_now_ns(pool->loop), CLOCK_MS));
	if (co_timer_start(&lanes->due, pool->loop, due_ns, on_due, pool) == 0 || !waits)
		return;
	/* Without memory to wait nothing is kept; while the lane is in use, its next event serves.
	 */
	lanes->shared_seen_ns = INT64_MIN / 2;
	if (kept(pool) == 0)
		lanes_dispatch(pool);
}

void lanes_close(struct lanes *lanes)
{
	co_timer_stop(&lanes->due);
}

void lanes_dispatch(struct pool *pool)
{
	struct lanes *lanes = &pool->lanes;
	struct conn *conn;

	while (lanes->shared.length > 0 && (conn = for_shared(pool)) != NULL)
		conn_assign(conn, queue_pop(&lanes->shared));
	while (lanes->alone.length > 0 && (conn = for_alone(pool)) != NULL)
		conn_assign(conn, queue_pop(&lanes->alone));
	drain_for_alone(pool);
	look_again(pool);
}

int lanes_submit(struct pool *pool, struct db_query *query)
{
	struct lanes *lanes = &pool->lanes;
	bool share = may_share(pool, query);
	struct queue *queue = share ? &lanes->shared : &lanes->alone;

	if (share)
		lanes->shared_seen_ns = co_loop_now_ns(pool->loop);
	/* Nobody is overtaken: the queue is not even made. */
	if (queue->length == 0) {
		struct conn *conn = share ? for_shared(pool) : for_alone(pool);

		if (conn != NULL) {
			queue_pass(queue, query);
			conn_assign(conn, query);
			return 0;
		}
	}
	if (queue_push(queue, query) < 0)
		return -ENOMEM;
	query->queue = queue;
	query->state = DB_QUERY_QUEUED;
	drain_for_alone(pool);
	look_again(pool);
	return 0;
}

struct db_query *lanes_pop(struct lanes *lanes)
{
	return queue_pop(lanes->alone.length > 0 ? &lanes->alone : &lanes->shared);
}

size_t lanes_wanted(const struct pool *pool)
{
	size_t shared = pool->lanes.shared.length, most = flowing(pool);

	most = pool->conf->pipeline_connections - MIN(most, pool->conf->pipeline_connections);
	/* Those behind another would rather not be; a new connection is of no use to what has been
	 * there for longer than it takes to make one. */
	if (pool->idle_count == 0 &&
	    co_loop_now_ns(pool->loop) - pool->lanes.shared_seen_ns <= KEEP_NS)
		list_for_each (node, &pool->shared)
			shared += conn_of(node)->assigned - (conn_of(node)->assigned > 0);
	return pool->lanes.alone.length + MIN(shared, most);
}

size_t lanes_depth(const struct pool *pool)
{
	const struct config_database *conf = pool->conf;
	size_t unshared = MIN(conf->pipeline_connections, conf->pool_max), depth = 0;

	list_for_each (node, &pool->shared) {
		depth += conn_depth(conn_of(node));
		unshared -= unshared > 0;
	}
	return depth + unshared * conf->pipeline_depth;
}
