/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"
#include "db/conn_parts.h"
#include "db/pool.h"
#include "db/round_trip.h"
#include "db/statements.h"

/* Calls it for each query of a batch; the query may be gone afterwards. */
static void for_batch(struct conn *conn, struct db_query *first,
		      void (*fn)(struct conn *, struct db_query *))
{
	struct list others;

	list_init(&others);
	list_splice_back(&others, &first->batch);
	fn(conn, first);
	while (!list_empty(&others)) {
		struct db_query *query = LIST_ENTRY(others.next, struct db_query, batch_node);

		list_remove(&query->batch_node);
		fn(conn, query);
	}
}

void conn_refuse_stopped(struct db_query *query)
{
	err_set(&query->err, query->arena,
		query->stop == DB_STOP_TIMEOUT ? ERR_TIMEOUT : ERR_CANCELLED, ERR_EFFECTS_NONE,
		"%s before it was sent",
		query->stop == DB_STOP_TIMEOUT ? "timed out" : "cancelled");
	query_finish(query);
}

static void refuse_one(struct conn *conn, struct db_query *query)
{
	(void)conn;
	if (query->stop != DB_STOP_NONE) {
		conn_refuse_stopped(query);
		return;
	}
	err_set_static(&query->err, ERR_SKIPPED, ERR_EFFECTS_NONE,
		       "skipped: another step was given up before it was sent");
	query_finish(query);
}

void conn_refuse_batch(struct conn *conn, struct db_query *first)
{
	for_batch(conn, first, refuse_one);
}

void conn_run_again(struct conn *conn, struct db_query *query)
{
	query->err = (struct err){.code = ERR_NONE};
	query->result_bytes = 0;
	query->completed = query->holding = false;
	query->overheld = query->discard = query->dropped = false;
	hold_clear(&query->hold);
	pool_requeue(conn->pool, query);
}

/*
 * A prepared statement that the server has no more (26000), or whose result would have another
 * shape than when it was prepared (0A000): both are found out at Bind, before anything is executed.
 * To be run again, as text.
 */
bool conn_was_stale(struct conn *conn, struct db_query *query, bool not_prepared)
{
	if (!query->named || query->err.code == ERR_NONE)
		return false;
	if (not_prepared)
		prepared_forget(&conn->prepared, query->statement);
	/* In a transaction the error has ended it; a lease's holder runs its queries itself. */
	if (query->stop != DB_STOP_NONE || !query->stale || conn->lease != NULL)
		return false;
	prepared_clear(&conn->prepared);
	conn->dirty = true; /* the session may hold some of them still */
	statement_invalidate(query->statement);
	query->unprepared = true;
	return true;
}

/* By a cancel that was meant for another on the same connection: the server has rolled it back, and
 * its sink has seen nothing of it. */
static bool was_hit(const struct conn *conn, struct db_query *query)
{
	if (!conn->suspect || query->stop != DB_STOP_NONE || query->has_rows ||
	    !query_was_cancelled(query))
		return false;
	query->alone = true;
	return true;
}

/* To ask libpq for all of it takes longer than all else at a query's end; hardly ever has the
 * server said anything. */
bool conn_session_holds(const struct conn *conn)
{
	return !frames_may_report(&conn->transport.frames) ||
	       session_baseline_holds(&conn->baseline, conn->link.pg);
}

static void note_dirt(struct conn *conn, const struct db_query *query)
{
	conn->dirty = conn->dirty || query->class.dirties ||
		      conn->pool->conf->session_reset == CONFIG_RESET_ALWAYS;
	/* A function that it calls has changed what the session reports: nobody is to come next,
	 * and it shares no session any more. */
	if (query->statement != NULL && !conn_session_holds(conn))
		conn->dirty = query->statement->changes_session = true;
}

static void note_time(struct conn *conn, struct db_query *query)
{
	int64_t elapsed_ns = conn_turn_ns(conn);

	round_trip_note(conn, co_now_ns() - query->sent_ns);
	if (conn->state == CONN_SHARED)
		lanes_note_shared(conn->pool, elapsed_ns);
	else if (conn->lease == NULL)
		lanes_note_alone(conn->pool, elapsed_ns, query->sent_ns - query->submitted_ns);
	query_note_history(query, elapsed_ns);
}

