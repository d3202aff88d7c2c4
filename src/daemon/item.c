/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/item.h"

#include "base/arena.h"
#include "base/log.h"
#include "daemon/database.h"
#include "daemon/gather.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/types.h"
#include "db/pool.h"

#include <errno.h>
#include <string.h>

/* The protocol's limit on a rows line, with room for what closes it. */
#define ITEM_LINE_BYTES	   (32 * 1024 - 4)
#define ITEM_LOG_SQL_BYTES 200

void item_init(struct item *item, struct gather *gather, struct gather_lane *lane,
	       const struct request_query *request, size_t index)
{
	*item = (struct item){.gather = gather, .lane = lane, .request = request, .index = index};
	list_init(&item->node);
	list_init(&item->paused_node);
	/* Charged to the daemon, since the session's output may take their memory over. */
	buf_init(&item->columns, 0, &gather->session->server->memory);
	buf_init(&item->rows, 0, &gather->session->server->memory);
	item->deadline_ns = gather->deadline_ns;
	if (request->timeout_ns > 0)
		item->deadline_ns = MIN(item->deadline_ns,
					clock_after_ns(gather->read_ns, request->timeout_ns));
}

void item_free(struct item *item)
{
	buf_free(&item->columns);
	buf_free(&item->rows);
}

/* ---- where rows go ---- */

static bool streams(const struct item *item)
{
	return item->gather->request.options.stream;
}

static int stop(struct item *item, enum err_code code, const char *message)
{
	if (item->sink_message == NULL) {
		item->sink_error = code;
		item->sink_message = message;
	}
	return -ENOBUFS;
}

static int stop_for_memory(struct item *item, int error)
{
	if (error == -ENOBUFS)
		return stop(item, ERR_TOO_LARGE, "the daemon's memory_limit is reached");
	return stop(item, ERR_INTERNAL, "out of memory");
}

/* What was just written to `buf`, behind its first `before` bytes, counts for the answer or is
 * taken back. */
static int charge(struct item *item, struct buf *buf, size_t before)
{
	if (gather_charge(item->gather, buf_len(buf) - before))
		return 0;
	buf_truncate(buf, before);
	return stop(item, ERR_TOO_LARGE, "the combined answer would exceed max_answer; use stream");
}

static struct reply_event_place place(const struct item *item)
{
	return (struct reply_event_place){
		.id = item->gather->request.id,
		.item = item->index,
		.name = item->request->name,
	};
}

static int make_shape(struct item *item, const struct db_column *columns, size_t count)
{
	struct gather *gather = item->gather;
	const struct request_options *options = &gather->request.options;
	struct reply_style style = {.row_objects = options->row_objects,
				    .values_text = options->values_text};
	struct reply_column *wire = arena_calloc(&gather->arena, count, sizeof(*wire));

	if (wire == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct value_type *storage = arena_alloc(&gather->arena, sizeof(*storage));
		const char *name = arena_strdup(&gather->arena, columns[i].name);

		if (storage == NULL || name == NULL)
			return -ENOMEM;
		wire[i].name = str_from(name);
		wire[i].type = types_value_type(item->lane->database->pool->types, columns[i].oid,
						storage);
	}
	return reply_shape_make(&gather->arena, style, wire, count, &item->shape);
}

static int take_columns(void *ctx, const struct db_column *columns, size_t count)
{
	struct item *item = ctx;
	struct session *session = item->gather->session;

	if (make_shape(item, columns, count) < 0)
		return stop_for_memory(item, -ENOMEM);
	if (streams(item)) {
		struct reply_event_place at = place(item);
		struct buf *tail = output_tail(&session->output);

		if (tail != NULL)
			reply_event_columns(tail, &at, &item->shape);
		return session_output_changed(session) < 0 ? -EPIPE : 0;
	}
	reply_write_columns(&item->columns, &item->shape);
	if (buf_error(&item->columns) != 0)
		return stop_for_memory(item, buf_error(&item->columns));
	return charge(item, &item->columns, 0);
}

static int add_combined_row(struct item *item, const struct reply_cell *cells)
{
	size_t before = buf_len(&item->rows);

	if (before > 0)
		buf_putc(&item->rows, ',');
	reply_write_row(&item->rows, &item->shape, cells);
	if (buf_error(&item->rows) != 0)
		return stop_for_memory(item, buf_error(&item->rows));
	return charge(item, &item->rows, before);
}

