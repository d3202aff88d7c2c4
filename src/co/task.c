/* SPDX-License-Identifier: PostgreSQL */
/* The life of a task: start, run, wait, be woken or cancelled, end. It knows no libevent. */
#include "co/task.h"

#include "co/loop.h"
#include "co/stack.h"

#include <assert.h>
#include <errno.h>

enum { CACHE_LINE_BYTES = 64 };

static size_t task_space_bytes(void)
{
	return (sizeof(struct co_task) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES *
	       CACHE_LINE_BYTES;
}

struct co_task *co_task_current(void)
{
	return loop_current != NULL ? loop_current->running : NULL;
}

struct co_task *task_self(void)
{
	struct co_task *task = co_task_current();

	assert(task != NULL && "only a task can do this");
	return task;
}

static void make_ready(struct co_task *task)
{
	if (task->state == TASK_LATE)
		list_remove(&task->ready);
	else if (task->state != TASK_WAITING)
		return;
	task->state = TASK_READY;
	list_push_back(&task->loop->ready, &task->ready);
}

void task_wake(struct co_task *task)
{
	task->woken = true;
	make_ready(task);
}

static void task_time_out(void *arg)
{
	struct co_task *task = arg;

	task->timed_out = true;
	if (task->wait == WAIT_TIME) {
		make_ready(task);
	} else if (task->state == TASK_WAITING) {
		task->state = TASK_LATE;
		list_push_back(&task->loop->late, &task->ready);
	}
}

static NORETURN void task_main(void *arg)
{
	struct co_task *task = arg;

	switch_entered(&task->context);
	task->result = task->fn(task->arg);
	assert(task->shields == 0 && "a shield was left open");
	task->state = TASK_ENDED;
	switch_leave(&task->context, &task->loop->context);
}

int task_start(struct co_loop *loop, struct co_group *group, co_task_fn *fn, void *arg,
	       const char *name)
{
	struct stack *stack;
	struct co_task *task;
	int rc;

	rc = timer_heap_reserve(&loop->timers, loop->task_count + 1 + loop->timers.count);
	if (rc < 0)
		return rc;
	rc = stack_pool_take(&loop->stacks, &stack);
	if (rc < 0)
		return rc;

	task = (void *)(stack->bottom + stack->size_bytes - task_space_bytes());
	*task = (struct co_task){
		.loop = loop,
		.group = group,
		.stack = stack,
		.fn = fn,
		.arg = arg,
		.name = name,
		.state = TASK_NEW,
		.wait_fd = -1,
		.result = -ECANCELED,
	};
	list_init(&task->waiter);
	list_push_back(&loop->tasks, &task->node);
	list_push_back(&group->tasks, &task->sibling);
	list_push_back(&loop->ready, &task->ready);
	loop->task_count++;
	return 0;
}

static void task_end(struct co_task *task, bool ran)
{
	struct co_loop *loop = task->loop;

	list_remove(&task->node);
	list_remove(&task->sibling);
	loop->task_count--;
	group_child_ended(task->group, task);
	stack_pool_return(&loop->stacks, task->stack, ran, loop->now_ns);
}

void task_run(struct co_task *task)
{
	struct co_loop *loop = task->loop;

	list_remove(&task->ready);
	if (task->state == TASK_NEW) {
		if (task->cancelled) {
			task_end(task, false);
			return;
		}
		switch_init(&task->context, task->stack->bottom,
			    (size_t)((char *)task - task->stack->bottom), task_main, task);
	}
	task->state = TASK_RUNNING;
	loop->running = task;
	loop->switches++;
	switch_to(&loop->context, &task->context);
	loop->running = NULL;
	if (task->state == TASK_ENDED)
		task_end(task, true);
}

int task_wait(enum task_wait wait, const void *wait_for, int64_t deadline_ns)
{
	struct co_task *task = task_self();
	struct co_loop *loop = task->loop;

	if (task->cancelled && task->shields == 0)
		return -ECANCELED;
	task->wait = wait;
	task->wait_for = wait_for;
	task->woken = task->timed_out = false;
	if (deadline_ns != CLOCK_NEVER) {
		task->timer.loop = loop;
		task->timer.deadline_ns = deadline_ns;
		task->timer.fn = task_time_out;
		task->timer.arg = task;
		timer_heap_put(&loop->timers, &task->timer); /* task_start made room */
	}
	task->state = TASK_WAITING;
	if (wait == WAIT_TURN)
		task_wake(task);

	switch_to(&task->context, &loop->context);

	timer_heap_remove(&loop->timers, &task->timer);
	task->wait = WAIT_NOTHING;
	if (task->woken)
		return 0;
	return task->timed_out ? -ETIMEDOUT : -ECANCELED;
}

void co_task_cancel(struct co_task *task)
{
	task->cancelled = true;
	if (task->shields == 0)
		make_ready(task);
}

bool co_cancelled(void)
{
	const struct co_task *task = task_self();

	return task->cancelled && task->shields == 0;
}

void co_shield(void)
{
	task_self()->shields++;
}

void co_unshield(void)
{
	struct co_task *task = task_self();

	assert(task->shields > 0);
	task->shields--;
}
