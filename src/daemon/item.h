/* SPDX-License-Identifier: PostgreSQL */
/* One item of a gather: a query, or steps that run in order on one connection. */
#ifndef DAEMON_ITEM_H
#define DAEMON_ITEM_H

#include "base/err.h"
#include "base/list.h"
#include "base/macros.h"
#include "daemon/step.h"
#include "wire/reply.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather;
struct gather_lane;
struct output;

struct item {
	struct gather *gather;
	struct gather_lane *lane;
	struct list node; /* lane.pending, or gather.blocked while `unmet` > 0 */
	size_t unmet;	  /* items whose values it waits for */
	const struct request_item *request;
	size_t index;
	int64_t deadline_ns;
	struct step *steps; /* request->step_count of them */
	struct err err;	    /* how it ended; ERR_NONE: well. A query's is its step's */
	enum reply_transaction transaction;
	bool ended;
	int64_t queued_ns, elapsed_ns; /* since the request was read */
};

static inline bool item_is_query(const struct item *item)
{
	return item->request->kind == REQUEST_QUERY;
}

/* Whether the database or its client's section is for reading only. */
bool item_reads_only(const struct item *item);

/* 0 or -ENOMEM. Its steps live in the gather's arena. */
int item_init(struct item *item, struct gather *gather, struct gather_lane *lane,
	      const struct request_item *request, size_t index) MUST_CHECK;
void item_free(struct item *item);
/* A task: runs it to its end. Non-zero: it failed. */
int item_main(void *arg);
/* For one that is not to be started any more. */
void item_skip(struct item *item, enum err_code code, const char *message);
/* The same with an error that is known. */
void item_fail(struct item *item, const struct err *err);
/* Its steps have ended: sets the rest of the outcome. */
void item_finish(struct item *item);
/* The rows of its largest step are given up for want of room, which `why` tells (a text that
 * stays). What is still to come of it is ended; one that had ended well has failed. */
void item_drop_rows(struct item *item, const char *why);
/* Its part of a combined answer; its rows are handed over. `name` is left out where the answer has
 * it as a key. */
void item_write(struct item *item, struct output *out, bool with_name);

#endif