void item_flush_rows(struct item *item)
{
	struct session *session = item->gather->session;

	list_remove(&item->node);
	if (item->line_rows == 0)
		return;
	reply_event_rows_end(&item->rows);
	item->line_rows = 0;
	if (buf_error(&item->rows) != 0)
		session->output.failed = true;
	else if (output_take(&session->output, &item->rows) < 0)
		session->output.failed = true;
	buf_reset(&item->rows);
	session_output_changed(session);
}

static int add_streamed_row(struct item *item, const struct reply_cell *cells)
{
	struct session *session = item->gather->session;
	struct reply_event_place at = place(item);
	size_t before;

	for (;;) {
		if (item->line_rows == 0)
			reply_event_rows_begin(&item->rows, &at);
		before = buf_len(&item->rows);
		if (item->line_rows > 0)
			buf_putc(&item->rows, ',');
		reply_write_row(&item->rows, &item->shape, cells);
		if (buf_error(&item->rows) != 0)
			return stop_for_memory(item, buf_error(&item->rows));
		if (item->line_rows == 0 || buf_len(&item->rows) <= ITEM_LINE_BYTES)
			break;
		/* It does not fit behind the others: they go, and it begins a line of its own. */
		buf_truncate(&item->rows, before);
		item_flush_rows(item);
	}
	item->line_rows++;
	if (buf_len(&item->rows) >= ITEM_LINE_BYTES)
		item_flush_rows(item);
	else if (list_empty(&item->node))
		session_add_unsent(session, item);
	if (session->output.failed || session->gone)
		return -EPIPE;
	return session_must_pause(session, item) ? DB_SINK_PAUSE : 0;
}

static int take_row(void *ctx, const struct db_cell *cells, size_t count)
{
	struct item *item = ctx;
	const struct reply_cell *wire = (const struct reply_cell *)(const void *)cells;

	_Static_assert(sizeof(struct reply_cell) == sizeof(struct db_cell) &&
			       offsetof(struct reply_cell, text) ==
				       offsetof(struct db_cell, text) &&
			       offsetof(struct reply_cell, len) == offsetof(struct db_cell, len),
		       "a row goes from db to wire without being copied");
	(void)count;
	return streams(item) ? add_streamed_row(item, wire) : add_combined_row(item, wire);
}

void item_resume(struct item *item)
{
	list_remove(&item->paused_node);
	db_query_resume(&item->query);
}

/* ---- what is judged before it is sent ---- */

static int refuse(struct item *item, const char *message)
{
	err_set_static(&item->err, ERR_BAD_REQUEST, ERR_EFFECTS_NONE, message);
	return -EINVAL;
}

static int prepare(struct item *item)
{
	struct gather *gather = item->gather;
	const struct request_query *request = item->request;
	struct sql_class *class = &item->query.class;
	struct db_owner owner = session_owner(gather->session, gather->number);
	int rc;

	if (request->sql_has_nul)
		return refuse(item, "the query holds \\u0000, which PostgreSQL's text cannot");
	*class = sql_classify(request->sql);
	switch (class->refusal) {
	case SQL_RUNS:
		break;
	case SQL_EMPTY:
		return refuse(item, "the query is empty");
	case SQL_COPY_STREAM:
		return refuse(item, "COPY from STDIN or to STDOUT is not possible; select the "
				    "rows, or insert them");
	case SQL_TRANSACTION_CONTROL:
		return refuse(item, "each query is a transaction of its own; BEGIN, COMMIT, "
				    "ROLLBACK and SAVEPOINT are not possible here");
	case SQL_SEVERAL:
		return refuse(item,
			      "several statements in one query; make each an item of its own");
	}
	item->query.sink = (struct db_sink){.columns = take_columns, .row = take_row, .ctx = item};
	item->query.owner = owner;
	item->query.arena = &gather->arena;
	rc = params_bind(item->lane->database, request, owner, &gather->arena, item->deadline_ns,
			 &item->params, &item->err);
	if (rc < 0)
		return rc;
	item->query.sql = item->params.sql;
	item->query.values = item->params.values;
	item->query.value_count = item->params.count;
	return 0;
}

/* ---- its end ---- */

