/* SPDX-License-Identifier: PostgreSQL */
/* When a statement counts as fast: pure, with moments that are made up. */
#include "base/clock.h"
#include "db/history.h"
#include "unit/suite.h"

#define THRESHOLD_NS (5 * CLOCK_MS)
#define FAST_NS	     (1 * CLOCK_MS)
#define SLOW_NS	     (50 * CLOCK_MS)

static int64_t now_ns = 1000 * CLOCK_SECOND;

static const struct history_limits usual = {THRESHOLD_NS, THRESHOLD_NS};
static const struct history_limits pressed = {THRESHOLD_NS, 10 * THRESHOLD_NS};

static void run(struct history *history, int64_t elapsed_ns, size_t bytes)
{
	history_note(history, elapsed_ns, bytes, usual, now_ns);
}

static void run_pressed(struct history *history, int64_t elapsed_ns)
{
	history_note(history, elapsed_ns, 10, pressed, now_ns);
}

static bool is_fast(const struct history *history)
{
	return history_is_fast(history, usual, now_ns);
}

static bool is_fast_pressed(const struct history *history)
{
	return history_is_fast(history, pressed, now_ns);
}

/* How many fast runs it takes until it counts as fast. */
static unsigned runs_needed(struct history *history)
{
	for (unsigned runs = 0;; runs++) {
		if (is_fast(history))
			return runs;
		run(history, FAST_NS, 10);
	}
}

START_TEST(unknown_until_two_good_runs)
{
	struct history history = {.mean_ns = 0};

	ck_assert_uint_eq(runs_needed(&history), 2);
}
END_TEST

START_TEST(slow_is_never_fast)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 100; i++)
		run(&history, THRESHOLD_NS, 10);
	ck_assert(!is_fast(&history));
}
END_TEST

START_TEST(unsteady_is_not_fast)
{
	struct history history = {.mean_ns = 0};

	/* Each below the threshold, but one cannot rely on the next. */
	for (int i = 0; i < 100; i++)
		run(&history, i % 2 == 0 ? CLOCK_MS / 10 : 4 * CLOCK_MS, 10);
	ck_assert(!is_fast(&history));
}
END_TEST

START_TEST(large_is_not_fast_until_it_has_long_been_small)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	run(&history, FAST_NS, 2 * HISTORY_BYTES_MAX);
	ck_assert(!is_fast(&history));
	run(&history, FAST_NS, 10);
	run(&history, FAST_NS, 10);
	ck_assert(!is_fast(&history));
	ck_assert_uint_gt(runs_needed(&history), 2);
}
END_TEST

/* A slow run holds up others for ten thresholds, of which two have been given. */
START_TEST(what_it_cost_others_is_worked_off)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	run(&history, SLOW_NS, 10);
	ck_assert(!is_fast(&history));
	ck_assert_uint_eq(runs_needed(&history), (10 - 2) * 32);
	/* And again, but for what it has earned since. */
	for (int i = 0; i < 32; i++)
		run(&history, FAST_NS, 10);
	run(&history, SLOW_NS, 10);
	ck_assert_uint_eq(runs_needed(&history), (10 - 3) * 32);
}
END_TEST

START_TEST(a_debt_has_a_bound)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	run(&history, 1000 * CLOCK_SECOND, 10);
	ck_assert_uint_eq(runs_needed(&history), 8192);
}
END_TEST

START_TEST(debts_are_forgiven)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	run(&history, SLOW_NS, 10);
	now_ns += 120 * CLOCK_SECOND;
	ck_assert_uint_eq(runs_needed(&history), (10 - 2) * 32 / 4);
}
END_TEST

/* Also of those that have hardly a run a minute in which they could work it off. */
START_TEST(debts_are_forgiven_while_they_are_worked_off)
{
	struct history history = {.mean_ns = 0};
	unsigned runs = 0;

	runs_needed(&history);
	for (int i = 0; i < 9; i++)
		history_strike(&history, now_ns);
	for (; !is_fast(&history); runs++) {
		now_ns += 10 * CLOCK_SECOND;
		run(&history, FAST_NS, 10);
	}
	/* 8192 are halved thirteen times. */
	ck_assert_uint_gt(runs, 6 * 8);
	ck_assert_uint_le(runs, 6 * 13);
}
END_TEST

/* One in ten is slow: what that costs it does not earn. */
START_TEST(who_is_slow_again_and_again_stays_out)
{
	struct history history = {.mean_ns = 0};
	unsigned shared = 0;

	for (int i = 0; i < 10000; i++) {
		shared += is_fast(&history);
		run(&history, i % 10 == 9 ? 10 * SLOW_NS : FAST_NS, 10);
	}
	ck_assert_uint_gt(shared, 0);
	ck_assert_uint_lt(shared, 100);
}
END_TEST

START_TEST(a_strike_costs_many_runs)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	history_strike(&history, now_ns);
	ck_assert(!is_fast_pressed(&history));
	ck_assert_uint_eq(runs_needed(&history), 1024 - 64);
}
END_TEST

START_TEST(old_knowledge_is_none)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	now_ns += 599 * CLOCK_SECOND;
	ck_assert(is_fast(&history));
	now_ns += 2 * CLOCK_SECOND;
	ck_assert(!is_fast(&history));
	ck_assert_uint_le(runs_needed(&history), 2);
}
END_TEST

