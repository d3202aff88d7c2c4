/* SPDX-License-Identifier: PostgreSQL */
/* The histogram's quantiles against those of the sorted durations. */
#include "base/clock.h"
#include "base/histogram.h"
#include "base/macros.h"
#include "unit/suite.h"

#include <math.h>

enum { COUNT = 20000 };

static struct histogram histogram;
static int64_t durations[COUNT];

static const double quantiles[] = {0.0001, 0.01, 0.1,  0.25,  0.5,    0.75,
				   0.9,	   0.95, 0.99, 0.999, 0.9999, 1};

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void check_quantiles(size_t count)
{
	qsort(durations, count, sizeof(*durations), compare);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		size_t rank = (size_t)ceil(quantiles[i] * (double)count - 1e-6);
		int64_t wanted = durations[rank > 0 ? rank - 1 : 0];
		int64_t got = histogram_quantile_ns(&histogram, quantiles[i]);

		/* never below, at most a sixteenth above; the first bucket holds all that is
		 * shorter */
		ck_assert_int_ge(got, wanted);
		ck_assert_int_le(got, MAX(wanted + wanted / 16, INT64_C(1087)));
		ck_assert_int_le(got, durations[count - 1]);
	}
}

START_TEST(empty)
{
	ck_assert_int_eq(histogram_quantile_ns(&histogram, 0.5), 0);
	ck_assert_int_eq(histogram_quantile_ns(&histogram, 1), 0);
}
END_TEST

START_TEST(one_value_is_every_quantile)
{
	static const int64_t values[] = {
		0, 1, 1023, 1024, 1025, 4095, 4096, 5 * CLOCK_MS, 3600 * CLOCK_SECOND};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct histogram one = {.count = 0};

		histogram_record(&one, values[i]);
		ck_assert_int_eq(histogram_quantile_ns(&one, 1), values[i]);
		ck_assert_int_eq(histogram_quantile_ns(&one, 0.5), values[i]);
		ck_assert_int_eq(histogram_quantile_ns(&one, 1e-9), values[i]);
	}
}
END_TEST

START_TEST(a_tiny_quantile_is_the_smallest)
{
	histogram_record(&histogram, 10 * CLOCK_MS);
	histogram_record(&histogram, 20 * CLOCK_MS);
	ck_assert_int_ge(histogram_quantile_ns(&histogram, 1e-9), 10 * CLOCK_MS);
	ck_assert_int_le(histogram_quantile_ns(&histogram, 1e-9), 11 * CLOCK_MS);
}
END_TEST

START_TEST(agrees_with_sorted_durations)
{
	unsigned seed = 7 + (unsigned)_i;

	for (int i = 0; i < COUNT; i++) {
		/* even, over five, or over all the powers of two that have buckets of their own */
		if (_i == 0)
			durations[i] = 1000 + rand_r(&seed) % 1000000;
		else if (_i == 1)
			durations[i] = (rand_r(&seed) % 5 + 1) * CLOCK_MS;
		else
			durations[i] =
				(INT64_C(1) << (10 + rand_r(&seed) % 32)) + rand_r(&seed) % 1024;
		histogram_record(&histogram, durations[i]);
	}
	check_quantiles(COUNT);
}
END_TEST

START_TEST(agrees_for_few_durations)
{
	unsigned seed = 1;

	for (size_t count = 1; count <= 60; count++) {
		durations[count - 1] = 2000 + rand_r(&seed) % 100000000;
		histogram_record(&histogram, durations[count - 1]);
		check_quantiles(count);
	}
}
END_TEST

START_TEST(every_bucket_holds_what_is_its_own)
{
	for (unsigned exp = HISTOGRAM_MIN_EXP; exp < HISTOGRAM_MAX_EXP; exp++)
		for (unsigned sub = 0; sub < 1u << HISTOGRAM_SUB_BITS; sub++) {
			int64_t width = INT64_C(1) << (exp - HISTOGRAM_SUB_BITS);
			int64_t low = (INT64_C(1) << exp) + sub * width, high = low + width - 1;
			unsigned bucket = (exp - HISTOGRAM_MIN_EXP) << HISTOGRAM_SUB_BITS | sub;
			struct histogram one = {.count = 0};

			histogram_record(&one, low);
			histogram_record(&one, high);
			ck_assert_uint_eq(one.buckets[bucket], 2);
		}
}
END_TEST

START_TEST(what_is_outside_counts_at_the_edges)
{
	histogram_record(&histogram, -5);
	histogram_record(&histogram, 0);
	histogram_record(&histogram, INT64_MIN);
	ck_assert_uint_eq(histogram.buckets[0], 3);
	ck_assert_uint_eq(histogram.sum_ns, 0);
	histogram_record(&histogram, INT64_C(1) << 42);
	histogram_record(&histogram, INT64_MAX);
	ck_assert_uint_eq(histogram.buckets[HISTOGRAM_BUCKETS - 1], 2);
	ck_assert_uint_eq(histogram.count, 5);
	ck_assert_int_eq(histogram.max_ns, INT64_MAX);
	ck_assert_int_eq(histogram_quantile_ns(&histogram, 1), INT64_MAX);
}
END_TEST

START_TEST(counts_and_sums)
{
	for (int i = 1; i <= 100; i++)
		histogram_record(&histogram, i * CLOCK_US);
	ck_assert_uint_eq(histogram.count, 100);
	ck_assert_uint_eq(histogram.sum_ns, 5050 * (uint64_t)CLOCK_US);
	ck_assert_int_eq(histogram.max_ns, 100 * CLOCK_US);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/histogram");
	TCase *tcase = suite_case(suite, "histogram", 20);

	tcase_add_test(tcase, empty);
	tcase_add_test(tcase, one_value_is_every_quantile);
	tcase_add_test(tcase, a_tiny_quantile_is_the_smallest);
	tcase_add_loop_test(tcase, agrees_with_sorted_durations, 0, 3);
	tcase_add_test(tcase, agrees_for_few_durations);
	tcase_add_test(tcase, every_bucket_holds_what_is_its_own);
	tcase_add_test(tcase, what_is_outside_counts_at_the_edges);
	tcase_add_test(tcase, counts_and_sums);
	return suite_run(suite);
}
