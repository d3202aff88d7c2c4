/* SPDX-License-Identifier: PostgreSQL */
/*
 * The sleep between two turns: libevent, and a timer of the kernel that ends it. Only poll.c, fd.c
 * and signal.c know libevent. It knows no tasks; callbacks of watches and signals are called from
 * inside poll_wait and poll_once.
 */
#ifndef CO_POLL_H
#define CO_POLL_H

#include "base/macros.h"

#include <stdint.h>

struct event;
struct event_base;

struct poll {
	struct event_base *base;
	struct event *timer_event;
	int timer_fd;
	int64_t armed_ns; /* when the timer will end a sleep; CLOCK_NEVER: it will not */
	uint64_t events;  /* reported so far; the timer does not count */
};

/* 0 or a negative errno. */
int poll_init(struct poll *poll) MUST_CHECK;
/* Fine when zeroed. */
void poll_free(struct poll *poll);
/* Reports what is ready now, without waiting. */
void poll_once(struct poll *poll);
/*
 * Sleeps until something is ready or the time has come, and reports it. May come back early with
 * nothing.
 */
void poll_wait(struct poll *poll, int64_t now_ns, int64_t until_ns);

/* libevent's events in memory of our own, so that running out of it is tested too. */
struct event *poll_event_alloc(void) MUST_CHECK;
/* Adds it. 0 or a negative errno. */
int poll_event_add(struct event *event) MUST_CHECK;
/* Takes it out and frees it. NULL is fine. */
void poll_event_free(struct event *event);

#endif
