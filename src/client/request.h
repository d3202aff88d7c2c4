/* SPDX-License-Identifier: PostgreSQL */
/* A request as its builder keeps it, and the line that it becomes. Knows nothing of connections. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "client/gather.h"

enum request_params_kind { REQUEST_NO_PARAMS, REQUEST_NUMBERED, REQUEST_NAMED };

/* Items and steps stand in one list, in the order in which they were added: the steps of a sequence
 * or a transaction are what follows it, up to the next item. */
enum request_kind { REQUEST_QUERY, REQUEST_SEQUENCE, REQUEST_TRANSACTION, REQUEST_STEP };

struct request_query {
	enum request_kind kind;
	const char *name;   /* may be NULL */
	const char *sql;    /* QUERY and STEP */
	const char *db;	    /* may be NULL */
	int64_t timeout_ms; /* 0: none */
	int64_t max_rows;   /* 0: no limit */
	enum gather_isolation isolation;
	bool read_only, deferrable;
	enum request_params_kind params_kind;
	struct buf params; /* the inside of their JSON array or object */
};

struct gather_request {
	int status; /* sticky: the first failure */
	struct arena arena;
	const char *report; /* may be NULL; then queries[0] keeps its parameters */
	struct request_query *queries;
	size_t count, capacity;
	const char *db;
	int64_t timeout_ms;
	unsigned concurrency;
	bool cancel_on_error, snapshot, values_text, row_objects, stream;
};

/* Keeps the first failure, and returns it. */
int request_fail(struct gather_request *request, int status);
/* Rows as JSON objects, for who prints them; this library reads both. */
void request_set_row_objects(struct gather_request *request, bool on);
/* Appends the line with its newline. 0, GATHER_INVALID (nothing to run), GATHER_NO_MEMORY or the
 * sticky failure. */
int request_write(const struct gather_request *request, int64_t id, struct buf *out) MUST_CHECK;

#endif
