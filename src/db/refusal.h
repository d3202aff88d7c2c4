/* SPDX-License-Identifier: PostgreSQL */
/* Why no session came about at one address, read from what libpq says of it. Does no I/O. */
#ifndef DB_REFUSAL_H
#define DB_REFUSAL_H

#include "base/macros.h"
#include "db/connect.h"

#include <stdbool.h>

struct arena;

struct refusal {
	enum connect_failure kind;
	bool bad_conninfo; /* an option's value is at fault: no address will do better */
	bool wrong_role;   /* a session was had, but not as target_session_attrs wants it */
	char sqlstate[6];  /* empty: no server refused us */
	const char *severity;
	const char *message; /* says for which host */
};

/*
 * Takes libpq's account (written with PQERRORS_VERBOSE) apart: the text without its codes, and the
 * first SQLSTATE in it. Without one the kind is CONNECT_FAILURE_NETWORK, until the caller knows
 * better. 0 or -ENOMEM.
 */
int refusal_parse(const char *text, struct arena *arena, struct refusal *ret_refusal) MUST_CHECK;
/* What a server's refusal with this SQLSTATE means. */
enum connect_failure refusal_classify(const char *sqlstate);

#endif
