/* SPDX-License-Identifier: PostgreSQL */
#include "db/history.h"

#include "base/clock.h"
#include "base/macros.h"

/* What was learnt longer ago says nothing of now: tables grow, plans change. */
#define FORGET_NS (600 * CLOCK_SECOND)
/* Runs that make an unknown statement a fast one. */
#define GOOD_RUNS 2

/*
 * Any run may be slow because the machine is busy: its server's process waits for a processor. What
 * is rare and short is passed over: each fast run earns a 32nd of the limit for it, so that those
 * behind wait no longer than that for it on the average. What had not been earned is a debt, to be
 * worked off alone, where slow runs hold up nobody and cost nothing. Either has a bound: nothing is
 * passed over that takes more than eight limits, and some thousand fast runs make up for anything.
 */
#define RUNS_A_LIMIT 32
#define CREDIT_FIRST (2 * RUNS_A_LIMIT)
#define CREDIT_MAX   (8 * RUNS_A_LIMIT)
#define DEBT_MAX     8192
#define STRIKE_RUNS  1024
/* In so long half of a debt is forgiven. */
#define FORGIVE_NS   (60 * CLOCK_SECOND)
#define HALVINGS_MAX 30

static bool is_pressed(struct history_limits limits)
{
	return limits.current_ns > limits.usual_ns;
}

static bool is_open(const struct history_account *account, int64_t now_ns)
{
	return account->noted_ns != 0 && now_ns - account->noted_ns < FORGET_NS;
}

/* Who comes under pressure stands as before. */
static const struct history_account *account_for(const struct history *history,
						 struct history_limits limits, int64_t now_ns)
{
	return is_pressed(limits) && is_open(&history->pressed, now_ns) ? &history->pressed
									: &history->usual;
}

/* What is owed of it at last is forgiven as well. */
static int balance_now(const struct history_account *account, int64_t now_ns)
{
	int64_t halvings = (now_ns - account->forgiven_ns) / FORGIVE_NS;

	if (!is_open(account, now_ns))
		return -GOOD_RUNS;
	if (account->balance >= 0 || halvings <= 0)
		return account->balance;
	return halvings < HALVINGS_MAX ? account->balance / (1 << halvings) : 0;
}

static void set_balance(struct history_account *account, int balance, int64_t now_ns)
{
	/* A debt's minutes go on while it is worked off. */
	if (account->balance < 0 && balance < 0 && is_open(account, now_ns))
		account->forgiven_ns += (now_ns - account->forgiven_ns) / FORGIVE_NS * FORGIVE_NS;
	else
		account->forgiven_ns = now_ns;
	account->balance = balance;
	account->noted_ns = now_ns;
}

bool history_is_fast(const struct history *history, struct history_limits limits, int64_t now_ns)
{
	return balance_now(account_for(history, limits, now_ns), now_ns) >= 0 &&
	       now_ns - history->seen_ns < FORGET_NS && history->bytes <= HISTORY_BYTES_MAX &&
	       history->best_ns < limits.usual_ns &&
	       history->mean_ns + 4 * history->deviation_ns < limits.current_ns;
}

/* As TCP estimates its round trips (RFC 6298). */
static void smooth(struct history *history, int64_t elapsed_ns, bool pressed)
{
	int64_t off_ns = elapsed_ns - history->mean_ns;

	history->mean_ns += off_ns / 8;
	history->deviation_ns += ((off_ns < 0 ? -off_ns : off_ns) - history->deviation_ns) / 4;
	off_ns = elapsed_ns - history->best_ns;
	if (off_ns < 0)
		history->best_ns = elapsed_ns;
	else if (!pressed)
		history->best_ns += off_ns / 256;
}

static void earn(struct history_account *account, int64_t now_ns)
{
	int balance = balance_now(account, now_ns) + 1;

	/* Nobody is to fall back into debt with the next run. */
	if (balance >= 0 && account->balance < 0)
		balance = CREDIT_FIRST;
	set_balance(account, MIN(balance, CREDIT_MAX), now_ns);
}

static void spend(struct history_account *account, int64_t runs, int64_t now_ns)
{
	int64_t balance = balance_now(account, now_ns) - runs;

	set_balance(account, (int)MAX(balance, (int64_t)-DEBT_MAX), now_ns);
}

/* Nobody was held up, but it is as if nothing were known yet. */
static void begin_anew(struct history_account *account, int64_t now_ns)
{
	set_balance(account, MIN(balance_now(account, now_ns), -GOOD_RUNS), now_ns);
}

static int64_t cost(int64_t elapsed_ns, bool small, struct history_limits limits)
{
	return small ? elapsed_ns * RUNS_A_LIMIT / MAX(limits.current_ns, INT64_C(1)) : STRIKE_RUNS;
}

void history_strike(struct history *history, int64_t now_ns)
{
	spend(&history->usual, STRIKE_RUNS, now_ns);
	spend(&history->pressed, STRIKE_RUNS, now_ns);
}

void history_note(struct history *history, int64_t elapsed_ns, size_t bytes,
		  struct history_limits limits, int64_t now_ns)
{
	struct history_account *account = is_pressed(limits) ? &history->pressed : &history->usual;
	bool was_fast = history_is_fast(history, limits, now_ns);
	bool small = bytes <= HISTORY_BYTES_MAX, good = elapsed_ns < limits.current_ns && small;

	*account = *account_for(history, limits, now_ns);
	if (good)
		earn(account, now_ns);
	else if (was_fast)
		spend(account, cost(elapsed_ns, small, limits), now_ns);
	else
		begin_anew(account, now_ns);
	if (history->seen_ns == 0 || now_ns - history->seen_ns >= FORGET_NS) {
		history->mean_ns = history->best_ns = elapsed_ns;
		history->deviation_ns = 0;
		history->bytes = bytes;
	} else if (good || !was_fast || account->balance < 0) {
		smooth(history, elapsed_ns, is_pressed(limits));
		history->bytes = MAX(bytes, history->bytes - history->bytes / 16);
	}
	history->seen_ns = now_ns;
}
