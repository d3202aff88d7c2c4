/* SPDX-License-Identifier: PostgreSQL */
/* A gather as a whole: how many items, their names, what they must have in common. */
#include "wire/keyset.h"
#include "wire/request_read.h"

#include <errno.h>

static const struct json *item_value(const struct json *gather, size_t index)
{
	return gather->type == JSON_OBJECT ? &gather->members[index].value : &gather->items[index];
}

static int check_size(struct request_reader *r, const struct json *gather)
{
	size_t queries = 0;

	for (size_t i = 0; i < gather->count; i++)
		queries += request_item_queries(item_value(gather, i));
	if (queries > r->limits->max_queries)
		return request_refuse_as(r, ERR_TOO_LARGE,
					 "%zu queries in one gather, at most %zu are allowed",
					 queries, r->limits->max_queries);
	return 0;
}

/* An object gather's items take their key. */
static int take_key(struct request_reader *r, struct str key, struct request_item *item)
{
	r->place.item_name = key;
	if (key.len > 0 && memchr(key.data, '\0', key.len) != NULL)
		return request_refuse(r, key, "a name with \\u0000");
	item->name = key;
	return 0;
}

static int read_items(struct request_reader *r, const struct json *gather,
		      struct request_item *items, struct request_query *queries)
{
	int rc = 0;

	for (size_t i = 0; i < gather->count && rc == 0; i++) {
		r->place = (struct request_place){.in_item = true, .item = i};
		if (gather->type == JSON_OBJECT)
			rc = take_key(r, gather->members[i].key, &items[i]);
		if (rc == 0)
			rc = request_read_item(r, item_value(gather, i), &items[i], &queries[i]);
	}
	r->place = (struct request_place){0};
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
	rc = check_size(r, value);
	if (rc < 0)
		return rc;
	gather.item_count = value->count;
	gather.items = arena_calloc(r->arena, value->count, sizeof(*gather.items));
	queries = arena_calloc(r->arena, value->count, sizeof(*queries));
	if (gather.items == NULL || queries == NULL)
		return request_no_memory(r);
	rc = read_items(r, value, gather.items, queries);
	/* The keys of an object are unique already. */
	if (rc == 0 && !gather.by_name)
		rc = check_names(r, &gather);
	if (rc == 0)
		rc = request_resolve_references(r, &gather);
	if (rc == 0)
		*ret_gather = gather;
	return rc;
}

int request_check_snapshot(struct request_reader *r, const struct request *request)
{
	const struct request_gather *gather = &request->gather;
	struct str first = {0};

	if (!request->options.snapshot)
		return 0;
	for (size_t i = 0; i < gather->item_count; i++) {
		const struct request_item *item = &gather->items[i];
		struct str db = item->db.data != NULL ? item->db : request->options.db;

		r->place = (struct request_place){.in_item = true, .item = i};
		if (gather->by_name)
			r->place.item_name = item->name;
		if (item->kind != REQUEST_QUERY)
			return request_refuse(
				r, STR("snapshot"), "%s does not go with \"snapshot\"",
				item->kind == REQUEST_SEQUENCE ? "a sequence" : "a transaction");
		if (first.data != NULL && db.data != NULL && !str_equal(first, db))
			return request_refuse(r, STR("snapshot"),
					      "a snapshot is of one database, not of %s and %s",
					      request_quote(r, first), request_quote(r, db));
		if (first.data == NULL)
			first = db;
	}
	r->place = (struct request_place){0};
	return 0;
}
