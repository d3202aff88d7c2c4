/* SPDX-License-Identifier: PostgreSQL */
#include "cli/format.h"

void format_init(struct format *format, enum options_format which, struct output *output)
{
	static const struct format_ops *const all[] = {
		[FORMAT_TABLE] = &format_table, [FORMAT_RAW] = &format_raw,
		[FORMAT_CSV] = &format_csv,	[FORMAT_JSON] = &format_json,
		[FORMAT_JSONL] = &format_jsonl,
	};

	*format = (struct format){.ops = all[which], .output = output};
	arena_init(&format->arena, 0, NULL);
	buf_init(&format->scratch, 0, NULL);
}

void format_next_item(struct format *format)
{
	arena_free(&format->arena);
	format->table = NULL;
	format->row_count = 0;
	format->in_rows = false;
}

void format_free(struct format *format)
{
	buf_free(&format->scratch);
	arena_free(&format->arena);
}
