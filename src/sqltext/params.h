/* SPDX-License-Identifier: PostgreSQL */
/*
 * Named parameters: rewrites :name to $n. A name is recognised outside strings, quoted identifiers, comments, dollar
 * quotes, casts (::), := and array slices ([1:x] — a colon right after an operand inside brackets), and only if the
 * caller's list has it; others stay as written. A name used twice gets one number.
 */
#ifndef SQLTEXT_PARAMS_H
#define SQLTEXT_PARAMS_H

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct sql_params {
	const char *sql;     /* rewritten, terminated, in the arena; the text as given when nothing was named */
	size_t count;	     /* of $n in it */
	size_t *order;	     /* order[i]: index in the caller's list of what $i+1 is */
	bool has_dollar;     /* the text had a $n of its own: mixing */
	size_t unused;	     /* index of a first name that the text does not use; name_count when all are */
	struct sql_param_shift { /* for error positions: a rewritten place, in characters of the new text */
		size_t new_at, old_len, new_len;
	} *shifts;
	size_t shift_count;
};

/* 0 or -ENOMEM. */
int sql_params_rewrite(struct arena *arena, struct str sql, const struct str *names, size_t name_count,
		       struct sql_params *ret_params) MUST_CHECK;
/* A character position (from 1) of the rewritten text, as one of the text that the client sent. */
int sql_params_position(const struct sql_params *params, int position);
/* The highest $n of the text; 0 if none. */
unsigned sql_params_highest(struct str sql);

#endif