static void take_outcome(struct item *item)
{
	struct db_query *query = &item->query;
	struct gather *gather = item->gather;

	item->err = query->err;
	if (item->err.position > 0 && item->params.named.shift_count > 0)
		item->err.position = sql_params_position(&item->params.named, item->err.position);
	if (query->stopped_by_sink && item->sink_message != NULL) {
		enum err_effects effects = query->err.effects;

		err_set_static(&item->err, item->sink_error, effects, item->sink_message);
	} else if (query->stopped_by_sink) {
		/* The client is gone: nobody reads this. */
		err_set(&item->err, NULL, ERR_CANCELLED, query->err.effects, "the client is gone");
	}
	if (item->err.code == ERR_CANCELLED && gather->stop_code == ERR_SHUTTING_DOWN) {
		item->err.code = ERR_SHUTTING_DOWN;
		item->err.message = "gatherd is shutting down";
	}
	if (item->err.code == ERR_SQL && item->params.count > 0)
		params_forget(item->lane->database, item->params.sql);
}

/* Time in the queue is the pool's matter, not the query's: `stats` shows it. */
static void log_slow(const struct item *item)
{
	int64_t limit_ns = item->gather->session->server->config->slow_query_ns;
	int64_t ran_ns = item->elapsed_ns - item->queued_ns;
	int shown = (int)MIN(item->request->sql.len, (size_t)ITEM_LOG_SQL_BYTES);

	if (limit_ns > 0 && ran_ns >= limit_ns)
		log_info("client %llu: slow query on \"%s\": %.3f s: %.*s",
			 (unsigned long long)item->gather->session->number,
			 item->lane->database->conf.name, (double)ran_ns / (double)CLOCK_SECOND,
			 shown, item->request->sql.data);
}

static void end(struct item *item)
{
	struct gather *gather = item->gather;
	struct session *session = gather->session;

	item->ended = true;
	item->elapsed_ns = co_now_ns() - gather->read_ns;
	if (item->query.sent_ns != 0)
		item->queued_ns = item->query.sent_ns - gather->read_ns;
	else
		item->queued_ns = item->err.code == ERR_BAD_REQUEST ? 0 : item->elapsed_ns;
	session->server->items++;
	server_count_error(session->server, item->err.code);
	if (item->err.code != ERR_NONE) {
		gather->failed++;
		/* Its rows are void, and their room is the others'. */
		if (!streams(item)) {
			gather_uncharge(gather, buf_len(&item->rows) + buf_len(&item->columns));
			buf_free(&item->rows);
			buf_free(&item->columns);
		}
	}
	log_slow(item);
	if (streams(item)) {
		struct reply_event_place at = place(item);
		struct reply_outcome outcome;
		struct buf *tail;

		list_remove(&item->paused_node);
		item_flush_rows(item);
		item_outcome(item, &outcome);
		tail = output_tail(&session->output);
		if (tail != NULL)
			reply_event_outcome(tail, &at, &outcome);
		buf_free(&item->rows);
		session_output_changed(session);
	}
}

void item_skip(struct item *item, enum err_code code)
{
	static const char *const messages[ERR_CODE_COUNT] = {
		[ERR_CANCELLED] = "cancelled before it was sent",
		[ERR_SHUTTING_DOWN] = "gatherd is shutting down",
		[ERR_INTERNAL] = "out of memory",
	};

	err_set_static(&item->err, code, ERR_EFFECTS_NONE, messages[code]);
	end(item);
}

int item_main(void *arg)
{
	struct item *item = arg;

	if (prepare(item) == 0) {
		db_execute(item->lane->database->pool, &item->query, item->deadline_ns);
		take_outcome(item);
	}
	end(item);
	gather_item_ended(item->gather, item);
	return item->err.code == ERR_NONE ? 0 : -EIO;
}

void item_outcome(const struct item *item, struct reply_outcome *ret_outcome)
{
	const struct db_query *query = &item->query;

	*ret_outcome = (struct reply_outcome){
		.name = item->request->name,
		.queued_ns = item->queued_ns,
		.elapsed_ns = item->elapsed_ns,
	};
	if (item->err.code != ERR_NONE) {
		ret_outcome->err = &item->err;
		return;
	}
	ret_outcome->has_rows = query->has_rows;
	ret_outcome->columns = buf_str(&item->columns);
	ret_outcome->rows = buf_str(&item->rows);
	ret_outcome->count = query->count;
	ret_outcome->command = str_from(query->command);
}
