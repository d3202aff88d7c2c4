/* SPDX-License-Identifier: PostgreSQL */
#include "db/hold.h"

#include "base/mem.h"

#include <errno.h>

int hold_add(struct hold *hold, PGresult *result, size_t max_bytes)
{
	size_t bytes = PQresultMemorySize(result);

	if (hold->bytes + bytes > max_bytes || budget_charge(hold->budget, bytes) < 0)
		return -ENOBUFS;
	if (hold->count == hold->capacity) {
		size_t capacity = MAX(2 * hold->capacity, (size_t)8);
		PGresult **results = mem_realloc(hold->results, capacity * sizeof(PGresult *));

		if (results == NULL) {
			budget_release(hold->budget, bytes);
			return -ENOMEM;
		}
		hold->results = results;
		hold->capacity = capacity;
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
	mem_free(hold->results);
	*hold = (struct hold){.budget = hold->budget};
}
