/* SPDX-License-Identifier: PostgreSQL */
/*
 * Signals as callbacks of the loop. libevent's handler only writes a byte to a socket pair that the
 * loop polls.
 */
#include "co/co.h"
#include "co/loop.h"
#include "co/poll.h"

#include <errno.h>
#include <event2/event.h>

static void signal_event(evutil_socket_t number, short what, void *arg)
{
	struct co_signal *signal = arg;

	(void)what;
	loop_note_event(signal->loop);
	signal->fn(signal->arg, (int)number);
}

int co_signal_start(struct co_signal *signal, struct co_loop *loop, int number, co_signal_fn *fn,
		    void *arg)
{
	int rc;

	*signal = (struct co_signal){.loop = loop, .number = number, .fn = fn, .arg = arg};
	signal->event = poll_event_alloc();
	if (signal->event == NULL)
		return -ENOMEM;
	event_assign(signal->event, loop->poll.base, number, EV_SIGNAL | EV_PERSIST, signal_event,
		     signal);
	rc = poll_event_add(signal->event);
	if (rc < 0)
		co_signal_stop(signal);
	return rc;
}

void co_signal_stop(struct co_signal *signal)
{
	poll_event_free(signal->event);
	signal->event = NULL;
}
