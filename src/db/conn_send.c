/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"
#include "db/conn_parts.h"
#include "db/pgerror.h"
#include "db/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Our own cancel comes first; the server's time-out is for when we cannot. */
#define DEADLINE_MARGIN_NS CLOCK_SECOND
/* More gain little: 152 ns of libpq's for a row of three columns alone, 70 of 8, 61 of 16, 57 of
 * 256. */
#define CONN_CHUNK_ROWS 16

void conn_flush(struct conn *conn)
{
	int rc = transport_flush(&conn->transport, conn->link.pg);

	conn->unflushed = rc == 1;
	if (rc < 0)
		conn->readable = true; /* let the read find out what the server said last */
}

/* Before 17 libpq tries with each Sync, for which it is corked. */
bool conn_send_sync(PGconn *pg)
{
#ifdef HAVE_PQSENDPIPELINESYNC
	return PQsendPipelineSync(pg) == 1;
#else
	return PQpipelineSync(pg) == 1;
#endif
}

static int send_describe(PGconn *pg, const struct db_query *query)
{
	bool sent = PQsendPrepare(pg, "", query->sql, 0, NULL) == 1 &&
		    PQsendDescribePrepared(pg, "") == 1 && conn_send_sync(pg);

	return sent ? 2 : -EIO;
}

/*
 * A limit for this statement alone, as a backstop: the server ends it by itself if nobody is there
 * any more who could cancel it. Never above what the session has anyway. Only where two commands in
 * one transaction are as good as one.
 */
static bool push_deadline(struct conn *conn, struct db_query *query, bool *sent)
{
	int64_t left_ms, own_ms = conn->statement_timeout_ms;
	const char *values[1];
	char text[24];

	/* Of those that are known to be fast none gets near its deadline: not worth a command each.
	 */
	if (query->deadline_ns == CLOCK_NEVER || conn->lease != NULL ||
	    conn->state == CONN_SHARED || !(query->class.plain_read || query->class.plain_write))
		return false;
	left_ms = (query->deadline_ns - co_now_ns() + DEADLINE_MARGIN_NS) / CLOCK_MS;
	if (left_ms >= INT32_MAX || (own_ms > 0 && own_ms <= left_ms))
		return false;
	snprintf(text, sizeof(text), "%" PRId64, MAX(left_ms, INT64_C(1)));
	values[0] = text;
	query->deadline_pushed = true;
	*sent = PQsendQueryParams(conn->link.pg, SESSION_TIMEOUT_SQL, 1, NULL, values, NULL, NULL,
				  0) == 1;
	return true;
}

int conn_send_planned(struct conn *conn, const struct prepared_plan *plan, const char *sql,
		      const char *const *values, size_t count)
{
	PGconn *pg = conn->link.pg;
	int commands = 1;
	bool sent = true;

	if (plan->drop[0] != '\0') {
		char drop[PREPARED_NAME_BYTES + 16];

		snprintf(drop, sizeof(drop), "deallocate %s", plan->drop);
		sent = PQsendQueryParams(pg, drop, 0, NULL, NULL, NULL, NULL, 0) == 1;
		commands++;
	}
	if (sent && plan->prepare) {
		sent = PQsendPrepare(pg, plan->name, sql, 0, NULL) == 1;
		commands++;
	}
	if (sent && plan->named)
		sent = PQsendQueryPrepared(pg, plan->name, (int)count, values, NULL, NULL, 0) == 1;
	else if (sent)
		sent = PQsendQueryParams(pg, sql, (int)count, NULL, values, NULL, NULL, 0) == 1;
	return sent ? commands : -EIO;
}

int conn_send_statement(struct conn *conn, struct db_query *query)
{
	struct prepared_plan plan = {.named = false};
	bool sent = true, pushed;
	int commands;

	if (!query->unprepared && query->statement != NULL)
		plan = prepared_plan(&conn->prepared, conn->pool->statements, query->statement);
	query->named = plan.named;
	query->prepares = plan.prepare;
	query->drops = plan.drop[0] != '\0';
	pushed = push_deadline(conn, query, &sent);
	if (!sent)
		return -EIO;
	commands = conn_send_planned(conn, &plan, query->sql, query->values, query->value_count);
	return commands < 0 ? commands : commands + pushed;
}

static int send_execute(struct conn *conn, struct db_query *query)
{
	int commands = conn_send_statement(conn, query);

	return commands >= 0 && conn_send_sync(conn->link.pg) ? commands : -EIO;
}

/*
 * libpq 17 takes a third to a half less for a row that is one of several. But it shows none before
 * all of a chunk are there: only for whom that is soon enough, and where nobody else would suffer
 * from a connection that is dropped for their size.
 */
static bool want_chunks(struct conn *conn, const struct db_query *query)
{
#ifdef HAVE_PQSETCHUNKEDROWSMODE
	return query->whole && conn->state != CONN_SHARED &&
	       PQsetChunkedRowsMode(conn->link.pg, CONN_CHUNK_ROWS) == 1;
#else
	(void)conn;
	(void)query;
	return false;
#endif
}

/*
 * All of the head's answer is in libpq's buffer, up to its ReadyForQuery: row by row it would be no
 * less memory, but a PGresult for each and one for their end.
 */
static bool has_all(const struct conn *conn, const struct db_query *query)
{
	const struct frames *frames = &conn->transport.frames;

	return query->whole && !frames->lost && frames_readies(frames) > conn->readies_taken;
}

/* The mode belongs to the command that is at the head of libpq's queue, and has to be set before
 * libpq looks at anything of it; as late as that, since then it is known what has come. */
