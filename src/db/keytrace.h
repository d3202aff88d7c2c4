/* SPDX-License-Identifier: PostgreSQL */
/*
 * Overhears the secret of a session (BackendKeyData) while libpq connects: libpq before 17 tells it
 * to nobody, and its own PQcancel blocks. What passes by is read from libpq's trace as it is
 * written; nothing of it is kept but the two numbers, and every byte that was buffered is wiped,
 * since a password may have been among them.
 */
#ifndef DB_KEYTRACE_H
#define DB_KEYTRACE_H

#include "base/macros.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct keytrace {
	FILE *stream;
	bool overlong; /* the line that comes in is none that we look for */
	bool found;    /* the last three: BackendKeyData has come */
	int pid;
	int secret;
	size_t line_len;
	char line[64];
	char stdio[1024]; /* the stream's own buffer, so that we can wipe it */
};

/* Begins to listen to `pg`. The struct must stay where it is until keytrace_stop. 0 or -ENOMEM. */
int keytrace_start(struct keytrace *trace, PGconn *pg) MUST_CHECK;
/* Ends it and wipes all but found, pid and secret; `pg` must still be there. Once for each start
 * that succeeded. */
void keytrace_stop(struct keytrace *trace, PGconn *pg);

/* The parser: takes the next piece of libpq's trace. Public for its test. */
void keytrace_feed(struct keytrace *trace, const char *bytes, size_t len);

#endif
