/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"
#include "base/macros.h"
#include "db/cancel.h"
#include "db/conn_parts.h"
#include "db/pool.h"

#include <errno.h>

/* How long the server may be silent after a cancel, before its connection is given up; ten times as
 * long if it sends all the while. */
#define CANCEL_GRACE_NS (3 * CLOCK_SECOND)
/* A cancel that meets a backend before the query does is lost: ask again. */
#define CANCEL_AGAIN_NS	   (100 * CLOCK_MS)
#define CANCEL_MAX_AT_ONCE 8
/* How long the head of a shared connection may go on after its end is wanted. */
#define CANCEL_SHARED_NS (20 * CLOCK_MS)

bool conn_cancel_wanted(const struct conn *conn)
{
	struct segment *head = results_head(&conn->results);

	if (conn->lost || head == NULL || head->query == NULL)
		return false;
	/* Those of several clients: an innocent that is hit is run again. */
	if (head->kind == SEGMENT_READS) {
		const struct batch *batch = batch_of(head);

		for (struct db_query *query = batch_next(batch, NULL); query != NULL;
		     query = batch_next(batch, query))
			if (query->stop != DB_STOP_NONE)
				return true;
		return false;
	}
	/* Of a batch none is answered before all are: whoever gives up ends them all. */
	for (struct db_query *query = head->kind == SEGMENT_BATCH ? head->first : head->query;
	     query != NULL;
	     query = head->kind == SEGMENT_BATCH ? query_next_in_batch(head->first, query) : NULL)
		if (query->stop != DB_STOP_NONE)
			return true;
	return false;
}

/* Whether others wait for what comes from it, too. */
static bool has_company(const struct conn *conn)
{
	struct segment *head = results_head(&conn->results);

	return conn->state == CONN_SHARED &&
	       (!results_single(&conn->results) ||
		(head->kind == SEGMENT_READS && batch_of(head)->count > 1));
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

int64_t conn_cancel_due_ns(const struct conn *conn)
{
	if (conn->cancelling || conn->cancel_tried || !conn_cancel_wanted(conn))
		return CLOCK_NEVER;
	/* Others wait behind it: most likely it is over before a cancel would have arrived. */
	if (has_company(conn))
		return clock_after_ns(conn->head_since_ns, CANCEL_SHARED_NS);
	return co_now_ns();
}

void conn_cancel_goes_on(struct conn *conn)
{
	conn->cancel_give_up_ns = MIN(clock_after_ns(co_now_ns(), CANCEL_GRACE_NS),
				      clock_after_ns(conn->cancel_since_ns, 10 * CANCEL_GRACE_NS));
}

void conn_start_cancel(struct conn *conn)
{
	conn->cancelling = conn->cancel_tried = true;
	if (conn->state == CONN_SHARED) {
		conn->suspect = true;
		/* What was not sent yet need not wait for the end of a cancel. */
		conn_give_back_unsent(conn);
	}
	conn->cancel_since_ns = co_now_ns();
	conn_cancel_goes_on(conn);
	if (co_group_go(&conn->helpers, cancel_main, conn, "db cancel") < 0) {
		/* No memory to ask for its end: the end of the session is the other way. */
		conn->cancelling = false;
		conn->lost = true;
	}
	co_unpark(conn->driver);
}

/* On a shared connection nobody waits for another's answer in order to have his own. */
static bool answer_now(struct conn *conn, struct db_query *query, enum db_query_stop reason)
{
	bool timeout = reason == DB_STOP_TIMEOUT;

	if (!has_company(conn) || reason == DB_STOP_SINK || query_orphan(query, reason) == NULL)
		return false;
	err_set_static(&query->err, timeout ? ERR_TIMEOUT : ERR_CANCELLED, ERR_EFFECTS_UNKNOWN,
		       timeout ? "timed out" : "cancelled");
	query_finish(query);
	co_unpark(conn->driver);
	return true;
}

void conn_stop_query(struct conn *conn, struct db_query *query, enum db_query_stop reason)
{
	if (query->stop == DB_STOP_NONE)
		query->stop = reason;
	if (query->state == DB_QUERY_ASSIGNED) {
		co_unpark(conn->driver); /* takes it back unsent */
		return;
	}
	if (answer_now(conn, query, reason))
		return;
	query->discard = query->discard || reason == DB_STOP_SINK;
	/* A backend that waits for us to read ignores a cancel: read on, and drop what the sink
	 * would not take. Not for one that stands behind another, whose rows those are. No sink has
	 * paused a batch. */
	if (conn->paused && conn_cancel_wanted(conn)) {
		struct segment *head = results_head(&conn->results);

		head->query->discard = head->query->discard || head->kind != SEGMENT_READS;
		conn->paused = false;
	}
	if (conn_cancel_due_ns(conn) <= co_now_ns())
		conn_start_cancel(conn);
	else
		co_unpark(conn->driver);
}
