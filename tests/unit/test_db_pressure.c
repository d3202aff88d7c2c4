/* SPDX-License-Identifier: PostgreSQL */
/* What counts as fast, and what is left to the slow, while the server is hard pressed: pure, with
 * moments that are made up. */
#include "base/clock.h"
#include "db/pressure.h"
#include "unit/suite.h"

#define THRESHOLD_NS (5 * CLOCK_MS)
#define FAST_NS	     (CLOCK_MS / 10)
#define LATE_NS	     (20 * CLOCK_MS)
#define LONG_NS	     CLOCK_SECOND
#define BUSY	     12
#define MAX_BUSY     16

static int64_t now_ns = 1000 * CLOCK_SECOND;

static int64_t limit(const struct pressure *pressure)
{
	return pressure_limit_ns(pressure, THRESHOLD_NS, now_ns);
}

static void share(struct pressure *pressure, int64_t elapsed_ns, size_t busy)
{
	pressure_note_shared(pressure, elapsed_ns, THRESHOLD_NS, busy, now_ns);
}

/* Runs of a second, each of which has waited as long for its connection. */
static void crowd(struct pressure *pressure)
{
	pressure_init(pressure);
	pressure_note_crowd(pressure, now_ns);
	now_ns += CLOCK_MS;
	for (int i = 0; i < 1000; i++)
		pressure_note_alone(pressure, LONG_NS, LONG_NS, now_ns);
	pressure_note_crowd(pressure, now_ns);
}

/* The fast lane at work, for so long. */
static void pass(struct pressure *pressure, int64_t for_ns, int64_t elapsed_ns, size_t busy)
{
	for (int64_t end_ns = now_ns + for_ns; now_ns < end_ns; now_ns += CLOCK_MS) {
		pressure_note_crowd(pressure, now_ns);
		share(pressure, elapsed_ns, busy);
	}
}

START_TEST(without_pressure_nothing_changes)
{
	struct pressure pressure;

	pressure_init(&pressure);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), MAX_BUSY);
	pass(&pressure, CLOCK_SECOND, FAST_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), MAX_BUSY);
}
END_TEST

START_TEST(the_limit_is_a_part_of_what_one_would_wait)
{
	struct pressure pressure;

	crowd(&pressure);
	share(&pressure, LATE_NS, BUSY);
	ck_assert_int_ge(limit(&pressure), LONG_NS / 16 - CLOCK_MS);
	ck_assert_int_le(limit(&pressure), LONG_NS / 16);
	/* Sixteen thresholds are the most. */
	for (int i = 0; i < 1000; i++)
		pressure_note_alone(&pressure, 10 * LONG_NS, 10 * LONG_NS, now_ns);
	ck_assert_int_eq(limit(&pressure), 16 * THRESHOLD_NS);
}
END_TEST

START_TEST(who_need_not_wait_need_not_share)
{
	struct pressure pressure;

	crowd(&pressure);
	for (int i = 0; i < 1000; i++)
		pressure_note_alone(&pressure, LONG_NS, 0, now_ns);
	share(&pressure, LATE_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
}
END_TEST

START_TEST(a_crowd_is_forgotten)
{
	struct pressure pressure;

	crowd(&pressure);
	share(&pressure, LATE_NS, BUSY);
	for (int i = 0; i < 11; i++) {
		now_ns += CLOCK_SECOND / 10;
		share(&pressure, LATE_NS, BUSY);
	}
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
}
END_TEST

/* The machine is not to blame where the others on the shared connections are in time. */
START_TEST(one_late_one_among_many_is_its_own_matter)
{
	struct pressure pressure;

	crowd(&pressure);
	now_ns += CLOCK_SECOND / 2;
	pressure_note_crowd(&pressure, now_ns);
	for (int i = 0; i < 20; i++)
		share(&pressure, THRESHOLD_NS / 2, BUSY);
	share(&pressure, LATE_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
}
END_TEST

START_TEST(nobody_who_shares_says_nothing_against_it)
{
	struct pressure pressure;

	crowd(&pressure);
	ck_assert_int_gt(limit(&pressure), THRESHOLD_NS);
}
END_TEST

START_TEST(until_one_has_ended_nobody_knows_how_long_they_take)
{
	struct pressure pressure;

	pressure_init(&pressure);
	for (int i = 0; i < 1000; i++)
		pressure_note_alone(&pressure, FAST_NS, 0, now_ns);
	pressure_note_crowd(&pressure, now_ns);
	share(&pressure, LATE_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), 16 * THRESHOLD_NS);
	now_ns += CLOCK_MS;
	pressure_note_alone(&pressure, FAST_NS, 0, now_ns);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
}
END_TEST

START_TEST(who_has_not_ended_takes_at_least_as_long_as_that)
{
	struct pressure pressure;

	crowd(&pressure);
	for (int i = 0; i < 1000; i++)
		pressure_note_alone(&pressure, FAST_NS, 0, now_ns);
	pass(&pressure, 321 * CLOCK_MS, LATE_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), 20 * CLOCK_MS);
	/* Where nobody waits none of them need be running. */
	now_ns += 320 * CLOCK_MS;
	share(&pressure, LATE_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), 20 * CLOCK_MS);
}
END_TEST

