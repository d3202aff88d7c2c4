/* SPDX-License-Identifier: PostgreSQL */
/*
 * Time: nanoseconds on a monotonic clock, as int64_t. Deadlines are absolute points on it. Only
 * this module asks the system, and a test may put a virtual clock in its place.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER  INT64_MAX /* a deadline that never comes */
#define CLOCK_US     INT64_C(1000)
#define CLOCK_MS     INT64_C(1000000)
#define CLOCK_SECOND INT64_C(1000000000)

struct clock {
	int64_t (*now_ns)(const struct clock *clock);
};

/* CLOCK_MONOTONIC of the system. */
extern const struct clock clock_system;

/* A clock that stands still until its owner moves it. */
struct clock_virtual {
	struct clock clock;
	int64_t time_ns;
};

void clock_virtual_init(struct clock_virtual *clock, int64_t time_ns);

static inline int64_t clock_now_ns(const struct clock *clock)
{
	return clock->now_ns(clock);
}

/* now + duration, CLOCK_NEVER where that overflows or duration is CLOCK_NEVER. */
static inline int64_t clock_after_ns(int64_t now_ns, int64_t duration_ns)
{
	int64_t sum_ns;

	if (duration_ns == CLOCK_NEVER || __builtin_add_overflow(now_ns, duration_ns, &sum_ns))
		return CLOCK_NEVER;
	return sum_ns;
}

#endif
