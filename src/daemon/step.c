/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/step.h"

#include "base/arena.h"
#include "base/log.h"
#include "daemon/culprit.h"
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/room.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/step_parts.h"
#include "db/pool.h"

#include <errno.h>
#include <string.h>

/* So much of a slow query's text is logged. */
#define STEP_LOG_SQL_BYTES 200
/* libpq holds a whole row: the largest one that is streamed where max_answer is less. */
#define STEP_ROW_BYTES (16 * 1024 * 1024)

void step_init(struct step *step, struct item *item, const struct request_query *request,
	       size_t index)
{
	struct gather *gather = item->gather;

	*step = (struct step){.item = item, .request = request, .index = index};
	list_init(&step->unsent_node);
	list_init(&step->paused_node);
	/* Charged to the daemon, since the session's output may take its memory over. */
	buf_init(&step->rows, 0, &gather->session->server->rows);
	step->deadline_ns = item->deadline_ns;
	if (request->timeout_ns > 0)
		step->deadline_ns = MIN(step->deadline_ns,
					clock_after_ns(gather->read_ns, request->timeout_ns));
}

void step_free(struct step *step)
{
	buf_free(&step->rows);
}

/* ---- rows that are not to be ---- */

int step_stop(struct step *step, enum err_code code, const char *message)
{
	if (step->stop_message == NULL) {
		step->stop_code = code;
		step->stop_message = message;
	}
	return -ENOBUFS;
}

static void drop_rows(struct step *step)
{
	room_give_back(step_gather(step), step_bytes(step));
	buf_free(&step->rows);
}

/* Its statement went well; only its rows are missing. */
static void fail_for_room(struct step *step)
{
	enum err_effects effects =
		step->query.class.plain_read ? ERR_EFFECTS_NONE : ERR_EFFECTS_DONE;

	if (step->item->transaction == REPLY_ROLLED_BACK)
		effects = ERR_EFFECTS_NONE;
	else if (step->item->transaction == REPLY_UNKNOWN)
		effects = ERR_EFFECTS_UNKNOWN;
	err_set_static(&step->err, step->stop_code, effects, step->stop_message);
}

void step_drop_rows(struct step *step, const char *why)
{
	if (step_streams(step))
		return;
	drop_rows(step);
	if (!step->ended) {
		step_stop(step, ERR_TOO_LARGE, why);
		db_query_drop(&step->query);
	} else if (step->err.code == ERR_NONE && step->query.has_rows) {
		step_stop(step, ERR_TOO_LARGE, why);
		fail_for_room(step);
		server_count_error(step_gather(step)->session->server, step->err.code);
	}
}

void step_resume(struct step *step)
{
	list_remove(&step->paused_node);
	db_query_resume(&step->query);
}

/* ---- what is judged before it is sent ---- */

static int refuse(struct step *step, const char *message)
{
	err_set_static(&step->err, ERR_BAD_REQUEST, ERR_EFFECTS_NONE, message);
	return -EINVAL;
}

static const char *why_no_transaction(const struct item *item)
{
	if (item_is_query(item))
		return "each query is a transaction of its own; to have several in one: "
		       "gather -1, or {\"transaction\": [...]} in a request";
	if (item->request->kind == REQUEST_TRANSACTION)
		return "a step cannot begin or end a transaction: all steps are in one already";
	return "a step cannot begin or end a transaction; to have all of them in one: "
	       "gather -1, or {\"transaction\": [...]} in a request";
}

