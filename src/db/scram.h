/* SPDX-License-Identifier: PostgreSQL */
/*
 * What libpq computes for a password. With SCRAM the server says how many rounds of SHA-256 that
 * takes, up to two thousand million, and libpq computes all of them inside one call of
 * PQconnectPoll. Each begins with a call of libcrypto's HMAC_Init_ex(): that is ours, for all of
 * the process, lets others run every few rounds, and refuses what is too much. So the loop goes on,
 * a cancel and the deadline count, and it is the same with TLS.
 */
#ifndef DB_SCRAM_H
#define DB_SCRAM_H

#include "base/macros.h"

#include <libpq-fe.h>
#include <stdint.h>

struct transport;

/* PostgreSQL's own default is 4096. So many take a second or two. */
#define SCRAM_ROUNDS_MAX 1000000u

/*
 * PQconnectPoll through `transport`; waits where it computes. 0 and *ret_status; -E2BIG when the
 * server asks for more rounds than SCRAM_ROUNDS_MAX, -ETIMEDOUT, -ECANCELED: the connection is of
 * no use then.
 */
int scram_connect_poll(PGconn *pg, struct transport *transport, int64_t deadline_ns,
		       PostgresPollingStatusType *ret_status) MUST_CHECK;

#endif
