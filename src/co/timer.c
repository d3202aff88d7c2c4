/* SPDX-License-Identifier: PostgreSQL */
#include "co/timer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "co/co.h"
#include "co/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

void timer_heap_init(struct timer_heap *heap)
{
	*heap = (struct timer_heap){.floor_ns = INT64_MIN};
}

void timer_heap_free(struct timer_heap *heap)
{
	mem_free(heap->slots);
	*heap = (struct timer_heap){0};
}

int timer_heap_reserve(struct timer_heap *heap, size_t count)
{
	struct timer_slot *slots;
	size_t capacity = heap->capacity;

	if (count <= capacity)
		return 0;
	if (count > SIZE_MAX / 4 / sizeof(*slots))
		return -ENOMEM;
	while (capacity < count)
		capacity = capacity == 0 ? 64 : capacity * 2;
	slots = mem_realloc(heap->slots, (capacity + 1) * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	heap->slots = slots;
	heap->capacity = capacity;
	return 0;
}

static bool earlier(const struct timer_slot *a, const struct timer_slot *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->sequence < b->sequence;
}

static void place(struct timer_heap *heap, size_t index, struct timer_slot slot)
{
	heap->slots[index] = slot;
	slot.timer->heap_index = index;
}

/* Puts `slot` where it belongs, beginning at a free place `index`. */
static void sift(struct timer_heap *heap, size_t index, struct timer_slot slot)
{
	while (index > 1 && earlier(&slot, &heap->slots[index / 2])) {
		place(heap, index, heap->slots[index / 2]);
		index /= 2;
	}
	for (;;) {
		size_t child = index * 2;

		if (child < heap->count && earlier(&heap->slots[child + 1], &heap->slots[child]))
			child++;
		if (child > heap->count || !earlier(&heap->slots[child], &slot))
			break;
		place(heap, index, heap->slots[child]);
		index = child;
	}
	place(heap, index, slot);
}

void timer_heap_put(struct timer_heap *heap, struct co_timer *timer)
{
	struct timer_slot slot = {
		.deadline_ns = MAX(timer->deadline_ns, heap->floor_ns),
		.sequence = heap->next_sequence++,
		.timer = timer,
	};
	size_t index = timer->heap_index;

	if (index == 0) {
		assert(heap->count < heap->capacity);
		index = ++heap->count;
	}
	sift(heap, index, slot);
}

void timer_heap_remove(struct timer_heap *heap, struct co_timer *timer)
{
	size_t index = timer->heap_index;
	struct timer_slot last;

	if (index == 0)
		return;
	timer->heap_index = 0;
	last = heap->slots[heap->count--];
	if (last.timer != timer)
		sift(heap, index, last);
}

int64_t timer_heap_next_ns(const struct timer_heap *heap)
{
	return heap->count > 0 ? heap->slots[1].deadline_ns : CLOCK_NEVER;
}

void timer_heap_fire(struct timer_heap *heap, int64_t now_ns)
{
	uint64_t first_new_sequence = heap->next_sequence;

	heap->floor_ns = MAX(heap->floor_ns, now_ns);
	while (heap->count > 0 && heap->slots[1].deadline_ns <= now_ns &&
	       heap->slots[1].sequence < first_new_sequence) {
		struct co_timer *timer = heap->slots[1].timer;

		timer_heap_remove(heap, timer);
		timer->fn(timer->arg);
	}
}

int co_timer_start(struct co_timer *timer, struct co_loop *loop, int64_t deadline_ns,
		   co_timer_fn *fn, void *arg)
{
	int rc;

	if (deadline_ns == CLOCK_NEVER) {
		co_timer_stop(timer);
		return 0;
	}
	if (timer->heap_index == 0) {
		rc = timer_heap_reserve(&loop->timers, loop->task_count + loop->timers.count + 1);
		if (rc < 0)
			return rc;
		timer->loop = loop;
	}
	assert(timer->loop == loop);
	timer->deadline_ns = deadline_ns;
	timer->fn = fn;
	timer->arg = arg;
	timer_heap_put(&loop->timers, timer);
	return 0;
}

void co_timer_stop(struct co_timer *timer)
{
	if (timer->heap_index != 0)
		timer_heap_remove(&timer->loop->timers, timer);
}
