/* SPDX-License-Identifier: PostgreSQL */
#include "base/budget.h"

#include <assert.h>
#include <errno.h>

void budget_init(struct budget *budget, size_t limit_bytes, struct budget *parent)
{
	*budget = (struct budget){.limit_bytes = limit_bytes, .parent = parent};
}

int budget_charge(struct budget *budget, size_t size_bytes)
{
	for (const struct budget *b = budget; b != NULL; b = b->parent)
		if (b->limit_bytes != 0 &&
		    (size_bytes > b->limit_bytes || b->used_bytes > b->limit_bytes - size_bytes))
			return -ENOBUFS;
	for (struct budget *b = budget; b != NULL; b = b->parent) {
		b->used_bytes += size_bytes;
		b->peak_bytes = MAX(b->peak_bytes, b->used_bytes);
	}
	return 0;
}

void budget_release(struct budget *budget, size_t size_bytes)
{
	for (struct budget *b = budget; b != NULL; b = b->parent) {
		assert(b->used_bytes >= size_bytes);
		b->used_bytes -= size_bytes;
	}
}
