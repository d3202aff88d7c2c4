/* SPDX-License-Identifier: PostgreSQL */
/* The loop, inside the runtime. */
#ifndef CO_LOOP_H
#define CO_LOOP_H

#include "base/clock.h"
#include "co/co.h"
#include "co/poll.h"
#include "co/stack.h"
#include "co/switch.h"
#include "co/timer.h"

struct co_loop {
	const struct clock *clock;
	struct clock_virtual *virtual_clock; /* NULL: time is real */
	int64_t now_ns;			     /* of this turn's events, then of its tasks */
	int64_t turn_ns;		     /* when it began: it had slept before */
	uint64_t events_before;		     /* of poll.events, those of earlier turns */

	struct list ready; /* struct co_task.ready */
	struct list late;  /* struct co_task.ready: their deadline came; they run when no other is
			      ready */
	struct list tasks; /* struct co_task.node: all live ones, oldest first */
	struct list hooks; /* struct co_hook.node: armed */
	size_t task_count;
	struct co_task *running;       /* NULL: the loop itself runs */
	struct switch_context context; /* the loop's own stack, while a task runs */

	struct timer_heap timers;
	struct stack_pool stacks;
	struct poll poll;

	uint64_t switches;
	uint64_t turns;
	int64_t lag_max_ns;
};

/*
 * What libevent calls begins with this. It is called while the loop sleeps, as far as the loop
 * knows: its time would be that of falling asleep, which may be hours ago.
 */
static inline void loop_note_event(struct co_loop *loop)
{
	if (loop->poll.events++ == loop->events_before)
		loop->turn_ns = loop->now_ns = clock_now_ns(loop->clock);
}

/* The loop that this thread runs, for gdb too. */
extern __thread struct co_loop *loop_current;

#endif
