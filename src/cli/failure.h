/* SPDX-License-Identifier: PostgreSQL */
/* An error of a query as people read it: which query, what, and where in its text, as psql shows
 * it. */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include "base/buf.h"
#include "cli/input.h"
#include "client/gather.h"

#include <stddef.h>

/*
 * Appends some lines. `number` counts from 1. `query` is NULL where its text is not known
 * (reports); `name` (may be NULL) then says more than the number.
 */
void failure_write(struct buf *out, size_t number, const char *name, const struct query *query,
		   const struct gather_error *error);
/*
 * Appends "LINE 2: select …" and a line with a caret below the character at `position` (in
 * characters, from 1); nothing when the text has no such.
 */
void failure_write_excerpt(struct buf *out, const char *sql, int position);

#endif