/* As it is when all have been too late to be shared. */
START_TEST(what_was_in_time_long_ago_says_nothing_of_now)
{
	struct pressure pressure;

	crowd(&pressure);
	now_ns += CLOCK_SECOND / 2;
	pressure_note_crowd(&pressure, now_ns);
	share(&pressure, FAST_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
	now_ns += CLOCK_SECOND / 10;
	ck_assert_int_gt(limit(&pressure), THRESHOLD_NS);
}
END_TEST

/* Or each good moment would send them to the slow. */
START_TEST(who_was_late_a_moment_ago_still_is)
{
	struct pressure pressure;

	crowd(&pressure);
	share(&pressure, LATE_NS, BUSY);
	pass(&pressure, 200 * CLOCK_MS, FAST_NS, BUSY);
	ck_assert_int_gt(limit(&pressure), THRESHOLD_NS);
	pass(&pressure, 200 * CLOCK_MS, FAST_NS, BUSY);
	ck_assert_int_eq(limit(&pressure), THRESHOLD_NS);
}
END_TEST

/* A client that does not read makes one of any length. */
START_TEST(one_endless_run_is_made_up_for)
{
	struct pressure pressure;

	crowd(&pressure);
	pressure_note_alone(&pressure, 24 * 3600 * CLOCK_SECOND, 0, now_ns);
	ck_assert_int_le(pressure_alone_ns(&pressure), 10 * CLOCK_SECOND);
	for (int i = 0; i < 200; i++)
		pressure_note_alone(&pressure, LONG_NS, 0, now_ns);
	ck_assert_int_lt(pressure_alone_ns(&pressure), 2 * LONG_NS);
}
END_TEST

/* One comes upon a long run more often than there are any. */
START_TEST(long_runs_count_by_their_time)
{
	struct pressure pressure;

	pressure_init(&pressure);
	for (int i = 0; i < 1000; i++)
		pressure_note_alone(&pressure, i % 10 == 0 ? LONG_NS : FAST_NS, LONG_NS, now_ns);
	ck_assert_int_gt(pressure_alone_ns(&pressure), LONG_NS * 9 / 10);
	ck_assert_int_le(pressure_alone_ns(&pressure), LONG_NS);
}
END_TEST

START_TEST(the_slow_are_held_back_while_the_fast_are_late)
{
	struct pressure pressure;

	crowd(&pressure);
	pass(&pressure, 2 * CLOCK_MS, LATE_NS, BUSY);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), BUSY * 3 / 4);
	/* Not twice for the same. */
	pass(&pressure, 10 * CLOCK_MS, LATE_NS, BUSY - 2);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), BUSY * 3 / 4);
	pass(&pressure, 50 * CLOCK_MS, LATE_NS, 9);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), 7);
}
END_TEST

START_TEST(a_quarter_is_left_to_the_slow)
{
	struct pressure pressure;

	crowd(&pressure);
	pass(&pressure, CLOCK_SECOND, LATE_NS, 1);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), MAX_BUSY / 4);
	ck_assert_uint_eq(pressure_most(&pressure, 2), 1);
}
END_TEST

START_TEST(the_slow_get_one_more_for_each_quarter_of_a_run)
{
	struct pressure pressure;

	crowd(&pressure);
	pass(&pressure, 2 * CLOCK_MS, LATE_NS, 8);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), 6);
	pass(&pressure, 200 * CLOCK_MS, FAST_NS, 6);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), 6);
	pass(&pressure, 60 * CLOCK_MS, FAST_NS, 6);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), 7);
	pass(&pressure, 260 * CLOCK_MS, FAST_NS, 7);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), 8);
	/* They do not take what they have. */
	pass(&pressure, 260 * CLOCK_MS, FAST_NS, 3);
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), MAX_BUSY);
}
END_TEST

START_TEST(who_are_few_are_not_held_back)
{
	struct pressure pressure;

	pressure_init(&pressure);
	for (int i = 0; i < 1000; i++) {
		now_ns += CLOCK_MS;
		share(&pressure, LATE_NS, BUSY);
	}
	ck_assert_uint_eq(pressure_most(&pressure, MAX_BUSY), MAX_BUSY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db_pressure");
	TCase *tcase = suite_case(suite, "pressure", 30);

	tcase_add_test(tcase, without_pressure_nothing_changes);
	tcase_add_test(tcase, the_limit_is_a_part_of_what_one_would_wait);
	tcase_add_test(tcase, who_need_not_wait_need_not_share);
	tcase_add_test(tcase, a_crowd_is_forgotten);
	tcase_add_test(tcase, one_late_one_among_many_is_its_own_matter);
	tcase_add_test(tcase, nobody_who_shares_says_nothing_against_it);
	tcase_add_test(tcase, until_one_has_ended_nobody_knows_how_long_they_take);
	tcase_add_test(tcase, who_has_not_ended_takes_at_least_as_long_as_that);
	tcase_add_test(tcase, what_was_in_time_long_ago_says_nothing_of_now);
	tcase_add_test(tcase, who_was_late_a_moment_ago_still_is);
	tcase_add_test(tcase, one_endless_run_is_made_up_for);
	tcase_add_test(tcase, long_runs_count_by_their_time);
	tcase_add_test(tcase, the_slow_are_held_back_while_the_fast_are_late);
	tcase_add_test(tcase, a_quarter_is_left_to_the_slow);
	tcase_add_test(tcase, the_slow_get_one_more_for_each_quarter_of_a_run);
	tcase_add_test(tcase, who_are_few_are_not_held_back);
	return suite_run(suite);
}
