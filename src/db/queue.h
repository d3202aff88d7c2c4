/* SPDX-License-Identifier: PostgreSQL */
/*
 * The pool's queue of waiting queries: round robin over users, over their connections, over their
 * requests; first in first out within a request. Nodes exist only while something of theirs waits.
 * Knows nothing of connections to servers.
 */
#ifndef DB_QUEUE_H
#define DB_QUEUE_H

#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_query;
struct queue_user;

struct queue_place {
	uint64_t key;
	struct list node; /* queue_ring.places */
};

struct queue_ring {
	struct list places; /* whose turn is next first; a place exists while something waits */
	bool served;	    /* `last` is set */
	uint64_t last;	    /* whose turn was last: it may not wait any more */
};

struct queue {
	struct queue_user *users; /* hash by db_owner.user */
	struct queue_ring ring;	  /* of users */
	size_t length;
};

void queue_init(struct queue *queue);
/* Behind all others of its request: 0 or -ENOMEM. */
int queue_push(struct queue *queue, struct db_query *query) MUST_CHECK;
/* This one need not wait, since nobody does: it was its user's turn. */
void queue_pass(struct queue *queue, const struct db_query *query);
/* The next in turn, or NULL. */
struct db_query *queue_pop(struct queue *queue);
/* Takes one out, wherever it stands. It must be queued. */
void queue_remove(struct queue *queue, struct db_query *query);

#endif
