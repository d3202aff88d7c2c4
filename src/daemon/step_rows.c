/* SPDX-License-Identifier: PostgreSQL */
#include "base/arena.h"
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/room.h"
#include "daemon/session.h"
#include "daemon/step_parts.h"
#include "db/pool.h"

#include <errno.h>
#include <stddef.h>

/* The protocol's limit on a rows line, with room for what closes it. */
#define STEP_LINE_BYTES (32 * 1024 - 4)
/* A combined item's rows begin in the gather's arena: most answers are small. */
#define STEP_FIRST_BYTES 256
/* What a column takes in the answer, about. */
#define COLUMN_BYTES 64

static int stop_for_memory(struct step *step, int error)
{
	if (error == -ENOBUFS)
		return step_stop(step, ERR_TOO_LARGE, "the daemon's memory_limit is reached");
	return step_stop(step, ERR_INTERNAL, "out of memory");
}

/*
 * What is half written to `buf`, behind its first `before` bytes, is taken back: they may be given
 * all the same, and only they have been charged. 0: others have given up room for the `bytes` that
 * it takes, so it can be written again.
 */
static int find_room(struct step *step, struct buf *buf, size_t before, size_t bytes)
{
	int error = buf_error(buf);

	buf_truncate(buf, before);
	if (error == -ENOBUFS && room_make(step, bytes))
		return 0;
	return stop_for_memory(step, error);
}

static size_t row_bytes(const struct reply_cell *cells, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += cells[i].len + 1;
	return bytes;
}

struct reply_event_place step_place(const struct step *step, bool of_item)
{
	return (struct reply_event_place){
		.id = step_gather(step)->request.id,
		.item = step->item->index,
		.has_step = !of_item,
		.step = step->index,
		.name = step->request->name,
	};
}

static int make_shape(struct step *step, const struct db_column *columns, size_t count)
{
	struct gather *gather = step_gather(step);
	const struct request_options *options = &gather->request.options;
	struct reply_style style = {.row_objects = options->row_objects,
				    .values_text = options->values_text};

	return shapes_make(&gather->shapes, &gather->arena, style,
			   step->item->lane->database->pool->types, columns, count, &step->shape);
}

static int take_columns(void *ctx, const struct db_column *columns, size_t count)
{
	struct step *step = ctx;
	struct gather *gather = step_gather(step);
	struct session *session = gather->session;

	if (make_shape(step, columns, count) < 0 || depends_take_columns(step, columns, count) < 0)
		return stop_for_memory(step, -ENOMEM);
	if (step_streams(step)) {
		struct reply_event_place at = step_place(step, item_is_query(step->item));
		struct buf *tail = output_tail(&session->output);

		if (tail != NULL)
			reply_event_columns(tail, &at, &step->shape);
		return session_output_changed(session) < 0 ? -EPIPE : 0;
	}
	buf_lend(&step->rows, arena_alloc(&gather->arena, STEP_FIRST_BYTES), STEP_FIRST_BYTES);
	for (;;) {
		shapes_write_head(&gather->shapes, &gather->arena, &step->rows);
		if (buf_error(&step->rows) == 0)
			break;
		if (find_room(step, &step->rows, 0, count * COLUMN_BYTES) < 0)
			return -ENOBUFS;
	}
	return room_take(step, buf_len(&step->rows)) ? 0 : -ENOBUFS;
}

static int add_combined_row(struct step *step, const struct reply_cell *cells)
{
	size_t before = buf_len(&step->rows);

	for (;;) {
		if (step->row_count > 1)
			buf_putc(&step->rows, ',');
		reply_write_row(&step->rows, &step->shape, cells);
		if (buf_error(&step->rows) == 0)
			break;
		if (find_room(step, &step->rows, before,
			      row_bytes(cells, step->shape.column_count)) < 0)
			return -ENOBUFS;
	}
	return room_take(step, buf_len(&step->rows) - before) ? 0 : -ENOBUFS;
}

void step_flush_rows(struct step *step)
{
	struct session *session = step_gather(step)->session;

	list_remove(&step->unsent_node);
	if (step->line_rows == 0)
		return;
	reply_event_rows_end(&step->rows);
	step->line_rows = 0;
	if (buf_error(&step->rows) != 0 || output_take(&session->output, &step->rows) < 0)
		session->output.failed = true;
	buf_reset(&step->rows);
	session_output_changed(session);
}

static int add_streamed_row(struct step *step, const struct reply_cell *cells)
{
	struct session *session = step_gather(step)->session;
	struct reply_event_place at = step_place(step, item_is_query(step->item));
	size_t before;

	for (;;) {
		if (step->line_rows == 0)
			reply_event_rows_begin(&step->rows, &at);
		before = buf_len(&step->rows);
		if (step->line_rows > 0)
			buf_putc(&step->rows, ',');
		reply_write_row(&step->rows, &step->shape, cells);
		if (buf_error(&step->rows) != 0) {
			if (find_room(step, &step->rows, before,
				      row_bytes(cells, step->shape.column_count)) < 0)
				return -ENOBUFS;
			if (step->line_rows == 0)
				buf_reset(&step->rows);
			continue;
		}
		if (step->line_rows == 0 || buf_len(&step->rows) <= STEP_LINE_BYTES)
			break;
		/* It does not fit behind the others: they go, and it begins a line of its own. */
		buf_truncate(&step->rows, before);
		step_flush_rows(step);
	}
	step->line_rows++;
	if (buf_len(&step->rows) >= STEP_LINE_BYTES)
		step_flush_rows(step);
	else if (list_empty(&step->unsent_node))
		session_add_unsent(session, step);
	if (session->output.failed || session->gone)
		return -EPIPE;
	return session_must_pause(session, step) ? DB_SINK_PAUSE : 0;
}

static int take_row(void *ctx, const struct db_cell *cells, size_t count)
{
	struct step *step = ctx;
	const struct reply_cell *wire = (const struct reply_cell *)(const void *)cells;

	_Static_assert(sizeof(struct reply_cell) == sizeof(struct db_cell) &&
			       offsetof(struct reply_cell, text) ==
				       offsetof(struct db_cell, text) &&
			       offsetof(struct reply_cell, len) == offsetof(struct db_cell, len),
		       "a row goes from db to wire without being copied");
	(void)count;
	if (step->request->max_rows > 0 && step->row_count >= step->request->max_rows) {
		step->truncated = true;
		/* A cancel would undo what a write did, and end a transaction: there the rest is
		 * read and dropped. */
		return step->query.class.plain_read && item_is_query(step->item) ? -ENOBUFS : 0;
	}
	if (depends_take_row(step, cells) < 0)
		return stop_for_memory(step, -ENOBUFS);
	step->row_count++;
	return step_streams(step) ? add_streamed_row(step, wire) : add_combined_row(step, wire);
}

struct db_sink step_sink(struct step *step)
{
	return (struct db_sink){.columns = take_columns, .row = take_row, .ctx = step};
}
