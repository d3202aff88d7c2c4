/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a cancel of a session needs: its address and secret (BackendKeyData). libpq before 17 tells
 * them to nobody but its own PQcancel, which blocks; and its trace, which shows them, believes the
 * counts in a message that it could not parse and reads far behind it. So PQcancel is called, and
 * its packet goes to us instead of the server: connect() is ours, for all of the process, and goes
 * through `sys` otherwise.
 */
#ifndef DB_KEYCATCH_H
#define DB_KEYCATCH_H

#include "base/macros.h"
#include "db/cancel.h"

#include <libpq-fe.h>

/*
 * Of a session that is established. Sends nothing and does not wait. 0, the key being invalid where
 * the server gave none, or libpq (17) cancels without; or a negative errno.
 */
int keycatch_take(PGconn *pg, struct cancel_key *ret_key) MUST_CHECK;

#endif
