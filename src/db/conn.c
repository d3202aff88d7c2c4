/* SPDX-License-Identifier: PostgreSQL */
#include "db/conn.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/conn_parts.h"
#include "db/pgerror.h"
#include "db/pool.h"

#include <errno.h>
#include <string.h>

#define CONNECT_ARENA_BYTES ((size_t)64 * 1024)

void conn_assign(struct conn *conn, struct db_query *query)
{
	if (conn->assigned++ == 0)
		conn->head_since_ns = co_now_ns();
	conn->pool->stats.shared += conn->state == CONN_SHARED;
	query->conn = conn;
	query->state = DB_QUERY_ASSIGNED;
	list_push_back(&conn->unsent, &query->node);
	/* It may have died since, even if the loop has not been told yet. */
	if (conn->idle_since_ns < co_now_ns())
		conn->readable = true;
	co_unpark(conn->driver);
}

void conn_release(struct conn *conn)
{
	const struct db_query *lease = conn->lease;

	lanes_note_alone(conn->pool, co_loop_now_ns(conn->pool->loop) - lease->sent_ns,
			 lease->sent_ns - lease->submitted_ns);
	conn->lease = NULL;
	co_unpark(conn->driver);
}

void conn_resume(struct conn *conn, struct db_query *query)
{
	const struct segment *head = results_head(&conn->results);

	query->sink_paused = false;
	if (query->holding && (query->in_batch != NULL ? query->exposed : !conn->suspect))
		query_give_held(query);
	/* Not what waits for the catalogue, nor for another's sink. */
	if (conn->held == NULL && head != NULL &&
	    (head->query == query || conn->state != CONN_SHARED))
		conn->paused = false;
	co_unpark(conn->driver);
}

void conn_retire(struct conn *conn)
{
	conn->closing = true;
	if (conn->state == CONN_CONNECTING && conn->driver != NULL)
		co_task_cancel(conn->driver);
	else if (conn->driver != NULL)
		co_unpark(conn->driver);
}

static void on_event(void *arg, unsigned events)
{
	struct conn *conn = arg;

	if (events & CO_READ)
		conn->readable = true;
	co_unpark(conn->driver);
}

static void watch(struct conn *conn)
{
	unsigned events = (conn->paused ? 0 : CO_READ) | (conn->unflushed ? CO_WRITE : 0);

	if (co_watch_change(&conn->watch, events) < 0)
		conn->lost = true;
}

static int open_session(struct conn *conn, struct arena *arena, struct err *ret_err)
{
	const struct config_database *conf = conn->pool->conf;
	struct pool *pool = conn->pool;
	struct connect_options options = {
		.conninfo = conf->conninfo,
		.application_name = "gatherd",
		.address_timeout_ns = conf->server_connect_timeout_ns,
		.read_only = conf->read_only,
	};
	int rc = connect_open(pool->resolver, &options, arena, CLOCK_NEVER, &conn->link, ret_err);

	if (rc < 0)
		return rc;
	conn->transport = conn->link.transport;
	transport_init(&conn->transport, conn->link.pg);
	conn->readies_taken = frames_readies(&conn->transport.frames);
	PQsetNoticeReceiver(conn->link.pg, conn_on_notice, conn);
	if (PQenterPipelineMode(conn->link.pg) != 1)
		return -EIO;
	rc = co_watch_start(&conn->watch, pool->loop, PQsocket(conn->link.pg), CO_READ, on_event,
			    conn);
	if (rc < 0)
		return rc;
	conn_begin_session(conn);
	conn_send_probe(conn);
	conn_send_session(conn, session_send_setup(conn->link.pg, conf->statement_timeout_ns));
	while (!results_empty(&conn->results) && !conn->lost) {
		watch(conn);
		rc = conn->readable ? co_yield() : co_park(conn->own_give_up_ns);
		if (rc < 0)
			return rc;
		if (conn->unflushed)
			conn_flush(conn);
		conn_receive(conn);
	}
	if (conn->lost) {
		const char *why = conn->last_notice[0] != '\0' ? conn->last_notice
							       : PQerrorMessage(conn->link.pg);

		err_set(ret_err, arena, ERR_UNAVAILABLE, ERR_EFFECTS_NONE,
			"session set-up failed: %s", pgerror_tidy(arena, why));
		return -ECONNRESET;
	}
	return session_baseline_take(&conn->baseline, conn->link.pg);
}

