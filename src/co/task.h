/* SPDX-License-Identifier: PostgreSQL */
/*
 * A task, inside the runtime. It lives at the top of its own stack, so it dies with it.
 *
 * Waiting is in two steps, and that is what keeps wakes from being lost: whatever ends a wait (a
 * wake, the deadline, a cancel) only notes itself and makes the task ready; when the task runs it
 * looks at all that came, and a wake wins. Until then it stays where it waits, so that a wake in
 * the same turn still finds it. A task whose deadline came runs after all others of the turn: one
 * of them may bring what it waited for.
 */
#ifndef CO_TASK_H
#define CO_TASK_H

#include "co/co.h"
#include "co/switch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack;

enum task_state {
	TASK_NEW,     /* in loop.ready, never ran */
	TASK_READY,   /* in loop.ready */
	TASK_RUNNING, /* loop.running */
	TASK_WAITING, /* in no list of the loop's */
	TASK_LATE,    /* in loop.late, or loop.ready when its turn has come */
	TASK_ENDED    /* about to be freed */
};

/* What a waiting task waits for. */
enum task_wait {
	WAIT_NOTHING,
	WAIT_TURN,
	WAIT_TIME,
	WAIT_UNPARK,
	WAIT_QUEUE,
	WAIT_DESCRIPTOR,
	WAIT_CHILDREN
};

struct co_task {
	struct switch_context context;
	struct co_loop *loop;
	struct co_group *group;
	struct stack *stack;
	co_task_fn *fn;
	void *arg;
	const char *name;

	struct list node;      /* struct co_loop.tasks */
	struct list sibling;   /* struct co_group.tasks */
	struct list ready;     /* struct co_loop.ready */
	struct list waiter;    /* struct co_waitq.waiters */
	struct co_timer timer; /* the deadline of its wait */

	enum task_state state;
	enum task_wait wait;
	const void *wait_for; /* queue or group, for those who look on */
	int wait_fd;
	uint64_t io_turn; /* the turn that io_calls counts for */
	unsigned io_calls;
	int result;
	unsigned shields;
	bool cancelled; /* for good */
	bool unparked;	/* a co_unpark that no co_park has seen yet */
	bool woken;	/* this wait: what was waited for came */
	bool timed_out; /* this wait: the deadline came */
};

/* A task that is ready to run, in `group`. 0 or -ENOMEM. */
int task_start(struct co_loop *loop, struct co_group *group, co_task_fn *fn, void *arg,
	       const char *name) MUST_CHECK;
/*
 * Lets it run until it waits or ends; ends it without running when it was cancelled before. On the
 * loop's stack.
 */
void task_run(struct co_task *task);

/* The current task, where there must be one. */
struct co_task *task_self(void);
/* Makes the current task wait: 0 when task_wake() was called on it, -ETIMEDOUT or -ECANCELED. */
int task_wait(enum task_wait wait, const void *wait_for, int64_t deadline_ns) MUST_CHECK;
/*
 * Ends the wait of a task, at most once. Harmless if the task has been made ready by something
 * else.
 */
void task_wake(struct co_task *task);

/* In group.c: a child has ended. */
void group_child_ended(struct co_group *group, struct co_task *task);

#endif
