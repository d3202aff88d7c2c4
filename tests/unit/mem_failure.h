/* SPDX-License-Identifier: PostgreSQL */
/* Allocations that fail: as many, and from where on, as a test likes. */
#ifndef UNIT_MEM_FAILURE_H
#define UNIT_MEM_FAILURE_H

#include "base/mem.h"

#include <limits.h>

/* For mem_set_fail_hook(mem_failure_hook, &failure): zeroed, the next one fails. */
struct mem_failure {
	int countdown; /* allocations that succeed before the first that fails */
	int more;      /* that fail after it; INT_MAX: all of them */
	int failed;
};

static inline bool mem_failure_hook(void *ctx)
{
	struct mem_failure *failure = ctx;

	if (failure->countdown > 0) {
		failure->countdown--;
		return false;
	}
	if (failure->failed > failure->more)
		return false;
	failure->failed++;
	return true;
}

/* For mem_set_fail_hook(mem_failure_always, NULL). */
static inline bool mem_failure_always(void *ctx)
{
	(void)ctx;
	return true;
}

#endif
