/* SPDX-License-Identifier: PostgreSQL */
/* The events of the protocol, a line each, as the daemon wrote them. */
#include "cli/format.h"

static void write_line(struct format *format, const struct gather_event *event)
{
	buf_append_str(&format->output->buf, event->document->root.raw);
	buf_putc(&format->output->buf, '\n');
	output_pump(format->output);
}

static void jsonl_event(struct format *format, const struct format_item *item,
			const struct gather_event *event)
{
	(void)item;
	write_line(format, event);
}

/* What is of no query alone. */
static void jsonl_end(struct format *format, const struct gather_event *event)
{
	if (!format->output->per_query)
		write_line(format, event);
}

const struct format_ops format_jsonl = {
	.raw_rows = true, .event = jsonl_event, .close = jsonl_end, .end = jsonl_end};
