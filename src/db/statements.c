/* SPDX-License-Identifier: PostgreSQL */
#include "db/statements.h"

#include "base/clock.h"
#include "base/hash.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define STATEMENTS_MAX 4096

struct statement_key {
	UT_hash_handle hh;
	struct statement statement;
	char sql[]; /* not terminated */
};

struct statements {
	struct statement_key *keys; /* hash by text */
	struct list by_use;	    /* statement.node */
	uint64_t last_serial;
	uint64_t nonce, last_name;
};

int statements_new(struct statements **ret_statements)
{
	struct statements *statements = mem_calloc(1, sizeof(*statements));

	if (statements == NULL)
		return -ENOMEM;
	list_init(&statements->by_use);
	/* Without randomness yet, soon after boot, the moment is as good as unique. */
	if (getrandom(&statements->nonce, sizeof(statements->nonce), GRND_NONBLOCK) !=
	    sizeof(statements->nonce))
		statements->nonce = (uint64_t)clock_now_ns(&clock_system) ^ (uint64_t)getpid()
										    << 40;
	*ret_statements = statements;
	return 0;
}

static void free_unused(struct statement_key *key)
{
	if (key->statement.users == 0 && key->statement.key == NULL) {
		list_remove(&key->statement.awaited);
		mem_free(key);
	}
}

static void forget(struct statements *statements, struct statement_key *key)
{
	HASH_DELETE(hh, statements->keys, key);
	list_remove(&key->statement.node);
	key->statement.key = NULL;
	free_unused(key);
}

void statements_free(struct statements *statements)
{
	struct statement_key *key, *next;

	if (statements == NULL)
		return;
	HASH_ITER (hh, statements->keys, key, next) {
		assert(key->statement.users == 0);
		forget(statements, key);
	}
	mem_free(statements);
}

static struct statement_key *add(struct statements *statements, const char *sql, size_t len)
{
	struct statement_key *key = mem_alloc(sizeof(*key) + len);

	if (key == NULL)
		return NULL;
	memset(key, 0, sizeof(*key));
	memcpy(key->sql, sql, len);
	HASH_ADD_KEYPTR(hh, statements->keys, key->sql, len, key);
	if (!HASH_ADDED(hh, key)) {
		mem_free(key);
		return NULL;
	}
	key->statement.key = key;
	key->statement.serial = ++statements->last_serial;
	list_init(&key->statement.node);
	list_init(&key->statement.waiting);
	list_init(&key->statement.awaited);
	return key;
}

struct statement *statements_get(struct statements *statements, const char *sql)
{
	size_t len = strlen(sql);
	struct statement_key *key;

	if (len > STATEMENTS_MAX_TEXT_BYTES)
		return NULL;
	HASH_FIND(hh, statements->keys, sql, len, key);
	if (key == NULL) {
		if (HASH_COUNT(statements->keys) >= STATEMENTS_MAX)
			forget(statements, LIST_ENTRY(list_first(&statements->by_use),
						      struct statement_key, statement.node));
		key = add(statements, sql, len);
		if (key == NULL)
			return NULL;
	}
	list_remove(&key->statement.node);
	list_push_back(&statements->by_use, &key->statement.node);
	key->statement.users++;
	return &key->statement;
}

void statement_put(struct statement *statement)
{
	if (statement == NULL)
		return;
	assert(statement->users > 0);
	statement->users--;
	free_unused(CONTAINER_OF(statement, struct statement_key, statement));
}

void statement_invalidate(struct statement *statement)
{
	statement->generation++;
}

void statements_invalidate_all(struct statements *statements)
{
	list_for_each (node, &statements->by_use)
		statement_invalidate(LIST_ENTRY(node, struct statement, node));
}

void statements_make_name(struct statements *statements, char *name, size_t size)
{
	snprintf(name, size, "gatherd_%016" PRIx64 "_%" PRIx64, statements->nonce,
		 ++statements->last_name);
}
