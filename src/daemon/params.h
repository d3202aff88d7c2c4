/* SPDX-License-Identifier: PostgreSQL */
/*
 * From the parameters of a request to what PostgreSQL takes: text for each $n. A JSON array becomes
 * a PostgreSQL array where the parameter's type is one; the types of a text are asked of the server
 * once, then kept.
 */
#ifndef DAEMON_PARAMS_H
#define DAEMON_PARAMS_H

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "db/query.h"
#include "sqltext/params.h"
#include "wire/request.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct database;
struct db_lease;
struct params_cache;

int params_cache_new(struct params_cache **ret_cache) MUST_CHECK;
void params_cache_free(struct params_cache *cache);

struct params {
	const char *sql; /* with $n, terminated */
	const char **values;
	size_t count;
	struct sql_params named; /* for error positions; count 0 where nothing was named */
};

/* The text of a reference's value (NULL: SQL NULL), which lives as long as the arena. 0 or -ENOMEM.
 */
typedef int params_reference_fn(void *ctx, const struct request_reference *reference,
				const char **ret_text);

/*
 * Waits, if the types have to be asked for: over `lease`, or, if that is NULL, over any connection
 * of the pool. Everything lives in the arena. 0, or -EINVAL and *ret_err is the item's error.
 */
int params_bind(struct database *database, struct db_lease *lease,
		const struct request_query *query, params_reference_fn *resolve, void *ctx,
		struct db_owner owner, struct arena *arena, int64_t deadline_ns,
		struct params *ret_params, struct err *ret_err) MUST_CHECK;
/* After an error that a change of the parameters' types may have caused: ask again the next time.
 */
void params_forget(struct database *database, const char *sql);

#endif
