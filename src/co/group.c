/* SPDX-License-Identifier: PostgreSQL */
/* Groups: the scope in which children live, and how their results come together. */
#include "co/co.h"
#include "co/loop.h"
#include "co/task.h"

#include <assert.h>
#include <errno.h>

void co_group_init(struct co_group *group, struct co_loop *loop, enum co_policy policy)
{
	*group = (struct co_group){.loop = loop, .policy = policy};
	list_init(&group->tasks);
}

int co_group_go(struct co_group *group, co_task_fn *fn, void *arg, const char *name)
{
	int rc;

	if (group->cancelled)
		return -ECANCELED;
	rc = task_start(group->loop, group, fn, arg, name);
	if (rc < 0)
		return rc;
	group->live++;
	return 0;
}

void co_group_cancel(struct co_group *group)
{
	group->cancelled = true;
	list_for_each (node, &group->tasks)
		co_task_cancel(LIST_ENTRY(node, struct co_task, sibling));
}

void group_child_ended(struct co_group *group, struct co_task *task)
{
	group->live--;
	if (task->result != 0) {
		if (group->first_error == 0)
			group->first_error = task->result;
		if (group->policy == CO_FAIL_FAST && !group->cancelled)
			co_group_cancel(group);
	}
	if (group->live == 0 && group->waiter != NULL)
		task_wake(group->waiter);
}

int co_group_wait(struct co_group *group, int64_t deadline_ns)
{
	int result = 0;

	assert(group->waiter == NULL && "a group has one parent");
	group->waiter = co_task_current();
	while (group->live > 0 && result == 0)
		result = task_wait(WAIT_CHILDREN, group, deadline_ns);
	if (result !=
	    0) { /* too late, or not wanted any more; with the last child gone it would be 0 */
		co_group_cancel(group);
		co_shield();
		while (group->live > 0)
			(void)!task_wait(WAIT_CHILDREN, group, CLOCK_NEVER);
		co_unshield();
	}
	group->waiter = NULL;
	if (result == 0)
		result = group->first_error;
	group->cancelled = false;
	group->first_error = 0;
	return result;
}
