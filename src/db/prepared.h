/* SPDX-License-Identifier: PostgreSQL */
/*
 * The prepared statements that one session holds, the last used: which name to run a text by, and
 * what has to be prepared or dropped for it. Decides; the connection's driver sends.
 */
#ifndef DB_PREPARED_H
#define DB_PREPARED_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

struct prepared_entry;
struct statements;

struct prepared {
	struct prepared_entry *entries; /* hash by text; the one used longest ago first */
	unsigned max;			/* 0: nothing is ever prepared */
};

/* "gatherd_", the pool's 64 bits and a number, in hexadecimal. */
#define PREPARED_NAME_BYTES 48

struct prepared_plan {
	bool named;   /* run `name`; else the text, unnamed */
	bool prepare; /* `name` has to be prepared first */
	char name[PREPARED_NAME_BYTES];
	char drop[PREPARED_NAME_BYTES]; /* to be deallocated before that; empty: none */
};

void prepared_init(struct prepared *prepared, unsigned max);
/* Also after the session has dropped them all. */
void prepared_clear(struct prepared *prepared);
/*
 * How to run the text now, and takes account of it: what is to be prepared counts as prepared, what
 * is to be dropped is forgotten. A text is prepared when it is seen for the second time in its
 * pool.
 */
struct prepared_plan prepared_plan(struct prepared *prepared, struct statements *statements,
				   const char *sql);
/* The server did not prepare it, or has it no more. */
void prepared_forget(struct prepared *prepared, const char *sql);

#endif
