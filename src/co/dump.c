/* SPDX-License-Identifier: PostgreSQL */
/* The live tasks, in words, for a log: what each waits for and how deep its stack has been. */
#include "co/co.h"
#include "co/loop.h"
#include "co/task.h"

#include <inttypes.h>
#include <stdio.h>

static const char *state_name(const struct co_task *task)
{
	switch (task->state) {
	case TASK_NEW:
		return "not yet run";
	case TASK_READY:
	case TASK_LATE:
		return "ready";
	case TASK_RUNNING:
		return "running";
	case TASK_WAITING:
		return "waiting";
	case TASK_ENDED:
		break;
	}
	return "ended";
}

static void describe_wait(const struct co_task *task, char *text, size_t size_bytes)
{
	text[0] = '\0';
	switch (task->wait) {
	case WAIT_NOTHING:
		break;
	case WAIT_TURN:
		snprintf(text, size_bytes, " for its turn");
		break;
	case WAIT_TIME:
		snprintf(text, size_bytes, " for the time");
		break;
	case WAIT_UNPARK:
		snprintf(text, size_bytes, " for unpark");
		break;
	case WAIT_QUEUE:
		snprintf(text, size_bytes, " in queue %p", task->wait_for);
		break;
	case WAIT_DESCRIPTOR:
		snprintf(text, size_bytes, " for descriptor %d", task->wait_fd);
		break;
	case WAIT_CHILDREN:
		snprintf(text, size_bytes, " for %zu children",
			 co_group_live((const struct co_group *)task->wait_for));
		break;
	}
}

static void describe_deadline(const struct co_task *task, char *text, size_t size_bytes)
{
	int64_t deadline_ns = task->timer.deadline_ns, now_ns = task->loop->now_ns;

	text[0] = '\0';
	if (task->timer.heap_index != 0)
		snprintf(text, size_bytes, ", deadline in %" PRId64 " ms",
			 deadline_ns > now_ns ? (deadline_ns - now_ns) / CLOCK_MS : 0);
}

void co_loop_dump(struct co_loop *loop, co_dump_fn *fn, void *arg)
{
	list_for_each (node, &loop->tasks) {
		const struct co_task *task = LIST_ENTRY(node, struct co_task, node);
		char wait[64], deadline[64], line[320];

		describe_wait(task, wait, sizeof(wait));
		describe_deadline(task, deadline, sizeof(deadline));
		snprintf(line, sizeof(line), "%.96s: %s%s%s%s, stack %zu of %zu KiB", task->name,
			 state_name(task), wait, deadline, task->cancelled ? ", cancelled" : "",
			 stack_deepest_bytes(&loop->stacks, task->stack) / 1024,
			 task->stack->size_bytes / 1024);
		fn(arg, line);
	}
}
