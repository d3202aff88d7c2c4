/* SPDX-License-Identifier: PostgreSQL */
#include "base/arena.h"

#include "base/budget.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>

/* The first block, and as large as one gets: each is as large as all before it together. */
#define ARENA_BLOCK_BYTES     4096
#define ARENA_BLOCK_BYTES_MAX 32768

struct arena_block {
	struct arena_block *next;
	size_t size_bytes; /* of `mem` */
	alignas(max_align_t) char mem[];
};

void arena_init(struct arena *arena, size_t max_bytes, struct budget *budget)
{
	*arena = (struct arena){.max_bytes = max_bytes, .budget = budget};
}

void arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block != NULL) {
		struct arena_block *next = block->next;

		mem_free(block);
		block = next;
	}
	budget_release(arena->budget, arena->total_bytes);
	arena_init(arena, arena->max_bytes, arena->budget);
}

static int charge(struct arena *arena, size_t size_bytes)
{
	if (arena->max_bytes != 0 &&
	    (size_bytes > arena->max_bytes || arena->total_bytes > arena->max_bytes - size_bytes))
		return -ENOBUFS;
	return budget_charge(arena->budget, size_bytes);
}

static struct arena_block *add_block(struct arena *arena, size_t size_bytes)
{
	size_t block_bytes = MIN(MAX(arena->total_bytes, (size_t)ARENA_BLOCK_BYTES),
				 (size_t)ARENA_BLOCK_BYTES_MAX);
	size_t usual_bytes = MAX(size_bytes, block_bytes - sizeof(struct arena_block));
	struct arena_block *block;
	size_t whole = sizeof(*block) + usual_bytes;

	if (charge(arena, whole) < 0) {
		/* A usual block may pass a limit that this piece does not. */
		whole = sizeof(*block) + size_bytes;
		if (usual_bytes == size_bytes || charge(arena, whole) < 0)
			return NULL;
	}
	block = mem_alloc(whole);
	if (block == NULL) {
		budget_release(arena->budget, whole);
		return NULL;
	}
	block->size_bytes = whole - sizeof(*block);
	arena->total_bytes += whole;
	return block;
}

/* The next pieces are to stand there. */
static void *take_from(struct arena *arena, char *at, size_t room_bytes, size_t size_bytes)
{
	arena->next = at + size_bytes;
	arena->left_bytes = (room_bytes - size_bytes) & ~(ARENA_ALIGN - 1);
	return at;
}

void *arena_alloc_more(struct arena *arena, size_t size_bytes)
{
	struct arena_block *block;

	if (size_bytes > SIZE_MAX / 2)
		return NULL;
	size_bytes = (MAX(size_bytes, (size_t)1) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (size_bytes <= arena->left_bytes)
		return take_from(arena, arena->next, arena->left_bytes, size_bytes);
	block = add_block(arena, size_bytes);
	if (block == NULL)
		return NULL;
	/* Of the two, that with more left is the one in use. */
	if (arena->blocks != NULL && block->size_bytes - size_bytes <= arena->left_bytes) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
		return block->mem;
	}
	block->next = arena->blocks;
	arena->blocks = block;
	return take_from(arena, block->mem, block->size_bytes, size_bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;

	if (copy != NULL) {
		if (len > 0) /* the text may be absent */
			memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)len + 1, fmt, args);
	return text;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = arena_vprintf(arena, fmt, args);
	va_end(args);
	return text;
}
