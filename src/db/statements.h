/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a pool knows of the texts that it runs: whether one has been seen before, and which
 * generation of it is valid. The last used are kept. Knows nothing of connections; db/prepared has
 * what each of those holds.
 */
#ifndef DB_STATEMENTS_H
#define DB_STATEMENTS_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct statements;

/* Longer texts are neither remembered nor prepared. */
#define STATEMENTS_MAX_TEXT_BYTES 16384

struct statement_sight {
	bool seen_before;
	uint32_t generation; /* prepared under another one: not valid any more */
};

int statements_new(struct statements **ret_statements) MUST_CHECK;
void statements_free(struct statements *statements);
/* Takes account of one more run. Without memory it is as if the text had never been seen. */
struct statement_sight statements_see(struct statements *statements, const char *sql, size_t len);
/*
 * A name for a prepared statement that no other connection gives, not of another daemon either:
 * behind a pooler sessions change hands, and a name known there must not be another text's.
 */
void statements_make_name(struct statements *statements, char *name, size_t size);
/* What is prepared of this text is not valid any more, on every connection. */
void statements_invalidate(struct statements *statements, const char *sql, size_t len);
void statements_invalidate_all(struct statements *statements);

#endif
