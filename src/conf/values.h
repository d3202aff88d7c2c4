/* SPDX-License-Identifier: PostgreSQL */
/* One key's value: from a file's text into its field, and back. */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

#include "base/macros.h"

#include <stdbool.h>
#include <stdio.h>

struct arena;
struct key;
struct mistakes;

/* Longest name of a [database NAME] or [access NAME]. */
#define VALUES_NAME_MAX 40

/* NULL, or what is wrong with a name (of a section, a user, a group). */
const char *values_name_problem(const char *name);

/*
 * Sets the key's field in `target`, the struct of its section. 0, -ENOMEM, or -EINVAL after a
 * mistake was added (line, and what would be right).
 */
int values_parse(const struct key *key, const char *text, void *target, struct arena *arena,
		 struct mistakes *mistakes, unsigned line) MUST_CHECK;
/* Writes the field as a line (or several) of a file; a comment where it is absent. */
void values_print(const struct key *key, const void *source, FILE *stream);

#endif
