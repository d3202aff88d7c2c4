/* SPDX-License-Identifier: PostgreSQL */
#include "co/stack.h"

#include "base/clock.h"
#include "base/mem.h"
#include "co/sanitizer.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

enum {
	STACK_MIN_BYTES = 16 * 1024,
	KEEP_BYTES = 16 * 1024, /* of a trimmed stack: what most tasks need */
	GUARD_MIN_BYTES = 4096
};
#define IDLE_NS CLOCK_SECOND /* in the cache, before a stack is trimmed */

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

void stack_pool_init(struct stack_pool *pool, size_t size_bytes, size_t cached_max)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	*pool = (struct stack_pool){
		.size_bytes = round_up(MAX(size_bytes, (size_t)STACK_MIN_BYTES), page_bytes),
		.guard_bytes = round_up(GUARD_MIN_BYTES, page_bytes),
		.page_bytes = page_bytes,
		.cached_max = cached_max,
		.trim_due_ns = CLOCK_NEVER,
	};
	list_init(&pool->cached);
}

/*
 * A page that cannot be touched. mprotect splits the mapping in two, and a process may have only
 * some 65,000 of them (vm.max_map_count); a guard inside the mapping leaves it whole, and
 * neighbours are merged into one.
 */
static int install_guard(struct stack_pool *pool, char *mapping)
{
	if (!pool->guard_by_mprotect) {
		if (madvise(mapping, pool->guard_bytes, MADV_GUARD_INSTALL) == 0)
			return 0;
		pool->guard_by_mprotect = true; /* an old kernel, or locked memory */
	}
	return mprotect(mapping, pool->guard_bytes, PROT_NONE) == 0 ? 0 : -ENOMEM;
}

static int stack_map(struct stack_pool *pool, struct stack **ret_stack)
{
	size_t mapping_bytes = pool->guard_bytes + pool->size_bytes;
	struct stack *stack = mem_alloc(sizeof(*stack));
	char *mapping;

	if (stack == NULL)
		return -ENOMEM;
	mapping = mmap(NULL, mapping_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (mapping == MAP_FAILED)
		goto fail_memory;
	/*
	 * Else the first byte of a stack may bring 2 MiB with it. Linux implies it by MAP_STACK
	 * since 6.7.
	 */
	(void)madvise(mapping, mapping_bytes, MADV_NOHUGEPAGE);
	if (install_guard(pool, mapping) != 0)
		goto fail_mapping;

	*stack = (struct stack){
		.bottom = mapping + pool->guard_bytes,
		.size_bytes = pool->size_bytes,
	};
	list_init(&stack->node);
	stack->valgrind_id = sanitizer_stack_mapped(stack->bottom, stack->size_bytes);
	pool->mapped_count++;
	*ret_stack = stack;
	return 0;

fail_mapping:
	(void)munmap(mapping, mapping_bytes);
fail_memory:
	mem_free(stack);
	return -ENOMEM;
}

/*
 * False where the kernel does not let it go: a hole makes two mappings out of one, of which there
 * may be too many.
 */
static bool stack_unmap(struct stack_pool *pool, struct stack *stack)
{
	if (munmap(stack->bottom - pool->guard_bytes, pool->guard_bytes + stack->size_bytes) != 0)
		return false;
	sanitizer_stack_unmapped(stack->bottom, stack->size_bytes, stack->valgrind_id);
	pool->mapped_count--;
	mem_free(stack);
	return true;
}

void stack_pool_free(struct stack_pool *pool)
{
	size_t mapped_before;

	/*
	 * One in the middle of a mapping may be refused; one at an end never is, so every pass gets
	 * on.
	 */
	do {
		mapped_before = pool->mapped_count;
		list_for_each_safe (node, &pool->cached) {
			struct stack *stack = LIST_ENTRY(node, struct stack, node);

			list_remove(node);
			if (!stack_unmap(pool, stack))
				list_insert_between(node, node_next->prev, node_next);
		}
	} while (pool->mapped_count > 0 && pool->mapped_count < mapped_before);
	assert(pool->mapped_count == 0);
	pool->cached_count = 0;
}

int stack_pool_take(struct stack_pool *pool, struct stack **ret_stack)
{
	struct list *first = list_first(&pool->cached);
	struct stack *stack;
	int rc;

	if (first != NULL) {
		stack = LIST_ENTRY(first, struct stack, node);
		list_remove(first);
		pool->cached_count--;
	} else {
		rc = stack_map(pool, &stack);
		if (rc < 0)
			return rc;
	}
	sanitizer_stack_taken(stack->bottom, stack->size_bytes);
	*ret_stack = stack;
	return 0;
}

static void give_back_pages(struct stack *stack, size_t keep_bytes)
{
	if (stack->size_bytes > keep_bytes)
		(void)madvise(stack->bottom, stack->size_bytes - keep_bytes, MADV_DONTNEED);
	stack->dirty = false;
}

void stack_pool_return(struct stack_pool *pool, struct stack *stack, bool used, int64_t now_ns)
{
	sanitizer_stack_returned(stack->bottom, stack->size_bytes);
	stack->dirty |= used;
	stack->returned_at_ns = now_ns;
	if (pool->cached_count >= pool->cached_max) {
		if (stack_unmap(pool, stack))
			return;
		give_back_pages(stack, 0);
	}
	list_push_front(&pool->cached, &stack->node);
	pool->cached_count++;
	if (stack->dirty && pool->trim_due_ns == CLOCK_NEVER)
		pool->trim_due_ns = clock_after_ns(now_ns, IDLE_NS);
}

void stack_pool_trim(struct stack_pool *pool, int64_t now_ns)
{
	int64_t due_ns = CLOCK_NEVER;

	if (now_ns < pool->trim_due_ns)
		return;
	list_for_each (node, &pool->cached) {
		struct stack *stack = LIST_ENTRY(node, struct stack, node);
		int64_t stack_due_ns = clock_after_ns(stack->returned_at_ns, IDLE_NS);

		if (!stack->dirty)
			continue;
		if (stack_due_ns <= now_ns)
			give_back_pages(stack, KEEP_BYTES);
		else
			due_ns = MIN(due_ns, stack_due_ns);
	}
	pool->trim_due_ns = due_ns;
}

size_t stack_deepest_bytes(const struct stack_pool *pool, const struct stack *stack)
{
	size_t page_bytes = pool->page_bytes;
	unsigned char resident[64];

	for (size_t offset = 0; offset < stack->size_bytes;) {
		size_t pages = MIN((stack->size_bytes - offset) / page_bytes, sizeof(resident));

		if (mincore(stack->bottom + offset, pages * page_bytes, resident) != 0)
			return 0;
		for (size_t i = 0; i < pages; i++)
			if (resident[i] & 1)
				return stack->size_bytes - offset - i * page_bytes;
		offset += pages * page_bytes;
	}
	return 0;
}
