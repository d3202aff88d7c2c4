/* SPDX-License-Identifier: PostgreSQL */
/*
 * libevent waits for descriptors and signals, but our timers are not its timers: it rounds to
 * milliseconds on a coarse clock, which wakes up to 5 ms early or late. A timerfd is exact, and it
 * is set only when an earlier deadline comes up, so the usual deadline that is never reached costs
 * no system call.
 */
#include "co/poll.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/*
 * Failures come back as errors, which is enough; only what libevent is about to die of is worth a
 * line.
 */
static void libevent_log(int severity, const char *message)
{
	if (severity >= EVENT_LOG_ERR)
		fprintf(stderr, "libevent: %s\n", message);
}

/* libevent tells what failed by errno only. */
static void *libevent_alloc(size_t size_bytes)
{
	void *block = mem_alloc(size_bytes);

	if (block == NULL)
		errno = ENOMEM;
	return block;
}

static void *libevent_realloc(void *old, size_t size_bytes)
{
	void *block = mem_realloc(old, size_bytes);

	if (block == NULL)
		errno = ENOMEM;
	return block;
}

static void libevent_set_up(void)
{
	event_set_mem_functions(libevent_alloc, libevent_realloc, mem_free);
	event_set_log_callback(libevent_log);
}

static void timer_expired(evutil_socket_t fd, short what, void *arg)
{
	struct poll *poll = arg;

	(void)fd;
	(void)what;
	poll->armed_ns = CLOCK_NEVER;
}

static int base_new(struct event_base **ret_base)
{
	struct event_config *config = event_config_new();

	if (config == NULL)
		return -ENOMEM;
	/* One thread; and the environment must not choose us another backend. */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) ==
		    0 &&
	    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1) == 0)
		*ret_base = event_base_new_with_config(config);
	event_config_free(config);
	return *ret_base != NULL ? 0 : -ENOMEM;
}

int poll_init(struct poll *poll)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc;

	pthread_once(&once, libevent_set_up);
	*poll = (struct poll){.timer_fd = -1, .armed_ns = CLOCK_NEVER};
	rc = base_new(&poll->base);
	if (rc < 0)
		goto fail;
	poll->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (poll->timer_fd < 0) {
		rc = -errno;
		goto fail;
	}
	poll->timer_event = poll_event_alloc();
	if (poll->timer_event == NULL) {
		rc = -ENOMEM;
		goto fail;
	}
	/* By edges: an expiry is reported once and need not be read away. */
	event_assign(poll->timer_event, poll->base, poll->timer_fd, EV_READ | EV_PERSIST | EV_ET,
		     timer_expired, poll);
	rc = poll_event_add(poll->timer_event);
	if (rc < 0)
		goto fail;
	return 0;

fail:
	poll_free(poll);
	return rc;
}

void poll_free(struct poll *poll)
{
	if (poll->base == NULL)
		return;
	poll_event_free(poll->timer_event);
	if (poll->timer_fd >= 0)
		close(poll->timer_fd);
	event_base_free(poll->base);
	*poll = (struct poll){.timer_fd = -1};
}

static void dispatch(struct poll *poll, int flags)
{
	/*
	 * It fails only where epoll_wait rejects its own arguments; going on would be a busy loop.

	 */
	if (event_base_loop(poll->base, flags | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		abort();
}

void poll_once(struct poll *poll)
{
	/*
	 * Without ONCE libevent goes on for as long as a descriptor is ready, and it is ours to
	 * read it.
	 */
	dispatch(poll, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void arm(struct poll *poll, int64_t now_ns, int64_t until_ns)
{
	int64_t wait_ns = MAX(until_ns - now_ns, 1); /* zero would disarm it */
	struct itimerspec spec = {.it_value = {
					  .tv_sec = wait_ns / CLOCK_SECOND,
					  .tv_nsec = wait_ns % CLOCK_SECOND,
				  }};

	if (timerfd_settime(poll->timer_fd, 0, &spec, NULL) != 0)
		abort(); /* only wrong arguments do that, and nothing would ever end the sleep */
	poll->armed_ns = until_ns;
}

void poll_wait(struct poll *poll, int64_t now_ns, int64_t until_ns)
{
	if (until_ns < poll->armed_ns)
		arm(poll, now_ns, until_ns);
	dispatch(poll, EVLOOP_ONCE);
}

struct event *poll_event_alloc(void)
{
	return mem_calloc(1, event_get_struct_event_size());
}

int poll_event_add(struct event *event)
{
	errno = 0;
	if (event_add(event, NULL) == 0)
		return 0;
	return errno != 0 ? -errno : -EINVAL;
}

void poll_event_free(struct event *event)
{
	if (event == NULL)
		return;
	if (event_initialized(event))
		event_del(event);
	mem_free(event);
}
