/* SPDX-License-Identifier: PostgreSQL */
/*
 * Opens one session with a server: names are resolved off the loop, and each address has a time
 * limit of its own. Any libpq connection string works, services and password files too. Knows
 * nothing of pools and queries.
 */
#ifndef DB_CONNECT_H
#define DB_CONNECT_H

#include "base/macros.h"
#include "db/cancel.h"
#include "db/transport.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;
struct err;
struct resolver;

struct connect_options {
	const char *conninfo;	      /* any libpq connection string or URI */
	const char *application_name; /* fallback_application_name; NULL: none */
	int64_t address_timeout_ns;   /* for each address tried and each name looked up; 0: none */
	bool read_only;		      /* default_transaction_read_only=on */
};

struct connect_link {
	PGconn *pg; /* established, non-blocking, client_encoding UTF8, notices dropped; no pipeline
		       mode yet */
	struct cancel_key key;
	struct transport transport; /* of `pg`, for transport_init() */
};

/* What stood in the way, for backoff. */
enum connect_failure {
	CONNECT_FAILURE_NETWORK,  /* no answer, or none that makes sense; out of memory or
				     descriptors */
	CONNECT_FAILURE_STARTING, /* 57P03: starting up, shutting down, in recovery */
	CONNECT_FAILURE_TOO_MANY, /* 53300 */
	CONNECT_FAILURE_REFUSED	  /* only configuration cures it: password, role, database, TLS, bad
				     conninfo */
};

/*
 * Waits. 0 and a link that the caller closes with connect_link_close; or a negative errno, and
 * *ret_err set in `arena`: ERR_SQL with PostgreSQL's sqlstate where a server refused the session
 * (28P01, 3D000, 53300, 57P03, …), else ERR_UNAVAILABLE. With several candidates the message says
 * of each what happened, and the code is that of the one that came nearest to a session. The errno
 * says what kind of failure it was, see connect_classify(); -ECANCELED and -ETIMEDOUT (the deadline
 * of the whole) as everywhere.
 */
int connect_open(struct resolver *resolver, const struct connect_options *options,
		 struct arena *arena, int64_t deadline_ns, struct connect_link *ret_link,
		 struct err *ret_err) MUST_CHECK;

/* The kind of failure that connect_open's negative errno means. */
enum connect_failure connect_classify(int rc);

/* Closes the session and wipes its key; sends Terminate if that does not block. Fine on a zeroed
 * one. */
void connect_link_close(struct connect_link *link);

/*
 * Whether `conninfo` can be read at all: NULL, or what is wrong with it, in `arena`. Neither waits
 * nor looks into service files.
 */
const char *connect_check_conninfo(const char *conninfo, struct arena *arena) MUST_CHECK;

#endif
