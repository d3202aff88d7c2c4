/* SPDX-License-Identifier: PostgreSQL */
/* The lines of a streamed answer. */
#include "wire/json.h"
#include "wire/reply_write.h"

/* {"id":7,"event":"columns","item":0, with the comma behind */
static void begin_event(struct buf *out, const struct reply_event_place *place, const char *event)
{
	buf_puts(out, "{\"id\":");
	buf_append_str(out, place->id);
	buf_puts(out, ",\"event\":\"");
	buf_puts(out, event);
	buf_puts(out, "\",\"item\":");
	json_write_int(out, (int64_t)place->item);
	if (place->has_step) {
		buf_puts(out, ",\"step\":");
		json_write_int(out, (int64_t)place->step);
	}
	if (place->name.data != NULL) {
		buf_puts(out, ",\"name\":");
		json_write_string(out, place->name);
	}
	buf_putc(out, ',');
}

void reply_event_columns(struct buf *out, const struct reply_event_place *place,
			 const struct reply_shape *shape)
{
	begin_event(out, place, "columns");
	buf_puts(out, "\"columns\":");
	reply_write_columns(out, shape);
	buf_puts(out, "}\n");
}

void reply_event_rows_begin(struct buf *out, const struct reply_event_place *place)
{
	begin_event(out, place, "rows");
	buf_puts(out, "\"rows\":[");
}

void reply_event_rows_end(struct buf *out)
{
	buf_puts(out, "]}\n");
}

void reply_event_outcome(struct buf *out, const struct reply_event_place *place,
			 const struct reply_outcome *outcome)
{
	begin_event(out, place, outcome->err != NULL ? "error" : "done");
	if (outcome->err != NULL) {
		buf_puts(out, "\"error\":");
		reply_write_error(out, outcome->err);
		buf_putc(out, ',');
	} else {
		reply_write_completion(out, outcome);
	}
	reply_write_transaction(out, outcome->transaction);
	reply_write_times(out, outcome);
	buf_puts(out, "}\n");
}

void reply_event_end(struct buf *out, struct str id, size_t failed, int64_t elapsed_ns,
		     const struct reply_snapshot *snapshot)
{
	buf_puts(out, "{\"id\":");
	buf_append_str(out, id);
	buf_puts(out, ",\"event\":\"end\",");
	reply_write_tally(out, failed, elapsed_ns, snapshot);
	buf_puts(out, "}\n");
}
