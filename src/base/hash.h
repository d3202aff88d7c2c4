/* SPDX-License-Identifier: PostgreSQL */
/*
 * uthash, set up for us: memory through base/mem, and an insert that finds none leaves the element
 * out instead of ending the program. After HASH_ADD* ask HASH_ADDED(): a table and its element are
 * then as before.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* Eight bytes at a time: keys are SQL texts too. (uthash's own has case labels that clang warns
 * of.) */
static inline unsigned hash_bytes(const void *key, size_t len)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	const char *bytes = key;
	uint64_t hash = len * odd, word;

	for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = (hash ^ word) * odd;
		hash ^= hash >> 29;
	}
	word = 0;
	if (len > 0)
		memcpy(&word, bytes, len);
	hash = (hash ^ word) * odd;
	return (unsigned)(hash ^ hash >> 32);
}

#define HASH_FUNCTION(key, len, hash) ((hash) = hash_bytes(key, len))
#define HASH_NONFATAL_OOM	      1
#define uthash_malloc(size)	      mem_alloc(size)
#define uthash_free(block, size)      mem_free(block)
#include <uthash.h>

#define HASH_ADDED(handle, element) ((element)->handle.tbl != NULL)

#endif
