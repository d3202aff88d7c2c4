/* SPDX-License-Identifier: PostgreSQL */
/*
 * CSV by RFC 4180, with lines that end in a newline alone, as psql and COPY write it. NULL is an
 * empty field, an empty string is "", so that COPY reads both back as they were.
 */
#include "cli/format.h"

static bool needs_quotes(struct str text)
{
	static const bool special[256] = {[','] = true, ['"'] = true, ['\r'] = true, ['\n'] = true};

	if (text.len == 0 || str_is(text, "\\."))
		return true;
	for (size_t i = 0; i < text.len; i++)
		if (special[(unsigned char)text.data[i]])
			return true;
	return false;
}

static void write_field(struct buf *out, struct str text)
{
	if (!needs_quotes(text)) {
		buf_append_str(out, text);
		return;
	}
	buf_putc(out, '"');
	while (text.len > 0) {
		const char *quote = memchr(text.data, '"', text.len);
		size_t len = quote != NULL ? (size_t)(quote - text.data) + 1 : text.len;

		buf_append(out, text.data, len);
		if (quote != NULL)
			buf_putc(out, '"');
		text = (struct str){text.data + len, text.len - len};
	}
	buf_putc(out, '"');
}

static void write_header(struct format *format, const struct json *columns)
{
	struct buf *out = &format->output->buf;

	if (format->shown++ > 0 && !format->output->per_query)
		buf_putc(out, '\n');
	for (size_t i = 0; i < columns->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		write_field(out, document_str(document_member(&columns->items[i], "name")));
	}
	buf_putc(out, '\n');
}

static void csv_event(struct format *format, const struct format_item *item,
		      const struct gather_event *event)
{
	struct buf *out = &format->output->buf;
	const struct json *rows = event->result.rows;

	(void)item;
	if (event->kind == GATHER_EVENT_COLUMNS)
		write_header(format, event->result.columns);
	if (event->kind != GATHER_EVENT_ROWS)
		return;
	for (size_t row = 0; row < rows->count; row++) {
		for (size_t column = 0; column < rows->items[row].count; column++) {
			const struct json *cell = result_cell(&event->result, row, column);

			if (column > 0)
				buf_putc(out, ',');
			if (cell->type != JSON_NULL)
				write_field(out, document_str(cell));
		}
		buf_putc(out, '\n');
		output_pump(format->output);
	}
}

const struct format_ops format_csv = {.values_text = true, .event = csv_event};
