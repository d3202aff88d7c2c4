/* SPDX-License-Identifier: PostgreSQL */
/*
 * How one statement has behaved: how long it takes, how steadily, how much it returns. Enough to
 * say whether it may share a connection with others. Pure: knows no clock, no connection.
 */
#ifndef DB_HISTORY_H
#define DB_HISTORY_H

#include "db/hold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history {
	int64_t mean_ns, deviation_ns; /* both smoothed over some ten runs */
	size_t bytes;		       /* the largest result, less and less of it as time goes */
	unsigned good_runs;	       /* in a row */
	int64_t credit_ns;	       /* that slow runs may take without being held against it */
	unsigned strikes;	       /* how often it was slow after it had been taken for fast */
	int64_t seen_ns, struck_ns;
};

/* Results that are larger are not for a connection that others wait for: half of what may be held
 * for it there. */
#define HISTORY_BYTES_MAX (HOLD_BYTES_MIN / 2)

/* Takes account of a run that ended now; `threshold_ns` is what counts as fast. */
void history_note(struct history *history, int64_t elapsed_ns, size_t bytes, int64_t threshold_ns,
		  int64_t now_ns);
/* It has failed at the cost of others: for some time it is not fast, as if it had been slow. */
void history_strike(struct history *history, int64_t now_ns);
/* Whether the next run will be fast and small, as far as one can know. */
bool history_is_fast(const struct history *history, int64_t threshold_ns, int64_t now_ns);

#endif
