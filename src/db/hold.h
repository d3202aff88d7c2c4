/* SPDX-License-Identifier: PostgreSQL */
/*
 * Results that a query's sink may not have yet: because it is paused on a connection that others
 * wait for, or because a cancel that was meant for another may still hit the query. Bounded, each
 * by itself and all together.
 */
#ifndef DB_HOLD_H
#define DB_HOLD_H

#include "base/budget.h"
#include "base/macros.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* What a query may have held at least: libpq takes some two KiB for each row. */
#define HOLD_BYTES_MIN ((size_t)1024 * 1024)
#define HOLD_ROW_BYTES ((size_t)2048)

struct hold {
	PGresult **results; /* at first `one` */
	PGresult *one[1];
	size_t count, capacity;
	size_t first; /* of those not given yet */
	size_t bytes;
	struct budget *budget; /* they are charged to; may be NULL */
};

static inline bool hold_empty(const struct hold *hold)
{
	return hold->first == hold->count;
}

/* Takes the result over. 0, -ENOMEM, or -ENOBUFS when it would hold more than `max_bytes` or
 * the budget allows; what is not taken is still the caller's. */
int hold_add(struct hold *hold, PGresult *result, size_t max_bytes) MUST_CHECK;
/* The oldest, to be cleared by the caller; NULL: there is none. */
PGresult *hold_take(struct hold *hold);
/* Forgets all of them. */
void hold_clear(struct hold *hold);

#endif
