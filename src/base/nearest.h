/* SPDX-License-Identifier: PostgreSQL */
/* Which of several names a mistyped one may mean. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct nearest {
	const char *typed;
	const char *found; /* the nearest of those tried; NULL: none is near enough */
	size_t distance;   /* only names nearer than this count */
};

struct nearest nearest_to(const char *typed);
/* True when the candidate is near enough, and nearer than all tried before. */
bool nearest_try(struct nearest *nearest, const char *candidate);
#define NEAREST_QUESTION_BYTES 96
/* For the end of a message: "; did you mean NAME?", in quotes; empty if nothing is near enough. */
const char *nearest_question(const struct nearest *nearest, char text[NEAREST_QUESTION_BYTES]);

#endif
