/* SPDX-License-Identifier: PostgreSQL */
/* The items of a gather: SQL strings and query objects, in an array or by name. */
#include "wire/keyset.h"
#include "wire/request_read.h"

#include <errno.h>

static int read_sql(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	struct request_query *query = item->steps;

	if (member->value.type != JSON_STRING)
		return request_bad_value(r, member->key, "a string");
	query->sql = member->value.text;
	query->sql_has_nul = member->value.has_nul;
	return 0;
}

static int read_name(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	struct request_query *query = item->steps;
	struct str name;
	int rc = request_read_name(r, member, &name);

	if (rc < 0)
		return rc;
	if (query->name.data != NULL && !str_equal(query->name, name))
		return request_refuse(r, member->key, "its name is its key in \"gather\", not %s",
				      request_quote(r, name));
	item->name = query->name = name;
	return 0;
}

static int read_params(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	struct request_query *query = item->steps;

	return request_read_params(r, member, &query->params_kind, &query->params,
				   &query->param_count);
}

static int read_db(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;

	return request_read_name(r, member, &item->db);
}

static int read_timeout(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	struct request_query *query = item->steps;

	int rc = request_read_timeout(r, member, &query->timeout_ns);

	if (rc == 0)
		item->timeout_ns = query->timeout_ns;
	return rc;
}

static int read_unsupported(struct request_reader *r, const struct json_member *member,
			    void *target)
{
	(void)target;
	return request_unsupported(r, member->key);
}

static const struct request_key query_keys[] = {
	{.name = KEY("sql"), .read = read_sql},
	{.name = KEY("name"), .read = read_name},
	{.name = KEY("params"), .read = read_params},
	{.name = KEY("db"), .read = read_db},
	{.name = KEY("timeout"), .read = read_timeout},
	{.name = KEY("max_rows"), .read = read_unsupported},
	{.name = KEY("sequence"), .read = read_unsupported},
	{.name = KEY("transaction"), .read = read_unsupported},
};

static int read_query(struct request_reader *r, const struct json *value, struct request_item *item)
{
	int rc;

	for (size_t i = 0; i < value->count; i++) {
		const struct json_member *member = &value->members[i];
		const struct request_key *key =
			request_find_key(query_keys, ARRAY_SIZE(query_keys), member->key);

		if (key == NULL)
			return request_unknown_key(r, member->key);
		if (member->value.type == JSON_NULL)
			continue;
		rc = key->read(r, member, item);
		if (rc < 0)
			return rc;
	}
	if (item->steps->sql.data == NULL)
		return request_refuse(r, STR("sql"), "no \"sql\"");
	return 0;
}

static int read_item(struct request_reader *r, const struct json *value, struct request_item *item)
{
	if (value->type == JSON_OBJECT)
		return read_query(r, value, item);
	if (value->type != JSON_STRING)
		return request_refuse(r, (struct str){0}, "must be a SQL string or an object");
	item->steps->sql = value->text;
	item->steps->sql_has_nul = value->has_nul;
	return 0;
}

/* An object gather's items take their key. */
static int take_key(struct request_reader *r, struct str key, struct request_item *item)
{
	r->item_name = key;
	if (key.len > 0 && memchr(key.data, '\0', key.len) != NULL)
		return request_refuse(r, key, "a name with \\u0000");
	item->name = item->steps->name = key;
	return 0;
}

static int read_items(struct request_reader *r, const struct json *gather,
		      struct request_item *items)
{
	int rc = 0;

	r->in_item = true;
	for (r->item = 0; r->item < gather->count && rc == 0; r->item++) {
		const struct json *value;

		if (gather->type == JSON_OBJECT) {
			value = &gather->members[r->item].value;
			rc = take_key(r, gather->members[r->item].key, &items[r->item]);
		} else {
			value = &gather->items[r->item];
		}
		if (rc == 0)
			rc = read_item(r, value, &items[r->item]);
	}
	r->in_item = false;
	r->item_name = (struct str){0};
	return rc;
}

static bool any_names(const struct request_gather *gather)
{
	for (size_t i = 0; i < gather->item_count; i++)
		if (gather->items[i].name.data != NULL)
			return true;
	return false;
}

static int check_names(struct request_reader *r, const struct request_gather *gather)
{
	struct keyset names;
	int rc = 0;

	if (!any_names(gather))
		return 0;

	if (keyset_init(&names, r->arena->budget, &gather->items->name, sizeof(*gather->items),
			gather->item_count) < 0)
		return request_no_memory(r);
	for (size_t i = 0; i < gather->item_count && rc == 0; i++) {
		size_t first;

		if (gather->items[i].name.data == NULL)
			continue;
		first = keyset_add(&names, i);
		if (first != i)
			rc = request_refuse(r, STR("name"), "items %zu and %zu are both named %s",
					    first, i, request_quote(r, gather->items[i].name));
	}
	keyset_free(&names);
	return rc;
}

int request_read_gather(struct request_reader *r, const struct json_member *member,
			struct request_gather *ret_gather)
{
	const struct json *value = &member->value;
	struct request_gather gather = {.by_name = value->type == JSON_OBJECT};
	struct request_query *queries;
	int rc;

	if (value->type != JSON_ARRAY && value->type != JSON_OBJECT)
		return request_bad_value(r, member->key, "an array of items or an object of them");
	if (value->count > r->limits->max_queries)
		return request_refuse_as(r, ERR_TOO_LARGE,
					 "%zu queries in one gather, at most %zu are allowed",
					 value->count, r->limits->max_queries);
	gather.items = arena_calloc(r->arena, value->count, sizeof(*gather.items));
	queries = arena_calloc(r->arena, value->count, sizeof(*queries));
	if (gather.items == NULL || queries == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < value->count; i++) {
		gather.items[i].steps = &queries[i];
		gather.items[i].step_count = 1;
	}
	gather.item_count = value->count;
	rc = read_items(r, value, gather.items);
	/* The keys of an object are unique already. */
	if (rc == 0 && !gather.by_name)
		rc = check_names(r, &gather);
	if (rc == 0)
		*ret_gather = gather;
	return rc;
}
