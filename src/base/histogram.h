/* SPDX-License-Identifier: PostgreSQL */
/*
 * Durations counted in logarithmic buckets: fixed size, a few nanoseconds a record, quantiles
 * within 1/16 of the true value. Zeroed memory is an empty histogram.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 4
/* From 2^10 ns (1 µs) to 2^42 ns (more than an hour); what is outside counts in the outermost
 * buckets. */
#define HISTOGRAM_MIN_EXP 10
#define HISTOGRAM_MAX_EXP 42
#define HISTOGRAM_BUCKETS ((HISTOGRAM_MAX_EXP - HISTOGRAM_MIN_EXP) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count;
	uint64_t sum_ns;
	int64_t max_ns;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, int64_t duration_ns);
/* The upper edge of the bucket that holds the quantile (0 < quantile ≤ 1), never above the largest
 * seen; 0 if empty. */
int64_t histogram_quantile_ns(const struct histogram *histogram, double quantile);

#endif
