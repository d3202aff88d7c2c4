/* SPDX-License-Identifier: PostgreSQL */
#include "db/query.h"

#include "base/arena.h"
#include "base/mem.h"
#include "co/co.h"
#include "db/batch.h"
#include "db/conn.h"
#include "db/pool.h"
#include "db/rows.h"
#include "db/statements.h"
#include "db/types.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void db_query_set_unsent(struct err *ret_err, bool timed_out)
{
	if (timed_out)
		err_set_static(ret_err, ERR_TIMEOUT, ERR_EFFECTS_NONE,
			       "timed out while waiting for a connection; the query was not sent");
	else
		err_set_static(ret_err, ERR_CANCELLED, ERR_EFFECTS_NONE,
			       "cancelled while waiting for a connection; the query was not sent");
}

/* Of a queued one. While there is no connection at all there is a reason for it. */
static void set_unsent(struct db_query *query, enum db_query_stop reason)
{
	const struct pool *pool = query->pool;

	if (reason == DB_STOP_TIMEOUT && pool_open(pool) == 0 && pool->error[0] != '\0')
		err_set(&query->err, query->arena, ERR_TIMEOUT, ERR_EFFECTS_NONE,
			"timed out while waiting for a connection (%s); the query was not sent",
			pool->error);
	else
		db_query_set_unsent(&query->err, reason == DB_STOP_TIMEOUT);
}

static void stop_held(struct db_query *query, enum db_query_stop reason)
{
	query->stop = reason;
	query->dropped = true;
	query_apply_stop(query);
	query_finish(query);
}

static void stop(struct db_query *query, enum db_query_stop reason)
{
	switch (query->state) {
	case DB_QUERY_QUEUED:
		queue_remove(query->queue, query);
		set_unsent(query, reason);
		query_finish(query);
		break;
	case DB_QUERY_ASSIGNED:
	case DB_QUERY_RUNNING:
		conn_stop_query(query->conn, query, reason);
		break;
	case DB_QUERY_HELD:
		stop_held(query, reason);
		break;
	case DB_QUERY_NEW:
	case DB_QUERY_DONE:
		break;
	}
}

/* Waits until a connection has answered it, or it has been refused. */
static int await_outcome(struct db_query *query, int64_t deadline_ns)
{
	int rc = 0;

	while (query->state != DB_QUERY_DONE) {
		int64_t give_up_ns = query->state == DB_QUERY_QUEUED
					     ? pool_give_up_ns(query->pool, query)
					     : CLOCK_NEVER;

		rc = co_park(MIN(deadline_ns, give_up_ns));
		if (rc == -ECANCELED || query->state == DB_QUERY_DONE)
			break;
		if (rc == -ETIMEDOUT && co_now_ns() >= deadline_ns)
			break;
		if (query->state == DB_QUERY_QUEUED &&
		    co_now_ns() >= pool_give_up_ns(query->pool, query)) {
			queue_remove(query->queue, query);
			pool_set_unavailable(query->pool, query);
			query_finish(query);
		}
		rc = 0;
	}
	return rc;
}

int query_await(struct db_query *query, int64_t deadline_ns)
{
	int rc = await_outcome(query, deadline_ns);

	if (query->state != DB_QUERY_DONE) {
		stop(query, rc == -ECANCELED ? DB_STOP_CANCELLED : DB_STOP_TIMEOUT);
		/* Its memory is the connection's to use until it says that it is done. */
		co_shield();
		while (query->state != DB_QUERY_DONE)
			if (co_park(CLOCK_NEVER) < 0)
				assert(false);
		co_unshield();
	}
	return rc == -ECANCELED ? rc : 0;
}

void query_submitted(struct db_query *query, struct pool *pool)
{
	query->pool = pool;
	query->task = co_task_current();
	query->submitted_ns = co_now_ns();
	query->state = DB_QUERY_NEW;
	query->count = -1;
	query->deadline_ns = CLOCK_NEVER;
	query->hold.budget = pool->held;
	query->hold_limit_bytes = MAX(query->hold_limit_bytes, HOLD_BYTES_MIN);
	list_init(&query->node);
	list_init(&query->batch);
	list_init(&query->batch_node);
	list_init(&query->alike);
}

struct db_query *query_next_in_batch(struct db_query *first, struct db_query *query)
{
	struct list *next = query == first ? first->batch.next : query->batch_node.next;

	return next == &first->batch ? NULL : LIST_ENTRY(next, struct db_query, batch_node);
}

