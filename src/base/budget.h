/* SPDX-License-Identifier: PostgreSQL */
/*
 * A limit on bytes held, shared by all buffers and arenas that are charged to it. Budgets nest:
 * what an item holds counts for its client and for the daemon. The owner outlives all that charge
 * to it.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include "base/macros.h"

#include <stddef.h>

struct budget {
	size_t limit_bytes; /* 0: no limit of its own */
	size_t used_bytes;
	size_t peak_bytes;
	struct budget *parent; /* may be NULL */
};

void budget_init(struct budget *budget, size_t limit_bytes, struct budget *parent);
/* Charges `size_bytes` here and in every parent, or nothing: 0 or -ENOBUFS. A NULL budget takes
 * all. */
int budget_charge(struct budget *budget, size_t size_bytes) MUST_CHECK;
void budget_release(struct budget *budget, size_t size_bytes);

#endif
