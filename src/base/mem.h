/* SPDX-License-Identifier: PostgreSQL */
/*
 * All heap allocation of the product goes through here, so that a test may make the nth one fail
 * and count what is left. Every function returns NULL when there is no memory; none exits.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t size_bytes) MUST_CHECK;
/* Zeroed; NULL also when count * size overflows. */
void *mem_calloc(size_t count, size_t size_bytes) MUST_CHECK;
/* On failure the old block stays as it was. */
void *mem_realloc(void *block, size_t size_bytes) MUST_CHECK;
void mem_free(void *block);
char *mem_strdup(const char *text) MUST_CHECK;
char *mem_strndup(const char *text, size_t len) MUST_CHECK;

/* Blocks handed out and not yet freed. */
size_t mem_live_blocks(void);

/* Tests: `fail` is asked before each allocation and makes it fail by returning true. NULL removes
 * it. */
typedef bool mem_fail_fn(void *ctx);
void mem_set_fail_hook(mem_fail_fn *fail, void *ctx);

#endif