void conn_choose_mode(struct conn *conn)
{
	const struct segment *head = results_head(&conn->results);

	conn->mode_open = conn->chunks = false;
	if (head == NULL || !results_at_query(head) || has_all(conn, head->query))
		return;
	conn->chunks = want_chunks(conn, head->query);
	if (!conn->chunks)
		PQsetSingleRowMode(conn->link.pg);
}

void conn_head_changed(struct conn *conn)
{
	const struct db_query *head = conn_head_query(conn);

	conn->cancel_tried = false;
	conn->head_since_ns = co_now_ns();
	/* The way there and back is nobody's fault, and no wait for the head. */
	if (head != NULL)
		conn->head_since_ns = MAX(conn->head_since_ns,
					  clock_after_ns(head->sent_ns, conn->pool->round_trip_ns));
	conn->mode_open = true;
}

int64_t conn_turn_ns(const struct conn *conn)
{
	return MAX(co_now_ns() - conn->head_since_ns, INT64_C(0));
}

static void start_lease(struct conn *conn, struct db_query *query)
{
	conn->lease = query;
	conn->assigned--;
	query->sent_ns = co_now_ns();
	query_finish(query);
	query->conn = conn;
}

/* libpq takes nothing more. What it has taken in this turn stays with it: conn_send_unsent(). */
static void cannot_send(struct conn *conn, struct db_query *query)
{
	err_set(&query->err, query->arena, ERR_INTERNAL, ERR_EFFECTS_NONE, "cannot send: %s",
		pgerror_tidy(query->arena, PQerrorMessage(conn->link.pg)));
	conn->lost = true;
}

/* Everything up to one Sync, or nothing. */
static void send_batch(struct conn *conn, struct db_query *first)
{
	PGconn *pg = conn->link.pg;
	bool sent = true;

	for (struct db_query *query = first; query != NULL;
	     query = query_next_in_batch(first, query)) {
		query->sent_ns = co_now_ns();
		query->state = DB_QUERY_RUNNING;
		sent = sent && PQsendQueryParams(pg, query->sql, (int)query->value_count, NULL,
						 query->values, NULL, NULL, 0) == 1;
	}
	results_push_batch(&conn->results, &first->segment, first);
	first->segment.sends_before = conn->transport.sends;
	if (!sent || !conn_send_sync(pg))
		for (struct db_query *query = first; query != NULL;
		     query = query_next_in_batch(first, query))
			cannot_send(conn, query);
	else if (results_head(&conn->results) == &first->segment)
		conn_head_changed(conn);
}

/* A batch of which one is not wanted any more goes out not at all. */
static bool batch_stopped(struct db_query *first)
{
	for (struct db_query *query = first; query != NULL;
	     query = query_next_in_batch(first, query))
		if (query->stop != DB_STOP_NONE)
			return true;
	return false;
}

static void send_one(struct conn *conn, struct db_query *query)
{
	bool describe = query->kind == DB_QUERY_DESCRIBE;
	int commands;

	conn->just_reset = false;
	if (!list_empty(&query->batch)) {
		if (!batch_stopped(query)) {
			send_batch(conn, query);
			return;
		}
		conn->assigned--;
		conn_refuse_batch(conn, query);
		return;
	}
	if (query->stop != DB_STOP_NONE) {
		conn->assigned--;
		conn_refuse_stopped(query);
		return;
	}
	if (query->kind == DB_QUERY_LEASE) {
		start_lease(conn, query);
		return;
	}
	commands = describe ? send_describe(conn->link.pg, query) : send_execute(conn, query);
	query->sent_ns = co_now_ns();
	query->state = DB_QUERY_RUNNING;
	results_push(&conn->results, &query->segment, describe ? SEGMENT_DESCRIBE : SEGMENT_EXECUTE,
		     query, (unsigned)MAX(commands, 1));
	query->segment.sends_before = conn->transport.sends;
	if (commands < 0)
		cannot_send(conn, query);
	else if (results_head(&conn->results) == &query->segment)
		conn_head_changed(conn);
}

void conn_send_unsent(struct conn *conn)
{
	/* A signal that is still on the way must not hit what comes next, not even of the same
	 * holder. */
	if (list_empty(&conn->unsent) || conn->cancelling)
		return;
	transport_cork(&conn->transport);
	if (conn->state == CONN_SHARED && conn->pool->conf->read_only)
		conn_send_batches(conn);
	while (!conn->lost && !list_empty(&conn->unsent)) {
		struct db_query *query = LIST_ENTRY(conn->unsent.next, struct db_query, node);

		list_remove(&query->node);
		send_one(conn, query);
	}
	transport_uncork(&conn->transport);
	/* What libpq has taken of a query that it could not take whole would be run. */
	if (conn->lost)
		conn->unflushed = true;
	else
		conn_flush(conn);
}

void conn_begin_session(struct conn *conn)
{
	transport_cork(&conn->transport);
}

void conn_send_probe(struct conn *conn)
{
	if (!conn_send_sync(conn->link.pg)) {
		conn->lost = true;
		return;
	}
	results_push(&conn->results, &conn->probe, SEGMENT_SESSION, NULL, 0);
	conn->probe.sends_before = conn->transport.sends;
	conn->probed_ns = co_now_ns();
}

void conn_send_session(struct conn *conn, int commands)
{
	bool sent = commands >= 0 && conn_send_sync(conn->link.pg);

	transport_uncork(&conn->transport);
	if (!sent) {
		conn->lost = true;
		return;
	}
	results_push(&conn->results, &conn->own, SEGMENT_SESSION, NULL, (unsigned)commands);
	conn->own.sends_before = conn->transport.sends;
	conn->own_give_up_ns =
		clock_after_ns(co_now_ns(), conn->pool->conf->server_connect_timeout_ns);
	conn_flush(conn);
}
