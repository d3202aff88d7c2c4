/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/types.h"

#include "db/pool.h"
#include "db/types.h"

static enum value_kind kind_of(uint32_t oid)
{
	const struct value_type *type = oid < DB_TYPE_FIRST_OID ? value_type_builtin(oid) : NULL;

	return type == NULL ? VALUE_TEXT : type->kind;
}

const struct value_type *types_value_type(const struct types *types, uint32_t oid,
					  struct value_type *storage)
{
	const struct value_type *builtin = oid < DB_TYPE_FIRST_OID ? value_type_builtin(oid) : NULL;
	const struct db_type *type;

	if (builtin != NULL)
		return builtin;
	type = oid < DB_TYPE_FIRST_OID ? NULL : types_find(types, oid);
	*storage = (struct value_type){
		.oid = oid, .name = "unknown", .kind = VALUE_TEXT, .delimiter = ','};
	if (type == NULL)
		return storage;
	storage->name = type->name;
	storage->delimiter = type->delimiter;
	if (type->element_oid != 0) {
		storage->kind = VALUE_ARRAY;
		storage->element_oid = type->element_oid;
		storage->element_kind = kind_of(type->element_base_oid);
	} else if (type->base_oid != oid) {
		const struct value_type *base = types_value_type(types, type->base_oid, storage);
		struct value_type copy = *base;

		/* A domain: written like what it stands on, called by its own name. */
		copy.oid = oid;
		copy.name = type->name;
		*storage = copy;
	}
	return storage;
}

int types_learn_missing(struct pool *pool, const uint32_t *oids, size_t count, int64_t deadline_ns)
{
	uint32_t missing[64];
	size_t missing_count = 0;

	for (size_t i = 0; i < count && missing_count < ARRAY_SIZE(missing); i++)
		if (oids[i] >= DB_TYPE_FIRST_OID && types_find(pool->types, oids[i]) == NULL)
			missing[missing_count++] = oids[i];
	return missing_count == 0 ? 0 : types_learn(pool, missing, missing_count, deadline_ns);
}
