/* SPDX-License-Identifier: PostgreSQL */
/*
 * Named parameters: rewrites :name to $n. A name is recognised where named.h says, and only if the
 * caller's list has it; others stay as written, and so do psql's :'name' and :"name". Names are
 * case-sensitive. A name used twice gets one number. Where the word before it would run into the $n
 * a space is put between.
 */
#ifndef SQLTEXT_PARAMS_H
#define SQLTEXT_PARAMS_H

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct sql_params {
	const char *sql; /* rewritten, terminated, in the arena; a copy of the text when nothing was
			    named */
	size_t sql_len;
	size_t count;	 /* of the numbers that were given out */
	size_t *order;	 /* order[i]: index in the caller's list of what $i+1 is */
	bool has_dollar; /* the text had a $n of its own: mixing, when count > 0 */
	size_t unused; /* index of a first name that the text does not use; name_count when all are
			*/
	struct sql_param_shift {	 /* for error positions: a rewritten place */
		size_t old_at, new_at;	 /* where it begins, in characters from 1 */
		size_t old_len, new_len; /* in characters */
	} * shifts;
	size_t shift_count;
};

/* 0 or -ENOMEM. */
int sql_params_rewrite(struct arena *arena, struct str sql, const struct str *names,
		       size_t name_count, struct sql_params *ret_params) MUST_CHECK;
/*
 * A character position (from 1) of the rewritten text, as one of the text that the client sent.
 * What lies in a $n is where its :name begins. 0, which is none, stays.
 */
int sql_params_position(const struct sql_params *params, int position);
/* The highest $n of the text; 0 if none; UINT_MAX for all that are larger. */
unsigned sql_params_highest(struct str sql);

#endif
