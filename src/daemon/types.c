/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/types.h"

#include "base/arena.h"
#include "db/pool.h"
#include "db/types.h"

/* Domains on arrays of domains and so on. What is looked up at different times might even be a
 * circle. */
#define DEPTH_MAX 16

static const struct value_type *make(const struct types *types, uint32_t oid, struct arena *arena,
				     unsigned depth)
{
	const struct value_type *builtin = oid < DB_TYPE_FIRST_OID ? value_type_builtin(oid) : NULL;
	const struct db_type *type;
	struct value_type *made;
	const char *name;

	if (builtin != NULL)
		return builtin;
	made = arena_alloc(arena, sizeof(*made));
	if (made == NULL)
		return NULL;
	*made = (struct value_type){
		.oid = oid, .name = "unknown", .kind = VALUE_TEXT, .delimiter = ','};
	type = oid < DB_TYPE_FIRST_OID || depth == DEPTH_MAX ? NULL : types_find(types, oid);
	if (type == NULL)
		return made;
	name = arena_strdup(arena, type->name);
	if (name == NULL)
		return NULL;
	if (type->element_oid != 0) {
		const struct value_type *element =
			make(types, type->element_base_oid, arena, depth + 1);

		if (element == NULL)
			return NULL;
		made->kind = VALUE_ARRAY;
		made->element = element;
		made->element_kind = element->kind;
		made->element_oid = type->element_oid;
		made->delimiter = type->delimiter;
	} else if (type->base_oid != oid) {
		/* A domain: written like what it stands on, called by its own name. */
		const struct value_type *base = make(types, type->base_oid, arena, depth + 1);

		if (base == NULL)
			return NULL;
		*made = *base;
		made->oid = oid;
	}
	made->name = name;
	return made;
}

const struct value_type *types_value_type(const struct types *types, uint32_t oid,
					  struct arena *arena)
{
	return make(types, oid, arena, 0);
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
