/* SPDX-License-Identifier: PostgreSQL */
/* One item of a gather: its query, where its rows go, how it ended. */
#ifndef DAEMON_ITEM_H
#define DAEMON_ITEM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/macros.h"
#include "daemon/params.h"
#include "db/query.h"
#include "wire/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather;
struct gather_lane;

struct item {
	struct gather *gather;
	struct gather_lane *lane;
	struct list node;	 /* lane.pending; while it streams: session.unsent */
	struct list paused_node; /* session.paused */
	const struct request_query *request;
	size_t index;
	int64_t deadline_ns;

	struct params params;
	struct db_query query;
	struct err err;		  /* how it ended; ERR_NONE: well */
	enum err_code sink_error; /* why the sink stopped it */
	const char *sink_message;

	struct reply_shape shape;
	struct buf columns; /* combined: their JSON text */
	struct buf rows;    /* combined: rows' JSON; streamed: the rows line that is being filled */
	size_t line_rows;   /* streamed: rows in that line */
	bool ended;	    /* err and the times are set */
	int64_t queued_ns, elapsed_ns; /* since the request was read */
};

void item_init(struct item *item, struct gather *gather, struct gather_lane *lane,
	       const struct request_query *request, size_t index);
void item_free(struct item *item);
/* A task: waits for the query's end. Sets the item's outcome; streamed, writes its last event.
 * Non-zero: it failed. */
int item_main(void *arg);
/* For one that is not to be started any more. */
void item_skip(struct item *item, enum err_code code);
/* Streamed: hands the rows that are there to the session's output. */
void item_flush_rows(struct item *item);
/* Streamed: its client reads again. */
void item_resume(struct item *item);
void item_outcome(const struct item *item, struct reply_outcome *ret_outcome);

#endif
