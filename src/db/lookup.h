/* SPDX-License-Identifier: PostgreSQL */
/*
 * Looking up one host name on a thread of its own, and how the answer comes back to the loop. What
 * the threads and the loop share is here; who asks, waits and gives up is resolve's.
 */
#ifndef DB_LOOKUP_H
#define DB_LOOKUP_H

#include "base/list.h"
#include "base/macros.h"
#include "db/resolve.h"

struct addrinfo;
struct exchange;

struct lookup {
	void *owner; /* the loop's side; the thread never looks at it */
	/* what is asked: not changed any more */
	struct exchange *exchange;
	resolve_lookup_fn *fn;
	char *port; /* behind host */
	/* the thread's until the lookup has come back */
	struct list done; /* in the exchange */
	int rc;		  /* of getaddrinfo */
	int system_errno;
	struct addrinfo *addresses;
	char host[];
};

int exchange_new(struct exchange **ret_exchange) MUST_CHECK;
/* Readable when a lookup has come back. */
int exchange_fd(const struct exchange *exchange);
/* Takes those that have come back (struct lookup.done); they are the caller's now. */
void exchange_take(struct exchange *exchange, struct list *ret_done);
/* Frees it and what is in it; a lookup that still runs is freed by its thread, and the last of them
 * frees the rest. */
void exchange_close(struct exchange *exchange);

/* Starts a thread; the lookup comes back through the exchange. 0 or a negative errno. */
int lookup_start(struct exchange *exchange, resolve_lookup_fn *fn, const char *host,
		 const char *port, void *owner, struct lookup **ret_lookup) MUST_CHECK;
/* One that has come back. NULL is fine. */
void lookup_free(struct lookup *lookup);

#endif
