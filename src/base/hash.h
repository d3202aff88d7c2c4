/* SPDX-License-Identifier: PostgreSQL */
/*
 * uthash, set up for us: memory through base/mem, and an insert that finds none leaves the element out instead of
 * ending the program. After HASH_ADD* ask HASH_ADDED(): a table and its element are then as before.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/mem.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(block, size) mem_free(block)
#include <uthash.h>

#define HASH_ADDED(handle, element) ((element)->handle.tbl != NULL)

#endif
