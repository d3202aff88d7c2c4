/* SPDX-License-Identifier: PostgreSQL */
#include "db/hold.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

/* Most have a single one, which has come whole. */
static int grow(struct hold *hold)
{
	size_t capacity = MAX(2 * hold->capacity, (size_t)8);
	PGresult **results;

	if (hold->capacity == 0) {
		hold->results = hold->one;
		hold->capacity = ARRAY_SIZE(hold->one);
		return 0;
	}
	results = mem_realloc(hold->results == hold->one ? NULL : hold->results,
			      capacity * sizeof(PGresult *));
	if (results == NULL)
		return -ENOMEM;
	if (hold->results == hold->one)
		memcpy(results, hold->one, sizeof(hold->one));
	hold->results = results;
	hold->capacity = capacity;
	return 0;
}

int hold_add(struct hold *hold, PGresult *result, size_t max_bytes)
{
	size_t bytes = PQresultMemorySize(result);

	if (hold->bytes + bytes > max_bytes || budget_charge(hold->budget, bytes) < 0)
		return -ENOBUFS;
	if (hold->count == hold->capacity && grow(hold) < 0) {
		budget_release(hold->budget, bytes);
		return -ENOMEM;
	}
	hold->results[hold->count++] = result;
	hold->bytes += bytes;
	return 0;
}

PGresult *hold_take(struct hold *hold)
{
	PGresult *result;
	size_t bytes;

	if (hold_empty(hold))
		return NULL;
	result = hold->results[hold->first++];
	bytes = PQresultMemorySize(result);
	hold->bytes -= bytes;
	budget_release(hold->budget, bytes);
	if (hold_empty(hold))
		hold->first = hold->count = 0;
	return result;
}

void hold_clear(struct hold *hold)
{
	PGresult *result;

	while ((result = hold_take(hold)) != NULL)
		PQclear(result);
	if (hold->results != hold->one)
		mem_free(hold->results);
	*hold = (struct hold){.budget = hold->budget};
}
