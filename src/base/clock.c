/* SPDX-License-Identifier: PostgreSQL */
#include "base/clock.h"

#include "base/macros.h"

#include <time.h>

static int64_t system_now_ns(const struct clock *clock)
{
	struct timespec ts;

	(void)clock;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec;
}

const struct clock clock_system = {.now_ns = system_now_ns};

static int64_t virtual_now_ns(const struct clock *clock)
{
	return ((const struct clock_virtual *)(const void *)clock)->time_ns;
}

void clock_virtual_init(struct clock_virtual *clock, int64_t time_ns)
{
	*clock = (struct clock_virtual){.clock.now_ns = virtual_now_ns, .time_ns = time_ns};
}
