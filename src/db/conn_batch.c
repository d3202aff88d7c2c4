/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"
#include "base/mem.h"
#include "db/conn_parts.h"
#include "db/pool.h"
#include "db/round_trip.h"
#include "db/statements.h"

#include <errno.h>

/* Two at a time fill a connection: while the server runs one, the other is on its way. */
#define BATCHES_IN_FLIGHT 2
/* So many times pipeline_depth: BEGIN and COMMIT cost the server as much as two lookups. */
#define DEPTH_FACTOR 4
/* Both batches are to be through in this part of what counts as fast: who comes next waits no
 * longer for them, and a disturbance of the machine does not make them slow. */
#define PACE_PART 2
/* Runs by itself of a statement whose batch was slow, or left another session than it found. */
#define DOUBT_RUNS 64

unsigned conn_depth(const struct conn *conn)
{
	const struct config_database *conf = conn->pool->conf;
	int64_t depth = conf->pipeline_depth, fits;

	if (conf->read_only && conn->pace_ns != 0) {
		fits = conf->pipeline_threshold_ns / PACE_PART / conn->pace_ns;
		depth = MAX(depth, MIN(fits, depth * DEPTH_FACTOR));
	}
	return (unsigned)depth + round_trip_depth(conn->pool);
}

/* ---- sending ---- */

/* Fewer prepared statements than these are for the queries. */
#define PREPARED_MIN 16

/* BEGIN or COMMIT; as conn_send_planned. */
static int send_own(struct conn *conn, struct batch *batch, const char *sql)
{
	struct prepared_plan plan = {.named = false};
	struct statement *statement = NULL;

	if (conn->prepared.max >= PREPARED_MIN)
		statement = statements_get(conn->pool->statements, sql);
	if (statement != NULL)
		plan = prepared_plan(&conn->prepared, conn->pool->statements, statement);
	statement_put(statement);
	batch->prepares_own = batch->prepares_own || plan.prepare || plan.drop[0] != '\0';
	return conn_send_planned(conn, &plan, sql, NULL, 0);
}

/* The next that is still wanted; it stays in the list. */
static struct db_query *first_unsent(struct conn *conn)
{
	while (!list_empty(&conn->unsent)) {
		struct db_query *query = LIST_ENTRY(conn->unsent.next, struct db_query, node);

		if (query->stop == DB_STOP_NONE)
			return query;
		list_remove(&query->node);
		conn->assigned--;
		conn_refuse_stopped(query);
	}
	return NULL;
}

/*
 * One Sync, behind the COMMIT. A failure before it leaves the transaction open, and then the server
 * refuses all that was sent behind, until the ROLLBACK.
 */
static void send_batch(struct conn *conn, struct batch *batch)
{
	struct pool *pool = conn->pool;
	unsigned count_max = MAX(conn_depth(conn) / BATCHES_IN_FLIGHT, 1U);
	int own = send_own(conn, batch, "begin read only");
	struct db_query *query;
	bool sent = own > 0;

	batch_begin(batch, (unsigned)MAX(own, 1));
	while ((query = first_unsent(conn)) != NULL && batch_has_room(batch, query, count_max)) {
		int commands = sent ? conn_send_statement(conn, query) : 0;

		sent = sent && commands > 0;
		list_remove(&query->node);
		query->sent_ns = co_now_ns();
		query->state = DB_QUERY_RUNNING;
		batch_add(batch, query, (unsigned)MAX(commands, 1));
	}
	own = sent ? send_own(conn, batch, "commit") : -EIO;
	batch_expect(batch, &conn->results, (unsigned)MAX(own, 1));
	batch->segment.sends_before = conn->transport.sends;
	pool->stats.batches++;
	pool->stats.batched += batch->count;
	if (own < 0 || !conn_send_sync(conn->link.pg))
		conn->lost = true; /* libpq takes nothing, or only a part */
	else if (results_head(&conn->results) == &batch->segment)
		conn_head_changed(conn);
}

/*
 * One that nothing stands before needs no batch: the session is as it is to be, where a transaction
 * cannot write. It is the same as with a connection to itself.
 */
static bool may_go_plain(const struct conn *conn)
{
	return results_empty(&conn->results) && conn->unsent.next == conn->unsent.prev;
}

void conn_send_batches(struct conn *conn)
{
	/* What follows would be refused, or find another session than it is to find. */
	if (conn->batch_failed || conn->dirty) {
		conn_give_back_unsent(conn);
		return;
	}
	while (!conn->lost && first_unsent(conn) != NULL) {
		struct batch *batch;

		if (may_go_plain(conn))
			return;
		batch = batch_new();
		if (batch == NULL)
			break;
		conn->just_reset = false;
		send_batch(conn, batch);
	}
	if (conn->lost || list_empty(&conn->unsent))
		return;
	/* There was no memory: whoever has a connection to himself needs less. */
	list_for_each (node, &conn->unsent)
		LIST_ENTRY(node, struct db_query, node)->alone = true;
	conn_give_back_unsent(conn);
}

/* ---- what a batch tells of its statements ---- */

static void doubt_all(const struct batch *batch)
{
	for (struct db_query *query = batch_next(batch, NULL); query != NULL;
	     query = batch_next(batch, query))
		if (query->statement != NULL)
			query->statement->doubt = DOUBT_RUNS;
}

