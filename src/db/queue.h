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

#include <stddef.h>

struct db_query;
struct queue_user;

struct queue {
	struct queue_user *users; /* hash by db_owner.user */
	struct list ring;	  /* of users, whose turn is next first */
	size_t length;
};

void queue_init(struct queue *queue);
/* Behind all others of its request: 0 or -ENOMEM. */
int queue_push(struct queue *queue, struct db_query *query) MUST_CHECK;
/* The next in turn, or NULL. */
struct db_query *queue_pop(struct queue *queue);
/* Takes one out, wherever it stands. It must be queued. */
void queue_remove(struct queue *queue, struct db_query *query);

#endif
