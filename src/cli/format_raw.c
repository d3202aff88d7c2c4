/* SPDX-License-Identifier: PostgreSQL */
/* Values alone: tab-separated, a line a row, nothing around or between. NULL is empty; values are
 * not escaped. */
#include "cli/format.h"

static void raw_event(struct format *format, const struct format_item *item,
		      const struct gather_event *event)
{
	struct buf *out = &format->output->buf;
	const struct json *rows = event->result.rows;

	(void)item;
	if (event->kind != GATHER_EVENT_ROWS)
		return;
	for (size_t row = 0; row < rows->count; row++) {
		for (size_t column = 0; column < rows->items[row].count; column++) {
			const struct json *cell = result_cell(&event->result, row, column);

			if (column > 0)
				buf_putc(out, '\t');
			if (cell->type != JSON_NULL)
				buf_append_str(out, document_str(cell));
		}
		buf_putc(out, '\n');
		output_pump(format->output);
	}
}

const struct format_ops format_raw = {.values_text = true, .event = raw_event};
