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

#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARENA_ALIGN alignof(max_align_t)

struct arena_block;
struct budget;

struct arena {
	struct arena_block *blocks; /* the one in use first */
	char *next;		    /* in it: where the next piece is to stand */
	size_t left_bytes;	    /* behind that, a whole number of ARENA_ALIGN */
	size_t total_bytes;	    /* of all blocks */
	size_t max_bytes;	    /* cap on total_bytes; 0: none */
	struct budget *budget;	    /* may be NULL */
};

void arena_init(struct arena *arena, size_t max_bytes, struct budget *budget);
/* Frees everything that was given out. The arena can be used again. */
void arena_free(struct arena *arena);
/* For arena_alloc(). */
void *arena_alloc_more(struct arena *arena, size_t size_bytes) MUST_CHECK;
/* Inline, since a request has many and nearly all are small. */
static inline MUST_CHECK void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	size_t whole_bytes = (size_bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	void *piece = arena->next;

	/* 0 bytes are more than any here. */
	if (UNLIKELY(size_bytes - 1 >= arena->left_bytes))
		return arena_alloc_more(arena, size_bytes);
	arena->next += whole_bytes;
	arena->left_bytes -= whole_bytes;
	return piece;
}
static inline MUST_CHECK void *arena_calloc(struct arena *arena, size_t count, size_t size_bytes)
{
	void *piece;

	if (size_bytes != 0 && count > SIZE_MAX / 2 / size_bytes)
		return NULL;
	piece = arena_alloc(arena, count * size_bytes);
	if (piece != NULL)
		memset(piece, 0, count * size_bytes);
	return piece;
}
/* Terminated copies. */
char *arena_strndup(struct arena *arena, const char *text, size_t len) MUST_CHECK;
char *arena_strdup(struct arena *arena, const char *text) MUST_CHECK;
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
char *arena_vprintf(struct arena *arena, const char *fmt, va_list args)
	PRINTF_LIKE(2, 0) MUST_CHECK;

#endif
