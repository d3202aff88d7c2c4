/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which servers are tried, at which addresses and in which order, until one gives us a session; and
 * what is to be said if none does. How a single try goes is attempt's.
 */
#ifndef DB_SEARCH_H
#define DB_SEARCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "db/connect.h"
#include "db/dsn.h"
#include "db/refusal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A target of the string at one address. */
struct candidate {
	const struct dsn_target *target;
	const char *address; /* NULL: a Unix socket */
};

/* One call of connect_open. */
struct search {
	const struct connect_options *options;
	struct resolver *resolver;
	struct arena arena; /* for all that does not outlive the call */
	struct dsn dsn;
	int64_t address_timeout_ns;
	int64_t deadline_ns;
	struct connect_link link; /* what was found */
	/* candidates of the first pass that would have had us, but for their role */
	struct candidate *wrong_role;
	size_t wrong_role_count, wrong_role_room;
	/* what went wrong so far */
	struct buf account;
	size_t unsaid;
	bool failed;		   /* the next is set */
	struct refusal nearest;	   /* of the candidate that came nearest to a session */
	enum connect_failure kind; /* of the whole: of several, the one that may be over soonest */
};

void search_init(struct search *search, struct resolver *resolver,
		 const struct connect_options *options, int64_t deadline_ns);
/*
 * Waits. 0 and search->link, which is the caller's; or a negative errno: -ECONNREFUSED when all
 * were tried, or one said what settles it; -EINVAL when the string is wrong (`account` says why);
 * -ETIMEDOUT, -ECANCELED, -ENOMEM, ….
 */
int search_run(struct search *search) MUST_CHECK;
/* What went wrong with whom, in one line; lives until search_free. */
const char *search_account(struct search *search);
void search_free(struct search *search);

#endif
