/* SPDX-License-Identifier: PostgreSQL */
/* One item of a gather: a SQL string, a query object, or steps in a sequence or a transaction. */
#include "wire/request_read.h"

#include <errno.h>

/* What an object may be. A step is read as a query with fewer keys. */
#define QUERY	    (1u << REQUEST_QUERY)
#define SEQUENCE    (1u << REQUEST_SEQUENCE)
#define TRANSACTION (1u << REQUEST_TRANSACTION)
#define STEP	    (1u << (REQUEST_TRANSACTION + 1))
#define ITEM	    (QUERY | SEQUENCE | TRANSACTION)

static int read_sql(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;

	if (member->value.type != JSON_STRING)
		return request_bad_value(r, member->key, "a string");
	item->steps->sql = member->value.text;
	item->steps->sql_has_nul = member->value.has_nul;
	return 0;
}

static int read_name(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	struct str name;
	int rc = request_read_name(r, member, &name);

	if (rc < 0)
		return rc;
	if (item->name.data != NULL && !str_equal(item->name, name))
		return request_refuse(r, member->key, "its name is its key in \"gather\", not %s",
				      request_quote(r, name));
	item->name = name;
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

	return request_read_timeout(r, member, &item->timeout_ns);
}

static int read_max_rows(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;

	return request_read_count(r, member, &item->steps->max_rows);
}

static int read_isolation(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	const struct json *value = &member->value;

	if (value->type == JSON_STRING && str_is(value->text, "read committed"))
		item->isolation = REQUEST_READ_COMMITTED;
	else if (value->type == JSON_STRING && str_is(value->text, "repeatable read"))
		item->isolation = REQUEST_REPEATABLE_READ;
	else if (value->type == JSON_STRING && str_is(value->text, "serializable"))
		item->isolation = REQUEST_SERIALIZABLE;
	else
		return request_bad_value(
			r, member->key,
			"\"read committed\", \"repeatable read\" or \"serializable\"");
	return 0;
}

static int read_read_only(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;

	return request_read_bool(r, member, &item->read_only);
}

static int read_deferrable(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;

	return request_read_bool(r, member, &item->deferrable);
}

static int read_steps(struct request_reader *r, const struct json_member *member, void *target);

/* The first three say what an item is, by the number of its kind. */
static const struct request_key keys[] = {
	{KEY("sql"), QUERY | STEP, read_sql},
	{KEY("sequence"), SEQUENCE, read_steps},
	{KEY("transaction"), TRANSACTION, read_steps},
	{KEY("name"), ITEM | STEP, read_name},
	{KEY("params"), QUERY | STEP, read_params},
	{KEY("db"), ITEM, read_db},
	{KEY("timeout"), ITEM | STEP, read_timeout},
	{KEY("max_rows"), QUERY | STEP, read_max_rows},
	{KEY("isolation"), TRANSACTION, read_isolation},
	{KEY("read_only"), TRANSACTION, read_read_only},
	{KEY("deferrable"), TRANSACTION, read_deferrable},
};

bool request_is_item_key(struct str name)
{
	return request_find_key(keys, ARRAY_SIZE(keys), name) != NULL;
}

/* Which key each member of an object is. None may be there twice, so that these are enough. */
struct found_keys {
	const struct request_key *of[ARRAY_SIZE(keys)];
};

