/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the files of one step share: step.c is its way from the request to its end, step_rows.c how
 * its rows get into the answer.
 */
#ifndef DAEMON_STEP_PARTS_H
#define DAEMON_STEP_PARTS_H

#include "daemon/gather.h"
#include "daemon/item.h"
#include "daemon/step.h"

#include <stdbool.h>

static inline struct gather *step_gather(const struct step *step)
{
	return step->item->gather;
}

static inline bool step_streams(const struct step *step)
{
	return step_gather(step)->request.options.stream;
}

/* ---- step.c ---- */

/* Why its rows are not wanted any more, which only the first says: what a sink returns then. */
int step_stop(struct step *step, enum err_code code, const char *message);

/* ---- step_rows.c ---- */

/* Where its rows go. */
struct db_sink step_sink(struct step *step);
/* What its events say of themselves; `of_item`: they are the item's own. */
struct reply_event_place step_place(const struct step *step, bool of_item);

#endif
