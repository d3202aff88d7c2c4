/* SPDX-License-Identifier: PostgreSQL */
#include "base/histogram.h"

#include "base/macros.h"

static unsigned bucket_of(int64_t duration_ns)
{
	uint64_t ns = (uint64_t)MAX(duration_ns, (int64_t)1 << HISTOGRAM_MIN_EXP);
	unsigned exp = 63 - (unsigned)__builtin_clzll(ns);
	unsigned sub;

	if (exp >= HISTOGRAM_MAX_EXP)
		return HISTOGRAM_BUCKETS - 1;
	sub = (unsigned)(ns >> (exp - HISTOGRAM_SUB_BITS)) & ((1u << HISTOGRAM_SUB_BITS) - 1);
	return ((exp - HISTOGRAM_MIN_EXP) << HISTOGRAM_SUB_BITS) + sub;
}

static int64_t upper_edge_ns(unsigned bucket)
{
	unsigned exp = (bucket >> HISTOGRAM_SUB_BITS) + HISTOGRAM_MIN_EXP;
	unsigned sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);

	return ((int64_t)((1u << HISTOGRAM_SUB_BITS) + sub + 1) << (exp - HISTOGRAM_SUB_BITS)) - 1;
}

void histogram_record(struct histogram *histogram, int64_t duration_ns)
{
	duration_ns = MAX(duration_ns, (int64_t)0);
	histogram->count++;
	histogram->sum_ns += (uint64_t)duration_ns;
	histogram->max_ns = MAX(histogram->max_ns, duration_ns);
	histogram->buckets[bucket_of(duration_ns)]++;
}

int64_t histogram_quantile_ns(const struct histogram *histogram, double quantile)
{
	uint64_t rank = (uint64_t)(quantile * (double)histogram->count + 0.999999), seen = 0;

	if (histogram->count == 0)
		return 0;
	rank = MAX(rank, (uint64_t)1);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank)
			return MIN(upper_edge_ns(i), histogram->max_ns);
	}
	return histogram->max_ns;
}
