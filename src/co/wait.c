/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a task can wait for inside the loop: the time, a turn, another task, its place in a queue.

 */
#include "co/co.h"
#include "co/loop.h"
#include "co/task.h"

#include <errno.h>

int co_sleep_until(int64_t deadline_ns)
{
	int rc = task_wait(WAIT_TIME, NULL, deadline_ns);

	return rc == -ETIMEDOUT ? 0 : rc;
}

int co_yield(void)
{
	return task_wait(WAIT_TURN, NULL, CLOCK_NEVER);
}

int co_park(int64_t deadline_ns)
{
	struct co_task *task = task_self();
	int rc = 0;

	if (!task->unparked || co_cancelled())
		rc = task_wait(WAIT_UNPARK, NULL, deadline_ns);
	if (rc == 0)
		task->unparked = false;
	return rc;
}

void co_unpark(struct co_task *task)
{
	task->unparked = true;
	if (task->wait == WAIT_UNPARK)
		task_wake(task);
}

void co_waitq_init(struct co_waitq *queue)
{
	list_init(&queue->waiters);
}

int co_waitq_wait(struct co_waitq *queue, int64_t deadline_ns)
{
	struct co_task *task = task_self();
	int rc;

	list_push_back(&queue->waiters, &task->waiter);
	rc = task_wait(WAIT_QUEUE, queue, deadline_ns);
	list_remove(&task->waiter);
	return rc;
}

bool co_waitq_wake_one(struct co_waitq *queue)
{
	struct list *first = list_first(&queue->waiters);

	if (first == NULL)
		return false;
	list_remove(first);
	task_wake(LIST_ENTRY(first, struct co_task, waiter));
	return true;
}

void co_waitq_wake_all(struct co_waitq *queue)
{
	while (co_waitq_wake_one(queue))
		continue;
}
