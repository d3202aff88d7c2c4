/* SPDX-License-Identifier: PostgreSQL */
#include "db/lanes.h"

#include "db/conn.h"
#include "db/placement.h"
#include "db/pool.h"
#include "db/query.h"
#include "db/statements.h"

/* So long after it is looked again whether those that wait may share by now. */
#define PROMOTE_NS (50 * CLOCK_MS)

void lanes_init(struct lanes *lanes)
{
	*lanes = (struct lanes){.shared_seen_ns = INT64_MIN / 2};
	pressure_init(&lanes->pressure);
	queue_init(&lanes->alone);
	queue_init(&lanes->shared);
	list_init(&lanes->awaited);
}

/* ---- what counts as fast ---- */

struct history_limits lanes_limits(const struct pool *pool)
{
	int64_t usual_ns = pool->conf->pipeline_threshold_ns;

	return (struct history_limits){
		.usual_ns = usual_ns,
		.current_ns = pressure_limit_ns(&pool->lanes.pressure, usual_ns,
						co_loop_now_ns(pool->loop)),
	};
}

void lanes_note_shared(struct pool *pool, int64_t elapsed_ns)
{
	pressure_note_shared(&pool->lanes.pressure, elapsed_ns, pool->conf->pipeline_threshold_ns,
			     pool->busy_count, co_loop_now_ns(pool->loop));
}

void lanes_note_alone(struct pool *pool, int64_t elapsed_ns, int64_t waited_ns)
{
	pressure_note_alone(&pool->lanes.pressure, elapsed_ns, waited_ns,
			    co_loop_now_ns(pool->loop));
}

/* ---- which lane ---- */

/* If its statement is fast. */
static bool could_share(const struct pool *pool, const struct db_query *query)
{
	const struct config_database *conf = pool->conf;

	/* What resets the session after each query has nothing to gain. Where nothing may be
	 * written several share a transaction, too: not what may set something in it.
	 */
	return query->statement != NULL && !query->alone && query->class.plain_read &&
	       query->class.may_rerun && conf->pipeline_depth > 1 &&
	       conf->session_reset == CONFIG_RESET_AUTO &&
	       !(conf->read_only && query->class.calls_unknown) &&
	       !query->statement->changes_session;
}

static bool is_fast(const struct pool *pool, const struct statement *statement)
{
	return history_is_fast(&statement->history, lanes_limits(pool), co_loop_now_ns(pool->loop));
}

void lanes_promote(struct pool *pool, struct statement *statement)
{
	struct list waiting;

	if (list_empty(&statement->waiting) || statement->changes_session ||
	    !is_fast(pool, statement))
		return;
	list_init(&waiting);
	list_splice_back(&waiting, &statement->waiting);
	while (!list_empty(&waiting)) {
		struct db_query *query = LIST_ENTRY(waiting.next, struct db_query, alike);

		queue_remove(query->queue, query);
		pool_requeue(pool, query);
	}
}

/* What counts as fast may have become more, with no run of theirs to tell. */
static void promote_due(struct pool *pool)
{
	struct lanes *lanes = &pool->lanes;
	int64_t now_ns = co_loop_now_ns(pool->loop);
	struct list awaited;

	if (now_ns - lanes->awaited_seen_ns < PROMOTE_NS || list_empty(&lanes->awaited))
		return;
	lanes->awaited_seen_ns = now_ns;
	list_init(&awaited);
	list_splice_back(&awaited, &lanes->awaited);
	while (!list_empty(&awaited)) {
		struct statement *statement = LIST_ENTRY(awaited.next, struct statement, awaited);

		list_remove(&statement->awaited);
		if (list_empty(&statement->waiting))
			continue;
		list_push_back(&lanes->awaited, &statement->awaited);
		lanes_promote(pool, statement);
	}
}

static void on_due(void *arg)
{
	struct pool *pool = arg;

	lanes_dispatch(pool);
}

/* Some of what is decided here changes as time goes by, with no event to tell. */
static void look_again(struct pool *pool)
{
	struct lanes *lanes = &pool->lanes;
	bool waits = lanes->alone.length > 0 && pool->idle_count > 0;
	int64_t due_ns = placement_due_ns(pool);

	if (lanes->alone.length > 0 && !list_empty(&lanes->awaited))
		due_ns = MIN(due_ns, clock_after_ns(lanes->awaited_seen_ns, PROMOTE_NS));
	if (due_ns == CLOCK_NEVER)
		return;
	due_ns = MAX(due_ns, clock_after_ns(co_loop_now_ns(pool->loop), CLOCK_MS));
	if (co_timer_start(&lanes->due, pool->loop, due_ns, on_due, pool) == 0 || !waits)
		return;
	/* Without memory to wait nothing is kept; while the lane is in use, its next event serves.
	 */
	lanes->shared_seen_ns = INT64_MIN / 2;
	if (placement_kept(pool) == 0)
		lanes_dispatch(pool);
}

void lanes_close(struct lanes *lanes)
{
	co_timer_stop(&lanes->due);
}

static void note_crowd(struct pool *pool)
{
	if (pool->lanes.alone.length > 0)
		pressure_note_crowd(&pool->lanes.pressure, co_loop_now_ns(pool->loop));
}

void lanes_dispatch(struct pool *pool)
{
	struct lanes *lanes = &pool->lanes;
	struct conn *conn;

	promote_due(pool);
	while (lanes->shared.length > 0 && (conn = placement_for_shared(pool)) != NULL)
		conn_assign(conn, queue_pop(&lanes->shared));
	while (lanes->alone.length > 0 && (conn = placement_for_alone(pool)) != NULL)
		conn_assign(conn, queue_pop(&lanes->alone));
	note_crowd(pool);
	placement_drain_for_alone(pool);
	look_again(pool);
}

/* Until its statement counts as fast, at the longest. */
static void await_fast(struct lanes *lanes, struct db_query *query)
{
	struct statement *statement = query->statement;

	list_push_back(&statement->waiting, &query->alike);
	if (list_empty(&statement->awaited))
		list_push_back(&lanes->awaited, &statement->awaited);
}

int lanes_submit(struct pool *pool, struct db_query *query)
{
	struct lanes *lanes = &pool->lanes;
	bool could = could_share(pool, query), share = could && is_fast(pool, query->statement);
	struct queue *queue = share ? &lanes->shared : &lanes->alone;

	promote_due(pool);
	if (share)
		lanes->shared_seen_ns = co_loop_now_ns(pool->loop);
	/* Nobody is overtaken: the queue is not even made. */
	if (queue->length == 0) {
		struct conn *conn = share ? placement_for_shared(pool) : placement_for_alone(pool);

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
	if (could && !share)
		await_fast(lanes, query);
	note_crowd(pool);
	placement_drain_for_alone(pool);
	look_again(pool);
	return 0;
}

struct db_query *lanes_pop(struct lanes *lanes)
{
	return queue_pop(lanes->alone.length > 0 ? &lanes->alone : &lanes->shared);
}
