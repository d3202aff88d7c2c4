/* SPDX-License-Identifier: PostgreSQL */
/*
 * Finds what is written as a named parameter, :name, in SQL text. A name is what
 * PostgreSQL takes for an identifier, but for $: letters, _ and all that is not ASCII, then digits
 * as well; and a whole word.
 *
 * No statement that PostgreSQL takes without parameters is read another way. Outside brackets a
 * single colon has no meaning of its own, but for json_object(key : value). In brackets it makes a
 * slice:
 *   - array[:a, :b] builds an array: names
 *   - a[1:n], a[:n], a[lo:hi]: one colon behind an operand or the bracket is the slice's, n and hi
 * are columns
 *   - a[1 + :n], a[1: :n], a[: :n], a[f(:n)]: behind an operator, another colon, a comma or "("
 * stands a name
 *   - a[:lo : :hi], a[:lo:hi]: a slice has one colon, so that :lo is a name
 *   - a[:n] alone cannot be told from a slice up to the column n and is taken for one. Write
 * a[(:n)]. Likewise json_object('k' : :v), json_object('k' value :v) and json_object(:k : :v) hold
 * names, json_object(k :v) none.
 */
#ifndef SQLTEXT_NAMED_H
#define SQLTEXT_NAMED_H

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct sql_named {
	struct str name; /* of the searched text; the colon stands right before it */
	size_t number;	 /* the caller's, 0 at first */
	bool glued; /* to a word or number before the colon: what replaces it needs a space first */
	bool indirect; /* "[" or "." comes next */
};

struct sql_named_list {
	struct sql_named *items; /* in the arena, in the text's order */
	size_t count;
};

bool sql_param_name_valid(struct str name);
/* 0 or -ENOMEM. */
int sql_named_find(struct arena *arena, struct str sql, struct sql_named_list *ret_list) MUST_CHECK;

#endif
