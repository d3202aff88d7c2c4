/* SPDX-License-Identifier: PostgreSQL */
#include "db/placement.h"

#include "db/conn.h"
#include "db/pool.h"
#include "db/round_trip.h"

#include <limits.h>

/* So long after its last query the shared lane keeps the others off its connections, and so long
 * off one of them, in a pool of so many: those who look something up now and then find it. */
#define KEEP_NS	      (50 * CLOCK_MS)
#define KEEP_ONE_NS   (10 * CLOCK_SECOND)
#define KEEP_ONE_POOL 4
/* A connection that has been shared for so long takes nothing more until it is empty: its session
 * has to be looked after, too. */
#define STINT_NS (100 * CLOCK_MS)
/* More than any connection has: one that is stuck is the last to be empty. */
#define STUCK_LOAD (UINT_MAX / 2)
/* So long at least, and at most, the slow wait for one more connection while they are held back. */
#define HELD_BACK_NS	 (100 * CLOCK_MS)
#define HELD_BACK_MAX_NS (2 * CLOCK_SECOND)

static struct conn *conn_of(struct list *node)
{
	return LIST_ENTRY(node, struct conn, node);
}

/* A head whose turn began no later than that is slower than was thought. */
static int64_t slow_since_ns(const struct pool *pool)
{
	return co_loop_now_ns(pool->loop) - lanes_limits(pool).current_ns;
}

/* The one at its head is slow: whoever comes after it would wait. */
static bool is_stuck(const struct conn *conn, int64_t slow_ns)
{
	return conn->assigned > 0 && conn->head_since_ns <= slow_ns;
}

static bool takes_more(const struct conn *conn, int64_t slow_ns, int64_t now_ns)
{
	return conn_is_sound(conn) && !conn->draining && conn->assigned < conn_depth(conn) &&
	       !is_stuck(conn, slow_ns) && now_ns - conn->shared_since_ns < STINT_NS;
}

static struct conn *least_loaded(const struct pool *pool)
{
	int64_t now_ns = co_loop_now_ns(pool->loop), slow_ns = slow_since_ns(pool);
	struct conn *best = NULL;

	list_for_each (node, &pool->shared) {
		struct conn *conn = conn_of(node);

		if (takes_more(conn, slow_ns, now_ns) &&
		    (best == NULL || conn->assigned < best->assigned))
			best = conn;
	}
	return best;
}

static struct conn *first_idle(const struct pool *pool)
{
	struct list *node = list_first(&pool->idle);

	return node == NULL ? NULL : conn_of(node);
}

static int64_t unused_ns(const struct pool *pool)
{
	return co_loop_now_ns(pool->loop) - pool->lanes.shared_seen_ns;
}

static bool in_use(const struct pool *pool)
{
	return pool->lanes.shared.length > 0 || pool->shared_count > 0 ||
	       unused_ns(pool) <= KEEP_NS;
}

size_t placement_kept(const struct pool *pool)
{
	if (in_use(pool))
		return MIN(pool->conf->pipeline_connections, pool_open(pool) / 2);
	return unused_ns(pool) <= KEEP_ONE_NS && pool_open(pool) >= KEEP_ONE_POOL;
}

/* Shared connections that are not stuck: others may take the place of those. */
static size_t flowing(const struct pool *pool)
{
	int64_t slow_ns = slow_since_ns(pool);
	size_t count = 0;

	list_for_each (node, &pool->shared)
		count += !is_stuck(conn_of(node), slow_ns);
	return count;
}

/* How many the slow may have, beside the fast if there are any. */
static size_t most_alone(const struct pool *pool)
{
	size_t max = pool->conf->pool_max;

	return in_use(pool) ? pressure_most(&pool->lanes.pressure, max) : max;
}

size_t placement_busy_max(const struct pool *pool)
{
	return MIN(most_alone(pool), pool->conf->pool_max - placement_kept(pool));
}

/*
 * While the fast are late the slow get fewer connections than are free, and from then on another
 * one only as often as a run of theirs ends on the average: so those that hold one and do nothing
 * with it, for a client that does not read, do not keep the others out.
 */
static int64_t held_back_until_ns(const struct pool *pool)
{
	const struct lanes *lanes = &pool->lanes;
	int64_t run_ns = pressure_alone_ns(&lanes->pressure);

	if (pool->busy_count < most_alone(pool))
		return INT64_MIN;
	return clock_after_ns(lanes->alone_since_ns,
			      MIN(MAX(run_ns, HELD_BACK_NS), HELD_BACK_MAX_NS));
}

