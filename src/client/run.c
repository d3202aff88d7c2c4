/* SPDX-License-Identifier: PostgreSQL */
/* Requests out, events in: what the connection's lines mean, and which request each belongs to. */
#include "client/connection.h"
#include "client/request.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json.h"

#include <errno.h>
#include <stdio.h>

static int check_open(struct gather *g)
{
	if (g->fd >= 0)
		return 0;
	if (g->broken != 0)
		return connection_fail(g, g->broken, "%s", gather_status_text(g->broken));
	return connection_fail(g, GATHER_INVALID, "not connected");
}

int gather_send(struct gather *g, const struct gather_request *request, int64_t *ret_id)
{
	size_t begin = buf_len(&g->out);
	/* An id is its line's number, which is also what the daemon answers to a line that it
	 * cannot read. */
	struct pending pending = {.id = g->line_count + 1};
	int rc;

	connection_begin_call(g);
	rc = check_open(g);
	if (rc < 0)
		return rc;
	if (g->finish)
		return connection_fail(g, GATHER_INVALID, "a request after gather_finish()");
	rc = request_write(request, pending.id, &g->out);
	if (rc < 0)
		return connection_fail(g, rc, "the request: %s", gather_status_text(rc));
	rc = connection_queue(g, begin, &pending);
	if (rc == 0 && ret_id != NULL)
		*ret_id = pending.id;
	return rc;
}

/* A line that the user has made no request for. */
static int send_own(struct gather *g, enum pending_kind kind, const char *members)
{
	size_t begin = buf_len(&g->out);
	struct pending pending = {.id = g->line_count + 1, .kind = kind};
	int rc;

	connection_begin_call(g);
	rc = check_open(g);
	if (rc < 0)
		return rc;
	if (g->finish)
		return connection_fail(g, GATHER_INVALID, "a request after gather_finish()");
	buf_puts(&g->out, "{\"id\":");
	json_write_int(&g->out, pending.id);
	buf_putc(&g->out, ',');
	buf_puts(&g->out, members);
	buf_puts(&g->out, "}\n");
	return connection_queue(g, begin, &pending);
}

int gather_cancel(struct gather *g, int64_t id)
{
	char members[64];

	snprintf(members, sizeof(members), "\"cancel\":%lld", (long long)id);
	return send_own(g, PENDING_CANCEL, members);
}

int gather_listen(struct gather *g, const char *const *channels, size_t count, const char *db,
		  int64_t *ret_id)
{
	struct buf members;
	bool valid = count > 0 && (db == NULL || utf8_valid(db, strlen(db)));
	int rc;

	buf_init(&members, 0, NULL);
	buf_puts(&members, "\"listen\":[");
	for (size_t i = 0; i < count && valid; i++) {
		valid = channels[i] != NULL && utf8_valid(channels[i], strlen(channels[i]));
		if (!valid)
			break;
		if (i > 0)
			buf_putc(&members, ',');
		json_write_string(&members, str_from(channels[i]));
	}
	buf_putc(&members, ']');
	if (db != NULL && valid) {
		buf_puts(&members, ",\"db\":");
		json_write_string(&members, str_from(db));
	}
	if (!valid)
		rc = connection_fail(g, GATHER_INVALID, "channels, and a db, are text in UTF-8");
	else if (buf_cstr(&members) == NULL)
		rc = connection_fail(g, GATHER_NO_MEMORY, "out of memory");
	else
		rc = send_own(g, PENDING_LISTEN, buf_data(&members));
	buf_free(&members);
	if (rc == 0 && ret_id != NULL)
		*ret_id = g->line_count;
	return rc;
}

int connection_ask_listing(struct gather *g, const char *members, connection_listing_fn *on_listing,
			   void *arg)
{
	g->on_listing = on_listing;
	g->on_listing_arg = arg;
	return send_own(g, PENDING_LISTING, members);
}

/* The line stays for the next time. */
static int out_of_memory(struct gather *g)
{
	connection_unread(g);
	return connection_fail(g, GATHER_NO_MEMORY, "out of memory");
}

/*
 * Reads the line as an event and settles whose it is. 1: it is for the user; 0: it is not, go on.
 */
static int take_line(struct gather *g, struct str line)
{
	enum pending_kind kind;
	struct pending *pending;
	bool final;
	int rc;

	rc = document_read(g->document, line);
	if (rc == 0)
		rc = event_read(g->document, &g->event);
	if (rc == -ENOMEM)
		return out_of_memory(g);
	if (rc < 0)
		return connection_break(g, GATHER_GARBLED, "the answer makes no sense: %.60s",
					line.data);
	pending = g->event.has_id ? connection_find(g, g->event.id) : NULL;
	if (pending == NULL)
		return 0;
	kind = pending->kind;
	final = event_is_final(&g->event) || kind == PENDING_LISTING;
	if (kind == PENDING_LISTING && g->on_listing(g->on_listing_arg, g->document) < 0)
		return out_of_memory(g);
	if (final)
		connection_answered(g, pending);
	return kind <= PENDING_LISTEN && g->event.kind < EVENT_CANCELLED;
}