static bool session_clean(const struct conn *conn)
{
	return !conn->dirty && PQtransactionStatus(conn->link.pg) == PQTRANS_IDLE &&
	       conn_session_holds(conn);
}

static void reset_session(struct conn *conn)
{
	PGconn *pg = conn->link.pg;

	conn->pool->stats.resets += !conn->batch_failed || PQtransactionStatus(pg) == PQTRANS_IDLE;
	conn_begin_session(conn);
	/* An open transaction has to end in a segment of its own: the reset must not be part of it.
	 */
	if (PQtransactionStatus(pg) != PQTRANS_IDLE) {
		conn->rolling_back = true;
		conn_send_session(
			conn, PQsendQueryParams(pg, "rollback", 0, NULL, NULL, NULL, NULL, 0) == 1
				      ? 1
				      : -EIO);
		return;
	}
	conn_send_session(conn, session_send_reset(pg, conn->pool->conf->statement_timeout_ns));
}

/* Nothing is in flight: what now? */
static void settle(struct conn *conn)
{
	struct pool *pool = conn->pool;
	int64_t now_ns = co_now_ns();

	if (conn->cancelling || conn->lease != NULL)
		return; /* its signal may still be on the way */
	if (now_ns >= conn->expires_ns || transport_reports_many(&conn->transport))
		conn->closing = true;
	if (conn->closing || PQtransactionStatus(conn->link.pg) == PQTRANS_UNKNOWN) {
		conn->lost = true;
		return;
	}
	if (!session_clean(conn)) {
		/* What a reset does not bring back is not to be used, nor what changed while
		 * nothing ran. */
		if (conn->just_reset || conn->state == CONN_IDLE)
			conn->lost = true;
		else
			reset_session(conn);
		return;
	}
	frames_forget_reports(&conn->transport.frames);
	if (conn->state != CONN_IDLE) {
		conn->draining = conn->suspect = conn->batch_failed = false;
		conn->idle_since_ns = now_ns;
		pool_conn_ready(pool, conn);
	} else if (pool->conf->server_idle_timeout_ns > 0 &&
		   now_ns - conn->idle_since_ns >= pool->conf->server_idle_timeout_ns &&
		   pool_has_spare(pool)) {
		conn->closing = conn->lost = true;
	}
}

static int64_t next_deadline_ns(const struct conn *conn)
{
	int64_t idle_ns = conn->pool->conf->server_idle_timeout_ns;

	/* Also when no cancel could be sent: the query's end is wanted all the same. */
	if (conn->cancelling || conn_cancel_wanted(conn))
		return conn->cancel_tried ? conn->cancel_give_up_ns : conn_cancel_due_ns(conn);
	if (!results_empty(&conn->results))
		return results_head(&conn->results)->kind == SEGMENT_SESSION ? conn->own_give_up_ns
									     : CLOCK_NEVER;
	if (conn->state != CONN_IDLE)
		return CLOCK_NEVER;
	/* One that is kept for pool_min looks again at the next idle time-out. */
	if (idle_ns > 0) {
		int64_t since_ns = co_now_ns() - conn->idle_since_ns;

		return MIN(conn->expires_ns,
			   clock_after_ns(co_now_ns(), idle_ns - since_ns % idle_ns));
	}
	return conn->expires_ns;
}

/* The time to wait for the server's answer to a cancel, a set-up or a reset is over. */
static bool has_given_up(const struct conn *conn)
{
	int64_t now_ns = co_now_ns();
	const struct segment *head = results_head(&conn->results);

	if (conn->cancelling || (conn->cancel_tried && conn_cancel_wanted(conn)))
		return now_ns >= conn->cancel_give_up_ns;
	return head != NULL && head->kind == SEGMENT_SESSION && now_ns >= conn->own_give_up_ns;
}