void conn_finish_query(struct conn *conn, struct db_query *query)
{
	note_time(conn, query);
	if (conn_was_stale(conn, query, results_failed_early(&query->segment)) ||
	    was_hit(conn, query)) {
		conn_run_again(conn, query);
		return;
	}
	/* It may have been hit, had more rows than can be kept until that is known, and was not:
	 * what has run to its end is not run again. */
	if (query->overheld && query->err.code == ERR_NONE)
		err_set_static(&query->err, ERR_TOO_LARGE, ERR_EFFECTS_DONE,
			       "more rows came than can wait here; run it again");
	note_dirt(conn, query);
	conn_answer(query);
}

void conn_answer(struct db_query *query)
{
	if (!query->sink_paused)
		query_give_held(query);
	if (!hold_empty(&query->hold) && query->stop == DB_STOP_NONE) {
		query->state = DB_QUERY_HELD;
		query->conn = NULL;
		return;
	}
	/* Nobody waits until its sink takes the rest. */
	query->dropped = query->dropped || !hold_empty(&query->hold);
	query_apply_stop(query);
	query_finish(query);
}

static void explain_skip(struct db_query *query)
{
	if (query->skipped)
		err_set_static(&query->err, ERR_SKIPPED, ERR_EFFECTS_NONE,
			       "skipped: an earlier step failed");
}

static void finish_one(struct conn *conn, struct db_query *query)
{
	note_dirt(conn, query);
	explain_skip(query);
	query_apply_stop(query);
	query_finish(query);
}

/*
 * Who gave up stopped them all, for his reason. Only what a sink does not take is that one query's
 * matter: to another that the cancel hit it is an earlier one's failure.
 */
static void share_stop(struct db_query *first)
{
	enum db_query_stop reason = DB_STOP_NONE;

	for (struct db_query *query = first; query != NULL;
	     query = query_next_in_batch(first, query))
		if (reason == DB_STOP_NONE)
			reason = query->stop;
	for (struct db_query *query = first; query != NULL;
	     query = query_next_in_batch(first, query)) {
		if (query->stop != DB_STOP_NONE)
			continue;
		if (reason != DB_STOP_SINK)
			query->stop = reason;
		else if (query_was_cancelled(query))
			query->skipped = true;
	}
}

void conn_finish_batch(struct conn *conn, struct db_query *first)
{
	share_stop(first);
	for_batch(conn, first, finish_one);
}

static void lose_one(struct conn *conn, struct db_query *query)
{
	explain_skip(query);
	query_lost(query, conn->last_notice[0] != '\0' ? conn->last_notice : NULL);
	query_apply_stop(query);
	query_finish(query);
}

static void never_sent(struct conn *conn, struct db_query *query)
{
	query->never_ran = true;
	if (query->err.code == ERR_NONE &&
	    (query->stop == DB_STOP_TIMEOUT || query->stop == DB_STOP_CANCELLED)) {
		conn_refuse_stopped(query);
		return;
	}
	if (query->err.code == ERR_NONE)
		err_set(&query->err, query->arena, ERR_CONNECTION_LOST, ERR_EFFECTS_NONE, "%s",
			conn->last_notice[0] != '\0'
				? conn->last_notice
				: "the connection was lost before this was sent");
	query_apply_stop(query);
	query_finish(query);
}

/* The socket has taken nothing since libpq has it; and nothing will be sent any more. */
static bool was_sent(const struct conn *conn, const struct segment *segment)
{
	return segment->sends_before != conn->transport.sends;
}

void conn_give_back_unsent(struct conn *conn)
{
	while (!list_empty(&conn->unsent)) {
		struct db_query *query = LIST_ENTRY(conn->unsent.next, struct db_query, node);

		list_remove(&query->node);
		query->conn = NULL;
		conn->assigned--;
		if (conn->lease != NULL)
			for_batch(conn, query, never_sent);
		else if (query->stop != DB_STOP_NONE)
			conn_refuse_stopped(query);
		else
			pool_requeue(conn->pool, query);
	}
}

void conn_fail_queries(struct conn *conn)
{
	struct segment *segment;

	while ((segment = results_pop(&conn->results)) != NULL) {
		struct db_query *query = segment->query;
		void (*lose)(struct conn *, struct db_query *) =
			was_sent(conn, segment) ? lose_one : never_sent;

		if (query == NULL)
			continue;
		if (segment->kind == SEGMENT_BATCH) {
			share_stop(segment->first);
			for_batch(conn, segment->first, lose);
		} else if (segment->kind == SEGMENT_READS) {
			conn_lose_reads(conn, batch_of(segment), lose);
		} else {
			lose(conn, query);
		}
	}
	conn_give_back_unsent(conn);
}
