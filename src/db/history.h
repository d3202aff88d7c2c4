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

/* Below what a run counts as fast: when all is well, and just now, which may be more. */
struct history_limits {
	int64_t usual_ns, current_ns;
};

/*
 * What slow runs cost those behind them, against what fast ones have earned, in fast runs. Who is
 * in debt shares no connection.
 */
struct history_account {
	int balance;
	int64_t noted_ns;    /* 0: never */
	int64_t forgiven_ns; /* until then what was to be forgiven is forgiven */
};

struct history {
	int64_t mean_ns, deviation_ns; /* both smoothed over some ten runs */
	int64_t best_ns;	       /* what some in a hundred runs keep below when all is well */
	size_t bytes;		       /* the largest result, less and less of it as time goes */
	int64_t seen_ns;
	struct history_account usual, pressed; /* the latter while more counts as fast */
};

/* Results that are larger are not for a connection that others wait for: half of what may be held
 * for it there. */
#define HISTORY_BYTES_MAX (HOLD_BYTES_MIN / 2)

/* Takes account of a run that ended now. */
void history_note(struct history *history, int64_t elapsed_ns, size_t bytes,
		  struct history_limits limits, int64_t now_ns);
/* It has failed at the cost of others: for some time it is not fast, as if it had been slow. */
void history_strike(struct history *history, int64_t now_ns);
/* Whether the next run will be fast and small, as far as one can know. */
bool history_is_fast(const struct history *history, struct history_limits limits, int64_t now_ns);

#endif
