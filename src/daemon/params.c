/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/params.h"

#include "base/arena.h"
#include "base/hash.h"
#include "co/co.h"
#include "daemon/culprit.h"
#include "daemon/database.h"
#include "daemon/types.h"
#include "db/lease.h"
#include "db/pool.h"
#include "db/types.h"
#include "wire/json.h"
#include "wire/value.h"

#include <errno.h>

/* Texts whose parameter types are kept, the last used; longer texts are asked for each time. */
#define PARAMS_CACHE_MAX	1024
#define PARAMS_CACHE_TEXT_BYTES 16384
/* What one Bind message can hold. */
#define PARAMS_MAX 65535

struct params_entry {
	UT_hash_handle hh;
	uint32_t *types; /* behind the text */
	size_t count;
	int64_t asked_ns;
	size_t sql_len;
	char sql[];
};

struct params_cache {
	struct params_entry *entries; /* hash by text, least recently used first */
};

int params_cache_new(struct params_cache **ret_cache)
{
	struct params_cache *cache = mem_calloc(1, sizeof(*cache));

	if (cache == NULL)
		return -ENOMEM;
	*ret_cache = cache;
	return 0;
}

static void remove_entry(struct params_cache *cache, struct params_entry *entry)
{
	HASH_DELETE(hh, cache->entries, entry);
	mem_free(entry->types);
	mem_free(entry);
}

void params_cache_free(struct params_cache *cache)
{
	struct params_entry *entry, *next;

	if (cache == NULL)
		return;
	HASH_ITER (hh, cache->entries, entry, next)
		remove_entry(cache, entry);
	mem_free(cache);
}

/* One that may not be true any more is dropped. */
static const struct params_entry *find(struct params_cache *cache, const char *sql,
				       int64_t valid_since_ns)
{
	struct params_entry *entry;
	size_t len = strlen(sql);

	HASH_FIND(hh, cache->entries, sql, len, entry);
	/* In the same instant may be before or after. */
	if (entry != NULL && entry->asked_ns <= valid_since_ns) {
		remove_entry(cache, entry);
		return NULL;
	}
	return entry;
}

/* Best effort: what does not fit or finds no memory is asked for again. */
static void remember(struct params_cache *cache, const char *sql, const uint32_t *types,
		     size_t count, int64_t asked_ns)
{
	struct params_entry *entry;
	size_t len = strlen(sql);

	if (len > PARAMS_CACHE_TEXT_BYTES || find(cache, sql, asked_ns - 1) != NULL)
		return;
	if (HASH_COUNT(cache->entries) >= PARAMS_CACHE_MAX)
		remove_entry(cache, cache->entries);
	entry = mem_calloc(1, sizeof(*entry) + len + 1);
	if (entry == NULL)
		return;
	entry->types = mem_calloc(count, sizeof(*entry->types));
	if (entry->types == NULL) {
		mem_free(entry);
		return;
	}
	memcpy(entry->sql, sql, len + 1);
	memcpy(entry->types, types, count * sizeof(*types));
	entry->sql_len = len;
	entry->asked_ns = asked_ns;
	entry->count = count;
	HASH_ADD_KEYPTR(hh, cache->entries, entry->sql, len, entry);
	if (!HASH_ADDED(hh, entry)) {
		mem_free(entry->types);
		mem_free(entry);
	}
}

void params_forget(struct database *database, const char *sql)
{
	struct params_entry *entry;

	HASH_FIND(hh, database->params->entries, sql, strlen(sql), entry);
	if (entry != NULL)
		remove_entry(database->params, entry);
}

/* ---- which parameter is which $n ---- */

