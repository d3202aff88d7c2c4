/* SPDX-License-Identifier: PostgreSQL */
/* How long to wait before a server is asked again for a session; one rule for all who connect. */
#ifndef DB_BACKOFF_H
#define DB_BACKOFF_H

#include "base/clock.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_NS (100 * CLOCK_MS)
#define BACKOFF_MAX_NS	 (10 * CLOCK_SECOND)

/* xorshift64*: jitter needs no better, and a simulation needs the same numbers again. A number in
 * [0, bound); *state is never 0. */
static inline uint64_t backoff_random(uint64_t *state, uint64_t bound)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return bound == 0 ? 0 : (*state * UINT64_C(0x2545F4914F6CDD1D) >> 16) % bound;
}

/* Doubles with each of `failures` in a row, up to 10 s; that long at once where only configuration
 * cures it. The second half of it is jitter. */
static inline int64_t backoff_ns(unsigned failures, bool refused, uint64_t *random)
{
	int64_t limit_ns = refused ? BACKOFF_MAX_NS : BACKOFF_FIRST_NS;

	for (unsigned i = 1; i < failures && limit_ns < BACKOFF_MAX_NS; i++)
		limit_ns *= 2;
	limit_ns = MIN(limit_ns, BACKOFF_MAX_NS);
	return limit_ns / 2 + (int64_t)backoff_random(random, (uint64_t)limit_ns / 2 + 1);
}

#endif