static int read_keys(struct request_reader *r, const struct json *object,
		     const struct found_keys *found, unsigned what, struct request_item *item)
{
	for (size_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		const struct request_key *key = found->of[i];
		int rc;

		if (member->value.type == JSON_NULL)
			continue;
		if ((key->goes_with & what) == 0 && what == STEP)
			return request_refuse(r, member->key, "\"%s\" does not go with a step",
					      key->name.data);
		if ((key->goes_with & what) == 0)
			return request_refuse(r, member->key, "\"%s\" does not go with \"%s\"",
					      key->name.data, keys[item->kind].name.data);
		rc = key->read(r, member, item);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Finds what the object is, and what is no key at all. A step is a query, whatever else it may
 * claim to be. */
static int read_kind(struct request_reader *r, const struct json *object,
		     struct found_keys *ret_keys, enum request_item_kind *ret_kind)
{
	const struct request_key *found = NULL;

	for (size_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		const struct request_key *key =
			request_find_key(keys, ARRAY_SIZE(keys), member->key);

		if (key == NULL || i == ARRAY_SIZE(keys))
			return request_unknown_key(r, member->key, keys, ARRAY_SIZE(keys));
		ret_keys->of[i] = key;
		if (key - keys > REQUEST_TRANSACTION || member->value.type == JSON_NULL)
			continue;
		if (found != NULL && !r->place.in_step)
			return request_refuse(r, member->key, "both \"%s\" and \"%s\"",
					      found->name.data, key->name.data);
		found = key;
	}
	if (found == NULL)
		return request_refuse(r, STR("sql"),
				      r->place.in_step
					      ? "no \"sql\""
					      : "no \"sql\", \"sequence\" or \"transaction\"");
	*ret_kind = r->place.in_step ? REQUEST_QUERY : (enum request_item_kind)(found - keys);
	return 0;
}

/* A string or an object with "sql". `item` has room for one step, and `what` it may be. */
static int read_query(struct request_reader *r, const struct json *value,
		      const struct found_keys *found, unsigned what, struct request_item *item)
{
	int rc = 0;

	item->step_count = 1;
	if (value->type == JSON_STRING) {
		item->steps->sql = value->text;
		item->steps->sql_has_nul = value->has_nul;
	} else {
		rc = read_keys(r, value, found, what, item);
	}
	item->steps->name = item->name;
	item->steps->timeout_ns = item->timeout_ns;
	return rc;
}

static int read_step(struct request_reader *r, const struct json *value,
		     struct request_query *query)
{
	struct request_item step = {.steps = query};
	struct found_keys found;
	int rc = 0;

	if (value->type != JSON_STRING && value->type != JSON_OBJECT)
		return request_refuse(r, (struct str){0}, "must be a SQL string or an object");
	if (value->type == JSON_OBJECT)
		rc = read_kind(r, value, &found, &step.kind);
	return rc < 0 ? rc : read_query(r, value, &found, STEP, &step);
}

static int read_steps(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request_item *item = target;
	const struct json *steps = &member->value;
	int rc = 0;

	if (steps->type != JSON_ARRAY || steps->count == 0)
		return request_bad_value(r, member->key, "an array of at least one step");
	item->steps = arena_calloc(r->arena, steps->count, sizeof(*item->steps));
	if (item->steps == NULL)
		return request_no_memory(r);
	item->step_count = steps->count;
	r->place.in_step = true;
	for (r->place.step = 0; r->place.step < steps->count && rc == 0; r->place.step++)
		rc = read_step(r, &steps->items[r->place.step], &item->steps[r->place.step]);
	r->place.in_step = false;
	return rc;
}

int request_read_item(struct request_reader *r, const struct json *value, struct request_item *item,
		      struct request_query *query)
{
	struct found_keys found;
	int rc = 0;

	if (value->type != JSON_STRING && value->type != JSON_OBJECT)
		return request_refuse(r, (struct str){0}, "must be a SQL string or an object");
	item->kind = REQUEST_QUERY;
	if (value->type == JSON_OBJECT)
		rc = read_kind(r, value, &found, &item->kind);
	if (rc < 0)
		return rc;
	if (item->kind != REQUEST_QUERY)
		return read_keys(r, value, &found, 1u << item->kind, item);
	item->steps = query;
	return read_query(r, value, &found, QUERY, item);
}

size_t request_item_queries(const struct json *value)
{
	size_t count = 1;

	for (size_t i = 0; value->type == JSON_OBJECT && i < value->count; i++) {
		const struct json_member *member = &value->members[i];

		if (member->value.type == JSON_ARRAY &&
		    (str_is(member->key, "sequence") || str_is(member->key, "transaction")))
			count = MAX(count, member->value.count);
	}
	return count;
}
