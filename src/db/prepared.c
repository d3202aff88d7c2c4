/* SPDX-License-Identifier: PostgreSQL */
#include "db/prepared.h"

#include "base/hash.h"
#include "db/statements.h"

#include <string.h>

struct prepared_entry {
	UT_hash_handle hh;
	struct list node; /* prepared.by_use */
	uint64_t serial;  /* the statement's */
	uint32_t generation;
	char name[PREPARED_NAME_BYTES];
};

void prepared_init(struct prepared *prepared, unsigned max)
{
	*prepared = (struct prepared){.max = max};
	list_init(&prepared->by_use);
}

static void remove_entry(struct prepared *prepared, struct prepared_entry *entry)
{
	HASH_DELETE(hh, prepared->entries, entry);
	list_remove(&entry->node);
	mem_free(entry);
}

void prepared_clear(struct prepared *prepared)
{
	struct prepared_entry *entry, *next;

	HASH_ITER (hh, prepared->entries, entry, next)
		remove_entry(prepared, entry);
}

static struct prepared_entry *find(const struct prepared *prepared,
				   const struct statement *statement)
{
	struct prepared_entry *entry;

	HASH_FIND(hh, prepared->entries, &statement->serial, sizeof(statement->serial), entry);
	return entry;
}

static struct prepared_entry *add(struct prepared *prepared, struct statements *statements,
				  const struct statement *statement)
{
	struct prepared_entry *entry = mem_calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->serial = statement->serial;
	HASH_ADD(hh, prepared->entries, serial, sizeof(entry->serial), entry);
	if (!HASH_ADDED(hh, entry)) {
		mem_free(entry);
		return NULL;
	}
	list_init(&entry->node);
	list_push_back(&prepared->by_use, &entry->node);
	entry->generation = statement->generation;
	statements_make_name(statements, entry->name, sizeof(entry->name));
	return entry;
}

struct prepared_plan prepared_plan(struct prepared *prepared, struct statements *statements,
				   struct statement *statement)
{
	struct prepared_plan plan = {.named = false};
	bool seen_before = statement->runs > 0;
	struct prepared_entry *entry;

	if (prepared->max == 0)
		return plan;
	statement->runs += statement->runs < UINT32_MAX;
	entry = find(prepared, statement);
	if (entry != NULL && entry->generation == statement->generation) {
		list_remove(&entry->node);
		list_push_back(&prepared->by_use, &entry->node);
		memcpy(plan.name, entry->name, sizeof(plan.name));
		plan.named = true;
		return plan;
	}
	if (entry != NULL) {
		memcpy(plan.drop, entry->name, sizeof(plan.drop));
		remove_entry(prepared, entry);
	}
	if (!seen_before)
		return plan;
	if (plan.drop[0] == '\0' && HASH_COUNT(prepared->entries) >= prepared->max) {
		/* `max` is not 0, so there is one. */
		entry = LIST_ENTRY(prepared->by_use.next, struct prepared_entry, node);
		memcpy(plan.drop, entry->name, sizeof(plan.drop));
		remove_entry(prepared, entry);
	}
	entry = add(prepared, statements, statement);
	if (entry != NULL) {
		memcpy(plan.name, entry->name, sizeof(plan.name));
		plan.named = plan.prepare = true;
	}
	return plan;
}

void prepared_forget(struct prepared *prepared, const struct statement *statement)
{
	struct prepared_entry *entry = find(prepared, statement);

	if (entry != NULL)
		remove_entry(prepared, entry);
}
