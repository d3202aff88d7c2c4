/* SPDX-License-Identifier: PostgreSQL */
/* What test_co_gdb looks at: tasks in every state, and a function to stop in. */
#include "co/co.h"
#include "co/loop.h"

#include <stdlib.h>
#include <unistd.h>

struct subject {
	struct co_waitq queue;
	int fds[2];
};

int subject_stop(int marker);
int subject_inner_wait(struct subject *subject, int marker);

/* Not inlined and not static, so that it has a frame and a name at every optimisation. */
__attribute__((noinline)) int subject_stop(int marker)
{
	__asm__ volatile("" : : "r"(marker) : "memory");
	return marker;
}

__attribute__((noinline)) int subject_inner_wait(struct subject *subject, int marker)
{
	int rc = co_waitq_wait(&subject->queue, CLOCK_NEVER);

	__asm__ volatile("" : : "r"(marker) : "memory");
	return rc;
}

static int queue_task(void *arg)
{
	return subject_inner_wait(arg, 4711);
}

static int sleep_task(void *arg)
{
	(void)arg;
	return co_sleep_until(co_now_ns() + 3600 * CLOCK_SECOND);
}

static int read_task(void *arg)
{
	struct subject *subject = arg;

	return co_fd_wait(subject->fds[0], CO_READ, CLOCK_NEVER);
}

static int main_task(void *arg)
{
	struct subject *subject = arg;
	struct co_group group;
	int rc = 0;

	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	rc |= co_group_go(&group, queue_task, subject, "queuer");
	rc |= co_group_go(&group, sleep_task, subject, "sleeper");
	rc |= co_group_go(&group, read_task, subject, "reader");
	rc |= co_yield();
	rc |= co_group_go(&group, sleep_task, subject, "newcomer");
	subject_stop(rc);
	co_group_cancel(&group);
	return co_group_wait(&group, CLOCK_NEVER) == -1;
}

/*
 * With an argument it guards its stacks by mprotect: gdb writes no core file of stacks with the
 * other guard.
 */
int main(int argc, char **argv)
{
	struct subject subject;
	struct co_loop *loop;

	co_waitq_init(&subject.queue);
	if (pipe(subject.fds) != 0 || co_loop_new(&loop, NULL) != 0)
		return EXIT_FAILURE;
	(void)argv;
	if (argc > 1)
		loop->stacks.guard_by_mprotect = true;
	return co_loop_run(loop, main_task, &subject);
}
