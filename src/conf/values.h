/* SPDX-License-Identifier: PostgreSQL */
/* One key's value: from a file's text into its field. */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

#include "base/macros.h"
#include "conf/keys.h"
#include "conf/units.h"

#include <stdint.h>

struct arena;
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
/* A count, mode, size or duration as a file has it. Returns `out`. */
const char *values_format_number(char out[UNITS_TEXT_BYTES], enum key_type type, int64_t number);

#endif
