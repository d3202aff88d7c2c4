/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which lane a query takes. Plain reads that are known to be fast share a few connections, several
 * deep, each with its own Sync: the shared lane. All others have a connection to themselves. A
 * queue for each, fair between users; db/placement says which connection is whose.
 */
#ifndef DB_LANES_H
#define DB_LANES_H

#include "co/co.h"
#include "db/history.h"
#include "db/pressure.h"
#include "db/queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct db_query;
struct pool;
struct statement;

struct lanes {
	struct queue alone, shared; /* who waits for which kind of connection */
	struct list awaited;	    /* statements of those in `alone` that might share, too, */
	int64_t awaited_seen_ns;    /* and when they were last looked at */
	int64_t shared_seen_ns;	    /* when the shared lane was last asked for */
	bool alone_next;	    /* of the two, where one connection has to serve both */
	int64_t alone_since_ns;	    /* when one was last given to a query alone */
	struct pressure pressure;
	struct co_timer due; /* then it is to be decided anew who may have which */
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
/* What counts as fast. */
struct history_limits lanes_limits(const struct pool *pool);
/* A run on a shared connection, or several in one batch, took so long. */
void lanes_note_shared(struct pool *pool, int64_t elapsed_ns);
/* One that had a connection to itself took so long, and waited for it before. */
void lanes_note_alone(struct pool *pool, int64_t elapsed_ns, int64_t waited_ns);
/* If the statement has come to count as fast, those of it that wait for a connection to themselves
 * do so no longer. */
void lanes_promote(struct pool *pool, struct statement *statement);

#endif
