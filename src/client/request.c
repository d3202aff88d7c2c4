/* SPDX-License-Identifier: PostgreSQL */
#include "client/request.h"

#include "base/mem.h"
#include "base/utf8.h"

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

/* Another item or step; sql NULL where its kind has none. */
static int add(struct gather_request *request, enum request_kind kind, const char *name,
	       const char *sql)
{
	struct request_query query = {.kind = kind};
	int rc;

	if (request->report != NULL)
		return request_fail(request, GATHER_INVALID);
	rc = keep(request, name, &query.name);
	if (rc == 0)
		rc = keep(request, sql, &query.sql);
	return rc < 0 ? rc : add_query(request, &query);
}

int gather_request_add(struct gather_request *request, const char *name, const char *sql)
{
	if (sql == NULL)
		return request_fail(request, GATHER_INVALID);
	return add(request, REQUEST_QUERY, name, sql);
}

int gather_request_sequence(struct gather_request *request, const char *name)
{
	return add(request, REQUEST_SEQUENCE, name, NULL);
}

int gather_request_transaction(struct gather_request *request, const char *name)
{
	return add(request, REQUEST_TRANSACTION, name, NULL);
}

/* What was added last, or NULL: nothing, or a report. */
static struct request_query *last(struct gather_request *request)
{
	return request->count > 0 && request->report == NULL ? &request->queries[request->count - 1]
							     : NULL;
}

int gather_request_step(struct gather_request *request, const char *name, const char *sql)
{
	const struct request_query *before = last(request);

	if (sql == NULL || before == NULL || before->kind == REQUEST_QUERY)
		return request_fail(request, GATHER_INVALID);
	return add(request, REQUEST_STEP, name, sql);
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
	struct request_query *query = last(request);

	if (query == NULL || query->kind == REQUEST_STEP)
		return request_fail(request, GATHER_INVALID);
	return keep(request, db, &query->db);
}

int gather_request_query_timeout(struct gather_request *request, int64_t timeout_ms)
{
	struct request_query *query = last(request);

	if (query == NULL || timeout_ms < 0)
		return request_fail(request, GATHER_INVALID);
	query->timeout_ms = timeout_ms;
	return request->status;
}

int gather_request_query_max_rows(struct gather_request *request, int64_t count)
{
	struct request_query *query = last(request);

	if (query == NULL || count < 0 || query->sql == NULL)
		return request_fail(request, GATHER_INVALID);
	query->max_rows = count;
	return request->status;
}

int gather_request_transaction_modes(struct gather_request *request,
				     enum gather_isolation isolation, bool read_only,
				     bool deferrable)
{
	struct request_query *query = last(request);

	if (query == NULL || query->kind != REQUEST_TRANSACTION ||
	    (unsigned)isolation > GATHER_ISOLATION_SERIALIZABLE)
		return request_fail(request, GATHER_INVALID);
	query->isolation = isolation;
	query->read_only = read_only;
	query->deferrable = deferrable;
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

int gather_request_set_snapshot(struct gather_request *request, bool on)
{
	request->snapshot = on;
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
