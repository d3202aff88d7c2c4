/* SPDX-License-Identifier: PostgreSQL */
/* The queries that the command line and its files hold, and the parameters that each of them uses.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "base/arena.h"
#include "base/macros.h"
#include "cli/options.h"

#include <stdbool.h>
#include <stddef.h>

struct query {
	const char *sql;
	const char *name;  /* NULL: none */
	const char *title; /* NULL: none */
	const char *file;  /* NULL: from the command line */
	unsigned line;	   /* in the file, of its first character */
	bool *uses;	   /* uses[i]: settings[i] of the options */
	const struct options *options;
};

struct input {
	struct query *queries;
	size_t count, capacity;
	bool all_named; /* each query has a name, and there is one */
};

/*
 * Reads all sources; queries live in the arena. 0, or negative errno after a message: -EINVAL for a
 * text that cannot be sent, -ENOENT and the like for a file.
 */
int input_load(struct arena *arena, const struct options *options,
	       struct input *ret_input) MUST_CHECK;

#endif
