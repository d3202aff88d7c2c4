/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/texts.h"

#include "base/hash.h"

#include <assert.h>

struct texts_entry {
	UT_hash_handle hh;
	struct list node; /* texts.by_use */
	struct sql_class class;
	size_t len;
	char sql[]; /* not terminated */
};

void texts_init(struct texts *texts)
{
	*texts = (struct texts){.entries = NULL};
	list_init(&texts->by_use);
}

static void remove_entry(struct texts *texts, struct texts_entry *entry)
{
	assert(texts->entries != NULL); /* it is one of them */
	HASH_DELETE(hh, texts->entries, entry);
	list_remove(&entry->node);
	texts->bytes -= sizeof(*entry) + entry->len;
	mem_free(entry);
}

void texts_free(struct texts *texts)
{
	struct texts_entry *entry, *next;

	HASH_ITER (hh, texts->entries, entry, next)
		remove_entry(texts, entry);
}

/* Best effort. */
static void remember(struct texts *texts, struct str sql, unsigned hash, struct sql_class class)
{
	size_t size_bytes = sizeof(struct texts_entry) + sql.len;
	struct texts_entry *entry;

	while (texts->bytes + size_bytes > TEXTS_MAX_BYTES)
		remove_entry(texts,
			     LIST_ENTRY(list_first(&texts->by_use), struct texts_entry, node));
	entry = mem_alloc(size_bytes);
	if (entry == NULL)
		return;
	*entry = (struct texts_entry){.class = class, .len = sql.len};
	memcpy(entry->sql, sql.data, sql.len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, texts->entries, entry->sql, sql.len, hash, entry);
	if (!HASH_ADDED(hh, entry)) {
		mem_free(entry);
		return;
	}
	list_init(&entry->node);
	list_push_back(&texts->by_use, &entry->node);
	texts->bytes += size_bytes;
}

struct sql_class texts_classify(struct texts *texts, struct str sql)
{
	struct texts_entry *entry;
	struct sql_class class;
	unsigned hash;

	if (sql.len == 0 || sql.len > TEXTS_MAX_TEXT_BYTES)
		return sql_classify(sql);
	HASH_VALUE(sql.data, sql.len, hash);
	HASH_FIND_BYHASHVALUE(hh, texts->entries, sql.data, sql.len, hash, entry);
	if (entry != NULL) {
		list_remove(&entry->node);
		list_push_back(&texts->by_use, &entry->node);
		return entry->class;
	}
	class = sql_classify(sql);
	remember(texts, sql, hash, class);
	return class;
}
