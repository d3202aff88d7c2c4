/* SPDX-License-Identifier: PostgreSQL */
#include "db/round_trip.h"

#include "db/conn.h"
#include "db/pool.h"

/* Times pipeline_depth, at most: should the head turn out slow, so many wait for it. */
#define DEPTH_FACTOR 16
/* What counts as fast takes such a part of the threshold, or less: four times its deviation is to
 * have room, too. */
#define FAST_PART 4

void round_trip_note(struct conn *conn, int64_t took_ns)
{
	struct pool *pool = conn->pool;

	if (conn->round_trip_ns != 0 && took_ns >= conn->round_trip_ns)
		return;
	conn->round_trip_ns = MAX(took_ns, INT64_C(1));
	if (pool->round_trip_ns == 0 || conn->round_trip_ns < pool->round_trip_ns)
		pool->round_trip_ns = conn->round_trip_ns;
}

static int64_t least_ns(const struct list *conns, int64_t so_far_ns)
{
	list_for_each (node, conns) {
		int64_t own_ns = LIST_ENTRY(node, struct conn, node)->round_trip_ns;

		if (own_ns != 0 && (so_far_ns == 0 || own_ns < so_far_ns))
			so_far_ns = own_ns;
	}
	return so_far_ns;
}

void round_trip_forget(const struct conn *conn)
{
	struct pool *pool = conn->pool;

	if (conn->round_trip_ns != pool->round_trip_ns)
		return;
	pool->round_trip_ns = least_ns(&pool->connecting, 0);
	pool->round_trip_ns = least_ns(&pool->idle, pool->round_trip_ns);
	pool->round_trip_ns = least_ns(&pool->shared, pool->round_trip_ns);
	pool->round_trip_ns = least_ns(&pool->busy, pool->round_trip_ns);
	pool->round_trip_ns = least_ns(&pool->closing, pool->round_trip_ns);
}

unsigned round_trip_depth(const struct pool *pool)
{
	int64_t fast_ns = MAX(pool->conf->pipeline_threshold_ns / FAST_PART, INT64_C(1));
	int64_t way_ns = MIN(pool->round_trip_ns, fast_ns * DEPTH_FACTOR);

	if (pool->conf->pipeline_depth == 1)
		return 0;
	return (unsigned)(pool->conf->pipeline_depth * way_ns / fast_ns);
}
