/* SPDX-License-Identifier: PostgreSQL */
#include "db/history.h"

#include "base/clock.h"
#include "base/macros.h"

/* What was learnt longer ago says nothing of now: tables grow, plans change. */
#define FORGET_NS (600 * CLOCK_SECOND)
/* A strike counts for so long; then for half as long as there were more. */
#define STRIKE_NS   (60 * CLOCK_SECOND)
#define STRIKES_MAX 4
/* Runs in a row that make an unknown statement a fast one; eight times as many with each strike. */
#define GOOD_RUNS 2U

/*
 * Any run may be slow because the machine is busy: its server's process waits for a processor. What
 * is rare and short is no strike. Each good run earns a 32nd of the threshold for it, so that those
 * behind wait no longer than that for it on the average; and never longer than for eight
 * thresholds.
 */
#define CREDIT_SHARE 32
#define CREDIT_FIRST 2
#define CREDIT_MAX   8

static unsigned strikes_now(const struct history *history, int64_t now_ns)
{
	int64_t forgiven = (now_ns - history->struck_ns) / STRIKE_NS;

	return forgiven >= (int64_t)history->strikes ? 0 : history->strikes - (unsigned)forgiven;
}

bool history_is_fast(const struct history *history, int64_t threshold_ns, int64_t now_ns)
{
	unsigned strikes = strikes_now(history, now_ns);

	return history->good_runs >= GOOD_RUNS << (3 * strikes) &&
	       now_ns - history->seen_ns < FORGET_NS && history->bytes <= HISTORY_BYTES_MAX &&
	       history->mean_ns + 4 * history->deviation_ns < threshold_ns;
}

/* As TCP estimates its round trips (RFC 6298). */
static void smooth(struct history *history, int64_t elapsed_ns)
{
	int64_t off_ns = elapsed_ns - history->mean_ns;

	history->mean_ns += off_ns / 8;
	history->deviation_ns += ((off_ns < 0 ? -off_ns : off_ns) - history->deviation_ns) / 4;
}

/* Whether the run is one of the few that may be slow. */
static bool pay(struct history *history, int64_t elapsed_ns)
{
	if (elapsed_ns > history->credit_ns)
		return false;
	history->credit_ns -= elapsed_ns;
	return true;
}

static void earn(struct history *history, int64_t threshold_ns)
{
	history->credit_ns =
		MIN(history->credit_ns + threshold_ns / CREDIT_SHARE, threshold_ns * CREDIT_MAX);
}

void history_strike(struct history *history, int64_t now_ns)
{
	history->good_runs = 0;
	history->strikes = MIN(strikes_now(history, now_ns) + 1, STRIKES_MAX);
	history->struck_ns = now_ns;
}

void history_note(struct history *history, int64_t elapsed_ns, size_t bytes, int64_t threshold_ns,
		  int64_t now_ns)
{
	bool was_fast = history_is_fast(history, threshold_ns, now_ns);
	bool small = bytes <= HISTORY_BYTES_MAX, good = elapsed_ns < threshold_ns && small;

	if (!good && was_fast && small && pay(history, elapsed_ns)) {
		history->seen_ns = now_ns;
		return;
	}
	if (history->seen_ns == 0 || now_ns - history->seen_ns >= FORGET_NS)
		*history = (struct history){
			.mean_ns = elapsed_ns,
			.credit_ns = threshold_ns * CREDIT_FIRST,
			.strikes = strikes_now(history, now_ns),
			.struck_ns = now_ns,
		};
	else
		smooth(history, elapsed_ns);
	history->seen_ns = now_ns;
	history->bytes = MAX(bytes, history->bytes - history->bytes / 16);
	history->good_runs = good ? history->good_runs + 1 : 0;
	if (good)
		earn(history, threshold_ns);
	if (history->good_runs == 0 && was_fast)
		history_strike(history, now_ns);
}
