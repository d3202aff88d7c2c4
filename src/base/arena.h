/* SPDX-License-Identifier: PostgreSQL */
/*
 * Memory that is given out in pieces and freed at once: a request's data lives in its arena. Pieces
 * are aligned for any type. Every function that allocates returns NULL when memory, cap or budget
 * ends.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/macros.h"
#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct budget;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used_bytes;	    /* in the newest block */
	size_t total_bytes;	    /* of all blocks */
	size_t max_bytes;	    /* cap on total_bytes; 0: none */
	struct budget *budget;	    /* may be NULL */
};

void arena_init(struct arena *arena, size_t max_bytes, struct budget *budget);
/* Frees everything that was given out. The arena can be used again. */
void arena_free(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size_bytes) MUST_CHECK;
void *arena_calloc(struct arena *arena, size_t count, size_t size_bytes) MUST_CHECK;
/* Terminated copies. */
char *arena_strndup(struct arena *arena, const char *text, size_t len) MUST_CHECK;
char *arena_strdup(struct arena *arena, const char *text) MUST_CHECK;
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
char *arena_vprintf(struct arena *arena, const char *fmt, va_list args)
	PRINTF_LIKE(2, 0) MUST_CHECK;

#endif
