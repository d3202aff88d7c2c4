/* SPDX-License-Identifier: PostgreSQL */
#include "db/conn.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "db/pgerror.h"
#include "db/pool.h"
#include "db/rows.h"
#include "db/statements.h"
#include "db/types.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* How long the server may take to end a query that was cancelled, before its connection is given
 * up. */
#define CANCEL_GRACE_NS (3 * CLOCK_SECOND)
/* A cancel that meets a backend before the query does is lost: ask again. */
#define CANCEL_AGAIN_NS	   (100 * CLOCK_MS)
#define CANCEL_MAX_AT_ONCE 8
/* How long rows may wait for the catalogue to tell of a type never seen before. */
#define LEARN_LIMIT_NS (5 * CLOCK_SECOND)
/* Our own cancel comes first; the server's time-out is for when we cannot. */
#define DEADLINE_MARGIN_NS  CLOCK_SECOND
#define CONNECT_ARENA_BYTES (64 * 1024)

/* ---- what others leave word of ---- */

void conn_assign(struct conn *conn, struct db_query *query)
{
	assert(conn->lease != NULL || (conn->state == CONN_IDLE && list_empty(&conn->unsent)));
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
	conn->lease = NULL;
	co_unpark(conn->driver);
}

void conn_resume(struct conn *conn)
{
	if (conn->paused) {
		conn->paused = false;
		co_unpark(conn->driver);
	}
}

void conn_retire(struct conn *conn)
{
	conn->closing = true;
	if (conn->state == CONN_CONNECTING && conn->driver != NULL)
		co_task_cancel(conn->driver);
	else if (conn->driver != NULL)
		co_unpark(conn->driver);
}

/* ---- cancelling ---- */

