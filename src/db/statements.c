/* SPDX-License-Identifier: PostgreSQL */
#include "db/statements.h"

#include "base/clock.h"
#include "base/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define STATEMENTS_MAX 4096

struct statement {
	UT_hash_handle hh;
	uint32_t generation;
	char sql[]; /* not terminated */
};

struct statements {
	struct statement *entries; /* hash by text; the one used longest ago first */
	uint32_t last_generation;
	uint64_t nonce, last_name;
};

int statements_new(struct statements **ret_statements)
{
	struct statements *statements = mem_calloc(1, sizeof(*statements));

	if (statements == NULL)
		return -ENOMEM;
	/* Without randomness yet, soon after boot, the moment is as good as unique. */
	if (getrandom(&statements->nonce, sizeof(statements->nonce), GRND_NONBLOCK) !=
	    sizeof(statements->nonce))
		statements->nonce = (uint64_t)clock_now_ns(&clock_system) ^ (uint64_t)getpid()
										    << 40;
	*ret_statements = statements;
	return 0;
}

static void remove_entry(struct statements *statements, struct statement *entry)
{
	HASH_DELETE(hh, statements->entries, entry);
	mem_free(entry);
}

void statements_free(struct statements *statements)
{
	struct statement *entry, *next;

	if (statements == NULL)
		return;
	HASH_ITER (hh, statements->entries, entry, next)
		remove_entry(statements, entry);
	mem_free(statements);
}

static struct statement *find(struct statements *statements, const char *sql, size_t len)
{
	struct statement *entry;

	HASH_FIND(hh, statements->entries, sql, len, entry);
	return entry;
}

/* Behind all others: the first is the one to forget. */
static bool add(struct statements *statements, struct statement *entry, size_t len)
{
	HASH_ADD_KEYPTR(hh, statements->entries, entry->sql, len, entry);
	if (HASH_ADDED(hh, entry))
		return true;
	mem_free(entry);
	return false;
}

struct statement_sight statements_see(struct statements *statements, const char *sql, size_t len)
{
	struct statement_sight sight = {.seen_before = false};
	struct statement *entry;

	if (len > STATEMENTS_MAX_TEXT_BYTES)
		return sight;
	entry = find(statements, sql, len);
	if (entry != NULL) {
		sight = (struct statement_sight){.seen_before = true,
						 .generation = entry->generation};
		HASH_DELETE(hh, statements->entries, entry);
		add(statements, entry, len);
		return sight;
	}
	if (HASH_COUNT(statements->entries) >= STATEMENTS_MAX)
		remove_entry(statements, statements->entries);
	entry = mem_alloc(sizeof(*entry) + len);
	if (entry == NULL)
		return sight;
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->sql, sql, len);
	/* A text that was forgotten and comes back has a generation that no connection knows. */
	entry->generation = ++statements->last_generation;
	add(statements, entry, len);
	return sight;
}

void statements_invalidate(struct statements *statements, const char *sql, size_t len)
{
	struct statement *entry = find(statements, sql, len);

	if (entry != NULL)
		entry->generation = ++statements->last_generation;
}

void statements_invalidate_all(struct statements *statements)
{
	struct statement *entry, *next;

	HASH_ITER (hh, statements->entries, entry, next)
		entry->generation = ++statements->last_generation;
}

void statements_make_name(struct statements *statements, char *name, size_t size)
{
	snprintf(name, size, "gatherd_%016" PRIx64 "_%" PRIx64, statements->nonce,
		 ++statements->last_name);
}