/* A function that one of them calls has changed what the session reports. */
static void note_session(struct conn *conn, const struct batch *batch)
{
	struct statement *statement = batch_next(batch, NULL)->statement;

	if (conn_session_holds(conn))
		return;
	conn->dirty = true;
	if (batch->count > 1)
		doubt_all(batch);
	else if (statement != NULL)
		statement->changes_session = true;
}

/* How long one of several took nobody knows: all results come at once, at the end. */
static void note_times(struct conn *conn, const struct batch *batch)
{
	struct db_query *first = batch_next(batch, NULL);
	int64_t took_ns = conn_turn_ns(conn);
	int64_t each_ns = MAX(took_ns / batch->count, INT64_C(1));

	round_trip_note(conn, co_now_ns() - first->sent_ns);
	conn->pace_ns = conn->pace_ns == 0
				? each_ns
				: MAX(conn->pace_ns + (each_ns - conn->pace_ns) / 8, INT64_C(1));
	lanes_note_shared(conn->pool, took_ns);
	if (batch->count > 1 && took_ns >= lanes_limits(conn->pool).current_ns) {
		doubt_all(batch);
		return;
	}
	for (struct db_query *query = first; query != NULL; query = batch_next(batch, query))
		query_note_history(query, each_ns);
}

/* ---- its end ---- */

/* Given up, while the batch failed for another reason, or for this one. */
static void answer_stopped(struct db_query *query)
{
	bool timeout = query->stop == DB_STOP_TIMEOUT;

	query->dropped = query->undone = true;
	hold_clear(&query->hold);
	if (query->err.code == ERR_NONE && query->stop != DB_STOP_SINK)
		err_set_static(&query->err, timeout ? ERR_TIMEOUT : ERR_CANCELLED, ERR_EFFECTS_NONE,
			       timeout ? "timed out" : "cancelled");
	conn_answer(query);
}

/* What was to be prepared or dropped for it may not have been. */
static void note_skipped(struct conn *conn, const struct batch *batch, const struct db_query *query)
{
	if (!batch_failed_before(batch, query))
		return;
	if (query->prepares && query->statement != NULL)
		prepared_forget(&conn->prepared, query->statement);
	conn->dirty = conn->dirty || query->drops;
}

/* Whether it ended for what it is, and not for what others did or wanted. */
static bool failed_itself(struct conn *conn, const struct batch *batch, struct db_query *query,
			  bool hit)
{
	return batch_failed_at(batch, query) && !hit && !conn_was_stale(conn, query, false);
}

/* All of it was rolled back, and nobody has seen anything of it. */
static void finish_failed(struct conn *conn, const struct batch *batch, struct db_query *query)
{
	bool hit = conn->suspect && query_was_cancelled(query);

	note_skipped(conn, batch, query);
	if (query->orphan) {
		query_finish(query);
		return;
	}
	if (query->stop != DB_STOP_NONE) {
		answer_stopped(query);
		return;
	}
	if (failed_itself(conn, batch, query, hit)) {
		history_strike(&query->statement->history, co_now_ns());
		if (batch->count == 1) {
			conn_answer(query);
			return;
		}
	}
	if (query->exposed) {
		if (query->err.code == ERR_NONE || hit)
			err_set_static(
				&query->err, ERR_TOO_LARGE, ERR_EFFECTS_NONE,
				"more rows came than can wait for others to end; run it again");
		conn_answer(query);
		return;
	}
	/* What was refused behind another may try once more. */
	if (batch_was_refused(batch) && !query->bounced)
		query->bounced = true;
	else
		query->alone = true;
	conn->pool->stats.repeated++;
	conn_run_again(conn, query);
}

static void finish_committed(struct db_query *query)
{
	if (query->orphan)
		query_finish(query);
	else
		conn_answer(query);
}

/* Its transaction may still be open, or had none since an earlier one's is. */
static void note_failure(struct conn *conn, const struct batch *batch)
{
	/* What the session has prepared may be another thing than is thought. */
	if (batch->prepares_own || batch_failed_to_commit(batch) ||
	    (batch_was_refused(batch) && !conn->batch_failed))
		conn->dirty = true;
	conn->batch_failed = conn->draining = true;
}

void conn_finish_reads(struct conn *conn, struct batch *batch)
{
	bool failed = batch->segment.failed;
	struct db_query *query;

	note_session(conn, batch);
	note_times(conn, batch);
	if (failed)
		note_failure(conn, batch);
	while ((query = batch_take(batch)) != NULL)
		if (failed)
			finish_failed(conn, batch, query);
		else
			finish_committed(query);
	mem_free(batch);
}

void conn_lose_reads(struct conn *conn, struct batch *batch,
		     void (*lose)(struct conn *, struct db_query *))
{
	struct db_query *query;

	while ((query = batch_take(batch)) != NULL) {
		/* A cancel that was meant for another is not why it has no answer. */
		if (query->stop == DB_STOP_NONE && query_was_cancelled(query))
			query->err = (struct err){.code = ERR_NONE};
		lose(conn, query);
	}
	mem_free(batch);
}
