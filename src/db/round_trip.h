/* SPDX-License-Identifier: PostgreSQL */
/*
 * How far away the server is: the least time in which any connection of a pool has had an answer.
 * Each is asked for nothing but a Sync when it is new, and every query tells as well. What one
 * takes beyond that it takes in the server.
 */
#ifndef DB_ROUND_TRIP_H
#define DB_ROUND_TRIP_H

#include <stdint.h>

struct conn;
struct pool;

/* An answer came so long after what it answers was sent. */
void round_trip_note(struct conn *conn, int64_t took_ns);
/* The connection is in none of the pool's lists any more: what only it has seen may have been
 * another server. */
void round_trip_forget(const struct conn *conn);
/* How many queries of a shared connection are on their way when pipeline_depth of them are there,
 * and each takes as long as a fast one does. */
unsigned round_trip_depth(const struct pool *pool);

#endif