/* gather_next() with a deadline. */
static int next(struct gather *g, int64_t deadline_ns)
{
	struct str line;
	int rc;

	do {
		connection_begin_call(g);
		rc = connection_receive(g, deadline_ns, &line);
		if (rc < 0)
			return rc;
		rc = line.len > 0 ? take_line(g, line) : 0;
	} while (rc == 0);
	return rc < 0 ? rc : 0;
}

int gather_next(struct gather *g, int64_t timeout_ms, const struct gather_event **ret_event)
{
	int rc = next(g, connection_deadline_ns(timeout_ms));

	if (rc == 0)
		*ret_event = &g->event;
	return rc;
}

/* Gives the answer the event's document with the line's memory under it; what came behind the line
 * moves to a new buffer. */
static int detach(struct gather *g, struct gather_answer *answer, struct document *spare)
{
	struct str rest = buf_str(&g->in);
	struct buf in;

	rest = (struct str){rest.data + g->line_len, rest.len - g->line_len};
	buf_init(&in, 0, NULL);
	buf_append_str(&in, rest);
	if (buf_error(&in) < 0) {
		buf_free(&in);
		return -ENOMEM;
	}
	g->document->line = g->in;
	g->in = in;
	g->line_len = g->scanned = 0;
	*answer = g->event.answer;
	g->document = spare;
	return 0;
}

static int wait_answer(struct gather *g, int64_t deadline_ns)
{
	const struct gather_error *error = &g->event.error;
	int rc = next(g, deadline_ns);

	if (rc < 0)
		return rc;
	if (g->event.kind == GATHER_EVENT_REFUSED) {
		g->event_held = true;
		return connection_fail(g, GATHER_REFUSED, "%s: %s", gather_error_code(error),
				       gather_error_message(error));
	}
	if (g->event.kind != GATHER_EVENT_ANSWER)
		return connection_break(g, GATHER_GARBLED, "events of a request that is no stream");
	return 0;
}

int gather_run(struct gather *g, const struct gather_request *request, int64_t timeout_ms,
	       struct gather_answer **ret_answer)
{
	int64_t deadline_ns = connection_deadline_ns(timeout_ms);
	struct gather_answer *answer;
	struct document *spare;
	int rc;

	connection_begin_call(g);
	if (request->stream || gather_unanswered(g) > 0)
		return connection_fail(g, GATHER_INVALID,
				       request->stream ? "a streamed request needs gather_send()"
						       : "an earlier request is unanswered");
	/* Before anything runs, so that a lack of memory cannot cost the answer. */
	answer = mem_calloc(1, sizeof(*answer));
	spare = document_new();
	if (answer == NULL || spare == NULL) {
		rc = connection_fail(g, GATHER_NO_MEMORY, "out of memory");
		goto fail;
	}
	rc = gather_send(g, request, NULL);
	if (rc == 0)
		rc = wait_answer(g, deadline_ns);
	if (rc < 0)
		goto fail;
	if (detach(g, answer, spare) < 0) {
		rc = connection_break(g, GATHER_NO_MEMORY, "out of memory");
		goto fail;
	}
	*ret_answer = answer;
	return 0;

fail:
	document_free(spare);
	mem_free(answer);
	return rc;
}

int gather_send_line(struct gather *g, const char *line, size_t len)
{
	size_t begin = buf_len(&g->out);
	int rc;

	connection_begin_call(g);
	rc = check_open(g);
	if (rc < 0)
		return rc;
	if (len > 0 && line[len - 1] == '\n')
		len--;
	if (g->finish || (len > 0 && memchr(line, '\n', len) != NULL))
		return connection_fail(g, GATHER_INVALID,
				       g->finish ? "a line after gather_finish()"
						 : "more than one line");
	buf_append(&g->out, line, len);
	buf_putc(&g->out, '\n');
	return connection_queue(g, begin, NULL);
}

int gather_receive_line(struct gather *g, int64_t timeout_ms, const char **ret_line,
			size_t *ret_len)
{
	struct str line;
	int rc;

	connection_begin_call(g);
	rc = connection_receive(g, connection_deadline_ns(timeout_ms), &line);
	if (rc < 0)
		return rc;
	*ret_line = line.data;
	*ret_len = line.len;
	return 0;
}

int gather_finish(struct gather *g)
{
	int rc;

	connection_begin_call(g);
	rc = check_open(g);
	if (rc < 0)
		return rc;
	g->finish = true;
	return connection_flush(g);
}
