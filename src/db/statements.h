/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a pool knows of the texts that it runs: how each behaves, whether one has been run before,
 * and which generation of it is valid. The last used are kept. Knows nothing of connections;
 * db/prepared has what each of those holds.
 */
#ifndef DB_STATEMENTS_H
#define DB_STATEMENTS_H

#include "base/list.h"
#include "base/macros.h"
#include "db/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct statements;
struct statement_key;

struct statement {
	struct statement_key *key; /* NULL: forgotten, and only kept for those who use it */
	struct list node;	   /* by use, the one used longest ago first */
	unsigned users;
	uint64_t serial;     /* of this text, never another's, also after it was forgotten */
	uint32_t generation; /* prepared under another one: not valid any more */
	uint32_t runs;
	bool changes_session; /* it has been seen to change what the session reports */
	unsigned doubt;	      /* so many times it is in no batch with others */
	struct history history;
	struct list waiting; /* db_query.alike of those that wait for a connection to themselves */
	struct list awaited; /* lanes.awaited, while there are such, and a while longer */
};

/* Longer texts are neither remembered nor prepared. */
#define STATEMENTS_MAX_TEXT_BYTES 16384

int statements_new(struct statements **ret_statements) MUST_CHECK;
/* Nobody may use one of its statements any more. */
void statements_free(struct statements *statements);
/* The statement of this text, to be given back; NULL when it is too long or there is no memory. */
struct statement *statements_get(struct statements *statements, const char *sql);
void statement_put(struct statement *statement);
/*
 * A name for a prepared statement that no other connection gives, not of another daemon either:
 * behind a pooler sessions change hands, and a name known there must not be another text's.
 */
void statements_make_name(struct statements *statements, char *name, size_t size);
/* What is prepared of it is not valid any more, on every connection. */
void statement_invalidate(struct statement *statement);
/* Nor anything else. */
void statements_invalidate_all(struct statements *statements);

#endif
