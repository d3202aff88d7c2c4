/* SPDX-License-Identifier: PostgreSQL */
/*
 * Puts events into the order of the queries: what is of the query whose turn it is goes to the
 * format, what is of others waits in the spool. Tells of failed queries on stderr, in their turn.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "base/macros.h"
#include "cli/conclusion.h"
#include "cli/format.h"
#include "cli/item.h"
#include "cli/progress.h"
#include "cli/spool.h"
#include "cli/titles.h"

struct show {
	struct items items;
	struct spool *spool;
	struct format *format;
	struct progress *progress;
	struct document *document; /* of a line that comes back from the spool */
	struct buf line;	   /* the same */
	size_t turn;
	bool file_open;	   /* of the query whose turn it is, with a file for each */
	bool stopped;	   /* no output any more; errors are still told, as they come */
	bool committed;	   /* the transaction was, */
	bool outcome_told; /* and that has been said although something failed */
	bool whole;	   /* the answer is complete, and was handed to the output up to `end` */
	struct output_place end;
	size_t cancelled_count; /* failures that are the consequence of others, told as a number */
	bool failed, doubt; /* some query did; some query may have taken effect without an answer */
	const struct titles *titles;	/* of queries whose text is not known */
	enum options_together together; /* else the queries are the steps of one item, which */
	struct buf closing;		/* this line closes: empty until it has come */
	bool told;			/* an error of a query, one by one */
};

/* 0 or -ENOMEM. `together`, `titles` and `stopped` are the caller's to set. */
int show_init(struct show *show, const struct input *input, struct format *format,
	      struct spool *spool, struct progress *progress) MUST_CHECK;
void show_free(struct show *show);
/*
 * One event of an item. 0 or negative errno: the spool's, or of the output (which then has it too);
 * -EPROTO: an answer cannot go like that.
 */
int show_event(struct show *show, const struct gather_event *event) MUST_CHECK;
/* The answer is complete: all that is still to be shown is. */
int show_end(struct show *show, const struct gather_event *end) MUST_CHECK;
/*
 * At the very end, where something failed: tells of queries that were carried out without their
 * results having been printed in full, or that the transaction was. Whether there were any; those
 * that only read do not count.
 */
bool show_tell_carried_out(const struct show *show);
/* It never will be: tells of the failures that waited for their turn. */
void show_abandon(struct show *show);

/* ---- between the parts of this module ---- */

/* The queries are the steps of one item. */
bool show_is_stepped(const struct show *show);
/* Now, or later as one of many. */
void show_tell_failure(struct show *show, size_t index, const struct gather_error *error);
/* Of those that waited to be told as a number. */
void show_tell_consequences(struct show *show);
/* The item whose steps the queries are, if its end is known: shows and tells what came of it. 0 or
 * -ENOMEM. */
int show_conclude(struct show *show);

#endif
