/* SPDX-License-Identifier: PostgreSQL */
/*
 * The combined answer, with the members that the daemon would have written had it not been asked
 * for a stream. Rows are written as they come, so what is known of the whole only at its end (`ok`,
 * the outcome of steps, the error of a query that has shown rows) stands behind what it is about.
 * With a file for each query: that query's result alone.
 */
#include "cli/format.h"
#include "wire/json.h"

/* Members as they stand, but for those that make up an event. Puts a comma before each, but for the
 * first if `first`. */
static void copy_members(struct buf *out, const struct json *object, bool with_id, bool first)
{
	for (size_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];

		if (str_is(member->key, "event") || str_is(member->key, "item") ||
		    str_is(member->key, "step") || str_is(member->key, "name") ||
		    (str_is(member->key, "id") && !with_id))
			continue;
		if (!first)
			buf_putc(out, ',');
		first = false;
		json_write_string(out, member->key);
		buf_putc(out, ':');
		buf_append_str(out, member->value.raw);
	}
}

/* Up to the first result, when that comes: a request that is refused has none. */
static void open_answer(struct format *format)
{
	struct buf *out = &format->output->buf;

	if (format->opened)
		return;
	format->opened = true;
	buf_puts(out, format->by_name ? "{\"results\":{" : "{\"results\":[");
	if (format->stepped)
		buf_puts(out, "{\"steps\":[");
}

/* Up to the members of the result; true: it has one already. */
static bool open_result(struct format *format, const struct format_item *item)
{
	struct buf *out = &format->output->buf;
	bool named = item->name != NULL;

	if (format->output->per_query) {
		buf_putc(out, '{');
	} else {
		open_answer(format);
		if (format->shown++ > 0)
			buf_putc(out, ',');
		if (format->by_name) {
			json_write_string(out, str_from(named ? item->name : ""));
			buf_putc(out, ':');
		}
		buf_putc(out, '{');
		named &= !format->by_name;
	}
	if (named) {
		buf_puts(out, "\"name\":");
		json_write_string(out, str_from(item->name));
	}
	return named;
}

/* As they stand, brackets off. */
static void write_rows(struct format *format, const struct json *rows)
{
	struct buf *out = &format->output->buf;

	if (rows->count == 0)
		return;
	if (format->row_count > 0)
		buf_putc(out, ',');
	format->row_count += rows->count;
	buf_append(out, rows->raw.data + 1, rows->raw.len - 2);
	output_pump(format->output);
}

static void json_event(struct format *format, const struct format_item *item,
		       const struct gather_event *event)
{
	struct buf *out = &format->output->buf;
	bool has_member;

	switch (event->kind) {
	case GATHER_EVENT_COLUMNS:
		if (open_result(format, item))
			buf_putc(out, ',');
		buf_puts(out, "\"columns\":");
		buf_append_str(out, event->result.columns->raw);
		buf_puts(out, ",\"rows\":[");
		format->in_rows = true;
		break;
	case GATHER_EVENT_ROWS:
		write_rows(format, event->result.rows);
		break;
	case GATHER_EVENT_DONE:
	case GATHER_EVENT_ERROR:
		has_member = format->in_rows || open_result(format, item);
		if (format->in_rows)
			buf_putc(out, ']');
		copy_members(out, &event->document->root, false, !has_member);
		buf_putc(out, '}');
		if (format->output->per_query)
			buf_putc(out, '\n');
		output_pump(format->output);
		break;
	default:
		break;
	}
}

static void json_close(struct format *format, const struct gather_event *event)
{
	struct buf *out = &format->output->buf;

	if (format->output->per_query)
		return;
	open_answer(format);
	buf_putc(out, ']');
	copy_members(out, &event->document->root, false, false);
	buf_putc(out, '}');
}

static void json_end(struct format *format, const struct gather_event *end)
{
	struct buf *out = &format->output->buf;

	if (format->output->per_query)
		return;
	open_answer(format);
	buf_putc(out, format->by_name ? '}' : ']');
	copy_members(out, &end->document->root, true, false);
	buf_puts(out, "}\n");
	output_pump(format->output);
}

const struct format_ops format_json = {
	.raw_rows = true, .whole = true, .event = json_event, .close = json_close, .end = json_end};
