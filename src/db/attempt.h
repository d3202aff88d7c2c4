/* SPDX-License-Identifier: PostgreSQL */
/*
 * One try to open a session at one address: drives libpq's connection machine and reads from what
 * happened what kind of failure it was. Which addresses are tried, and in which order, is
 * connect's.
 */
#ifndef DB_ATTEMPT_H
#define DB_ATTEMPT_H

#include "base/macros.h"
#include "db/connect.h"

#include <stdint.h>

struct arena;
struct dsn;
struct dsn_target;
struct refusal;

struct attempt {
	const struct connect_options *options;
	const struct dsn *dsn;
	const struct dsn_target *target;
	const char *address;		  /* numeric; NULL for a Unix socket */
	const char *target_session_attrs; /* of this pass */
};

/*
 * Waits. 0 and *ret_link; or a negative errno: -ECONNREFUSED with *ret_refusal set (text in
 * `arena`) is an answer about this address, -ETIMEDOUT, -ECANCELED, -ENOMEM and others are not and
 * leave it alone.
 */
int attempt_run(const struct attempt *attempt, struct arena *arena, int64_t deadline_ns,
		struct connect_link *ret_link, struct refusal *ret_refusal) MUST_CHECK;

#endif