/* Whether one more connection may be one query's own. */
static bool alone_may_take(const struct pool *pool)
{
	size_t own = placement_kept(pool);

	if (pool->busy_count + own >= pool_open(pool) ||
	    co_loop_now_ns(pool->loop) < held_back_until_ns(pool))
		return false;
	return own > 0 || pool->lanes.shared.length == 0 || pool->lanes.alone_next;
}

/* Whether one more connection may be shared. */
static bool shared_may_take(const struct pool *pool)
{
	size_t own = placement_kept(pool);

	if (flowing(pool) >= pool->conf->pipeline_connections)
		return false;
	if (pool->lanes.alone.length == 0)
		return true;
	return own > 0 ? pool->shared_count < own : !pool->lanes.alone_next;
}

struct conn *placement_for_shared(struct pool *pool)
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

struct conn *placement_for_alone(struct pool *pool)
{
	struct conn *conn = first_idle(pool);

	if (conn == NULL || !alone_may_take(pool))
		return NULL;
	pool_conn_takes(pool, conn, false);
	pool->lanes.alone_next = false;
	pool->lanes.alone_since_ns = co_loop_now_ns(pool->loop);
	return conn;
}

void placement_drain_for_alone(struct pool *pool)
{
	struct conn *best = NULL;
	unsigned best_load = 0;
	int64_t slow_ns;

	if (pool->lanes.alone.length == 0 || pool->idle_count > 0 ||
	    pool->busy_count + placement_kept(pool) >= pool_open(pool))
		return;
	slow_ns = slow_since_ns(pool);
	list_for_each (node, &pool->shared) {
		struct conn *conn = conn_of(node);
		bool stuck = is_stuck(conn, slow_ns);
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

/* When the shared lane keeps less, if nothing comes of it before. The end of the last of its
 * connections tells by itself. */
static int64_t keeps_until_ns(const struct pool *pool)
{
	if (pool->shared_count > 0)
		return CLOCK_NEVER;
	return clock_after_ns(pool->lanes.shared_seen_ns,
			      (in_use(pool) ? KEEP_NS : KEEP_ONE_NS) + 1);
}

/* When who waits although a connection is idle may have it: the shared lane keeps less, or the slow
 * may have one more. */
static int64_t waits_until_ns(const struct pool *pool)
{
	bool all_kept = pool->busy_count + placement_kept(pool) >= pool_open(pool);

	return all_kept ? keeps_until_ns(pool)
			: MIN(keeps_until_ns(pool), held_back_until_ns(pool));
}

/* When the next shared connection is stuck, if nothing comes of it before; CLOCK_NEVER: none is
 * that matters. */
static int64_t next_stuck_ns(const struct pool *pool)
{
	int64_t limit_ns, slow_ns, due_ns = CLOCK_NEVER;
	bool idle = pool->lanes.shared.length > 0 && pool->idle_count > 0;

	if (!idle && pool->lanes.alone.length == 0)
		return CLOCK_NEVER;
	limit_ns = lanes_limits(pool).current_ns;
	slow_ns = co_loop_now_ns(pool->loop) - limit_ns;
	list_for_each (node, &pool->shared) {
		const struct conn *conn = conn_of(node);

		if ((idle || conn->draining) && conn->assigned > 0 && !is_stuck(conn, slow_ns))
			due_ns = MIN(due_ns, clock_after_ns(conn->head_since_ns, limit_ns));
	}
	return due_ns;
}

int64_t placement_due_ns(const struct pool *pool)
{
	int64_t due_ns = next_stuck_ns(pool);

	if (pool->lanes.alone.length > 0 && pool->idle_count > 0)
		due_ns = MIN(due_ns, waits_until_ns(pool));
	return due_ns;
}

size_t placement_wanted(const struct pool *pool)
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

size_t placement_depth(const struct pool *pool)
{
	const struct config_database *conf = pool->conf;
	size_t unshared = MIN(conf->pipeline_connections, conf->pool_max), depth = 0;

	list_for_each (node, &pool->shared) {
		depth += conn_depth(conn_of(node));
		unshared -= unshared > 0;
	}
	return depth + unshared * (conf->pipeline_depth + round_trip_depth(pool));
}
