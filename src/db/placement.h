/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which of a pool's connections the next query of a lane gets, and the lanes' parts of the pool:
 * who gives way to whom, and when.
 */
#ifndef DB_PLACEMENT_H
#define DB_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct pool;

/* For a query that shares, or one that does not: taken for it; NULL: it has to wait. */
struct conn *placement_for_shared(struct pool *pool);
struct conn *placement_for_alone(struct pool *pool);
/* What waits for a connection to itself, and may have one more, gets a shared one as soon as that
 * is empty. */
void placement_drain_for_alone(struct pool *pool);
/* As many as the shared lane holds on to while it is in use. */
size_t placement_kept(const struct pool *pool);
/* How many may be one query's own just now. */
size_t placement_busy_max(const struct pool *pool);
/* When it is to be decided anew, if nothing happens before; CLOCK_NEVER: only then. */
int64_t placement_due_ns(const struct pool *pool);
/* How many more connections the waiting queries would like to have. */
size_t placement_wanted(const struct pool *pool);
/* How many queries the shared lane can have under way. */
size_t placement_depth(const struct pool *pool);

#endif
