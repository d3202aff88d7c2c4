/* SPDX-License-Identifier: PostgreSQL */
/*
 * The prepared statements that one session holds, the last used: which name to run a text by, and
 * what has to be prepared or dropped for it. Decides; the connection's driver sends.
 */
#ifndef DB_PREPARED_H
#define DB_PREPARED_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct prepared_entry;
struct statement;
struct statements;

struct prepared {
	struct prepared_entry *entries; /* hash by statement */
	struct list by_use;		/* the one used longest ago first */
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
 * How to run the statement now, and takes account of it: what is to be prepared counts as prepared,
 * what is to be dropped is forgotten. It is prepared when it is run for the second time in its
 * pool.
 */
struct prepared_plan prepared_plan(struct prepared *prepared, struct statements *statements,
				   struct statement *statement);
/* The server did not prepare it, or has it no more. */
void prepared_forget(struct prepared *prepared, const struct statement *statement);

#endif