START_TEST(slow_before_it_was_fast_costs_nothing)
{
	struct history history = {.mean_ns = 0};

	run(&history, THRESHOLD_NS, 10);
	for (int i = 0; i < 100; i++)
		run(&history, SLOW_NS, 10);
	/* What it takes until the mean has come down. */
	ck_assert_uint_lt(runs_needed(&history), 64);
	run(&history, SLOW_NS, 10);
	ck_assert(!is_fast(&history));
	/* Those that were sent with it say nothing new. */
	for (int i = 0; i < 15; i++)
		run(&history, SLOW_NS, 10);
	ck_assert_uint_le(runs_needed(&history), (10 - 2) * 32);
}
END_TEST

/* Two thresholds are given, and after 64 runs two have been earned. */
START_TEST(a_rare_slow_run_is_passed_over)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 64; i++)
		run(&history, FAST_NS, 10);
	run(&history, 3 * THRESHOLD_NS, 10);
	ck_assert(is_fast(&history));
	/* The next one comes too soon. */
	run(&history, 2 * THRESHOLD_NS, 10);
	ck_assert(!is_fast(&history));
}
END_TEST

START_TEST(one_that_is_very_slow_is_not)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 10000; i++)
		run(&history, FAST_NS, 10);
	run(&history, 9 * THRESHOLD_NS, 10);
	ck_assert(!is_fast(&history));
}
END_TEST

START_TEST(a_large_one_is_never_forgiven)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 1000; i++)
		run(&history, FAST_NS, 10);
	run(&history, FAST_NS, HISTORY_BYTES_MAX + 1);
	ck_assert(!is_fast(&history));
}
END_TEST

/* ---- under pressure more counts as fast ---- */

START_TEST(who_was_fast_may_take_longer_under_pressure)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	for (int i = 0; i < 100; i++) {
		ck_assert(is_fast_pressed(&history));
		run_pressed(&history, 3 * THRESHOLD_NS);
	}
	/* When all is well again that was too long, but nothing that it has to make up for. */
	ck_assert(!is_fast(&history));
	ck_assert_uint_lt(runs_needed(&history), 64);
}
END_TEST

START_TEST(a_strike_counts_in_either_account)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	run_pressed(&history, FAST_NS);
	ck_assert(is_fast_pressed(&history));
	history_strike(&history, now_ns);
	ck_assert(!is_fast_pressed(&history));
	ck_assert(!is_fast(&history));
}
END_TEST

START_TEST(who_was_never_fast_is_not_under_pressure)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 100; i++)
		run_pressed(&history, 2 * THRESHOLD_NS);
	ck_assert(!is_fast_pressed(&history));
}
END_TEST

START_TEST(who_is_too_slow_even_for_that_goes)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	run_pressed(&history, 100 * THRESHOLD_NS);
	ck_assert(!is_fast_pressed(&history));
	for (int i = 0; i < (10 - 2) * 32; i++) {
		ck_assert(!is_fast_pressed(&history));
		run_pressed(&history, FAST_NS);
	}
	ck_assert(is_fast_pressed(&history));
}
END_TEST

/* It may have been a processor that it waited for, each time but one. */
START_TEST(one_run_in_time_shows_that_it_can)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 10; i++)
		run_pressed(&history, 4 * THRESHOLD_NS);
	ck_assert(!is_fast_pressed(&history));
	run_pressed(&history, FAST_NS);
	ck_assert(is_fast_pressed(&history));
}
END_TEST

START_TEST(what_is_first_seen_under_pressure_is_learnt_there)
{
	struct history history = {.mean_ns = 0};

	run_pressed(&history, FAST_NS);
	ck_assert(!is_fast_pressed(&history));
	run_pressed(&history, 2 * THRESHOLD_NS);
	ck_assert(is_fast_pressed(&history));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db_history");
	TCase *tcase = suite_case(suite, "history", 30);

	tcase_add_test(tcase, unknown_until_two_good_runs);
	tcase_add_test(tcase, slow_is_never_fast);
	tcase_add_test(tcase, unsteady_is_not_fast);
	tcase_add_test(tcase, large_is_not_fast_until_it_has_long_been_small);
	tcase_add_test(tcase, what_it_cost_others_is_worked_off);
	tcase_add_test(tcase, debts_are_forgiven);
	tcase_add_test(tcase, debts_are_forgiven_while_they_are_worked_off);
	tcase_add_test(tcase, old_knowledge_is_none);
	tcase_add_test(tcase, slow_before_it_was_fast_costs_nothing);
	tcase_add_test(tcase, a_rare_slow_run_is_passed_over);
	tcase_add_test(tcase, one_that_is_very_slow_is_not);
	tcase_add_test(tcase, a_large_one_is_never_forgiven);
	tcase_add_test(tcase, a_debt_has_a_bound);
	tcase_add_test(tcase, who_is_slow_again_and_again_stays_out);
	tcase_add_test(tcase, a_strike_costs_many_runs);
	tcase_add_test(tcase, who_was_fast_may_take_longer_under_pressure);
	tcase_add_test(tcase, a_strike_counts_in_either_account);
	tcase_add_test(tcase, who_was_never_fast_is_not_under_pressure);
	tcase_add_test(tcase, who_is_too_slow_even_for_that_goes);
	tcase_add_test(tcase, one_run_in_time_shows_that_it_can);
	tcase_add_test(tcase, what_is_first_seen_under_pressure_is_learnt_there);
	return suite_run(suite);
}
