/* SPDX-License-Identifier: PostgreSQL */
#include "db/prepared.h"

#include "base/hash.h"
#include "db/statements.h"

#include <stdint.h>
#include <string.h>

struct prepared_entry {
	UT_hash_handle hh;
	uint32_t generation;
	char name[PREPARED_NAME_BYTES];
	char sql[]; /* not terminated */
};

void prepared_init(struct prepared *prepared, unsigned max)
{
	*prepared = (struct prepared){.max = max};
}

static void remove_entry(struct prepared *prepared, struct prepared_entry *entry)
{
	HASH_DELETE(hh, prepared->entries, entry);
	mem_free(entry);
}

void prepared_clear(struct prepared *prepared)
{
	struct prepared_entry *entry, *next;

	HASH_ITER (hh, prepared->entries, entry, next)
		remove_entry(prepared, entry);
}

static struct prepared_entry *find(struct prepared *prepared, const char *sql, size_t len)
{
	struct prepared_entry *entry;

	HASH_FIND(hh, prepared->entries, sql, len, entry);
	return entry;
}

static struct prepared_entry *add(struct prepared *prepared, struct prepared_entry *entry,
				  size_t len)
{
	HASH_ADD_KEYPTR(hh, prepared->entries, entry->sql, len, entry);
	if (HASH_ADDED(hh, entry))
		return entry;
	mem_free(entry);
	return NULL;
}

static struct prepared_entry *new_entry(struct prepared *prepared, struct statements *statements,
					const char *sql, size_t len, uint32_t generation)
{
	struct prepared_entry *entry = mem_alloc(sizeof(*entry) + len);

	if (entry == NULL)
		return NULL;
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->sql, sql, len);
	entry->generation = generation;
	statements_make_name(statements, entry->name, sizeof(entry->name));
	return add(prepared, entry, len);
}

struct prepared_plan prepared_plan(struct prepared *prepared, struct statements *statements,
				   const char *sql)
{
	struct prepared_plan plan = {.named = false};
	size_t len = strlen(sql);
	struct statement_sight sight;
	struct prepared_entry *entry;

	if (prepared->max == 0 || len > STATEMENTS_MAX_TEXT_BYTES)
		return plan;
	sight = statements_see(statements, sql, len);
	entry = find(prepared, sql, len);
	if (entry != NULL && sight.seen_before && entry->generation == sight.generation) {
		/* Used last, so dropped last. Without memory it is the session's for nothing, until
		 * its reset. */
		HASH_DELETE(hh, prepared->entries, entry);
		memcpy(plan.name, entry->name, sizeof(plan.name));
		plan.named = add(prepared, entry, len) != NULL;
		return plan;
	}
	if (entry != NULL) {
		memcpy(plan.drop, entry->name, sizeof(plan.drop));
		remove_entry(prepared, entry);
	}
	if (!sight.seen_before)
		return plan;
	if (plan.drop[0] == '\0' && prepared->entries != NULL &&
	    HASH_COUNT(prepared->entries) >= prepared->max) {
		memcpy(plan.drop, prepared->entries->name, sizeof(plan.drop));
		remove_entry(prepared, prepared->entries);
	}
	entry = new_entry(prepared, statements, sql, len, sight.generation);
	if (entry != NULL) {
		memcpy(plan.name, entry->name, sizeof(plan.name));
		plan.named = plan.prepare = true;
	}
	return plan;
}

void prepared_forget(struct prepared *prepared, const char *sql)
{
	struct prepared_entry *entry = find(prepared, sql, strlen(sql));

	if (entry != NULL)
		remove_entry(prepared, entry);
}
