/* SPDX-License-Identifier: PostgreSQL */
/*
 * The coroutine runtime as its users see it. One loop runs in one thread; nothing here is shared
 * between threads.
 *
 * A task is a function on a stack of its own. It runs until it waits. A function that waits says
 * "waits": it is a cancellation point, and its last argument is an absolute deadline
 * (base/clock.h). Such functions return 0, or
 *
 *   -ETIMEDOUT: the deadline came first;
 *
 *   -ECANCELED: the task was cancelled; from then on every further wait fails so at once (but see
 *   co_shield).
 *
 * If what was waited for and the deadline come in the same turn, what was waited for wins.
 *
 * Callbacks (co_*_fn) run on the loop's own stack: they must not wait, they only wake and start
 * tasks.
 */
#ifndef CO_CO_H
#define CO_CO_H

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct co_loop;
struct co_task;

/* ---- the loop ---- */

struct co_loop_options {
	const struct clock *clock;	     /* NULL: the system's */
	struct clock_virtual *virtual_clock; /* if set it is the clock: where the loop would sleep,
						it moves the clock to the next deadline instead */
	size_t stack_bytes;		     /* 0: 256 KiB */
	size_t stacks_cached;		     /* idle stacks kept; 0: 64 */
};

struct co_loop_stats {
	size_t tasks;  /* started and not yet ended */
	size_t stacks; /* mapped, cached ones included */
	size_t stacks_cached;
	size_t timers;
	uint64_t switches;
	uint64_t turns;
	int64_t lag_max_ns; /* longest time between two polls since the last call of
			       co_loop_reset_lag */
};

/* options may be NULL. 0, -ENOMEM or another negative errno. */
int co_loop_new(struct co_loop **ret_loop, const struct co_loop_options *options) MUST_CHECK;
/* No task may be left. NULL is fine. */
void co_loop_free(struct co_loop *loop);
/*
 * Runs main_fn as a task until it returns (everything it started must be joined by then); its
 * result, or -ENOMEM.
 */
int co_loop_run(struct co_loop *loop, int (*main_fn)(void *arg), void *arg);
/* The time of this turn of the loop: cheap, and the same for all that happens in one turn. */
int64_t co_loop_now_ns(const struct co_loop *loop);
struct co_loop_stats co_loop_stats(const struct co_loop *loop);
void co_loop_reset_lag(struct co_loop *loop);

/*
 * The loop and the task that run now; NULL outside of a task (co_loop_current: also set inside
 * callbacks).
 */
struct co_loop *co_loop_current(void);
struct co_task *co_task_current(void);
int64_t co_now_ns(void); /* of the current loop */

/* ---- tasks and groups ---- */

typedef int co_task_fn(void *arg);

enum co_policy {
	CO_KEEP_GOING, /* a child that fails disturbs nobody */
	CO_FAIL_FAST   /* the first child that returns non-zero cancels the others */
};

/*
 * Lives in its parent's scope; its children are joined before co_group_wait returns. Fields are
 * private.
 */
struct co_group {
	struct co_loop *loop;
	struct list tasks; /* struct co_task.sibling: those not yet ended */
	struct co_task *waiter;
	enum co_policy policy;
	bool cancelled;
	int first_error;
	size_t live;
};

void co_group_init(struct co_group *group, struct co_loop *loop, enum co_policy policy);
/*
 * Starts fn(arg) as a child; it runs from the next turn of the ready queue on, never inside this
 * call. May be called from tasks and callbacks. `name` must outlive the task (shown by gdb help and
 * co_loop_dump). 0, -ENOMEM, or -ECANCELED where the group has been cancelled; then fn is never
 * called. A child that is cancelled before it first ran is never called either; its result is
 * -ECANCELED.
 */
int co_group_go(struct co_group *group, co_task_fn *fn, void *arg, const char *name) MUST_CHECK;
/*
 * Waits until all children have ended. When the deadline comes, or the caller is cancelled, cancels
 * the children and still joins them. Returns -ETIMEDOUT or -ECANCELED then, else the first non-zero
 * result of a child, else 0. The group can be used again afterwards.
 */
int co_group_wait(struct co_group *group, int64_t deadline_ns);
/* Cancels all children, now and those to come; waits for nothing. */
void co_group_cancel(struct co_group *group);
static inline size_t co_group_live(const struct co_group *group)
{
	return group->live;
}

/*
 * Cancelling twice, or a task that ends in this turn, is harmless. A task must not be named after
 * it has ended.
 */
void co_task_cancel(struct co_task *task);
/* Whether the current task has been cancelled (a shield hides it). */
bool co_cancelled(void);
/*
 * Inside a shield the current task's waits do not see a cancel; it is seen again after the matching
 * co_unshield(). For clean-up that must wait, and short: shields nest.
 */
void co_shield(void);
void co_unshield(void);

/* ---- waiting ---- */

