/* SPDX-License-Identifier: PostgreSQL */
/*
 * What one simulated schedule stands on: its seed, its virtual time, the events that are to come,
 * its trace, and memory that is all given back at once. Everything outside of the daemon (kernel,
 * servers, clients) lives in here and acts through events only.
 */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "base/clock.h"
#include "base/macros.h"
#include "co/co.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel;
struct ledger;
struct scenario;
struct server;

typedef void world_fn(void *ctx);

struct world_event {
	int64_t at_ns;
	uint64_t number; /* of two at the same time the older one comes first */
	world_fn *fn;
	void *ctx;
};

/* What a run adds up, for the table at its end. */
enum world_count {
	COUNT_SCHEDULES,
	COUNT_REQUESTS,
	COUNT_REPORTS,
	COUNT_ITEMS,
	COUNT_STEPS_RUN,
	COUNT_ROWS,
	COUNT_ANSWERS_OK,
	COUNT_ANSWERS_FAILED,
	COUNT_EFFECTS_NONE,
	COUNT_EFFECTS_DONE,
	COUNT_EFFECTS_UNKNOWN,
	COUNT_SESSIONS,
	COUNT_BEHIND,
	COUNT_CANCELS,
	COUNT_CANCELS_HIT,
	COUNT_BATCHED,
	COUNT_UNDONE,
	COUNT_CLIENTS_GONE,
	COUNT_FAULTS,
	COUNT_REFUSED_MEMORY,
	COUNT_REFUSED_DESCRIPTORS,
	COUNT_LISTENS,
	COUNT_NOTIFICATIONS,
	COUNT_RESYNCS,
	COUNT_RELOADS,
	COUNT_STOPS,
	COUNT_EVENTS,
	COUNT_VIRTUAL_SECONDS,
	WORLD_COUNTS
};

struct world {
	uint64_t seed;
	uint64_t random;
	bool verbose;
	bool busy;	/* short ways, and many requests that are alike */
	bool read_only; /* as the databases' configuration says: nothing writes */
	uint64_t trace_hash;
	uint64_t counts[WORLD_COUNTS];

	struct clock_virtual clock;
	struct co_loop *loop; /* the daemon's; NULL before it has one and after */
	struct co_timer timer;
	struct world_event *events; /* heap */
	size_t event_count, event_room;
	uint64_t event_number;
	uint64_t polls_at_this_time;
	int64_t last_poll_ns;

	char *memory;
	size_t memory_used;

	/* The failing allocations of the daemon: none while `inside` the world. */
	unsigned inside;
	bool memory_short;
	unsigned memory_one_in;

	struct kernel *kernel;
	struct scenario *scenario;
	struct ledger *ledger;
	struct server *daemon; /* known once it has started */
};

void world_init(struct world *world);
void world_begin(struct world *world, uint64_t seed);
void world_end(struct world *world);
void world_free(struct world *world);

/* Zeroed; lives until the schedule's end. */
void *world_alloc(struct world *world, size_t size_bytes);
char *world_printf(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

int64_t world_now_ns(const struct world *world);
void world_at(struct world *world, int64_t at_ns, world_fn *fn, void *ctx);
void world_after(struct world *world, int64_t delay_ns, world_fn *fn, void *ctx);
/* The next event happens, and it is its time. */
void world_step(struct world *world);
/* The daemon's loop exists: time moves. */
void world_attach(struct world *world, struct co_loop *loop);
void world_detach(struct world *world);

/* In [0, bound). */
uint64_t world_random(struct world *world, uint64_t bound);
static inline bool world_chance(struct world *world, uint64_t one_in)
{
	return world_random(world, one_in) == 0;
}
/* In [low, high]. */
static inline uint64_t world_between(struct world *world, uint64_t low, uint64_t high)
{
	return low + world_random(world, high - low + 1);
}
/* A delay as networks and processes have it: mostly none or little, sometimes long. */
int64_t world_delay_ns(struct world *world);

void world_trace(struct world *world, const char *what, uint64_t a, uint64_t b, uint64_t c);
/* A promise was broken: says so, with the seed, and ends the process. */
void world_fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

#endif