static void serve(struct conn *conn)
{
	while (!conn->lost) {
		int rc;

		/* Reading comes first: a session that has died in the pool must not be sent a
		 * query. */
		conn_receive(conn);
		if (conn->cancel_failed && results_empty(&conn->results))
			conn->lost = true;
		if (conn_cancel_due_ns(conn) <= co_now_ns())
			conn_start_cancel(conn);
		conn_send_unsent(conn);
		if (conn->unflushed && !conn->lost)
			conn_flush(conn);
		if (!conn->lost && list_empty(&conn->unsent) && results_empty(&conn->results))
			settle(conn);
		if (conn->lost || (!list_empty(&conn->unsent) && !conn->cancelling))
			continue;
		watch(conn);
		rc = conn->readable && !conn->paused ? co_yield() : co_park(next_deadline_ns(conn));
		/* The pool ends now, or the server does not react to a cancel or a reset. */
		if (rc == -ECANCELED || (rc == -ETIMEDOUT && has_given_up(conn)))
			conn->lost = true;
	}
}

static int conn_main(void *arg)
{
	struct conn *conn = arg;
	struct pool *pool = conn->pool;
	struct err err = {.code = ERR_NONE};
	struct arena arena;
	int rc;

	arena_init(&arena, CONNECT_ARENA_BYTES, NULL);
	conn->driver = co_task_current();
	rc = conn->closing ? -ECANCELED : open_session(conn, &arena, &err);
	if (rc < 0)
		pool_conn_failed(pool, conn, rc, &err);
	arena_free(&arena);
	if (rc == 0) {
		int64_t lifetime_ns = pool->conf->server_lifetime_ns;

		/* Jitter: connections that were opened together must not all end together. */
		conn->expires_ns = CLOCK_NEVER;
		if (lifetime_ns > 0)
			conn->expires_ns = clock_after_ns(
				co_now_ns(),
				lifetime_ns -
					(int64_t)pool_random(pool, (uint64_t)lifetime_ns / 10 + 1));
		serve(conn);
		pool_conn_closing(pool, conn);
	}
	co_watch_stop(&conn->watch);
	conn_fail_queries(conn);
	if (conn->lease != NULL)
		conn->lease->conn = NULL; /* its holder sees that there is none any more */
	PQclear(conn->held);
	/* A cancel's transport still uses the key, a look-up of types still points here. When the
	 * pool ends they end with it, even one that has not begun. */
	co_group_wait(&conn->helpers, CLOCK_NEVER);
	/* libpq would send what it still has: of queries that have had their answer. */
	if (conn->unflushed)
		transport_cork(&conn->transport);
	connect_link_close(&conn->link);
	if (conn->unflushed)
		transport_uncork(&conn->transport);
	session_baseline_free(&conn->baseline);
	prepared_clear(&conn->prepared);
	pool_conn_remove(pool, conn);
	mem_free(conn);
	return 0;
}

int conn_start(struct pool *pool)
{
	struct conn *conn = mem_calloc(1, sizeof(*conn));
	int rc;

	if (conn == NULL)
		return -ENOMEM;
	conn->pool = pool;
	conn->expires_ns = CLOCK_NEVER;
	co_group_init(&conn->helpers, pool->loop, CO_KEEP_GOING);
	results_init(&conn->results);
	list_init(&conn->unsent);
	/* With a reset after each statement nothing prepared would last. */
	prepared_init(&conn->prepared, pool->conf->session_reset == CONFIG_RESET_ALWAYS
					       ? 0
					       : pool->conf->prepared_statements);
	list_init(&conn->node);
	rc = co_group_go(&pool->group, conn_main, conn, "db connection");
	if (rc < 0) {
		mem_free(conn);
		return rc;
	}
	pool_conn_add(pool, conn);
	return 0;
}
