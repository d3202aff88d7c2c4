/* SPDX-License-Identifier: PostgreSQL */
/* What the files of one gather share: gather.c is its life and its answer, gather_plan.c what is
 * settled before it runs, gather_run.c which of its items run. */
#ifndef DAEMON_GATHER_PARTS_H
#define DAEMON_GATHER_PARTS_H

#include "daemon/gather.h"

/* ---- gather_plan.c ---- */

/* Makes the items: 0, or negative and *ret_err is the answer to the whole request. */
int gather_plan(struct gather *gather, struct err *ret_err) MUST_CHECK;

/* ---- gather_run.c ---- */

/* As many as may run now. */
void gather_start_pending(struct gather *gather);
/* Of those that have not started; those that run see to theirs themselves. */
void gather_watch_deadlines(struct gather *gather);
/* Answers all that has not run, and will not. */
void gather_skip_rest(struct gather *gather);

#endif