static int judge(struct step *step)
{
	if (step->request->sql_has_nul)
		return refuse(step, "the query holds \\u0000, which PostgreSQL's text cannot");
	step->query.class =
		texts_classify(&step_gather(step)->session->server->texts, step->request->sql);
	switch (step->query.class.refusal) {
	case SQL_RUNS:
		if (step->query.class.ends_transactions && item_reads_only(step->item))
			return refuse(step, "CALL and DO may begin a transaction that writes; the "
					    "database is read-only for you");
		return 0;
	case SQL_EMPTY:
		return refuse(step, "the query is empty");
	case SQL_COPY_STREAM:
		return refuse(step, "COPY to or from the client is not possible here; rows out: "
				    "SELECT (gather --csv writes CSV); rows in: INSERT ... SELECT "
				    "FROM unnest($1::int[], $2::text[]) with an array for each "
				    "column, or psql's \\copy");
	case SQL_TRANSACTION_CONTROL:
		return refuse(step, why_no_transaction(step->item));
	case SQL_LISTEN:
		return refuse(step, "LISTEN in a query would be undone at its end, and nothing "
				    "come; a request {\"listen\": [\"channel\"]} (gather -J) "
				    "gives the notifications");
	case SQL_SEVERAL:
		return refuse(step,
			      "several statements in one query; make each a query of its own: an "
			      "argument of gather each, or a file for gather -f");
	}
	return -EINVAL;
}

bool step_asks_types(const struct step *step)
{
	const struct request_query *request = step->request;

	for (size_t i = 0; i < request->param_count; i++)
		if (request->params[i].reference == NULL &&
		    request->params[i].value->type == JSON_ARRAY)
			return true;
	return false;
}

int step_prepare(struct step *step, struct db_lease *lease)
{
	struct gather *gather = step_gather(step);
	struct db_owner owner = session_owner(gather->session, gather->number);
	int rc = judge(step);

	if (rc < 0)
		return rc;
	if (step->stop_message != NULL) { /* those before it held too much */
		err_set_static(&step->err, step->stop_code, ERR_EFFECTS_NONE, step->stop_message);
		return -ENOBUFS;
	}
	step->query.sink = step_sink(step);
	step->query.owner = owner;
	step->query.arena = &gather->arena;
	step->query.hold_limit_bytes =
		step_gather(step)->session->server->config->item_buffer_bytes;
	step->query.row_limit_bytes =
		MAX(gather->session->server->config->max_answer_bytes, (size_t)STEP_ROW_BYTES);
	/* With max_rows some of what comes is not part of the answer. */
	step->query.whole =
		!step_streams(step) && step->request->max_rows == 0 && step->query.class.plain_read;
	rc = params_bind(step->item->lane->database, lease, step->request, depends_value, gather,
			 owner, &gather->arena, step->deadline_ns, &step->params, &step->err);
	if (rc < 0)
		return rc;
	step->query.sql = step->params.sql;
	step->query.values = step->params.values;
	step->query.value_count = step->params.count;
	return 0;
}

/* ---- its end ---- */

/* The sink has stopped the query: for its max_rows, which is no error; for want of room; or since
 * nobody reads it. */
static void take_stopped(struct step *step)
{
	enum err_effects effects = step->query.err.effects;
	const struct err *err = &step->query.err;
	bool by_us = err->code == ERR_SQL && strcmp(err->sqlstate, "57014") == 0;

	if (step->truncated && (err->code == ERR_NONE || by_us)) {
		step->err = (struct err){.code = ERR_NONE};
		step->query.count = (int64_t)step->row_count;
	} else if (step->stop_message != NULL) {
		err_set_static(&step->err, step->stop_code, effects, step->stop_message);
	} else if (step_gather(step)->session->gone) {
		err_set_static(&step->err, ERR_CANCELLED, effects, "the client is gone");
	} else if (err->code == ERR_NONE || by_us) {
		err_set_static(&step->err, ERR_INTERNAL, effects, "no memory for its result");
	}
}

void step_take_outcome(struct step *step)
{
	step->err = step->query.err;
	if (step->err.code == ERR_SQL)
		culprit_tell(&step->err, step->request, &step->params.named,
			     &step_gather(step)->arena);
	if (step->query.stopped_by_sink)
		take_stopped(step);
	if (step->stop_message != NULL && step->err.code == ERR_NONE)
		fail_for_room(step);
	/* The count is of the rows that were given. */
	if (step->truncated && step->query.class.plain_read)
		step->query.count = (int64_t)step->row_count;
	if (step->err.code == ERR_SQL && step->params.count > 0)
		params_forget(step->item->lane->database, step->params.sql);
}

