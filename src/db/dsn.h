/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a connection string means once libpq has added services, environment and defaults: which
 * servers to try, and what it says of the things that we settle ourselves. libpq does the reading;
 * nothing here waits or resolves names.
 */
#ifndef DB_DSN_H
#define DB_DSN_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct dsn_target {
	const char *host;     /* a name, a numeric address or a socket directory; never empty */
	const char *hostaddr; /* a numeric address; NULL: none was given */
	const char *port;     /* not yet checked */
};

struct dsn {
	struct dsn_target *targets; /* in the order of the string, at least one */
	size_t target_count;
	const char *target_session_attrs;
	const char *server_options; /* the option `options`; may be empty */
	int64_t connect_timeout_ns; /* CLOCK_NEVER: none */
	bool balance;		    /* load_balance_hosts=random */
	bool has_hostaddr;	    /* the option is given, for some or all targets */
	bool says_gssencmode;	    /* asks for one, or against it */
	bool says_keepalive;	    /* settles anything about keepalives or tcp_user_timeout */
};

/* 0; -EINVAL and *ret_why; or -ENOMEM. All text is in `arena`. */
int dsn_expand(const char *text, struct arena *arena, struct dsn *ret_dsn,
	       const char **ret_why) MUST_CHECK;
/*
 * Whether libpq accepts all options of the string, with `port` for a port: 0, -EINVAL and *ret_why,
 * or -ENOMEM. dsn_expand cannot see those that libpq checks late.
 */
int dsn_validate(const char *text, const char *port, struct arena *arena,
		 const char **ret_why) MUST_CHECK;

/* A socket directory, or the prefix of an abstract name. */
static inline bool dsn_is_unix(const struct dsn_target *target)
{
	return target->hostaddr == NULL && (target->host[0] == '/' || target->host[0] == '@');
}

#endif
