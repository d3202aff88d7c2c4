/* SPDX-License-Identifier: PostgreSQL */
#include "db/query.h"

#include "base/arena.h"
#include "co/co.h"
#include "db/conn.h"
#include "db/pool.h"
#include "db/statements.h"
#include "db/types.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void set_stopped_in_queue(struct db_query *query, enum db_query_stop reason)
{
	if (reason == DB_STOP_TIMEOUT)
		err_set(&query->err, query->arena, ERR_TIMEOUT, ERR_EFFECTS_NONE,
			"timed out while waiting for a connection; the query was not sent");
	else
		err_set(&query->err, query->arena, ERR_CANCELLED, ERR_EFFECTS_NONE,
			"cancelled while waiting for a connection; the query was not sent");
}

static void stop(struct db_query *query, enum db_query_stop reason)
{
	switch (query->state) {
	case DB_QUERY_QUEUED:
		queue_remove(&query->pool->queue, query);
		set_stopped_in_queue(query, reason);
		query_finish(query);
		break;
	case DB_QUERY_ASSIGNED:
	case DB_QUERY_RUNNING:
		conn_stop_query(query->conn, query, reason);
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
			queue_remove(&query->pool->queue, query);
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
	list_init(&query->node);
	list_init(&query->batch);
	list_init(&query->batch_node);
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
		set_stopped_in_queue(query, rc < 0 ? DB_STOP_CANCELLED : DB_STOP_TIMEOUT);
		query_finish(query);
		return rc;
	}
	if (pool_submit(pool, query) < 0) {
		query_finish(query);
		return 0;
	}
	return query_await(query, deadline_ns);
}

void db_query_resume(struct db_query *query)
{
	if (query->state == DB_QUERY_RUNNING)
		conn_resume(query->conn);
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
		statements_invalidate(statements, query->sql, strlen(query->sql));
	}
}

void db_query_drop(struct db_query *query)
{
	if (query->state != DB_QUERY_RUNNING)
		return;
	query->dropped = true;
	conn_stop_query(query->conn, query, DB_STOP_SINK);
}

void query_finish(struct db_query *query)
{
	struct pool_stats *stats = &query->pool->stats;
	int64_t now_ns = co_now_ns();

	query->state = DB_QUERY_DONE;
	query->conn = NULL;
	query->elapsed_ns = now_ns - query->submitted_ns;
	query->queued_ns =
		query->sent_ns != 0 ? query->sent_ns - query->submitted_ns : query->elapsed_ns;
	note_definitions(query);
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
	if (query->class.outside_transaction)
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
		effects = ERR_EFFECTS_DONE;
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
