/* SPDX-License-Identifier: PostgreSQL */
/* Rows, errors, outcomes and whole answers, as the protocol shapes them. Events of streams are
 * reply_event.c's. */
#include "wire/reply.h"

#include "wire/json.h"
#include "wire/reply_write.h"

void reply_write_columns(struct buf *out, const struct reply_shape *shape)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < shape->column_count; i++) {
		const struct reply_column *column = &shape->columns[i];

		buf_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		json_write_string(out, column->name);
		buf_puts(out, ",\"type\":");
		json_write_string(out, str_from(column->type->name));
		buf_puts(out, ",\"oid\":");
		json_write_int(out, column->type->oid);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

void reply_write_table_head(struct buf *out, const struct reply_shape *shape)
{
	buf_puts(out, "\"columns\":");
	reply_write_columns(out, shape);
	buf_puts(out, ",\"rows\":[");
}

static void write_cell(struct buf *out, const struct reply_shape *shape, size_t column,
		       const struct reply_cell *cell)
{
	struct str text = {cell->text, cell->len};

	if (cell->text == NULL)
		buf_append(out, "null", 4);
	else if (shape->style.values_text)
		value_write_text(out, text);
	else
		value_write_json(out, shape->columns[column].type, text);
}

static void write_row_object(struct buf *out, const struct reply_shape *shape,
			     const struct reply_cell *cells)
{
	if (shape->column_count == 0)
		buf_putc(out, '{');
	for (size_t i = 0; i < shape->column_count; i++) {
		buf_append_str(out, shape->prefixes[i]);
		write_cell(out, shape, i, &cells[i]);
	}
	buf_putc(out, '}');
}

void reply_write_row(struct buf *out, const struct reply_shape *shape,
		     const struct reply_cell *cells)
{
	if (shape->style.row_objects) {
		write_row_object(out, shape, cells);
		return;
	}
	if (shape->column_count == 0)
		buf_putc(out, '[');
	for (size_t i = 0; i < shape->column_count; i++) {
		buf_putc(out, i > 0 ? ',' : '[');
		write_cell(out, shape, i, &cells[i]);
	}
	buf_putc(out, ']');
}

static void write_field(struct buf *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	buf_puts(out, key);
	json_write_string(out, str_from(text));
}

void reply_write_error(struct buf *out, const struct err *err)
{
	write_field(out, "{\"code\":", err_code_name(err->code));
	write_field(out, ",\"message\":", err->message != NULL ? err->message : "");
	write_field(out, ",\"effects\":", err_effects_name(err->effects));
	write_field(out, ",\"key\":", err->key);
	if (err->code == ERR_SQL) {
		write_field(out, ",\"sqlstate\":", err->sqlstate[0] != '\0' ? err->sqlstate : NULL);
		write_field(out, ",\"severity\":", err->severity);
		write_field(out, ",\"detail\":", err->detail);
		write_field(out, ",\"hint\":", err->hint);
		if (err->position > 0) {
			buf_puts(out, ",\"position\":");
			json_write_int(out, err->position);
		}
		if (err->line > 0) {
			buf_puts(out, ",\"line\":");
			json_write_int(out, err->line);
		}
		write_field(out, ",\"context\":", err->context);
		write_field(out, ",\"parameter\":", err->parameter);
		write_field(out, ",\"schema\":", err->schema);
		write_field(out, ",\"table\":", err->table);
		write_field(out, ",\"column\":", err->column);
		write_field(out, ",\"constraint\":", err->constraint);
	}
	buf_putc(out, '}');
}

void reply_write_error_line(struct buf *out, struct str id, const struct err *err)
{
	buf_puts(out, "{\"id\":");
	buf_append_str(out, id);
	buf_puts(out, ",\"error\":");
	reply_write_error(out, err);
	buf_puts(out, "}\n");
}

void reply_write_times(struct buf *out, const struct reply_outcome *outcome)
{
	buf_puts(out, "\"queued\":");
	json_write_seconds(out, outcome->queued_ns);
	buf_puts(out, ",\"elapsed\":");
	json_write_seconds(out, outcome->elapsed_ns);
}

void reply_write_completion(struct buf *out, const struct reply_outcome *outcome)
{
	if (outcome->count >= 0) {
		buf_puts(out, "\"count\":");
		json_write_int(out, outcome->count);
		buf_putc(out, ',');
	}
	if (outcome->command.data != NULL) {
		buf_puts(out, "\"command\":");
		json_write_string(out, outcome->command);
		buf_putc(out, ',');
	}
	if (outcome->truncated)
		buf_puts(out, "\"truncated\":true,");
}

void reply_write_transaction(struct buf *out, enum reply_transaction transaction)
{
	switch (transaction) {
	case REPLY_NO_TRANSACTION:
		break;
	case REPLY_COMMITTED:
		buf_puts(out, "\"outcome\":\"committed\",");
		break;
	case REPLY_ROLLED_BACK:
		buf_puts(out, "\"outcome\":\"rolled_back\",");
		break;
	case REPLY_UNKNOWN:
		buf_puts(out, "\"outcome\":\"unknown\",");
		break;
	}
}

static void open_outcome(struct buf *out, const struct reply_outcome *outcome)
{
	buf_putc(out, '{');
	if (outcome->name.data != NULL) {
		buf_puts(out, "\"name\":");
		json_write_string(out, outcome->name);
		buf_putc(out, ',');
	}
}

static void close_outcome(struct buf *out, const struct reply_outcome *outcome)
{
	if (outcome->err != NULL) {
		buf_puts(out, "\"error\":");
		reply_write_error(out, outcome->err);
		buf_putc(out, ',');
	}
	reply_write_transaction(out, outcome->transaction);
	reply_write_times(out, outcome);
	buf_putc(out, '}');
}

void reply_outcome_begin(struct buf *out, const struct reply_outcome *outcome)
{
	open_outcome(out, outcome);
}

void reply_outcome_finish(struct buf *out, const struct reply_outcome *outcome)
{
	if (outcome->err == NULL) {
		if (outcome->has_rows)
			buf_puts(out, "],");
		reply_write_completion(out, outcome);
	}
	close_outcome(out, outcome);
}

void reply_write_outcome(struct buf *out, const struct reply_outcome *outcome)
{
	reply_outcome_begin(out, outcome);
	if (outcome->err == NULL && outcome->has_rows)
		buf_append_str(out, outcome->table);
	reply_outcome_finish(out, outcome);
}

void reply_steps_begin(struct buf *out, const struct reply_outcome *outcome)
{
	open_outcome(out, outcome);
	buf_puts(out, "\"steps\":[");
}

void reply_steps_finish(struct buf *out, const struct reply_outcome *outcome)
{
	buf_puts(out, "],");
	close_outcome(out, outcome);
}

static void write_text(struct buf *out, const char *key, struct str text)
{
	if (text.data == NULL)
		return;
	buf_puts(out, key);
	json_write_string(out, text);
	buf_putc(out, ',');
}

static void write_snapshot(struct buf *out, const struct reply_snapshot *snapshot)
{
	buf_puts(out, ",\"snapshot\":{");
	write_text(out, "\"id\":", snapshot->id);
	write_text(out, "\"server\":", snapshot->server);
	write_text(out, "\"lsn\":", snapshot->lsn);
	write_text(out, "\"time\":", snapshot->time);
	buf_puts(out, snapshot->in_recovery ? "\"in_recovery\":true}" : "\"in_recovery\":false}");
}

void reply_write_tally(struct buf *out, size_t failed, int64_t elapsed_ns,
		       const struct reply_snapshot *snapshot)
{
	buf_puts(out, failed == 0 ? "\"ok\":true,\"failed\":" : "\"ok\":false,\"failed\":");
	json_write_int(out, (int64_t)failed);
	buf_puts(out, ",\"elapsed\":");
	json_write_seconds(out, elapsed_ns);
	if (snapshot != NULL)
		write_snapshot(out, snapshot);
}

void reply_write_combined_head(struct buf *out, struct str id, size_t failed, int64_t elapsed_ns,
			       const struct reply_snapshot *snapshot)
{
	buf_puts(out, "{\"id\":");
	buf_append_str(out, id);
	buf_putc(out, ',');
	reply_write_tally(out, failed, elapsed_ns, snapshot);
	buf_puts(out, ",\"results\":");
}
