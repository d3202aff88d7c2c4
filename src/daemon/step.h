/* SPDX-License-Identifier: PostgreSQL */
/*
 * One statement of an item: where its rows go, how it ended. A query is an item of one step. Knows
 * the item that it belongs to, nothing of its other steps.
 */
#ifndef DAEMON_STEP_H
#define DAEMON_STEP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/macros.h"
#include "daemon/params.h"
#include "db/query.h"
#include "wire/reply.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct captures;
struct db_lease;
struct item;

struct step {
	struct item *item;
	const struct request_query *request;
	size_t index;
	struct list unsent_node; /* session.unsent: has rows that stand in no output yet */
	struct list paused_node; /* session.paused */
	int64_t deadline_ns;

	struct params params;
	struct db_query query;
	struct err err;		       /* how it ended; ERR_NONE: well */
	bool ended;		       /* err and the times are set */
	int64_t queued_ns, elapsed_ns; /* since the request was read */

	/* Why the sink stopped the query; NULL: it did not, or the client is gone. */
	const char *stop_message;
	enum err_code stop_code;
	bool truncated; /* it has its max_rows */

	struct reply_shape shape;
	/* Combined: the columns' and rows' JSON; streamed: the rows line that is being filled. */
	struct buf rows;
	size_t line_rows; /* streamed: rows in that line */
	uint64_t row_count;
	struct captures *captures; /* values that other items take; NULL: none */
};

void step_init(struct step *step, struct item *item, const struct request_query *request,
	       size_t index);
void step_free(struct step *step);
/* Combined: its rows are given up, and it ends as too_large, as `why` says. */
void step_drop_rows(struct step *step, const char *why);
/* What it holds of its answer. */
static inline size_t step_bytes(const struct step *step)
{
	return buf_len(&step->rows);
}
/*
 * Waits, if parameter types have to be asked for (over the lease, if there is one). Judges the text
 * and binds the parameters: 0, and step->query is ready to be sent; or negative, and step->err is
 * set.
 */
int step_prepare(struct step *step, struct db_lease *lease) MUST_CHECK;
/* Whether step_prepare may have to ask for parameter types: an array needs to know. */
bool step_asks_types(const struct step *step);
/* The query has ended: sets err from it. */
void step_take_outcome(struct step *step);
/*
 * Its transaction was rolled back, or could not write: of what it did only that remains which was
 * done elsewhere (a file, another session, a sequence). Whether it may have done such a thing.
 */
bool step_rolled_back(struct step *step);
/* Its end: sets the times; streamed, writes its last event (`of_item`: as the item's own). */
void step_end(struct step *step, bool of_item);
/* For one that is not to run: sets err, as its end. */
void step_skip(struct step *step, enum err_code code, const char *message, bool of_item);
void step_outcome(const struct step *step, struct reply_outcome *ret_outcome);

/* Streamed: hands the rows that are there to the session's output. */
void step_flush_rows(struct step *step);
/* Streamed: its client reads again. */
void step_resume(struct step *step);

#endif