bool step_rolled_back(struct step *step)
{
	const struct db_query *query = &step->query;
	/* One behind another that failed was sent, but not run. */
	bool ran = query->sent_ns != 0 && query->err.code != ERR_SKIPPED && !query->never_ran;
	bool remains = ran && query->class.outside_transaction;

	if (step->err.code != ERR_NONE)
		step->err.effects = remains ? ERR_EFFECTS_UNKNOWN : ERR_EFFECTS_NONE;
	return remains;
}

/* Time in the queue is the pool's matter, not the query's: `stats` shows it. */
static void log_end(const struct step *step)
{
	const struct session *session = step_gather(step)->session;
	int64_t limit_ns = session->server->config->slow_query_ns;
	int64_t ran_ns = step->elapsed_ns - step->queued_ns;
	bool slow = limit_ns > 0 && ran_ns >= limit_ns, failed = step->err.code != ERR_NONE;
	int shown = (int)MIN(step->request->sql.len, (size_t)STEP_LOG_SQL_BYTES);

	if (!slow && !log_enabled(LOG_LEVEL_DEBUG))
		return;
	log_line(slow ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		 "client %llu (pid %d): %squery on \"%s\": %.3f s%s%s: %.*s",
		 (unsigned long long)session->number, (int)session->access.pid, slow ? "slow " : "",
		 step->item->lane->database->conf.name, (double)ran_ns / (double)CLOCK_SECOND,
		 failed ? ", " : "", failed ? err_code_name(step->err.code) : "", shown,
		 step->request->sql.data);
}

static void write_event(struct step *step, bool of_item)
{
	struct session *session = step_gather(step)->session;
	struct reply_event_place at = step_place(step, of_item);
	struct reply_outcome outcome;
	struct buf *tail;

	list_remove(&step->paused_node);
	step_flush_rows(step);
	buf_free(&step->rows); /* its room is the event's, if there is little */
	step_outcome(step, &outcome);
	tail = output_tail(&session->output);
	if (tail != NULL)
		reply_event_outcome(tail, &at, &outcome);
	session_output_changed(session);
}

void step_end(struct step *step, bool of_item)
{
	struct gather *gather = step_gather(step);
	struct server *server = gather->session->server;

	/* Between its outcome and its end, which is its transaction's. */
	if (step->stop_message != NULL && step->err.code == ERR_NONE)
		fail_for_room(step);
	gather_explain_cancel(gather, &step->err);
	step->ended = true;
	step->elapsed_ns = co_now_ns() - gather->read_ns;
	if (step->query.sent_ns != 0)
		step->queued_ns = step->query.sent_ns - gather->read_ns;
	else
		step->queued_ns = step->err.code == ERR_BAD_REQUEST ? 0 : step->elapsed_ns;
	server->queries++;
	server_count_error(server, step->err.code);
	log_end(step);
	/* The rows of a failed one are void, and their room is the others'. */
	if (step->err.code != ERR_NONE && !step_streams(step)) {
		drop_rows(step);
		room_take_error(gather, &step->err);
	}
	if (step_streams(step))
		write_event(step, of_item);
}

void step_skip(struct step *step, enum err_code code, const char *message, bool of_item)
{
	err_set_static(&step->err, code, ERR_EFFECTS_NONE, message);
	step_end(step, of_item);
}

void step_outcome(const struct step *step, struct reply_outcome *ret_outcome)
{
	const struct db_query *query = &step->query;

	*ret_outcome = (struct reply_outcome){
		.name = step->request->name,
		.queued_ns = step->queued_ns,
		.elapsed_ns = step->elapsed_ns,
	};
	if (step->err.code != ERR_NONE) {
		ret_outcome->err = &step->err;
		return;
	}
	ret_outcome->has_rows = query->has_rows;
	ret_outcome->table = buf_str(&step->rows);
	ret_outcome->count = query->count;
	ret_outcome->truncated = step->truncated;
	/* One that was stopped at its max_rows has had no command tag. */
	ret_outcome->command = str_from(query->command != NULL ? query->command
					: step->truncated      ? "SELECT"
							       : NULL);
}
