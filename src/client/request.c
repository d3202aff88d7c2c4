/* SPDX-License-Identifier: PostgreSQL */
#include "client/request.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json.h"

struct gather_request *gather_request_new(void)
{
	struct gather_request *request = mem_calloc(1, sizeof(*request));

	if (request != NULL)
		arena_init(&request->arena, 0, NULL);
	return request;
}

void gather_request_free(struct gather_request *request)
{
	if (request == NULL)
		return;
	for (size_t i = 0; i < request->count; i++)
		buf_free(&request->queries[i].params);
	mem_free(request->queries);
	arena_free(&request->arena);
	mem_free(request);
}

int request_fail(struct gather_request *request, int status)
{
	if (request->status == 0)
		request->status = status;
	return request->status;
}

/* A copy in *ret_copy; NULL text stays NULL. */
static int keep(struct gather_request *request, const char *text, const char **ret_copy)
{
	const char *copy = NULL;

	if (request->status < 0)
		return request->status;
	if (text != NULL) {
		if (!utf8_valid(text, strlen(text)))
			return request_fail(request, GATHER_INVALID);
		copy = arena_strdup(&request->arena, text);
		if (copy == NULL)
			return request_fail(request, GATHER_NO_MEMORY);
	}
	*ret_copy = copy;
	return 0;
}

static int add_query(struct gather_request *request, const struct request_query *query)
{
	size_t capacity = request->capacity;
	struct request_query *queries;

	if (request->count == capacity) {
		capacity = capacity == 0 ? 8 : capacity * 2;
		if (capacity > SIZE_MAX / sizeof(*queries))
			return request_fail(request, GATHER_NO_MEMORY);
		queries = mem_realloc(request->queries, capacity * sizeof(*queries));
		if (queries == NULL)
			return request_fail(request, GATHER_NO_MEMORY);
		request->queries = queries;
		request->capacity = capacity;
	}
	request->queries[request->count++] = *query;
	return 0;
}

int gather_request_add(struct gather_request *request, const char *name, const char *sql)
{
	struct request_query query = {0};
	int rc;

	if (sql == NULL || request->report != NULL)
		return request_fail(request, GATHER_INVALID);
	rc = keep(request, name, &query.name);
	if (rc == 0)
		rc = keep(request, sql, &query.sql);
	return rc < 0 ? rc : add_query(request, &query);
}

int gather_request_report(struct gather_request *request, const char *name)
{
	struct request_query query = {0};
	int rc;

	if (name == NULL || request->count > 0)
		return request_fail(request, GATHER_INVALID);
	rc = keep(request, name, &request->report);
	return rc < 0 ? rc : add_query(request, &query);
}

int gather_request_query_db(struct gather_request *request, const char *db)
{
	if (request->count == 0 || request->report != NULL)
		return request_fail(request, GATHER_INVALID);
	return keep(request, db, &request->queries[request->count - 1].db);
}

int gather_request_query_timeout(struct gather_request *request, int64_t timeout_ms)
{
	if (request->count == 0 || request->report != NULL || timeout_ms < 0)
		return request_fail(request, GATHER_INVALID);
	request->queries[request->count - 1].timeout_ms = timeout_ms;
	return request->status;
}

int gather_request_set_db(struct gather_request *request, const char *db)
{
	return keep(request, db, &request->db);
}

int gather_request_set_timeout(struct gather_request *request, int64_t timeout_ms)
{
	if (timeout_ms < 0)
		return request_fail(request, GATHER_INVALID);
	request->timeout_ms = timeout_ms;
	return request->status;
}

int gather_request_set_cancel_on_error(struct gather_request *request, bool on)
{
	request->cancel_on_error = on;
	return request->status;
}

int gather_request_set_concurrency(struct gather_request *request, unsigned count)
{
	request->concurrency = count;
	return request->status;
}

int gather_request_set_values_text(struct gather_request *request, bool on)
{
	request->values_text = on;
	return request->status;
}

int gather_request_set_stream(struct gather_request *request, bool on)
{
	request->stream = on;
	return request->status;
}

void request_set_row_objects(struct gather_request *request, bool on)
{
	request->row_objects = on;
}

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

static void write_query(struct buf *out, const struct request_query *query)
{
	if (query->name == NULL && query->db == NULL && query->timeout_ms == 0 &&
	    query->params_kind == REQUEST_NO_PARAMS) {
		json_write_string(out, str_from(query->sql));
		return;
	}
	buf_puts(out, "{\"sql\":");
	json_write_string(out, str_from(query->sql));
	write_text_member(out, "name", query->name);
	write_params(out, query);
	write_text_member(out, "db", query->db);
	write_timeout(out, query->timeout_ms);
	buf_putc(out, '}');
}

static void write_verb(struct buf *out, const struct gather_request *request)
{
	if (request->report != NULL) {
		write_text_member(out, "report", request->report);
		write_params(out, &request->queries[0]);
		return;
	}
	buf_puts(out, ",\"gather\":[");
	for (size_t i = 0; i < request->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		write_query(out, &request->queries[i]);
	}
	buf_putc(out, ']');
}

int request_write(const struct gather_request *request, int64_t id, struct buf *out)
{
	size_t before = buf_len(out);

	if (request->status < 0)
		return request->status;
	if (request->count == 0)
		return GATHER_INVALID;
	for (size_t i = 0; i < request->count; i++)
		if (buf_error(&request->queries[i].params) < 0)
			return GATHER_NO_MEMORY;
	buf_puts(out, "{\"id\":");
	json_write_int(out, id);
	write_verb(out, request);
	write_text_member(out, "db", request->db);
	write_timeout(out, request->timeout_ms);
	if (request->cancel_on_error)
		buf_puts(out, ",\"on_error\":\"cancel\"");
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
