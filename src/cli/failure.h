/* SPDX-License-Identifier: PostgreSQL */
/* An error of a query as people read it: which query, what, and where in its text, as psql shows
 * it. */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include "base/buf.h"
#include "cli/input.h"
#include "client/gather.h"

#include <stddef.h>

/* What failed, as far as it is known. */
struct failure_place {
	const char *noun;	   /* "query", or what else it is: "COMMIT" */
	size_t number;		   /* from 1; 0: there is only one of it */
	const char *name;	   /* says more than the number; NULL: none */
	const struct query *query; /* NULL: its text is not known (reports), or it has none */
};

/* Appends some lines. */
void failure_write(struct buf *out, const struct failure_place *place,
		   const struct gather_error *error);
/*
 * Appends "LINE 2: select …" and a line with a caret below the character at `position` (in
 * characters, from 1); nothing when the text has no such.
 */
void failure_write_excerpt(struct buf *out, const char *sql, int position);

#endif
