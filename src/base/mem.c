/* SPDX-License-Identifier: PostgreSQL */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The resolver's threads allocate too, so the count is atomic; the hook is set before threads are.
 */
static atomic_size_t live_blocks;
static mem_fail_fn *fail_hook;
static void *fail_ctx;

static bool must_fail(void)
{
	return UNLIKELY(fail_hook != NULL) && fail_hook(fail_ctx);
}

static void *counted(void *block)
{
	if (block != NULL)
		atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
	return block;
}

void *mem_alloc(size_t size_bytes)
{
	return must_fail() ? NULL : counted(malloc(size_bytes > 0 ? size_bytes : 1));
}

void *mem_calloc(size_t count, size_t size_bytes)
{
	/* Sanitizers end the program where calloc would say no. */
	if (must_fail() || (size_bytes > 0 && count > SIZE_MAX / size_bytes))
		return NULL;
	return counted(calloc(count > 0 ? count : 1, size_bytes > 0 ? size_bytes : 1));
}

void *mem_realloc(void *block, size_t size_bytes)
{
	if (block == NULL)
		return mem_alloc(size_bytes);
	return must_fail() ? NULL : realloc(block, size_bytes > 0 ? size_bytes : 1);
}

void mem_free(void *block)
{
	if (block == NULL)
		return;
	atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
	free(block);
}

char *mem_strndup(const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? mem_alloc(len + 1) : NULL;

	if (copy != NULL) {
		if (len > 0)
			memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

char *mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

size_t mem_live_blocks(void)
{
	return atomic_load_explicit(&live_blocks, memory_order_relaxed);
}

void mem_set_fail_hook(mem_fail_fn *fail, void *ctx)
{
	fail_hook = fail;
	fail_ctx = ctx;
}
