/* SPDX-License-Identifier: PostgreSQL */
/* A loop and a resolver to run one task in, for the suites of src/db; what a test must give back is
 * counted. */
#ifndef UNIT_DB_FIXTURE_H
#define UNIT_DB_FIXTURE_H

#include "base/arena.h"
#include "co/co.h"
#include "db/resolve.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <dirent.h>
#include <stdlib.h>

/* libpq 17 cancels by itself and gives us no keys. */
#ifdef HAVE_PQCANCELSTART
#define DB_HAVE_KEYS false
#else
#define DB_HAVE_KEYS true
#endif

struct db_fixture {
	struct co_loop *loop;
	struct resolver *resolver;
	struct arena arena;
};

/* Runs task(fixture) to its end. */
static inline void db_fixture_run(int (*task)(void *fixture), resolve_lookup_fn *lookup)
{
	struct db_fixture fixture = {0};

	arena_init(&fixture.arena, 0, NULL);
	ck_assert_int_eq(co_loop_new(&fixture.loop, NULL), 0);
	ck_assert_int_eq(resolver_new(&fixture.resolver, fixture.loop), 0);
	if (lookup != NULL)
		resolver_set_lookup(fixture.resolver, lookup);
	ck_assert_int_eq(co_loop_run(fixture.loop, task, &fixture), 0);
	resolver_free(fixture.resolver);
	co_loop_free(fixture.loop);
	arena_free(&fixture.arena);
}

static inline int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

#endif
