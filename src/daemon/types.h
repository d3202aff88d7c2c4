/* SPDX-License-Identifier: PostgreSQL */
/* Joins what db knows of a database's types with what wire can write: oid → how a value becomes
 * JSON. */
#ifndef DAEMON_TYPES_H
#define DAEMON_TYPES_H

#include "base/macros.h"
#include "wire/value.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct pool;
struct types;

/* Static, or in the arena for a type that PostgreSQL itself does not have; an unknown type is text.
 * NULL: no memory. */
const struct value_type *types_value_type(const struct types *types, uint32_t oid,
					  struct arena *arena);
/* Waits. As types_learn, for those of `oids` that are not known yet. */
int types_learn_missing(struct pool *pool, const uint32_t *oids, size_t count,
			int64_t deadline_ns) MUST_CHECK;

#endif
