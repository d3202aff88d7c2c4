/* SPDX-License-Identifier: PostgreSQL */
/*
 * Host names to addresses without holding up the loop: each lookup is a getaddrinfo on a thread of
 * its own. A name service that hangs holds up only those who ask for the same name, while fewer
 * than RESOLVE_MAX_LOOKUPS hang at once. Knows nothing of PostgreSQL.
 */
#ifndef DB_RESOLVE_H
#define DB_RESOLVE_H

#include "base/macros.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct addrinfo;
struct arena;
struct co_loop;
struct resolver;

/* Lookups at once over all; those who come later wait for one to end. */
#define RESOLVE_MAX_LOOKUPS 16

struct resolve_address {
	int family;				       /* AF_INET or AF_INET6 */
	char text[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE]; /* numeric, with its scope: fe80::1%eth0 */
};

/* getaddrinfo's shape. Runs on a thread, with all signals blocked. */
typedef int resolve_lookup_fn(const char *host, const char *port, const struct addrinfo *hints,
			      struct addrinfo **ret_list);

int resolver_new(struct resolver **ret_resolver, struct co_loop *loop) MUST_CHECK;
/* Nobody may wait in resolve_host any more. Lookups that still run clean up after themselves. NULL
 * is fine. */
void resolver_free(struct resolver *resolver);
/* Tests: what stands in for getaddrinfo. */
void resolver_set_lookup(struct resolver *resolver, resolve_lookup_fn *lookup);

/*
 * Waits. 0 and at least one address, in the order in which the system wants them tried, in `arena`;
 * or -ENOENT and *ret_why (a static text or in `arena`) when the name service says no, -ETIMEDOUT,
 * -ECANCELED or another errno. A lookup that is given up is left to its thread.
 */
int resolve_host(struct resolver *resolver, const char *host, const char *port, struct arena *arena,
		 int64_t deadline_ns, struct resolve_address **ret_addresses, size_t *ret_count,
		 const char **ret_why) MUST_CHECK;

#endif
