/* SPDX-License-Identifier: PostgreSQL */
/* The parameters of a request's last query, appended as JSON when they are given. */
#include "client/request.h"

#include "base/utf8.h"
#include "wire/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Writes what stands before the value; the buffer to write it to, or NULL (the request has the
 * failure). */
static struct buf *begin(struct gather_request *request, const char *name)
{
	enum request_params_kind kind = name == NULL ? REQUEST_NUMBERED : REQUEST_NAMED;
	struct request_query *query;

	if (request->status < 0)
		return NULL;
	query = request->count > 0 ? &request->queries[request->count - 1] : NULL;
	if (query == NULL || (request->report == NULL && query->sql == NULL) ||
	    (request->report != NULL && name == NULL) ||
	    (query->params_kind != REQUEST_NO_PARAMS && query->params_kind != kind) ||
	    (name != NULL && !utf8_valid(name, strlen(name)))) {
		request_fail(request, GATHER_INVALID);
		return NULL;
	}
	query->params_kind = kind;
	if (buf_len(&query->params) > 0)
		buf_putc(&query->params, ',');
	if (name != NULL) {
		json_write_string(&query->params, str_from(name));
		buf_putc(&query->params, ':');
	}
	return &query->params;
}

static int end(struct gather_request *request, const struct buf *params)
{
	return buf_error(params) < 0 ? request_fail(request, GATHER_NO_MEMORY) : 0;
}

int gather_request_param_text(struct gather_request *request, const char *name, const char *text)
{
	struct buf *params;

	if (text == NULL || !utf8_valid(text, strlen(text)))
		return request_fail(request, GATHER_INVALID);
	params = begin(request, name);
	if (params == NULL)
		return request->status;
	json_write_string(params, str_from(text));
	return end(request, params);
}

int gather_request_param_int64(struct gather_request *request, const char *name, int64_t value)
{
	struct buf *params = begin(request, name);

	if (params == NULL)
		return request->status;
	json_write_int(params, value);
	return end(request, params);
}

/* The shortest of 15 to 17 digits that reads back as the same double, with a point in every locale.
 */
static void write_double(struct buf *out, double value)
{
	char text[64];
	bool point = false;

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if ((*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == 'e') {
			buf_putc(out, *at);
		} else if (!point) {
			buf_putc(out, '.');
			point = true;
		}
	}
}

int gather_request_param_double(struct gather_request *request, const char *name, double value)
{
	struct buf *params;

	if (isnan(value))
		return gather_request_param_text(request, name, "NaN");
	if (isinf(value))
		return gather_request_param_text(request, name,
						 value > 0 ? "Infinity" : "-Infinity");
	params = begin(request, name);
	if (params == NULL)
		return request->status;
	write_double(params, value);
	return end(request, params);
}

static int add_word(struct gather_request *request, const char *name, const char *word)
{
	struct buf *params = begin(request, name);

	if (params == NULL)
		return request->status;
	buf_puts(params, word);
	return end(request, params);
}

int gather_request_param_bool(struct gather_request *request, const char *name, bool value)
{
	return add_word(request, name, value ? "true" : "false");
}

int gather_request_param_null(struct gather_request *request, const char *name)
{
	return add_word(request, name, "null");
}

/* Objects that the protocol reads as something else: a reference to another item, or an object in
 * its wrapping. */
static bool needs_wrapping(const struct json *value)
{
	bool only_json = value->count == 1 && json_member(value, "json") != NULL;
	bool reference = json_member(value, "from") != NULL &&
			 json_member(value, "column") != NULL &&
			 value->count == (json_member(value, "row") != NULL ? 3U : 2U);

	return value->type == JSON_OBJECT && (only_json || reference);
}

int gather_request_param_json(struct gather_request *request, const char *name, const char *json)
{
	struct json_error error;
	struct arena arena;
	struct json value;
	struct buf *params;
	bool wrap;
	int rc;

	if (json == NULL)
		return request_fail(request, GATHER_INVALID);
	arena_init(&arena, 0, NULL);
	rc = json_parse(&arena, str_from(json), &value, &error);
	if (rc < 0) {
		arena_free(&arena);
		return request_fail(request, rc == -ENOMEM ? GATHER_NO_MEMORY : GATHER_INVALID);
	}
	params = begin(request, name);
	if (params != NULL) {
		wrap = needs_wrapping(&value);
		if (wrap)
			buf_puts(params, "{\"json\":");
		/* Written anew, since the caller's may have newlines. */
		json_write_value(params, &value);
		if (wrap)
			buf_putc(params, '}');
		rc = end(request, params);
	} else {
		rc = request->status;
	}
	arena_free(&arena);
	return rc;
}

int gather_request_param_reference(struct gather_request *request, const char *name,
				   const char *from, const char *column, int64_t row)
{
	struct buf *params;

	if (from == NULL || column == NULL || row < GATHER_WHOLE_COLUMN ||
	    request->report != NULL || !utf8_valid(from, strlen(from)) ||
	    !utf8_valid(column, strlen(column)))
		return request_fail(request, GATHER_INVALID);
	params = begin(request, name);
	if (params == NULL)
		return request->status;
	buf_puts(params, "{\"from\":");
	json_write_string(params, str_from(from));
	buf_puts(params, ",\"column\":");
	json_write_string(params, str_from(column));
	if (row != GATHER_WHOLE_COLUMN) {
		buf_puts(params, ",\"row\":");
		json_write_int(params, row);
	}
	buf_putc(params, '}');
	return end(request, params);
}