static int bind_named(const struct request_query *query, struct arena *arena, struct params *params,
		      const struct request_param ***ret_params_of, struct err *ret_err)
{
	struct str *names = arena_calloc(arena, query->param_count, sizeof(*names));
	const struct request_param **values;

	if (names == NULL)
		return err_no_memory(ret_err);
	for (size_t i = 0; i < query->param_count; i++)
		names[i] = query->params[i].name;
	if (sql_params_rewrite(arena, query->sql, names, query->param_count, &params->named) < 0)
		return err_no_memory(ret_err);
	if (params->named.unused < query->param_count) {
		struct str name = names[params->named.unused];

		err_set(ret_err, arena, ERR_BAD_REQUEST, ERR_EFFECTS_NONE, "the query has no :%.*s",
			(int)name.len, name.data);
		ret_err->key = arena_strndup(arena, name.data, name.len);
		return -EINVAL;
	}
	if (params->named.has_dollar) {
		err_set(ret_err, NULL, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			"named parameters and $n cannot be mixed in one query");
		return -EINVAL;
	}
	values = arena_calloc(arena, params->named.count, sizeof(const struct request_param *));
	if (values == NULL)
		return err_no_memory(ret_err);
	for (size_t i = 0; i < params->named.count; i++)
		values[i] = &query->params[params->named.order[i]];
	params->sql = params->named.sql;
	params->count = params->named.count;
	*ret_params_of = values;
	return 0;
}

static int bind_positional(const struct request_query *query, struct arena *arena,
			   struct params *params, const struct request_param ***ret_params_of,
			   struct err *ret_err)
{
	const struct request_param **values =
		arena_calloc(arena, query->param_count, sizeof(const struct request_param *));

	params->sql = arena_strndup(arena, query->sql.data, query->sql.len);
	if (values == NULL || params->sql == NULL)
		return err_no_memory(ret_err);
	for (size_t i = 0; i < query->param_count; i++)
		values[i] = &query->params[i];
	params->count = query->param_count;
	*ret_params_of = values;
	return 0;
}

/* ---- types, where an array needs them ---- */

static bool any_array(const struct request_param *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (values[i]->reference == NULL && values[i]->value->type == JSON_ARRAY)
			return true;
	return false;
}

static int ask_types(struct database *database, struct db_lease *lease, const char *sql,
		     struct db_owner owner, struct arena *arena, int64_t deadline_ns,
		     const uint32_t **ret_types, size_t *ret_count, struct err *ret_err)
{
	/* On a lease the session may have a search_path of its own, or tables that others have not.
	 */
	const struct params_entry *entry =
		lease != NULL
			? NULL
			: find(database->params, sql, types_valid_since_ns(database->pool->types));
	int64_t asked_ns = co_now_ns();
	struct db_query describe = {
		.kind = DB_QUERY_DESCRIBE,
		.sql = sql,
		.class = {.plain_read = true},
		.owner = owner,
		.arena = arena,
	};

	if (entry == NULL) {
		if (lease != NULL) {
			db_lease_send(lease, &describe);
			db_lease_await(&describe, deadline_ns);
		} else {
			db_execute(database->pool, &describe, deadline_ns);
		}
		if (describe.err.code != ERR_NONE) {
			*ret_err = describe.err;
			return -EINVAL;
		}
		if (lease == NULL)
			remember(database->params, sql, describe.param_types, describe.param_count,
				 asked_ns);
		*ret_types = describe.param_types;
		*ret_count = describe.param_count;
		return 0;
	}
	/* The cache may drop the entry while we wait for other types: take a copy. */
	*ret_types = NULL;
	*ret_count = entry->count;
	if (entry->count > 0) {
		uint32_t *types = arena_alloc(arena, entry->count * sizeof(*types));

		if (types == NULL)
			return err_no_memory(ret_err);
		memcpy(types, entry->types, entry->count * sizeof(*types));
		*ret_types = types;
	}
	return 0;
}