int db_execute(struct pool *pool, struct db_query *query, int64_t deadline_ns)
{
	int rc;

	query_submitted(query, pool);
	query->deadline_ns = deadline_ns;
	if (co_cancelled() || deadline_ns <= query->submitted_ns) {
		rc = co_cancelled() ? -ECANCELED : 0;
		db_query_set_unsent(&query->err, rc == 0);
		query_finish(query);
		return rc;
	}
	if (query->kind == DB_QUERY_EXECUTE &&
	    (query->class.plain_read || query->class.plain_write))
		query->statement = statements_get(pool->statements, query->sql);
	if (pool_submit(pool, query) < 0) {
		query_finish(query);
		return 0;
	}
	return query_await(query, deadline_ns);
}

static void stop_giving(struct db_query *query)
{
	query->stop = DB_STOP_SINK;
	query->dropped = query->discard = true;
	query->holding = false;
	hold_clear(&query->hold);
}

void query_give_held(struct db_query *query)
{
	PGresult *result;

	while ((result = hold_take(&query->hold)) != NULL) {
		int rc = PQresultStatus(result) == PGRES_SINGLE_TUPLE ? rows_give(query, result)
								      : rows_end(query, result);

		PQclear(result);
		if (rc < 0)
			stop_giving(query);
		query->sink_paused = rc == DB_SINK_PAUSE;
		if (query->sink_paused)
			return;
	}
	query->holding = false;
}

void db_query_resume(struct db_query *query)
{
	if (query->state == DB_QUERY_RUNNING) {
		conn_resume(query->conn, query);
	} else if (query->state == DB_QUERY_HELD) {
		query->sink_paused = false;
		query_give_held(query);
		if (!hold_empty(&query->hold))
			return;
		query_apply_stop(query);
		query_finish(query);
	}
}

/* ---- orphans ---- */

struct orphan {
	struct db_query query;
	struct arena arena; /* of an error's texts */
};

struct db_query *query_orphan(struct db_query *query, enum db_query_stop reason)
{
	struct orphan *orphan = mem_calloc(1, sizeof(*orphan));
	struct db_query *rest;

	if (orphan == NULL)
		return NULL;
	arena_init(&orphan->arena, 0, NULL);
	rest = &orphan->query;
	*rest = (struct db_query){
		.kind = query->kind,
		.sql = "",
		.class = query->class,
		.owner = query->owner,
		.arena = &orphan->arena,
		.row_limit_bytes = query->row_limit_bytes,
		.pool = query->pool,
		.conn = query->conn,
		.statement = query->statement,
		.state = DB_QUERY_RUNNING,
		.stop = reason,
		.named = query->named,
		.sent_ns = query->sent_ns,
		.submitted_ns = query->submitted_ns,
		.deadline_ns = CLOCK_NEVER,
		.count = -1,
		.completed = query->completed,
		.discard = true,
		.orphan = true,
	};
	list_init(&rest->node);
	list_init(&rest->batch);
	list_init(&rest->batch_node);
	list_init(&rest->alike);
	if (query->in_batch != NULL)
		batch_replace(query, rest);
	else
		results_replace(&query->segment, &rest->segment, rest);
	query->statement = NULL;
	return rest;
}

static void free_orphan(struct db_query *query)
{
	struct orphan *orphan = CONTAINER_OF(query, struct orphan, query);

	arena_free(&orphan->arena);
	mem_free(orphan);
}

void query_note_history(struct db_query *query, int64_t elapsed_ns)
{
	struct history_limits limits = lanes_limits(query->pool);
	size_t bytes = query->result_bytes + query->hold.bytes;

	/* One that failed at once, or was ended early, tells nothing of those that do not. */
	if (query->statement == NULL || !query->class.plain_read ||
	    ((query->err.code != ERR_NONE || query->stop != DB_STOP_NONE) && !query->overheld &&
	     elapsed_ns < limits.current_ns))
		return;
	if (query->in_batch == NULL || query->in_batch->count == 1)
		query->statement->doubt -= query->statement->doubt > 0;
	if (query->overheld)
		bytes = MAX(bytes, HISTORY_BYTES_MAX + 1);
	history_note(&query->statement->history, elapsed_ns, bytes, limits, co_now_ns());
	lanes_promote(query->pool, query->statement);
}

/*
 * A prepared statement keeps the parameter types that it was prepared with, whatever becomes of the
 * columns they are for: then a value is refused that would fit now (22), or an operator is missing
 * (42).
 */