static bool cancel_wanted(const struct conn *conn)
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
	while (cancel_wanted(conn)) {
		int rc = await_cancel_slot(pool, conn->cancel_give_up_ns);

		if (rc == 0) {
			if (cancel_wanted(conn)) {
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
		if (cancel_wanted(conn))
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

/* ---- batches ---- */

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

/* ---- sending ---- */

static void flush(struct conn *conn)
{
	int rc = PQflush(conn->link.pg);

	conn->unflushed = rc == 1;
	if (rc < 0)
		conn->readable = true; /* let the read find out what the server said last */
}

static int send_describe(PGconn *pg, const struct db_query *query)
{
	bool sent = PQsendPrepare(pg, "", query->sql, 0, NULL) == 1 &&
		    PQsendDescribePrepared(pg, "") == 1 && PQpipelineSync(pg) == 1;

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

	if (query->deadline_ns == CLOCK_NEVER || conn->lease != NULL ||
	    !(query->class.plain_read || query->class.plain_write))
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

/* The number of commands that were sent, without the Sync; negative: libpq took them not, or not
 * all. */
static int send_execute(struct conn *conn, struct db_query *query)
{
	PGconn *pg = conn->link.pg;
	int count = (int)query->value_count, commands = 1;
	struct prepared_plan plan = {.named = false};
	bool sent = true;

	if (!query->unprepared && (query->class.plain_read || query->class.plain_write))
		plan = prepared_plan(&conn->prepared, conn->pool->statements, query->sql);
	query->named = plan.named;
	if (push_deadline(conn, query, &sent))
		commands++;
	if (sent && plan.drop[0] != '\0') {
		char drop[PREPARED_NAME_BYTES + 16];

		snprintf(drop, sizeof(drop), "deallocate %s", plan.drop);
		sent = PQsendQueryParams(pg, drop, 0, NULL, NULL, NULL, NULL, 0) == 1;
		commands++;
	}
	if (sent && plan.prepare) {
		sent = PQsendPrepare(pg, plan.name, query->sql, 0, NULL) == 1;
		commands++;
	}
	if (sent && plan.named)
		sent = PQsendQueryPrepared(pg, plan.name, count, query->values, NULL, NULL, 0) == 1;
	else if (sent)
		sent = PQsendQueryParams(pg, query->sql, count, NULL, query->values, NULL, NULL,
					 0) == 1;
	return sent && PQpipelineSync(pg) == 1 ? commands : -EIO;
}

static void refuse_stopped(struct db_query *query)
{
	err_set(&query->err, query->arena,
		query->stop == DB_STOP_TIMEOUT ? ERR_TIMEOUT : ERR_CANCELLED, ERR_EFFECTS_NONE,
		"%s before it was sent",
		query->stop == DB_STOP_TIMEOUT ? "timed out" : "cancelled");
	query_finish(query);
}

/* The mode belongs to the command that is at the head of libpq's queue, and has to be set before
 * anything of it is read. */
static void want_single_rows(struct conn *conn)
{
	const struct segment *head = results_head(&conn->results);

	if (head != NULL && results_at_query(head))
		PQsetSingleRowMode(conn->link.pg);
}

static void start_lease(struct conn *conn, struct db_query *query)
{
	conn->lease = query;
	query->sent_ns = co_now_ns();
	query_finish(query);
	query->conn = conn;
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
	if (!sent || PQpipelineSync(pg) != 1)
		conn->lost = true;
	else if (results_head(&conn->results) == &first->segment)
		want_single_rows(conn);
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

static void refuse_one(struct conn *conn, struct db_query *query)
{
	(void)conn;
	if (query->stop != DB_STOP_NONE) {
		refuse_stopped(query);
		return;
	}
	err_set_static(&query->err, ERR_SKIPPED, ERR_EFFECTS_NONE,
		       "skipped: another step was given up before it was sent");
	query_finish(query);
}

static void send_one(struct conn *conn, struct db_query *query)
{
	bool describe = query->kind == DB_QUERY_DESCRIBE;
	int commands;

	conn->just_reset = false;
	if (!list_empty(&query->batch)) {
		if (batch_stopped(query))
			for_batch(conn, query, refuse_one);
		else
			send_batch(conn, query);
		return;
	}
	if (query->stop != DB_STOP_NONE) {
		refuse_stopped(query);
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
	if (commands < 0) {
		/* libpq takes nothing, or only a part: what went out is unknown. */
		err_set(&query->err, query->arena, ERR_INTERNAL, ERR_EFFECTS_UNKNOWN,
			"cannot send: %s",
			pgerror_tidy(query->arena, PQerrorMessage(conn->link.pg)));
		conn->lost = true;
		return;
	}
	if (results_head(&conn->results) == &query->segment)
		want_single_rows(conn);
}

static void send_unsent(struct conn *conn)
{
	/* A signal that is still on the way must not hit what comes next, not even of the same
	 * holder. */
	if (list_empty(&conn->unsent) || conn->cancelling)
		return;
	while (!conn->lost && !list_empty(&conn->unsent)) {
		struct db_query *query = LIST_ENTRY(conn->unsent.next, struct db_query, node);

		list_remove(&query->node);
		send_one(conn, query);
	}
	flush(conn);
}

static void send_session(struct conn *conn, int commands)
{
	if (commands < 0 || PQpipelineSync(conn->link.pg) != 1) {
		conn->lost = true;
		return;
	}
	results_push(&conn->results, &conn->own, SEGMENT_SESSION, NULL, (unsigned)commands);
	conn->own_give_up_ns =
		clock_after_ns(co_now_ns(), conn->pool->conf->server_connect_timeout_ns);
	flush(conn);
}

/* ---- reading ---- */

static void take_rows_rc(struct conn *conn, struct db_query *query, int rc)
{
	if (rc == DB_SINK_PAUSE && !cancel_wanted(conn))
		conn->paused = true;
	else if (rc == DB_SINK_PAUSE)
		query->discard =
			true; /* it is being ended: nobody waits until the sink takes more */
	if (rc < 0) {
		query->dropped = true;
		conn_stop_query(conn, query, DB_STOP_SINK);
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

/*
 * A prepared statement that the server has no more (26000), or whose result would have another
 * shape than when it was prepared (0A000): both are found out at Bind, before anything is executed.
 * Run again, as text.
 */
static bool run_again(struct conn *conn, struct db_query *query)
{
	if (!query->named || query->err.code == ERR_NONE)
		return false;
	if (results_failed_early(&query->segment))
		prepared_forget(&conn->prepared, query->sql);
	/* In a transaction the error has ended it; a lease's holder runs its queries itself. */
	if (query->stop != DB_STOP_NONE || !query->stale || conn->lease != NULL)
		return false;
	prepared_clear(&conn->prepared);
	conn->dirty = true; /* the session may hold some of them still */
	statements_invalidate(conn->pool->statements, query->sql, strlen(query->sql));
	query->unprepared = true;
	query->err = (struct err){.code = ERR_NONE};
	pool_requeue(conn->pool, query);
	return true;
}

static void note_dirt(struct conn *conn, const struct db_query *query)
{
	conn->dirty = conn->dirty || query->class.dirties ||
		      conn->pool->conf->session_reset == CONFIG_RESET_ALWAYS;
}

static void finish_one(struct conn *conn, struct db_query *query)
{
	note_dirt(conn, query);
	if (query->skipped)
		err_set_static(&query->err, ERR_SKIPPED, ERR_EFFECTS_NONE,
			       "skipped: an earlier step failed");
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

static void finish_batch(struct conn *conn, struct db_query *first)
{
	share_stop(first);
	for_batch(conn, first, finish_one);
}

static void take_sync(struct conn *conn)
{
	struct segment *segment = results_pop(&conn->results);
	struct db_query *query = segment->query;

	if (segment->kind == SEGMENT_SESSION) {
		conn->dirty = conn->rolling_back;
		conn->just_reset = !conn->rolling_back;
		if (conn->just_reset)
			prepared_clear(&conn->prepared); /* DEALLOCATE ALL was among it */
		conn->rolling_back = false;
		return;
	}
	if (segment->kind == SEGMENT_BATCH) {
		finish_batch(conn, segment->first);
	} else if (!run_again(conn, query)) {
		note_dirt(conn, query);
		query_apply_stop(query);
		query_finish(query);
	}
	if (conn->canceller != NULL)
		co_unpark(conn->canceller);
	want_single_rows(conn);
}

static void mismatch(struct conn *conn, const PGresult *result)
{
	struct segment *head = results_head(&conn->results);
	ExecStatusType status = PQresultStatus(result);
	struct db_query *query = head == NULL ? NULL : head->query;

	conn->lost = true;
	if (query == NULL || query->err.code != ERR_NONE)
		return;
	if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		/* What is copied out may be what an INSERT returns. */
		err_set(&query->err, query->arena, ERR_BAD_REQUEST,
			status == PGRES_COPY_IN ? ERR_EFFECTS_NONE : ERR_EFFECTS_UNKNOWN,
			"COPY from or to the client is not possible here");
	else
		err_set(&query->err, query->arena, ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN,
			"the server's answer was out of step (%s); the connection was dropped",
			PQresStatus(status));
}

/* ---- types never seen before: the rows wait until the catalogue has told of them ---- */

static int learn_main(void *arg)
{
	struct conn *conn = arg;
	int rc = types_learn(conn->pool, conn->learn.oids, conn->learn.count,
			     clock_after_ns(co_now_ns(), LEARN_LIMIT_NS));

	/* On failure the values go out as text, which is what all but arrays of numbers are anyway.
	 */
	(void)rc;
	conn->learn.running = false;
	conn_resume(conn);
	co_unpark(conn->driver);
	return 0;
}

static bool hold_for_types(struct conn *conn, const struct db_query *query, PGresult *result,
			   enum results_step step)
{
	if (conn->held != NULL || query->kind != DB_QUERY_EXECUTE || query->has_rows ||
	    query->discard)
		return false;
	conn->learn.count = types_unknown(conn->pool->types, result, conn->learn.oids,
					  ARRAY_SIZE(conn->learn.oids));
	if (conn->learn.count == 0 || conn->learn.running ||
	    co_group_go(&conn->pool->group, learn_main, conn, "db types") < 0)
		return false;
	conn->learn.running = true;
	conn->held = result;
	conn->held_step = step;
	conn->paused = true;
	return true;
}

static void take_step(struct conn *conn, enum results_step step, PGresult *result)
{
	struct segment *head = results_head(&conn->results);

	switch (step) {
	case RESULTS_ROW:
		if (head->query->discard)
			head->query->dropped = true;
		else
			take_rows_rc(conn, head->query, rows_give(head->query, result));
		break;
	case RESULTS_END:
		take_end(conn, head, result);
		break;
	case RESULTS_COMMAND:
		want_single_rows(conn);
		break;
	case RESULTS_SYNC:
		take_sync(conn);
		break;
	case RESULTS_MISMATCH:
		mismatch(conn, result);
		break;
	}
}

/* Takes the result over. */
static void take_result(struct conn *conn, PGresult *result)
{
	enum results_step step = results_take(&conn->results, result);

	if ((step == RESULTS_ROW || step == RESULTS_END) &&
	    results_head(&conn->results)->query != NULL &&
	    hold_for_types(conn, results_head(&conn->results)->query, result, step))
		return;
	take_step(conn, step, result);
	PQclear(result);
}

static void take_held(struct conn *conn)
{
	PGresult *result = conn->held;

	if (result == NULL)
		return;
	take_step(conn, conn->held_step, result);
	conn->held = NULL;
	PQclear(result);
}

/* libpq's own words on a connection that is gone, not the server's. */
static bool made_up(const PGresult *result)
{
	return result == NULL || (PQresultStatus(result) == PGRES_FATAL_ERROR &&
				  PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL);
}

/*
 * libpq takes in a whole row before it shows any of it. While nothing comes out, what goes in is
 * counted, and a row that grows beyond its limit ends the connection: there is no other way to be
 * rid of the rest of it.
 */
static void count_hidden(struct conn *conn)
{
	struct segment *head = results_head(&conn->results);
	struct db_query *query = head == NULL ? NULL : head->query;
	int waiting = 0;

	if (!conn->counting || query == NULL || query->row_limit_bytes == 0 ||
	    ioctl(PQsocket(conn->link.pg), FIONREAD, &waiting) < 0)
		return;
	conn->hidden_bytes += (size_t)waiting;
	if (conn->hidden_bytes <= query->row_limit_bytes)
		return;
	if (query->err.code == ERR_NONE)
		err_set(&query->err, query->arena, ERR_TOO_LARGE,
			query->class.plain_read ? ERR_EFFECTS_NONE : ERR_EFFECTS_UNKNOWN,
			"a row is larger than %zu bytes", query->row_limit_bytes);
	conn->lost = true;
}

static void read_results(struct conn *conn)
{
	PGconn *pg = conn->link.pg;
	bool read = false, taken = false;

	if (!conn->paused)
		take_held(conn);
	if (conn->readable && !conn->paused) {
		PGnotify *notify;

		conn->readable = false;
		read = true;
		count_hidden(conn);
		/* 0 means that the connection is gone; PQstatus tells the same, and what came
		 * before is still to be read. */
		if (PQconsumeInput(pg) == 0 && PQstatus(pg) != CONNECTION_BAD)
			conn->lost = true;
		while ((notify = PQnotifies(pg)) != NULL)
			PQfreemem(notify);
	}
	while (!conn->lost && !conn->paused && !results_empty(&conn->results) && !PQisBusy(pg)) {
		PGresult *result = PQgetResult(pg);

		if (PQstatus(pg) == CONNECTION_BAD && made_up(result)) {
			PQclear(result);
			break;
		}
		take_result(conn, result);
		taken = true;
	}
	if (taken)
		conn->hidden_bytes = 0;
	if (read)
		conn->counting = !taken;
	if (PQstatus(pg) == CONNECTION_BAD && !conn->paused)
		conn->lost = true;
}

static void on_event(void *arg, unsigned events)
{
	struct conn *conn = arg;

	if (events & CO_READ)
		conn->readable = true;
	co_unpark(conn->driver);
}

static void on_notice(void *arg, const PGresult *result)
{
	struct conn *conn = arg;
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	/* While nothing runs even the end of the session comes as one. */
	if (severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		conn->lost = true;
	/* Only a dying server's last words matter: WARNING 57P02 comes as a notice. */
	if (text != NULL && PQresultErrorField(result, PG_DIAG_SQLSTATE) != NULL &&
	    strncmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "57P", 3) == 0)
		snprintf(conn->last_notice, sizeof(conn->last_notice), "%s", text);
}

/* ---- the driver ---- */

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
	PQsetNoticeReceiver(conn->link.pg, on_notice, conn);
	if (PQenterPipelineMode(conn->link.pg) != 1)
		return -EIO;
	rc = co_watch_start(&conn->watch, pool->loop, PQsocket(conn->link.pg), CO_READ, on_event,
			    conn);
	if (rc < 0)
		return rc;
	send_session(conn, session_send_setup(conn->link.pg, conf->statement_timeout_ns));
	while (!results_empty(&conn->results) && !conn->lost) {
		watch(conn);
		rc = co_park(conn->own_give_up_ns);
		if (rc < 0)
			return rc;
		if (conn->unflushed)
			flush(conn);
		read_results(conn);
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
	       session_baseline_holds(&conn->baseline, conn->link.pg);
}

static void reset_session(struct conn *conn)
{
	PGconn *pg = conn->link.pg;

	conn->pool->stats.resets++;
	/* An open transaction has to end in a segment of its own: the reset must not be part of it.
	 */
	if (PQtransactionStatus(pg) != PQTRANS_IDLE) {
		conn->rolling_back = true;
		send_session(conn,
			     PQsendQueryParams(pg, "rollback", 0, NULL, NULL, NULL, NULL, 0) == 1
				     ? 1
				     : -EIO);
		return;
	}
	send_session(conn, session_send_reset(pg, conn->pool->conf->statement_timeout_ns));
}

/* Nothing is in flight: what now? */
static void settle(struct conn *conn)
{
	struct pool *pool = conn->pool;
	int64_t now_ns = co_now_ns();

	if (conn->cancelling || conn->lease != NULL)
		return; /* its signal may still be on the way */
	if (now_ns >= conn->expires_ns)
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
	if (conn->state != CONN_IDLE) {
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
	if (conn->cancelling || cancel_wanted(conn))
		return conn->cancel_give_up_ns;
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

static void serve(struct conn *conn)
{
	while (!conn->lost) {
		int rc;

		/* Reading comes first: a session that has died in the pool must not be sent a
		 * query. */
		read_results(conn);
		if (conn->cancel_failed && results_empty(&conn->results))
			conn->lost = true;
		send_unsent(conn);
		if (conn->unflushed)
			flush(conn);
		if (!conn->lost && list_empty(&conn->unsent) && results_empty(&conn->results))
			settle(conn);
		if (conn->lost || (!list_empty(&conn->unsent) && !conn->cancelling))
			continue;
		watch(conn);
		rc = co_park(next_deadline_ns(conn));
		/* The pool ends now, or the server does not react to a cancel or a reset. */
		if (rc == -ECANCELED ||
		    (rc == -ETIMEDOUT && (conn->cancelling || !results_empty(&conn->results))))
			conn->lost = true;
	}
}

static void lose_one(struct conn *conn, struct db_query *query)
{
	if (query->skipped)
		err_set_static(&query->err, ERR_SKIPPED, ERR_EFFECTS_NONE,
			       "skipped: an earlier step failed");
	query_lost(query, conn->last_notice[0] != '\0' ? conn->last_notice : NULL);
	query_apply_stop(query);
	query_finish(query);
}

static void never_sent(struct conn *conn, struct db_query *query)
{
	(void)conn;
	err_set_static(&query->err, ERR_CONNECTION_LOST, ERR_EFFECTS_NONE,
		       "the connection was lost before this was sent");
	query_finish(query);
}

/* Every query that waits for this connection gets its answer. */
static void fail_queries(struct conn *conn)
{
	struct segment *segment;

	while ((segment = results_pop(&conn->results)) != NULL) {
		struct db_query *query = segment->query;

		if (query == NULL)
			continue;
		if (segment->kind == SEGMENT_BATCH) {
			share_stop(segment->first);
			for_batch(conn, segment->first, lose_one);
		} else {
			lose_one(conn, query);
		}
	}
	while (!list_empty(&conn->unsent)) {
		struct db_query *query = LIST_ENTRY(conn->unsent.next, struct db_query, node);

		list_remove(&query->node);
		query->conn = NULL;
		if (conn->lease != NULL)
			for_batch(conn, query, never_sent);
		else if (query->stop != DB_STOP_NONE)
			refuse_stopped(query);
		else
			pool_requeue(conn->pool, query);
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
	fail_queries(conn);
	if (conn->lease != NULL)
		conn->lease->conn = NULL; /* its holder sees that there is none any more */
	PQclear(conn->held);
	/* A cancel's transport still uses the key, a look-up of types still points here. */
	co_shield();
	while (conn->cancelling || conn->learn.running)
		if (co_park(CLOCK_NEVER) < 0)
			assert(false);
	co_unshield();
	connect_link_close(&conn->link);
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