static int array_value(const struct value_type *type, const struct json *value, struct arena *arena,
		       size_t number, const char **ret_text, struct err *ret_err)
{
	int rc = value_array_text(arena, value, type->delimiter, type->element_kind == VALUE_JSON,
				  ret_text);

	if (rc == -ENOMEM)
		return err_no_memory(ret_err);
	if (rc < 0) {
		err_set(ret_err, arena, ERR_BAD_REQUEST, ERR_EFFECTS_NONE, "parameter $%zu: %s",
			number + 1,
			json_any_nul(value) ? "PostgreSQL's text cannot hold \\u0000"
					    : "not a PostgreSQL array: nested arrays must all have "
					      "the same lengths");
		return -EINVAL;
	}
	return 0;
}

static int scalar_value(const struct json *value, struct arena *arena, size_t number,
			const char **ret_text, struct err *ret_err)
{
	int rc = value_param_text(arena, value, ret_text);

	if (rc == -ENOMEM)
		return err_no_memory(ret_err);
	if (rc < 0) {
		err_set(ret_err, arena, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			"parameter $%zu: PostgreSQL's text cannot hold \\u0000", number + 1);
		return -EINVAL;
	}
	return 0;
}

static int bind_values(struct database *database, struct db_lease *lease,
		       const struct request_param *const *values, struct db_owner owner,
		       struct arena *arena, int64_t deadline_ns, struct params *params,
		       params_reference_fn *resolve, void *ctx, struct err *ret_err)
{
	const uint32_t *types = NULL;
	size_t type_count = 0;
	int rc = 0;

	if (any_array(values, params->count)) {
		rc = ask_types(database, lease, params->sql, owner, arena, deadline_ns, &types,
			       &type_count, ret_err);
		if (rc < 0)
			return rc;
		rc = types_learn_missing(database->pool, types, type_count, deadline_ns);
		if (rc == -ENOMEM)
			return err_no_memory(ret_err);
	}
	params->values = arena_calloc(arena, params->count, sizeof(*params->values));
	if (params->values == NULL)
		return err_no_memory(ret_err);
	for (size_t i = 0; i < params->count; i++) {
		const struct json *value = values[i]->value;
		const struct value_type *type = NULL;

		if (values[i]->reference != NULL) {
			if (resolve(ctx, values[i]->reference, &params->values[i]) < 0)
				return err_no_memory(ret_err);
			continue;
		}
		if (value->type == JSON_ARRAY && i < type_count) {
			type = types_value_type(database->pool->types, types[i], arena);
			if (type == NULL)
				return err_no_memory(ret_err);
		}
		/* int2vector and oidvector, which are delimited by spaces, have no text form with
		 * braces. */
		if (type != NULL && type->kind == VALUE_ARRAY && type->delimiter != ' ')
			rc = array_value(type, value, arena, i, &params->values[i], ret_err);
		else
			rc = scalar_value(value, arena, i, &params->values[i], ret_err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int params_bind(struct database *database, struct db_lease *lease,
		const struct request_query *query, params_reference_fn *resolve, void *ctx,
		struct db_owner owner, struct arena *arena, int64_t deadline_ns,
		struct params *ret_params, struct err *ret_err)
{
	const struct request_param **values = NULL;
	struct params params = {.sql = NULL};
	int rc;

	if (query->params_kind == REQUEST_PARAMS_NAMED)
		rc = bind_named(query, arena, &params, &values, ret_err);
	else
		rc = bind_positional(query, arena, &params, &values, ret_err);
	if (rc < 0)
		return rc;
	if (params.count > PARAMS_MAX) {
		err_set(ret_err, arena, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			"%zu parameters; PostgreSQL takes at most %d", params.count, PARAMS_MAX);
		return -EINVAL;
	}
	rc = bind_values(database, lease, values, owner, arena, deadline_ns, &params, resolve, ctx,
			 ret_err);
	if (rc < 0) {
		/* The server's, when it was asked for their types. */
		if (ret_err->code == ERR_SQL)
			culprit_tell(ret_err, query, &params.named, arena);
		return rc;
	}
	*ret_params = params;
	return 0;
}
