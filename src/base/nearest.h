/* SPDX-License-Identifier: PostgreSQL */
/* Which of several names a mistyped one may mean. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct nearest {
	const char *typed;
	size_t distance; /* only names nearer than this count */
};

struct nearest nearest_to(const char *typed);
/* True when the candidate is near enough, and nearer than all tried before. */
bool nearest_try(struct nearest *nearest, const char *candidate);

#endif
