/* SPDX-License-Identifier: PostgreSQL */
/* Clocks: the system's, a virtual one, and sums that do not overflow. */
#include "base/clock.h"
#include "unit/suite.h"

START_TEST(the_system_clock_never_goes_back)
{
	int64_t last = clock_now_ns(&clock_system);

	ck_assert_int_gt(last, 0);
	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_now_ns(&clock_system);

		if (now < last)
			ck_abort_msg("the clock went back");
		last = now;
	}
}
END_TEST

START_TEST(a_virtual_clock_stands_until_moved)
{
	struct clock_virtual clock;

	clock_virtual_init(&clock, 5 * CLOCK_SECOND);
	ck_assert_int_eq(clock_now_ns(&clock.clock), 5 * CLOCK_SECOND);
	ck_assert_int_eq(clock_now_ns(&clock.clock), 5 * CLOCK_SECOND);
	clock.time_ns += CLOCK_MS;
	ck_assert_int_eq(clock_now_ns(&clock.clock), INT64_C(5001000000));
}
END_TEST

START_TEST(sums_end_at_never)
{
	ck_assert_int_eq(clock_after_ns(10, 20), 30);
	ck_assert_int_eq(clock_after_ns(10, 0), 10);
	ck_assert_int_eq(clock_after_ns(10, -4), 6);
	ck_assert_int_eq(clock_after_ns(10, CLOCK_NEVER), CLOCK_NEVER);
	ck_assert_int_eq(clock_after_ns(0, CLOCK_NEVER), CLOCK_NEVER);
	ck_assert_int_eq(clock_after_ns(-10, CLOCK_NEVER), CLOCK_NEVER);
	ck_assert_int_eq(clock_after_ns(10, CLOCK_NEVER - 5), CLOCK_NEVER);
	ck_assert_int_eq(clock_after_ns(10, CLOCK_NEVER - 11), CLOCK_NEVER - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/clock");
	TCase *tcase = suite_case(suite, "clock", 10);

	tcase_add_test(tcase, the_system_clock_never_goes_back);
	tcase_add_test(tcase, a_virtual_clock_stands_until_moved);
	tcase_add_test(tcase, sums_end_at_never);
	return suite_run(suite);
}
