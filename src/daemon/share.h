/* SPDX-License-Identifier: PostgreSQL */
/*
 * How many connections of one database the clients of an [access] section may use at once. Who
 * waits has his turn as in the pool's own queue: users, then their connections, then their
 * requests.
 */
#ifndef DAEMON_SHARE_H
#define DAEMON_SHARE_H

#include "base/macros.h"
#include "db/query.h"

#include <stdint.h>

struct database;
struct err;
struct share;

/* A section's part of a database, by the section's name, so that it outlives a reload. NULL: no
 * memory. */
struct share *share_ref(struct database *database, const char *section) MUST_CHECK;
void share_unref(struct share *share);

/*
 * Waits for one of `limit` connections. 0, -ETIMEDOUT, -ECANCELED or -ENOMEM. share_give() gives
 * it back. A NULL share is no limit.
 */
int share_take(struct share *share, unsigned limit, struct db_owner owner,
	       int64_t deadline_ns) MUST_CHECK;
void share_give(struct share *share, unsigned limit);
/* How many wait for one. */
size_t share_awaited(const struct share *share);
/* What share_take's failure is to the client. */
void share_refused(int rc, struct err *ret_err);

#endif
