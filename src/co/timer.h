/* SPDX-License-Identifier: PostgreSQL */
/*
 * The deadlines of one loop: a binary heap of struct co_timer, earliest first, those of one time in
 * the order of their start. It asks no clock and never sleeps. Each task has a place in it
 * reserved, so that no wait fails for memory.
 */
#ifndef CO_TIMER_H
#define CO_TIMER_H

#include "base/macros.h"

#include <stddef.h>
#include <stdint.h>

struct co_timer;

struct timer_slot { /* what ordering needs stands in the heap itself */
	int64_t deadline_ns;
	uint64_t sequence;
	struct co_timer *timer;
};

struct timer_heap {
	struct timer_slot *slots; /* from 1: heap_index 0 says "not running" */
	size_t count;
	size_t capacity;
	uint64_t next_sequence;
	int64_t floor_ns; /* of the last firing: what is put in for earlier goes behind what was due
			     then */
};

void timer_heap_init(struct timer_heap *heap);
void timer_heap_free(struct timer_heap *heap);
/* Makes sure that `count` timers fit at the same time. 0 or -ENOMEM. */
int timer_heap_reserve(struct timer_heap *heap, size_t count) MUST_CHECK;
/* Puts a timer in, or moves it, to timer->deadline_ns. There must be room. */
void timer_heap_put(struct timer_heap *heap, struct co_timer *timer);
/* Harmless for one that is not in. */
void timer_heap_remove(struct timer_heap *heap, struct co_timer *timer);
/* CLOCK_NEVER when empty. */
int64_t timer_heap_next_ns(const struct timer_heap *heap);
/*
 * Calls those that are due, each at most once: one that starts itself anew waits for the next call.

 */
void timer_heap_fire(struct timer_heap *heap, int64_t now_ns);

#endif
