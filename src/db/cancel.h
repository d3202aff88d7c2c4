/* SPDX-License-Identifier: PostgreSQL */
/*
 * Asking a server to cancel what a backend runs. The request addresses a backend, not a query: who
 * sends one must not use that connection for another query before cancel_send has returned 0 and
 * the old query's own end has come.
 */
#ifndef DB_CANCEL_H
#define DB_CANCEL_H

#include "base/macros.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What a CancelRequest needs. May be copied; wipe every copy. */
struct cancel_key {
	struct sockaddr_storage addr; /* where the session's own socket is connected to */
	socklen_t addr_len;
	int pid;
	int secret;
	bool valid; /* false: only libpq's own cancel (17 and later) can be used */
};

void cancel_key_wipe(struct cancel_key *key);

/*
 * Waits. Asks the server to cancel what the backend runs now, and waits until the server has closed
 * the transport: then the cancel has been delivered, or never will be. 0, or a negative errno: then
 * it is unknown whether the signal will still come, except for -ENOTSUP (neither a valid key nor a
 * libpq that can do it: nothing was sent). `pg` may be NULL. Where libpq has its own non-blocking
 * cancel it is used, since that one speaks TLS where the session does; it copies what it needs from
 * `pg` before the first wait, so that `pg` may be closed meanwhile. Likewise `key`.
 */
int cancel_send(const struct cancel_key *key, PGconn *pg, int64_t deadline_ns) MUST_CHECK;

#endif
