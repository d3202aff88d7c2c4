/* SPDX-License-Identifier: PostgreSQL */
/*
 * A connection to oneself for a while: what a sequence or a transaction runs on. Between take and
 * release the holder's queries go out in the order in which they were sent, several at once if it
 * likes; what they leave in the session is reset afterwards. One task holds a lease.
 */
#ifndef DB_LEASE_H
#define DB_LEASE_H

#include "base/macros.h"
#include "db/query.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct pool;

struct db_lease {
	struct pool *pool;
	struct db_query query; /* stands in the queue; afterwards err says why there is no lease */
};

/*
 * Waits for a connection, in the queue like any query. 0; else negative, and lease->query.err is
 * the reason. Its memory stays the caller's until the release.
 */
int db_lease_take(struct pool *pool, struct db_lease *lease, struct db_owner owner,
		  struct arena *arena, int64_t deadline_ns) MUST_CHECK;
/* Hands a query to the connection; await it with db_lease_await. Each must be awaited before the
 * release. */
void db_lease_send(struct db_lease *lease, struct db_query *query);
/*
 * The same with several, each the next in order, up to one Sync: all go out at once, an error of
 * one skips the rest (ERR_SKIPPED), and none is answered before all are. In a transaction, since
 * they are one anyway.
 */
void db_lease_send_batch(struct db_lease *lease, struct db_query *const *queries, size_t count);
/* Waits, as db_execute. */
int db_lease_await(struct db_query *query, int64_t deadline_ns);
/* Whether the connection is still there. */
bool db_lease_holds(const struct db_lease *lease);
void db_lease_release(struct db_lease *lease);

#endif
