/* SPDX-License-Identifier: PostgreSQL */
/* Descriptors: watches that call back, and the wait of a task for one. */
#include <event2/event_struct.h> /* first: its list macros have the names of ours */

#include "co/co.h"
#include "co/loop.h"
#include "co/poll.h"
#include "co/task.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>

static short to_libevent(unsigned events)
{
	return (short)((events & CO_READ ? EV_READ : 0) | (events & CO_WRITE ? EV_WRITE : 0) |
		       (events & CO_EDGE ? EV_ET : 0));
}

static unsigned from_libevent(short what)
{
	return (what & EV_READ ? CO_READ : 0U) | (what & EV_WRITE ? CO_WRITE : 0U);
}

static void watch_event(evutil_socket_t fd, short what, void *arg)
{
	struct co_watch *watch = arg;

	(void)fd;
	loop_note_event(watch->loop);
	watch->fn(watch->arg, from_libevent(what));
}

int co_watch_start(struct co_watch *watch, struct co_loop *loop, int fd, unsigned events,
		   co_watch_fn *fn, void *arg)
{
	int rc = -ENOMEM;

	*watch = (struct co_watch){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
	watch->event = poll_event_alloc();
	watch->spare = poll_event_alloc();
	if (watch->event != NULL && watch->spare != NULL)
		rc = co_watch_change(watch, events);
	if (rc < 0)
		co_watch_stop(watch);
	return rc;
}

int co_watch_change(struct co_watch *watch, unsigned events)
{
	struct event *old = watch->event, *new = watch->spare;
	int rc = 0;

	if ((events & (CO_READ | CO_WRITE)) == 0)
		events = 0;
	if (events == watch->events)
		return 0;
	/*
	 * The new one goes in before the old one goes out: then epoll sees one change instead of a
	 * removal and an addition, and it looks again at an edge that this turn has not yet
	 * reported. But a descriptor is watched either by edge or by level.
	 */
	if (watch->events != 0 && ((events ^ watch->events) & CO_EDGE) != 0) {
		event_del(old);
		watch->events = 0;
	}
	if (events != 0) {
		event_assign(new, watch->loop->poll.base, watch->fd,
			     (short)(to_libevent(events) | EV_PERSIST), watch_event, watch);
		rc = poll_event_add(new);
		if (rc < 0)
			return rc;
	}
	if (watch->events != 0)
		event_del(old);
	watch->event = new;
	watch->spare = old;
	watch->events = events;
	return 0;
}

void co_watch_stop(struct co_watch *watch)
{
	poll_event_free(watch->event);
	poll_event_free(watch->spare);
	watch->event = watch->spare = NULL;
	watch->events = 0;
}

struct fd_wait {
	struct co_task *task;
	unsigned events;
};

static void fd_wait_event(evutil_socket_t fd, short what, void *arg)
{
	struct fd_wait *wait = arg;

	(void)fd;
	loop_note_event(wait->task->loop);
	wait->events = from_libevent(what);
	task_wake(wait->task);
}

int co_fd_wait(int fd, unsigned events, int64_t deadline_ns)
{
	struct fd_wait wait = {.task = task_self()};
	struct event event;
	int rc;

	assert((events & (CO_READ | CO_WRITE)) != 0);
	if (co_cancelled())
		return -ECANCELED;
	event_assign(&event, wait.task->loop->poll.base, fd,
		     to_libevent(events & ~(unsigned)CO_EDGE), fd_wait_event, &wait);
	rc = poll_event_add(&event);
	if (rc < 0)
		return rc;
	wait.task->wait_fd = fd;
	rc = task_wait(WAIT_DESCRIPTOR, NULL, deadline_ns);
	event_del(&event);
	return rc == 0 ? (int)wait.events : rc;
}
