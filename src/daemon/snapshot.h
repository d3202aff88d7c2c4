/* SPDX-License-Identifier: PostgreSQL */
/*
 * A gather whose queries all see one snapshot of the database, on however many connections. The
 * first connection exports it, the others import it; each then runs one item after the other until
 * none is left. None waits for another, so one connection is enough and any number of such gathers
 * can share a pool. While others wait for connections all but the first stand in the queue again
 * after each item.
 */
#ifndef DAEMON_SNAPSHOT_H
#define DAEMON_SNAPSHOT_H

#include "base/macros.h"
#include "co/co.h"
#include "wire/reply.h"

#include <stdbool.h>
#include <stddef.h>

struct gather;
struct snapshot_holder;

struct snapshot {
	struct gather *gather;
	struct snapshot_holder *holders; /* one a connection; the first is the leader */
	size_t holder_count;
	bool led;	      /* the first holds it: others can import it */
	const char *identity; /* which server and which state of it: members check that theirs is
				 the same */
	struct reply_snapshot reply;
	bool taken; /* reply is set */
};

/* Starts its tasks in the gather's group. 0 or -ENOMEM. */
int snapshot_start(struct gather *gather) MUST_CHECK;
/* Items have ended without it: who waits for a connection is not needed if none is left. */
void snapshot_items_ended(struct gather *gather);
/* All tasks have ended: whatever was not run is told why. */
void snapshot_finish(struct gather *gather);

#endif
