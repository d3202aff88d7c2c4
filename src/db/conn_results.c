/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"
#include "db/conn_parts.h"
#include "db/pgerror.h"
#include "db/pool.h"
#include "db/round_trip.h"
#include "db/rows.h"
#include "db/types.h"

#include <stdio.h>
#include <string.h>

/* How long rows may wait for the catalogue to tell of a type never seen before. */
#define LEARN_LIMIT_NS (5 * CLOCK_SECOND)

static void take_rows_rc(struct conn *conn, struct db_query *query, int rc)
{
	if (rc == DB_SINK_PAUSE) {
		bool batched = query->in_batch != NULL;

		/* One that is being ended waits for nobody, nor does one that others wait for. */
		if (!batched && conn_cancel_wanted(conn))
			query->discard = true;
		else if (batched || (conn->state == CONN_SHARED && conn->assigned > 1))
			query->holding = query->sink_paused = true;
		else
			conn->paused = true;
	}
	if (rc < 0) {
		query->dropped = true;
		conn_stop_query(conn, query, DB_STOP_SINK);
	}
}

/* Whether the result, the query's rows or their end, has gone to its hold. */
static bool keep(struct conn *conn, struct db_query *query, PGresult *result)
{
	bool in_batch = query->in_batch != NULL && !query->exposed;
	bool doubtful = conn->suspect && query->stop == DB_STOP_NONE && query->in_batch == NULL;

	if (query->discard || (!query->holding && !doubtful && !in_batch))
		return false;
	query->holding = true;
	if (hold_add(&query->hold, result, in_batch ? HOLD_BYTES_MIN : query->hold_limit_bytes) ==
	    0)
		return true;
	/* Too much to wait for the COMMIT. The sink may have it: what follows may be an error, as
	 * ever, but it cannot be run again. */
	if (in_batch) {
		query->exposed = true;
		query_give_held(query);
		return keep(conn, query, result);
	}
	hold_clear(&query->hold);
	query->discard = query->dropped = true;
	query->overheld = true;
	if (!query->has_rows)
		return false; /* what becomes of it is known at its end */
	err_set_static(&query->err, ERR_TOO_LARGE, ERR_EFFECTS_UNKNOWN,
		       "more rows came than can wait for the client here; run it again");
	/* Those behind it do not wait for all the rest. */
	conn_stop_query(conn, query, DB_STOP_SINK);
	return false;
}

static void take_end_in_batch(struct conn *conn, struct segment *segment, const PGresult *result)
{
	struct db_query *query = segment->query;
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_PIPELINE_ABORTED)
		return;
	if (status == PGRES_FATAL_ERROR) {
		if (batch_failed_at(batch_of(segment), query))
			take_rows_rc(conn, query, rows_end(query, result));
		conn_on_notice(conn, result); /* if it is the session's end, it is everybody's */
	} else if (results_at_query(segment)) {
		take_rows_rc(conn, query, rows_end(query, result));
	} else if (results_at_commit(segment) && strcmp(rows_tag(result), "COMMIT") != 0) {
		/* A transaction that had failed without our having been told. */
		segment->failed = true;
		segment->failed_at = segment->ended;
	}
}

static void take_end(struct conn *conn, struct segment *segment, const PGresult *result)
{
	struct db_query *query = segment->query;

	switch (segment->kind) {
	case SEGMENT_EXECUTE:
		/* What comes before the query itself is of interest only if it fails. */
		if (results_at_query(segment) || PQresultStatus(result) == PGRES_FATAL_ERROR)
			take_rows_rc(conn, query, rows_end(query, result));
		break;
	case SEGMENT_BATCH:
		take_rows_rc(conn, query, rows_end(query, result));
		break;
	case SEGMENT_READS:
		take_end_in_batch(conn, segment, result);
		break;
	case SEGMENT_DESCRIBE:
		if (rows_describe(query, result) < 0)
			err_set(&query->err, NULL, ERR_INTERNAL, ERR_EFFECTS_NONE, "out of memory");
		break;
	case SEGMENT_SESSION:
		if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
			snprintf(conn->last_notice, sizeof(conn->last_notice), "%s",
				 PQresultErrorMessage(result));
			conn->lost = true; /* a session that cannot be reset is of no use */
		}
		conn->statement_timeout_ms = session_timeout_ms(
			result, conn->statement_timeout_ms, conn->pool->conf->statement_timeout_ns);
		break;
	}
}

static void take_sync(struct conn *conn)
{
	struct segment *segment = results_pop(&conn->results);
	struct db_query *query = segment->query;

	conn->readies_taken++;
	if (segment == &conn->probe) {
		round_trip_note(conn, co_now_ns() - conn->probed_ns);
		return;
	}
	if (segment->kind == SEGMENT_SESSION) {
		conn->dirty = conn->rolling_back && (conn->dirty || !conn->batch_failed);
		conn->batch_failed = false;
		conn->just_reset = !conn->rolling_back;
		if (conn->just_reset)
			prepared_clear(&conn->prepared); /* DEALLOCATE ALL was among it */
		conn->rolling_back = false;
		return;
	}
	if (segment->kind == SEGMENT_READS) {
		conn->assigned -= batch_of(segment)->count;
		conn_finish_reads(conn, batch_of(segment));
	} else {
		conn->assigned--;
		if (segment->kind == SEGMENT_BATCH)
			conn_finish_batch(conn, segment->first);
		else
			conn_finish_query(conn, query);
	}
	if (conn->canceller != NULL)
		co_unpark(conn->canceller);
	conn_head_changed(conn);
	pool_conn_has_room(conn->pool);
}