/*
 * Waits for nothing but the time; -ETIMEDOUT is not an error here: 0 when the deadline has come, or
 * -ECANCELED.
 */
int co_sleep_until(int64_t deadline_ns) MUST_CHECK;
/* Lets every other ready task run once. 0 or -ECANCELED. */
int co_yield(void);

/*
 * Waits until somebody calls co_unpark on this task. A co_unpark that came before is not lost: park
 * then returns at once (any number of unparks count as one).
 */
int co_park(int64_t deadline_ns) MUST_CHECK;
/* From tasks and callbacks of the same loop. */
void co_unpark(struct co_task *task);

/* A queue of waiting tasks, first in first out. Destroy it only when empty. */
struct co_waitq {
	struct list waiters;
};

void co_waitq_init(struct co_waitq *queue);
int co_waitq_wait(struct co_waitq *queue, int64_t deadline_ns) MUST_CHECK; /* waits */
/*
 * Wakes the first waiter; false when there is none. A waiter that is woken and cancelled in one
 * turn returns 0: what it was given is not lost. */
bool co_waitq_wake_one(struct co_waitq *queue);
void co_waitq_wake_all(struct co_waitq *queue);
static inline bool co_waitq_empty(const struct co_waitq *queue)
{
	return list_empty(&queue->waiters);
}

/*
 * Waits until fd is ready for one of `events`: the ready ones (> 0), -ETIMEDOUT, -ECANCELED or
 * another errno.
 */
int co_fd_wait(int fd, unsigned events, int64_t deadline_ns) MUST_CHECK;

/* ---- callbacks from the loop ---- */

enum { CO_READ = 1, CO_WRITE = 2, CO_EDGE = 4 /* only in the mask: report changes, not levels */ };

/*
 * What epoll says of a descriptor, for as long as it is watched. Errors and hang-ups count as both
 * events, as far as the mask has them. A descriptor may have several watches and waiting tasks, but
 * none beside a watch with CO_EDGE.
 */
typedef void co_watch_fn(void *arg, unsigned events);
struct co_watch {
	struct co_loop *loop;
	void *event, *spare; /* libevent's */
	int fd;
	unsigned events;
	co_watch_fn *fn;
	void *arg;
};

/*
 * 0 or a negative errno. The watch lives in the caller's struct and must be stopped before that, or
 * fd, goes.
 */
int co_watch_start(struct co_watch *watch, struct co_loop *loop, int fd, unsigned events,
		   co_watch_fn *fn, void *arg) MUST_CHECK;
/*
 * Changes the mask; without CO_READ and CO_WRITE nothing is reported. No system call when nothing
 * changes. An edge that is still there is reported anew. On failure (a system call's) the old mask
 * stays, or none when CO_EDGE changes.
 */
int co_watch_change(struct co_watch *watch, unsigned events) MUST_CHECK;
/*
 * After this fn is not called again, even if an event of this turn is pending. Fine when never
 * started.
 */
void co_watch_stop(struct co_watch *watch);

typedef void co_timer_fn(void *arg);
struct co_timer { /* zero it before first use */
	struct co_loop *loop;
	size_t heap_index; /* 0: not running */
	int64_t deadline_ns;
	co_timer_fn *fn;
	void *arg;
};

/* Starts it, or moves it when it runs. 0 or -ENOMEM (moving never fails). CLOCK_NEVER stops it. */
int co_timer_start(struct co_timer *timer, struct co_loop *loop, int64_t deadline_ns,
		   co_timer_fn *fn, void *arg) MUST_CHECK;
void co_timer_stop(struct co_timer *timer);

/*
 * Called once, when every ready task has run and before the loop polls again (tasks that keep each
 * other ready for ever delay it by a few rounds only). Start it anew for the next time. The loop
 * does not sleep while one is armed.
 */
typedef void co_hook_fn(void *arg);
struct co_hook { /* zero it before first use */
	struct list node;
	bool armed;
	co_hook_fn *fn;
	void *arg;
};

void co_hook_start(struct co_hook *hook, struct co_loop *loop, co_hook_fn *fn, void *arg);
void co_hook_stop(struct co_hook *hook);

typedef void co_signal_fn(void *arg, int signal_number);
struct co_signal {
	struct co_loop *loop;
	void *event;
	int number;
	co_signal_fn *fn;
	void *arg;
};

/*
 * Called in a turn of the loop, not in the handler. Signals are a process's: one loop of it may
 * take them.
 */
int co_signal_start(struct co_signal *signal, struct co_loop *loop, int number, co_signal_fn *fn,
		    void *arg) MUST_CHECK;
void co_signal_stop(struct co_signal *signal);

/*
 * Lists the live tasks, one a line: name, state, what it waits for, deepest stack use. For logs and
 * debugging.
 */
typedef void co_dump_fn(void *arg, const char *line);
void co_loop_dump(struct co_loop *loop, co_dump_fn *fn, void *arg);

#endif
