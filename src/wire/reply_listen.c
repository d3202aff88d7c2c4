/* SPDX-License-Identifier: PostgreSQL */
/* The lines of a listen. */
#include "wire/json.h"
#include "wire/reply_write.h"

/* {"id":7,"event":"resync" */
static void begin_event(struct buf *out, struct str id, const char *event)
{
	buf_puts(out, "{\"id\":");
	buf_append_str(out, id);
	buf_puts(out, ",\"event\":\"");
	buf_puts(out, event);
	buf_putc(out, '"');
}

void reply_event_listening(struct buf *out, struct str id, const char *database,
			   const char *const *channels, size_t count)
{
	begin_event(out, id, "listening");
	buf_puts(out, ",\"db\":");
	json_write_string(out, str_from(database));
	buf_puts(out, ",\"channels\":[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_write_string(out, str_from(channels[i]));
	}
	buf_puts(out, "]}\n");
}

void reply_event_notification(struct buf *out, struct str id, const char *channel,
			      const char *payload, int pid)
{
	begin_event(out, id, "notification");
	buf_puts(out, ",\"channel\":");
	json_write_string(out, str_from(channel));
	buf_puts(out, ",\"payload\":");
	json_write_string(out, str_from(payload));
	buf_puts(out, ",\"pid\":");
	json_write_int(out, pid);
	buf_puts(out, "}\n");
}

void reply_event_resync(struct buf *out, struct str id)
{
	begin_event(out, id, "resync");
	buf_puts(out, "}\n");
}

void reply_event_listen_end(struct buf *out, struct str id, int64_t elapsed_ns,
			    const struct err *err)
{
	begin_event(out, id, "end");
	buf_putc(out, ',');
	reply_write_tally(out, err != NULL, elapsed_ns, NULL);
	if (err != NULL) {
		buf_puts(out, ",\"error\":");
		reply_write_error(out, err);
	}
	buf_puts(out, "}\n");
}
