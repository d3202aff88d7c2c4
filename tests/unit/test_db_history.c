/* SPDX-License-Identifier: PostgreSQL */
/* When a statement counts as fast: pure, with moments that are made up. */
#include "base/clock.h"
#include "db/history.h"
#include "unit/suite.h"

#define THRESHOLD_NS (5 * CLOCK_MS)
#define FAST_NS	     (1 * CLOCK_MS)
#define SLOW_NS	     (50 * CLOCK_MS)

static int64_t now_ns = 1000 * CLOCK_SECOND;

static void run(struct history *history, int64_t elapsed_ns, size_t bytes)
{
	history_note(history, elapsed_ns, bytes, THRESHOLD_NS, now_ns);
}

static bool is_fast(const struct history *history)
{
	return history_is_fast(history, THRESHOLD_NS, now_ns);
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

START_TEST(each_strike_wants_eight_times_as_many)
{
	struct history history = {.mean_ns = 0};

	runs_needed(&history);
	for (int strike = 1; strike <= 4; strike++) {
		run(&history, SLOW_NS, 10);
		ck_assert(!is_fast(&history));
		/* After the first the mean takes longer to come down. */
		ck_assert_uint_ge(runs_needed(&history), 2U << (3 * strike));
		ck_assert_uint_lt(history.good_runs, 4U << (3 * strike));
	}
	/* No more than that. */
	run(&history, SLOW_NS, 10);
	ck_assert_uint_eq(runs_needed(&history), 2U << (3 * 4));
}
END_TEST

START_TEST(strikes_are_forgiven)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 2; i++) {
		runs_needed(&history);
		run(&history, SLOW_NS, 10);
	}
	ck_assert_uint_ge(runs_needed(&history), 128);
	run(&history, SLOW_NS, 10);
	now_ns += 200 * CLOCK_SECOND;
	for (int i = 0; i < 40; i++)
		run(&history, FAST_NS, 10);
	ck_assert(is_fast(&history));
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

START_TEST(slow_before_it_was_fast_is_no_strike)
{
	struct history history = {.mean_ns = 0};

	run(&history, THRESHOLD_NS, 10);
	ck_assert_uint_eq(history.strikes, 0);
	runs_needed(&history);
	run(&history, SLOW_NS, 10);
	ck_assert_uint_eq(history.strikes, 1);
	/* Those that were sent with it say nothing new. */
	run(&history, SLOW_NS, 10);
	ck_assert_uint_eq(history.strikes, 1);
}
END_TEST

/* Two thresholds are given, and after 64 runs two have been earned. */
START_TEST(a_rare_slow_run_is_no_strike)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 64; i++)
		run(&history, FAST_NS, 10);
	run(&history, 3 * THRESHOLD_NS, 10);
	ck_assert(is_fast(&history));
	ck_assert_uint_eq(history.strikes, 0);
	/* The next one comes too soon. */
	run(&history, 2 * THRESHOLD_NS, 10);
	ck_assert(!is_fast(&history));
	ck_assert_uint_eq(history.strikes, 1);
}
END_TEST

START_TEST(one_that_is_very_slow_is_a_strike)
{
	struct history history = {.mean_ns = 0};

	for (int i = 0; i < 10000; i++)
		run(&history, FAST_NS, 10);
	run(&history, 8 * THRESHOLD_NS + 1, 10);
	ck_assert(!is_fast(&history));
	ck_assert_uint_eq(history.strikes, 1);
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

int main(void)
{
	Suite *suite = suite_create("db_history");
	TCase *tcase = suite_case(suite, "history", 30);

	tcase_add_test(tcase, unknown_until_two_good_runs);
	tcase_add_test(tcase, slow_is_never_fast);
	tcase_add_test(tcase, unsteady_is_not_fast);
	tcase_add_test(tcase, large_is_not_fast_until_it_has_long_been_small);
	tcase_add_test(tcase, each_strike_wants_eight_times_as_many);
	tcase_add_test(tcase, strikes_are_forgiven);
	tcase_add_test(tcase, old_knowledge_is_none);
	tcase_add_test(tcase, slow_before_it_was_fast_is_no_strike);
	tcase_add_test(tcase, a_rare_slow_run_is_no_strike);
	tcase_add_test(tcase, one_that_is_very_slow_is_a_strike);
	tcase_add_test(tcase, a_large_one_is_never_forgiven);
	return suite_run(suite);
}
