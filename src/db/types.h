/* SPDX-License-Identifier: PostgreSQL */
/*
 * What is known of the types that users make (enums, domains, composites and arrays of them):
 * looked up in the catalogue when first seen, and again after a while, or after a statement that
 * may have changed them. PostgreSQL's own types are not its business.
 */
#ifndef DB_TYPES_H
#define DB_TYPES_H

#include "base/macros.h"

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct types;

/* From here on oids are given by a database, not by PostgreSQL's source. */
#define DB_TYPE_FIRST_OID 10000

struct db_type {
	uint32_t oid;
	const char *name;	   /* as the catalogue has it; arrays as "element[]" */
	uint32_t base_oid;	   /* what a domain stands on; else its own oid */
	uint32_t element_oid;	   /* of an array; 0: none */
	uint32_t element_base_oid; /* the element's, domains resolved */
	char delimiter;
};

int types_new(struct types **ret_types) MUST_CHECK;
void types_free(struct types *types);
/* NULL when it is not known (yet). */
const struct db_type *types_find(const struct types *types, uint32_t oid);
/* Writes the types of a result's columns that are to be looked up to `oids`, at most `max`; returns
 * how many: none so soon after a look-up has failed. */
size_t types_unknown(const struct types *types, const PGresult *result, uint32_t *oids, size_t max);
/*
 * Waits. Sees to it that each of `oids` is known, over a connection of its own, since the one that
 * asks may be in the middle of its rows. Those that the catalogue does not show stay unknown. 0 or
 * a negative errno.
 */
int types_learn(struct pool *pool, const uint32_t *oids, size_t count,
		int64_t deadline_ns) MUST_CHECK;
/*
 * Those of `oids` that are known, but not since types_valid_since_ns(), are asked for again, by a
 * task of the pool: what is known counts until then.
 */
void types_refresh(struct pool *pool, const uint32_t *oids, size_t count);
/* A statement has gone through that may have renamed types, or changed what a parameter is. */
void types_altered(struct types *types);
/* What was learned of the database's objects before is to be asked for again. */
int64_t types_valid_since_ns(const struct types *types);

#endif
