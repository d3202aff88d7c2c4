/* SPDX-License-Identifier: PostgreSQL */
#include "base/macros.h"
#include "db/cancel.h"
#include "db/conn_parts.h"
#include "db/pool.h"

#include <errno.h>

/* How long the server may take to end a query that was cancelled, before its connection is given
 * up. */
#define CANCEL_GRACE_NS (3 * CLOCK_SECOND)
/* A cancel that meets a backend before the query does is lost: ask again. */
#define CANCEL_AGAIN_NS	   (100 * CLOCK_MS)
#define CANCEL_MAX_AT_ONCE 8

bool conn_cancel_wanted(const struct conn *conn)
{
	const struct segment *head = results_head(&conn->results);

	if (conn->lost || head == NULL || head->query == NULL)
		return false;
	/* Of a batch none is answered before all are: whoever gives up ends them all. */
	for (struct db_query *query = head->kind == SEGMENT_BATCH ? head->first : head->query;
	     query != NULL;
	     query = head->kind == SEGMENT_BATCH ? query_next_in_batch(head->first, query) : NULL)
		if (query->stop != DB_STOP_NONE)
			return true;
	return false;
}

static int await_cancel_slot(struct pool *pool, int64_t deadline_ns)
{
	while (pool->cancels.running >= CANCEL_MAX_AT_ONCE) {
		int rc = co_waitq_wait(&pool->cancels.waiters, deadline_ns);

		if (rc < 0)
			return rc;
	}
	pool->cancels.running++;
	return 0;
}

/* Asks the server again and again until the query has ended; the connection waits for this task
 * before it is used. */
static int cancel_main(void *arg)
{
	struct conn *conn = arg;
	struct pool *pool = conn->pool;

	conn->canceller = co_task_current();
	while (conn_cancel_wanted(conn)) {
		int rc = await_cancel_slot(pool, conn->cancel_give_up_ns);

		if (rc == 0) {
			if (conn_cancel_wanted(conn)) {
				pool->stats.cancels++;
				rc = cancel_send(&conn->link.key, conn->link.pg,
						 conn->cancel_give_up_ns);
				conn->cancel_failed = conn->cancel_failed || rc < 0;
			}
			pool->cancels.running--;
			co_waitq_wake_one(&pool->cancels.waiters);
		}
		if (rc < 0)
			break;
		if (conn_cancel_wanted(conn))
			rc = co_park(clock_after_ns(co_now_ns(), CANCEL_AGAIN_NS));
		if (rc == -ECANCELED)
			break;
	}
	conn->canceller = NULL;
	conn->cancelling = false;
	co_unpark(conn->driver);
	return 0;
}

static void start_cancel(struct conn *conn)
{
	if (conn->cancelling)
		return;
	conn->cancelling = true;
	conn->cancel_give_up_ns = clock_after_ns(co_now_ns(), CANCEL_GRACE_NS);
	if (co_group_go(&conn->pool->group, cancel_main, conn, "db cancel") < 0) {
		/* No memory to ask for its end: the end of the session is the other way. */
		conn->cancelling = false;
		conn->lost = true;
	}
	co_unpark(conn->driver);
}

void conn_stop_query(struct conn *conn, struct db_query *query, enum db_query_stop reason)
{
	if (query->stop == DB_STOP_NONE)
		query->stop = reason;
	if (query->state == DB_QUERY_ASSIGNED) {
		co_unpark(conn->driver); /* takes it back unsent */
		return;
	}
	/* A backend that waits for us to read ignores a cancel: read on, and drop what the sink
	 * would not take. */
	if (conn->paused)
		results_head(&conn->results)->query->discard = true;
	query->discard = query->discard || reason == DB_STOP_SINK;
	conn->paused = false;
	start_cancel(conn);
}