static void note_definitions(const struct db_query *query)
{
	struct statements *statements = query->pool->statements;
	const char *sqlstate = query->err.code == ERR_SQL ? query->err.sqlstate : "";

	if (query->class.defines && query->sent_ns != 0) {
		types_altered(query->pool->types);
		statements_invalidate_all(statements);
	} else if (query->named && query->value_count > 0 &&
		   (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "42", 2) == 0)) {
		statement_invalidate(query->statement);
	}
}

void db_query_drop(struct db_query *query)
{
	if (query->state == DB_QUERY_HELD) {
		stop_held(query, DB_STOP_SINK);
	} else if (query->state == DB_QUERY_RUNNING) {
		query->dropped = true;
		conn_stop_query(query->conn, query, DB_STOP_SINK);
	}
}

void query_finish(struct db_query *query)
{
	struct pool_stats *stats = &query->pool->stats;
	int64_t now_ns = co_now_ns();

	note_definitions(query);
	statement_put(query->statement);
	query->statement = NULL;
	hold_clear(&query->hold);
	if (query->orphan) {
		free_orphan(query);
		return;
	}
	query->state = DB_QUERY_DONE;
	query->conn = NULL;
	query->elapsed_ns = now_ns - query->submitted_ns;
	query->queued_ns =
		query->sent_ns != 0 ? query->sent_ns - query->submitted_ns : query->elapsed_ns;
	if (query->kind == DB_QUERY_EXECUTE) {
		stats->queries++;
		stats->errors += query->err.code != ERR_NONE || query->stopped_by_sink;
		histogram_record(&stats->queued, query->queued_ns);
		histogram_record(&stats->elapsed, query->elapsed_ns);
	}
	co_unpark(query->task);
}

enum err_effects query_error_effects(const struct db_query *query)
{
	if (query->class.outside_transaction && !query->never_ran)
		return ERR_EFFECTS_UNKNOWN;
	/* Its own transaction ends with the Sync that went out with it: a session that dies after
	 * the command has ended may have died before or after the commit. An ERROR there (a
	 * deferred constraint) is a rollback. */
	return ERR_EFFECTS_NONE;
}

void query_lost(struct db_query *query, const char *reason)
{
	enum err_effects effects =
		query->kind == DB_QUERY_DESCRIBE ? ERR_EFFECTS_NONE : ERR_EFFECTS_UNKNOWN;

	if (query->err.code != ERR_NONE)
		return;
	if (query->stop == DB_STOP_TIMEOUT)
		err_set(&query->err, query->arena, ERR_TIMEOUT, effects,
			"timed out, and the server did not confirm the cancel");
	else if (query->stop == DB_STOP_CANCELLED)
		err_set(&query->err, query->arena, ERR_CANCELLED, effects,
			"cancelled, but the server did not confirm it");
	else
		err_set(&query->err, query->arena, ERR_CONNECTION_LOST, effects, "%s",
			reason != NULL ? reason : "the server closed the connection");
}

bool query_was_cancelled(const struct db_query *query)
{
	return query->err.code == ERR_SQL && strcmp(query->err.sqlstate, "57014") == 0;
}

void query_apply_stop(struct db_query *query)
{
	enum err_effects effects = query->err.effects;

	/* Also what reads by its text: a function or view may write. */
	if (query->err.code == ERR_NONE)
		effects = query->undone ? ERR_EFFECTS_NONE : ERR_EFFECTS_DONE;
	/* The backstop that we gave the server was faster than our own cancel. */
	if (query->stop == DB_STOP_NONE && query->deadline_pushed &&
	    co_now_ns() >= query->deadline_ns)
		query->stop = DB_STOP_TIMEOUT;
	if (query->stop == DB_STOP_SINK) {
		query->stopped_by_sink = true;
		query->err.effects = effects;
		return;
	}
	/* Completed all the same: that counts, if all of it can be given. */
	if (query->err.code == ERR_NONE ? !query->dropped : !query_was_cancelled(query))
		return;
	if (query->stop == DB_STOP_TIMEOUT)
		err_set(&query->err, query->arena, ERR_TIMEOUT, effects,
			query->err.code == ERR_NONE ? "timed out before all its rows were read"
						    : "timed out and was cancelled in the server");
	else if (query->stop == DB_STOP_CANCELLED)
		err_set(&query->err, query->arena, ERR_CANCELLED, effects, "cancelled");
}
