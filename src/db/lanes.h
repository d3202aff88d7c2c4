/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which query goes to which connection. Plain reads that are known to be fast share a few
 * connections, several deep, each with its own Sync: the shared lane. All others have a connection
 * to themselves. A queue for each, fair between users; a rule for who gives way.
 */
#ifndef DB_LANES_H
#define DB_LANES_H

#include "co/co.h"
#include "db/queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct db_query;
struct pool;

struct lanes {
	struct queue alone, shared; /* who waits for which kind of connection */
	int64_t shared_seen_ns;	    /* when the shared lane was last asked for */
	bool alone_next;	    /* of the two, where one connection has to serve both */
	struct co_timer due;	    /* then it is to be decided anew who may have which */
};

void lanes_init(struct lanes *lanes);
/* Nothing waits any more. */
void lanes_close(struct lanes *lanes);
static inline size_t lanes_queued(const struct lanes *lanes)
{
	return lanes->alone.length + lanes->shared.length;
}

/* In the lane that suits it, or at once on a connection: 0 or -ENOMEM. */
int lanes_submit(struct pool *pool, struct db_query *query) MUST_CHECK;
/* The next that waits in either lane, in order to refuse it; NULL: none. */
struct db_query *lanes_pop(struct lanes *lanes);
/* Gives waiting queries to the connections that can take them. */
void lanes_dispatch(struct pool *pool);
/* How many more connections the waiting queries would like to have. */
size_t lanes_wanted(const struct pool *pool);
/* How many fast queries may be on their way at once. */
size_t lanes_depth(const struct pool *pool);

#endif