bool conn_made_up(const PGresult *result)
{
	return result != NULL && PQresultStatus(result) == PGRES_FATAL_ERROR &&
	       PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL;
}

bool conn_ends_session(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity != NULL &&
	       (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static void mismatch(struct conn *conn, const PGresult *result)
{
	struct db_query *query = conn_head_query(conn);
	ExecStatusType status = PQresultStatus(result);

	conn->lost = true;
	/* The server may say at any time that it ends, and why: that is everybody's reason. */
	if (conn_ends_session(result)) {
		conn_note_last_words(conn, result);
		return;
	}
	if (query == NULL || query->err.code != ERR_NONE)
		return;
	if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		/* What is copied out may be what an INSERT returns. */
		err_set(&query->err, query->arena, ERR_BAD_REQUEST,
			status == PGRES_COPY_IN ? ERR_EFFECTS_NONE : ERR_EFFECTS_UNKNOWN,
			"COPY from or to the client is not possible here");
	else if (conn_made_up(result))
		err_set(&query->err, query->arena, ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN,
			"the server's answer could not be read (%s); the connection was dropped",
			pgerror_tidy(query->arena, PQresultErrorMessage(result)));
	else
		err_set(&query->err, query->arena, ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN,
			"the server's answer was out of step (%s); the connection was dropped",
			PQresStatus(status));
}

static int learn_main(void *arg)
{
	struct conn *conn = arg;
	int rc = types_learn(conn->pool, conn->learn.oids, conn->learn.count,
			     clock_after_ns(co_now_ns(), LEARN_LIMIT_NS));

	/* On failure the values go out as text, which is what all but arrays of numbers are anyway.
	 */
	(void)rc;
	conn->learn.running = false;
	if (conn->held != NULL)
		conn->paused = false;
	co_unpark(conn->driver);
	return 0;
}

static bool hold_for_types(struct conn *conn, const struct db_query *query, PGresult *result,
			   enum results_step step)
{
	if (conn->held != NULL || query->kind != DB_QUERY_EXECUTE || query->has_rows ||
	    !hold_empty(&query->hold) || query->discard)
		return false;
	conn->learn.count = types_unknown(conn->pool->types, result, conn->learn.oids,
					  ARRAY_SIZE(conn->learn.oids));
	if (conn->learn.count == 0 || conn->learn.running ||
	    co_group_go(&conn->helpers, learn_main, conn, "db types") < 0)
		return false;
	conn->learn.running = true;
	conn->held = result;
	conn->held_step = step;
	conn->paused = true;
	return true;
}

static void take_row(struct conn *conn, struct db_query *query, const PGresult *result)
{
	if (query->discard)
		query->dropped = true;
	else
		take_rows_rc(conn, query, rows_give(query, result));
}

/* Takes the result over. */
static void take_step(struct conn *conn, enum results_step step, PGresult *result)
{
	struct segment *head = results_head(&conn->results);
	bool rows = step == RESULTS_ROW ||
		    (step == RESULTS_END && PQresultStatus(result) == PGRES_TUPLES_OK &&
		     results_at_query(head) && head->kind != SEGMENT_BATCH);

	if (rows && keep(conn, head->query, result)) {
		head->query->completed = step == RESULTS_END;
		return;
	}
	switch (step) {
	case RESULTS_ROW:
		take_row(conn, head->query, result);
		break;
	case RESULTS_END:
		take_end(conn, head, result);
		break;
	case RESULTS_COMMAND:
		conn->mode_open = true;
		break;
	case RESULTS_SYNC:
		take_sync(conn);
		break;
	case RESULTS_MISMATCH:
		mismatch(conn, result);
		break;
	}
	PQclear(result);
}

/*
 * What lay there before anything of the head was sent is no answer to it, but one too many to what
 * came before. Errors count: a server may say at any time that it ends.
 */
static bool came_too_early(const struct conn *conn, const PGresult *result)
{
	const struct segment *head = results_head(&conn->results);

	return PQresultStatus(result) != PGRES_FATAL_ERROR &&
	       !transport_heard_since(&conn->transport, head->sends_before);
}

void conn_take_result(struct conn *conn, PGresult *result)
{
	/* What libpq had to skip may have been the end of one query and the begin of another. */
	enum results_step step = conn_made_up(result) || came_too_early(conn, result)
					 ? RESULTS_MISMATCH
					 : results_take(&conn->results, result);

	if ((step != RESULTS_ROW && step != RESULTS_END) ||
	    results_head(&conn->results)->query == NULL ||
	    !hold_for_types(conn, results_head(&conn->results)->query, result, step))
		take_step(conn, step, result);
}

void conn_take_held(struct conn *conn)
{
	PGresult *result = conn->held;

	conn->held = NULL;
	if (result != NULL)
		take_step(conn, conn->held_step, result);
}
