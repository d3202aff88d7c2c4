/* SPDX-License-Identifier: PostgreSQL */
/* Edit distance, with two swapped neighbours as one edit. Names longer than LENGTH_MAX are near to
 * nothing. */
#include "base/nearest.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LENGTH_MAX 63

static size_t min3(size_t a, size_t b, size_t c)
{
	return MIN(a, MIN(b, c));
}

static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][LENGTH_MAX + 1] = {{0}};
	size_t *above2 = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = above2;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t changed = a[i - 1] != b[j - 1];

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + changed);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], above2[j - 2] + 1);
		}
		above2 = above;
		above = row;
		row = oldest;
	}
	return above[b_len];
}

struct nearest nearest_to(const char *typed)
{
	size_t len = strlen(typed);

	/* A third of it may be wrong, but of one or two letters hardly anything. */
	return (struct nearest){.typed = typed, .distance = len < 3 ? 2 : len / 3 + 2};
}

bool nearest_try(struct nearest *nearest, const char *candidate)
{
	size_t typed_len = strlen(nearest->typed), len = strlen(candidate), distance;

	if (typed_len == 0 || typed_len > LENGTH_MAX || len > LENGTH_MAX)
		return false;
	if (strcasecmp(nearest->typed, candidate) == 0)
		distance = 0;
	else
		distance = edit_distance(nearest->typed, typed_len, candidate, len);
	/* Nothing is like a name all of whose letters had to change. */
	if (distance >= nearest->distance || distance >= MAX(typed_len, len))
		return false;
	nearest->distance = distance;
	nearest->found = candidate;
	return true;
}

const char *nearest_question(const struct nearest *nearest, char text[NEAREST_QUESTION_BYTES])
{
	text[0] = '\0';
	if (nearest->found != NULL)
		snprintf(text, NEAREST_QUESTION_BYTES, "; did you mean \"%s\"?", nearest->found);
	return text;
}
