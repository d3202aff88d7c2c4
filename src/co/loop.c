/* SPDX-License-Identifier: PostgreSQL */
/*
 * The loop: runs what is ready, then sleeps until there is more. Of libevent it knows only
 * co/poll.h.
 */
#include "co/loop.h"

#include "base/mem.h"
#include "co/task.h"

#include <assert.h>
#include <errno.h>

enum {
	STACK_BYTES = 256 * 1024,
	STACKS_CACHED = 64,
	/*
	 * How often a turn runs all that is ready before it polls again. A chain of wakes (child,
	 * parent, grandparent) then needs no system call in between, and tasks that keep each other
	 * ready cannot hold up the rest.
	 */
	ROUNDS_A_TURN = 8
};

__thread struct co_loop *loop_current;

int co_loop_new(struct co_loop **ret_loop, const struct co_loop_options *options)
{
	const struct co_loop_options defaults = {0};
	struct co_loop *loop;
	int rc;

	if (options == NULL)
		options = &defaults;
	loop = mem_calloc(1, sizeof(*loop));
	if (loop == NULL)
		return -ENOMEM;
	rc = poll_init(&loop->poll);
	if (rc < 0) {
		mem_free(loop);
		return rc;
	}
	loop->virtual_clock = options->virtual_clock;
	if (options->virtual_clock != NULL)
		loop->clock = &options->virtual_clock->clock;
	else
		loop->clock = options->clock != NULL ? options->clock : &clock_system;
	loop->now_ns = clock_now_ns(loop->clock);
	list_init(&loop->ready);
	list_init(&loop->late);
	list_init(&loop->tasks);
	list_init(&loop->hooks);
	switch_init_self(&loop->context);
	timer_heap_init(&loop->timers);
	stack_pool_init(&loop->stacks,
			options->stack_bytes > 0 ? options->stack_bytes : (size_t)STACK_BYTES,
			options->stacks_cached > 0 ? options->stacks_cached
						   : (size_t)STACKS_CACHED);
	*ret_loop = loop;
	return 0;
}

void co_loop_free(struct co_loop *loop)
{
	if (loop == NULL)
		return;
	assert(loop->task_count == 0 && loop != loop_current);
	timer_heap_free(&loop->timers);
	stack_pool_free(&loop->stacks);
	poll_free(&loop->poll);
	mem_free(loop);
}

static void run_tasks(struct co_loop *loop)
{
	struct list round, *first;

	list_init(&round);
	list_splice_back(&round, &loop->ready);
	while ((first = list_first(&round)) != NULL)
		task_run(LIST_ENTRY(first, struct co_task, ready));
}

static void run_hooks(struct co_loop *loop)
{
	struct list armed, *first;

	list_init(&armed);
	list_splice_back(&armed, &loop->hooks);
	while ((first = list_first(&armed)) != NULL) {
		struct co_hook *hook = LIST_ENTRY(first, struct co_hook, node);

		co_hook_stop(hook);
		hook->fn(hook->arg);
	}
}

static bool loop_busy(const struct co_loop *loop)
{
	return !list_empty(&loop->ready) || !list_empty(&loop->hooks);
}

static void run_ready(struct co_loop *loop)
{
	for (int round = 1; round <= ROUNDS_A_TURN; round++) {
		run_tasks(loop);
		if (list_empty(&loop->ready))
			list_splice_back(&loop->ready, &loop->late);
		if (!list_empty(&loop->ready) && round < ROUNDS_A_TURN)
			continue;
		run_hooks(loop);
		if (list_empty(&loop->ready))
			break;
	}
	list_splice_back(&loop->ready, &loop->late);
}

/* On virtual time nobody sleeps while there is a deadline to go to. */
static void poll_virtually(struct co_loop *loop, int64_t next_ns)
{
	poll_once(&loop->poll);
	if (loop->poll.events != loop->events_before)
		return;
	if (next_ns == CLOCK_NEVER)
		poll_wait(&loop->poll, 0, CLOCK_NEVER);
	else
		loop->virtual_clock->time_ns = next_ns;
}

static void poll_events(struct co_loop *loop)
{
	int64_t now_ns = clock_now_ns(loop->clock);
	int64_t next_ns = timer_heap_next_ns(&loop->timers);

	loop->lag_max_ns = MAX(loop->lag_max_ns, now_ns - loop->turn_ns);
	loop->events_before = loop->poll.events;
	if (loop_busy(loop) || next_ns <= now_ns)
		poll_once(&loop->poll);
	else if (loop->virtual_clock != NULL)
		poll_virtually(loop, next_ns);
	else
		poll_wait(&loop->poll, now_ns, MIN(next_ns, loop->stacks.trim_due_ns));

	loop->now_ns = clock_now_ns(loop->clock);
	if (loop->poll.events == loop->events_before)
		loop->turn_ns = loop->now_ns;
	loop->turns++;
	timer_heap_fire(&loop->timers, loop->now_ns);
	stack_pool_trim(&loop->stacks, loop->now_ns);
}

int co_loop_run(struct co_loop *loop, int (*main_fn)(void *arg), void *arg)
{
	struct co_group root;
	int rc;

	assert(loop_current == NULL && "this thread already runs a loop");
	co_group_init(&root, loop, CO_KEEP_GOING);
	rc = co_group_go(&root, main_fn, arg, "main");
	if (rc < 0)
		return rc;

	loop_current = loop;
	loop->turn_ns = loop->now_ns = clock_now_ns(loop->clock);
	run_ready(loop);
	while (root.live > 0) {
		poll_events(loop);
		run_ready(loop);
	}
	loop_current = NULL;
	assert(loop->task_count == 0 && "a task outlived main");
	return root.first_error;
}

int64_t co_loop_now_ns(const struct co_loop *loop)
{
	return loop->now_ns;
}

int64_t co_now_ns(void)
{
	assert(loop_current != NULL);
	return loop_current->now_ns;
}

struct co_loop *co_loop_current(void)
{
	return loop_current;
}

struct co_loop_stats co_loop_stats(const struct co_loop *loop)
{
	return (struct co_loop_stats){
		.tasks = loop->task_count,
		.stacks = loop->stacks.mapped_count,
		.stacks_cached = loop->stacks.cached_count,
		.timers = loop->timers.count,
		.switches = loop->switches,
		.turns = loop->turns,
		.lag_max_ns = loop->lag_max_ns,
	};
}

void co_loop_reset_lag(struct co_loop *loop)
{
	loop->lag_max_ns = 0;
}

void co_hook_start(struct co_hook *hook, struct co_loop *loop, co_hook_fn *fn, void *arg)
{
	if (hook->armed)
		list_remove(&hook->node);
	hook->armed = true;
	hook->fn = fn;
	hook->arg = arg;
	list_push_back(&loop->hooks, &hook->node);
}

void co_hook_stop(struct co_hook *hook)
{
	if (!hook->armed)
		return;
	list_remove(&hook->node);
	hook->armed = false;
}
