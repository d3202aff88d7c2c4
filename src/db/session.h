/* SPDX-License-Identifier: PostgreSQL */
/*
 * What state a server session is to be in, and how it is brought back there: the text of set-up and
 * reset, and the fingerprint of what the server reports by itself. Knows nothing of queries.
 */
#ifndef DB_SESSION_H
#define DB_SESSION_H

#include "base/macros.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The parameters that PostgreSQL reports when they change; compared after each query. */
#define SESSION_REPORTED 9
struct session_baseline {
	char *values[SESSION_REPORTED]; /* NULL: not reported by this server */
};

/* 0 or -ENOMEM. Free it with session_baseline_free, also on failure. */
int session_baseline_take(struct session_baseline *baseline, const PGconn *pg) MUST_CHECK;
void session_baseline_free(struct session_baseline *baseline);
bool session_baseline_holds(const struct session_baseline *baseline, const PGconn *pg);

/* Limits the statements of the current transaction to $1 ms. */
#define SESSION_TIMEOUT_SQL "select pg_catalog.set_config('statement_timeout', $1, true)"

/*
 * Queues the commands of a set-up or a reset into a connection in pipeline mode, without the Sync.
 * Returns how many, or -EIO when libpq refuses. The set-up is part of every reset.
 * `statement_timeout_ns`: an upper bound for the session's own, 0: none.
 */
int session_send_setup(PGconn *pg, int64_t statement_timeout_ns) MUST_CHECK;
int session_send_reset(PGconn *pg, int64_t statement_timeout_ns) MUST_CHECK;
/*
 * The session's own statement_timeout, if `result` is the set-up's that tells it, else `known_ms`;
 * not above the bound that the set-up was given.
 */
int64_t session_timeout_ms(const PGresult *result, int64_t known_ms, int64_t statement_timeout_ns);

#endif
