/* SPDX-License-Identifier: PostgreSQL */
/* The line that a request becomes. */
#include "client/request.h"

#include "base/clock.h"
#include "wire/json.h"

static void write_text_member(struct buf *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	buf_printf(out, ",\"%s\":", key);
	json_write_string(out, str_from(text));
}

static void write_timeout(struct buf *out, int64_t timeout_ms)
{
	if (timeout_ms == 0)
		return;
	buf_puts(out, ",\"timeout\":");
	/* What is too long for nanoseconds, 292 years, is as good as that. */
	json_write_seconds(out,
			   timeout_ms > INT64_MAX / CLOCK_MS ? INT64_MAX : timeout_ms * CLOCK_MS);
}

static void write_params(struct buf *out, const struct request_query *query)
{
	if (query->params_kind == REQUEST_NO_PARAMS)
		return;
	buf_puts(out, query->params_kind == REQUEST_NUMBERED ? ",\"params\":[" : ",\"params\":{");
	buf_append_str(out, buf_str(&query->params));
	buf_putc(out, query->params_kind == REQUEST_NUMBERED ? ']' : '}');
}

/* What queries and steps have in common with whole items. */
static void write_rest(struct buf *out, const struct request_query *query)
{
	write_text_member(out, "name", query->name);
	write_params(out, query);
	write_text_member(out, "db", query->db);
	write_timeout(out, query->timeout_ms);
}

static bool is_plain(const struct request_query *query)
{
	return query->name == NULL && query->db == NULL && query->timeout_ms == 0 &&
	       query->max_rows == 0 && query->params_kind == REQUEST_NO_PARAMS;
}

static void write_query(struct buf *out, const struct request_query *query)
{
	if (is_plain(query)) {
		json_write_string(out, str_from(query->sql));
		return;
	}
	buf_puts(out, "{\"sql\":");
	json_write_string(out, str_from(query->sql));
	write_rest(out, query);
	if (query->max_rows > 0) {
		buf_puts(out, ",\"max_rows\":");
		json_write_int(out, query->max_rows);
	}
	buf_putc(out, '}');
}

static void write_modes(struct buf *out, const struct request_query *item)
{
	static const char *const levels[] = {
		[GATHER_ISOLATION_DEFAULT] = NULL,
		[GATHER_ISOLATION_READ_COMMITTED] = "read committed",
		[GATHER_ISOLATION_REPEATABLE_READ] = "repeatable read",
		[GATHER_ISOLATION_SERIALIZABLE] = "serializable",
	};

	write_text_member(out, "isolation", levels[item->isolation]);
	if (item->read_only)
		buf_puts(out, ",\"read_only\":true");
	if (item->deferrable)
		buf_puts(out, ",\"deferrable\":true");
}

/* An item; returns how many of the list it was. */
static size_t write_item(struct buf *out, const struct request_query *item, size_t left)
{
	size_t taken = 1;

	if (item->kind == REQUEST_QUERY) {
		write_query(out, item);
		return taken;
	}
	buf_puts(out, item->kind == REQUEST_SEQUENCE ? "{\"sequence\":[" : "{\"transaction\":[");
	for (; taken < left && item[taken].kind == REQUEST_STEP; taken++) {
		if (taken > 1)
			buf_putc(out, ',');
		write_query(out, &item[taken]);
	}
	buf_putc(out, ']');
	write_rest(out, item);
	write_modes(out, item);
	buf_putc(out, '}');
	return taken;
}

static void write_verb(struct buf *out, const struct gather_request *request)
{
	if (request->report != NULL) {
		write_text_member(out, "report", request->report);
		write_params(out, &request->queries[0]);
		return;
	}
	buf_puts(out, ",\"gather\":[");
	for (size_t i = 0; i < request->count;) {
		if (i > 0)
			buf_putc(out, ',');
		i += write_item(out, &request->queries[i], request->count - i);
	}
	buf_putc(out, ']');
}

/* 0; GATHER_INVALID: nothing to run; GATHER_NO_MEMORY: a parameter is not whole. */
static int check(const struct gather_request *request)
{
	if (request->count == 0)
		return GATHER_INVALID;
	for (size_t i = 0; i < request->count; i++) {
		const struct request_query *query = &request->queries[i];
		bool has_steps = i + 1 < request->count && query[1].kind == REQUEST_STEP;

		if ((query->kind == REQUEST_SEQUENCE || query->kind == REQUEST_TRANSACTION) &&
		    !has_steps)
			return GATHER_INVALID;
		if (buf_error(&query->params) < 0)
			return GATHER_NO_MEMORY;
	}
	return 0;
}

int request_write(const struct gather_request *request, int64_t id, struct buf *out)
{
	size_t before = buf_len(out);
	int rc;

	if (request->status < 0)
		return request->status;
	rc = check(request);
	if (rc < 0)
		return rc;
	buf_puts(out, "{\"id\":");
	json_write_int(out, id);
	write_verb(out, request);
	write_text_member(out, "db", request->db);
	write_timeout(out, request->timeout_ms);
	if (request->cancel_on_error)
		buf_puts(out, ",\"on_error\":\"cancel\"");
	if (request->snapshot)
		buf_puts(out, ",\"snapshot\":true");
	if (request->stream)
		buf_puts(out, ",\"stream\":true");
	if (request->row_objects)
		buf_puts(out, ",\"rows\":\"objects\"");
	if (request->values_text)
		buf_puts(out, ",\"values\":\"text\"");
	if (request->concurrency > 0)
		buf_printf(out, ",\"concurrency\":%u", request->concurrency);
	buf_puts(out, "}\n");
	if (buf_error(out) < 0) {
		buf_truncate(out, before);
		return GATHER_NO_MEMORY;
	}
	return 0;
}
