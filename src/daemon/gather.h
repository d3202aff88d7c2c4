/* SPDX-License-Identifier: PostgreSQL */
/*
 * One gather under way: its items, the task that runs them, and how its answer is put together.
 * Lives from the request line until the answer has been handed to the session's output; everything
 * of it is in its arena.
 */
#ifndef DAEMON_GATHER_H
#define DAEMON_GATHER_H

#include "base/arena.h"
#include "base/list.h"
#include "base/macros.h"
#include "co/co.h"
#include "daemon/item.h"
#include "daemon/shapes.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;
struct session;
struct snapshot;

/* The items of one gather that use one database. */
struct gather_lane {
	struct database *database;
	struct list pending; /* struct item.node: not started */
	size_t running;
	size_t window;	     /* may run at once, however many others do */
	struct share *share; /* NULL: no limit but the pool's */
	unsigned share_limit;
	size_t items; /* that have not ended */
};

struct gather {
	struct session *session;
	struct list node; /* session.requests */
	struct arena arena;
	struct request request;
	uint64_t number; /* of the daemon's requests: fairness */
	int64_t read_ns;
	int64_t deadline_ns;

	struct item *items;
	size_t item_count;
	struct gather_lane *lanes;
	size_t lane_count;
	struct gather_lane *usual; /* of items that name no database; NULL: none so far */
	struct shapes shapes;
	struct list blocked; /* struct item.node: wait for values of other items */
	size_t running, concurrency;
	size_t failed;
	size_t answer_bytes;	   /* of a combined answer, so far */
	struct snapshot *snapshot; /* NULL: each query sees its own */
	bool stopped;		   /* no further item is started */
	enum err_code stop_code;   /* what items that it hits are answered with */

	struct co_group group;
	struct co_task *task;
	struct co_timer late; /* the next deadline of an item's own: it may not have been started */
};

/*
 * Takes a parsed gather over, with the arena that it lives in, and starts it. 0, or negative and
 * *ret_err is the answer to the whole request (nothing ran; the caller frees with gather_free).
 */
int gather_start(struct gather *gather, struct err *ret_err) MUST_CHECK;
/* Memory for one, with its arena; NULL when there is none. */
struct gather *gather_new(struct session *session);
void gather_free(struct gather *gather);
/* Ends it: what has not ended is answered with `code` (ERR_CANCELLED, ERR_SHUTTING_DOWN). Waits for
 * nothing. */
void gather_cancel(struct gather *gather, enum err_code code);

/* Of an error that is a cancel: where it was the daemon's own end, it says so. Effects stay. */
void gather_explain_cancel(const struct gather *gather, struct err *err);

/* ---- for item.c and snapshot.c ---- */

/* An item is no longer pending. */
void gather_item_started(struct gather *gather, struct item *item);
/* An item's task is at its end: others may start. */
void gather_item_ended(struct gather *gather, struct item *item);
/* One that had ended well, and on whose end others may have begun, has failed all the same. */
void gather_item_failed_late(struct gather *gather);

#endif
