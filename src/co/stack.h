/* SPDX-License-Identifier: PostgreSQL */
/*
 * Stacks for coroutines: mapped memory with a guard below it, kept for the next user up to a limit.
 * It knows nothing of what runs on them. Times are those of the caller's clock.
 */
#ifndef CO_STACK_H
#define CO_STACK_H

#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack {
	struct list node;	/* struct stack_pool.cached, while nobody uses it */
	char *bottom;		/* lowest usable byte; the guard is below */
	size_t size_bytes;	/* usable */
	int64_t returned_at_ns; /* when it came to the cache */
	bool dirty;		/* ran since its pages were last given back */
	unsigned valgrind_id;
};

struct stack_pool {
	struct list cached; /* struct stack.node; last returned, so warmest, first */
	size_t size_bytes;  /* of each stack, a whole number of pages */
	size_t guard_bytes;
	size_t page_bytes;
	size_t cached_count, cached_max;
	size_t mapped_count;	/* all, those in use included */
	bool guard_by_mprotect; /* the kernel has no MADV_GUARD_INSTALL */
	int64_t trim_due_ns;	/* when stack_pool_trim has something to do; CLOCK_NEVER: nothing */
};

/* size_bytes is rounded up to pages, and to a minimum that leaves a signal handler room. */
void stack_pool_init(struct stack_pool *pool, size_t size_bytes, size_t cached_max);
/* Unmaps the cached ones; all others must have been given back. */
void stack_pool_free(struct stack_pool *pool);

/* A stack whose content is undefined. 0 or -ENOMEM. */
int stack_pool_take(struct stack_pool *pool, struct stack **ret_stack) MUST_CHECK;
/* `used`: whether something ran on it. */
void stack_pool_return(struct stack_pool *pool, struct stack *stack, bool used, int64_t now_ns);

/*
 * Gives the kernel back the memory of stacks that have been idle for a while, but for their topmost
 * pages: one deep recursion is not paid for ever. Cheap when now_ns < pool->trim_due_ns.
 */
void stack_pool_trim(struct stack_pool *pool, int64_t now_ns);

/*
 * The deepest use of a stack since it was mapped or trimmed, in whole pages: those that the kernel
 * has backed.
 */
size_t stack_deepest_bytes(const struct stack_pool *pool, const struct stack *stack);

#endif
