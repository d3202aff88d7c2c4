/* SPDX-License-Identifier: PostgreSQL */
/* How long a server that is away is left alone: pure. */
#include "db/backoff.h"
#include "unit/suite.h"

#include <limits.h>

#define TRIES 1000

/* The least and the most that so many failures in a row cost. */
static void bounds(unsigned failures, bool refused, int64_t *ret_least_ns, int64_t *ret_most_ns)
{
	uint64_t random = 1;

	*ret_least_ns = CLOCK_NEVER;
	*ret_most_ns = 0;
	for (int i = 0; i < TRIES; i++) {
		int64_t ns = backoff_ns(failures, refused, &random);

		*ret_least_ns = MIN(*ret_least_ns, ns);
		*ret_most_ns = MAX(*ret_most_ns, ns);
	}
}

/* Spread over the second half: whoever lost the server together does not come back together. */
static void ck_spread(unsigned failures, bool refused, int64_t limit_ns)
{
	int64_t least_ns, most_ns;

	bounds(failures, refused, &least_ns, &most_ns);
	ck_assert_int_ge(least_ns, limit_ns / 2);
	ck_assert_int_le(least_ns, limit_ns / 100 * 55);
	ck_assert_int_le(most_ns, limit_ns);
	ck_assert_int_ge(most_ns, limit_ns / 100 * 95);
}

START_TEST(it_doubles_up_to_a_limit)
{
	int64_t limit_ns = BACKOFF_FIRST_NS;

	for (unsigned failures = 1; limit_ns < BACKOFF_MAX_NS; failures++, limit_ns *= 2)
		ck_spread(failures, false, limit_ns);
	ck_spread(20, false, BACKOFF_MAX_NS);
	ck_spread(UINT_MAX, false, BACKOFF_MAX_NS);
}
END_TEST

START_TEST(a_refusal_is_not_soon_tried_again)
{
	ck_spread(1, true, BACKOFF_MAX_NS);
	ck_spread(7, true, BACKOFF_MAX_NS);
}
END_TEST

START_TEST(the_same_state_gives_the_same_times)
{
	uint64_t one = 4711, other = 4711;

	for (unsigned i = 0; i < TRIES; i++)
		ck_assert_int_eq(backoff_ns(i % 9, false, &one), backoff_ns(i % 9, false, &other));
	ck_assert_uint_eq(one, other);
	ck_assert_uint_eq(backoff_random(&one, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db backoff");
	TCase *tcase = suite_case(suite, "backoff", 10);

	tcase_add_test(tcase, it_doubles_up_to_a_limit);
	tcase_add_test(tcase, a_refusal_is_not_soon_tried_again);
	tcase_add_test(tcase, the_same_state_gives_the_same_times);
	return suite_run(suite);
}
