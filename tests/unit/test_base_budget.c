/* SPDX-License-Identifier: PostgreSQL */
/* Budgets: limits, nesting, and that a refused charge leaves no trace. */
#include "base/budget.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdint.h>

START_TEST(takes_up_to_its_limit)
{
	struct budget budget;

	budget_init(&budget, 100, NULL);
	ck_assert_int_eq(budget_charge(&budget, 60), 0);
	ck_assert_int_eq(budget_charge(&budget, 41), -ENOBUFS);
	ck_assert_uint_eq(budget.used_bytes, 60);
	ck_assert_int_eq(budget_charge(&budget, 40), 0);
	ck_assert_int_eq(budget_charge(&budget, 1), -ENOBUFS);
	ck_assert_int_eq(budget_charge(&budget, 0), 0);
	budget_release(&budget, 100);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(budget.peak_bytes, 100);
}
END_TEST

START_TEST(no_limit_counts_only)
{
	struct budget budget;

	budget_init(&budget, 0, NULL);
	ck_assert_int_eq(budget_charge(&budget, SIZE_MAX / 2), 0);
	ck_assert_uint_eq(budget.used_bytes, SIZE_MAX / 2);
	budget_release(&budget, SIZE_MAX / 2);
}
END_TEST

START_TEST(a_huge_charge_does_not_wrap)
{
	struct budget budget;

	budget_init(&budget, 100, NULL);
	ck_assert_int_eq(budget_charge(&budget, 50), 0);
	ck_assert_int_eq(budget_charge(&budget, SIZE_MAX), -ENOBUFS);
	ck_assert_int_eq(budget_charge(&budget, SIZE_MAX - 49), -ENOBUFS);
	ck_assert_uint_eq(budget.used_bytes, 50);
}
END_TEST

START_TEST(no_budget_takes_all)
{
	ck_assert_int_eq(budget_charge(NULL, SIZE_MAX), 0);
	budget_release(NULL, SIZE_MAX);
}
END_TEST

START_TEST(charges_count_in_every_parent)
{
	struct budget daemon, client, item;

	budget_init(&daemon, 1000, NULL);
	budget_init(&client, 0, &daemon);
	budget_init(&item, 300, &client);
	ck_assert_int_eq(budget_charge(&item, 200), 0);
	ck_assert_int_eq(budget_charge(&client, 500), 0);
	ck_assert_uint_eq(item.used_bytes, 200);
	ck_assert_uint_eq(client.used_bytes, 700);
	ck_assert_uint_eq(daemon.used_bytes, 700);
	budget_release(&item, 200);
	ck_assert_uint_eq(item.used_bytes, 0);
	ck_assert_uint_eq(client.used_bytes, 500);
	ck_assert_uint_eq(daemon.used_bytes, 500);
	ck_assert_uint_eq(daemon.peak_bytes, 700);
}
END_TEST

START_TEST(any_level_can_refuse_and_then_none_is_charged)
{
	struct budget daemon, client, item;

	budget_init(&daemon, 100, NULL);
	budget_init(&client, 50, &daemon);
	budget_init(&item, 1000, &client);
	ck_assert_int_eq(budget_charge(&item, 51), -ENOBUFS); /* the middle one */
	ck_assert_int_eq(budget_charge(&daemon, 80), 0);
	ck_assert_int_eq(budget_charge(&item, 30), -ENOBUFS); /* the outermost */
	ck_assert_int_eq(budget_charge(&item, 1001), -ENOBUFS);
	ck_assert_uint_eq(item.used_bytes, 0);
	ck_assert_uint_eq(client.used_bytes, 0);
	ck_assert_uint_eq(daemon.used_bytes, 80);
	ck_assert_uint_eq(item.peak_bytes, 0);
	ck_assert_int_eq(budget_charge(&item, 20), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/budget");
	TCase *tcase = suite_case(suite, "budget", 10);

	tcase_add_test(tcase, takes_up_to_its_limit);
	tcase_add_test(tcase, no_limit_counts_only);
	tcase_add_test(tcase, a_huge_charge_does_not_wrap);
	tcase_add_test(tcase, no_budget_takes_all);
	tcase_add_test(tcase, charges_count_in_every_parent);
	tcase_add_test(tcase, any_level_can_refuse_and_then_none_is_charged);
	return suite_run(suite);
}
