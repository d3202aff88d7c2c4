/* SPDX-License-Identifier: PostgreSQL */
/*
 * Parameters that are taken from the rows of other items: reading them, finding the items that they
 * name, and refusing those that would wait for each other. Everything is linear in the number of
 * items and references.
 */
#include "wire/keyset.h"
#include "wire/request_read.h"

#include <errno.h>

/* How many items of a cycle a message names. */
#define CYCLE_NAMES 8

bool request_is_reference(const struct json *value)
{
	if (value->type != JSON_OBJECT || json_member(value, "from") == NULL ||
	    json_member(value, "column") == NULL)
		return false;
	return value->count == 2 || (value->count == 3 && json_member(value, "row") != NULL);
}

static int refuse(struct request_reader *r, const char *label, struct str key, const char *what)
{
	return request_refuse(r, key, "parameter %s: %s", label, what);
}

/* A string that may be the name of an item or a column. */
static bool is_name(const struct json *value)
{
	return value->type == JSON_STRING && !value->has_nul;
}

int request_read_reference(struct request_reader *r, const struct json *value, const char *label,
			   const struct request_reference **ret_reference)
{
	const struct json *from = json_member(value, "from");
	const struct json *column = json_member(value, "column");
	const struct json *row = json_member(value, "row");
	struct request_pending *pending;
	int64_t number = -1;

	if (!is_name(from))
		return refuse(r, label, STR("from"), "\"from\" must be the name of an item");
	if (!is_name(column))
		return refuse(r, label, STR("column"), "\"column\" must be the name of a column");
	if (row != NULL && row->type != JSON_NULL && (!json_int64(row, &number) || number < 0))
		return refuse(r, label, STR("row"), "\"row\" must be an integer of 0 or more");
	pending = arena_calloc(r->arena, 1, sizeof(*pending));
	if (pending == NULL)
		return request_no_memory(r);
	*pending = (struct request_pending){
		.reference = {.column = column->text, .row = number},
		.from = from->text,
		.place = r->place,
		.label = label,
	};
	if (r->pending == NULL)
		r->pending = pending;
	else
		*r->pending_end = pending;
	r->pending_end = &pending->next;
	r->pending_count++;
	*ret_reference = &pending->reference;
	return 0;
}

static int check_source(struct request_reader *r, const struct request_pending *pending,
			const struct request_gather *gather, size_t source)
{
	static const char *const kinds[] = {
		[REQUEST_SEQUENCE] = "a sequence",
		[REQUEST_TRANSACTION] = "a transaction",
	};
	enum request_item_kind kind;

	r->place = pending->place;
	if (source == SIZE_MAX)
		return request_refuse(r, STR("from"), "parameter %s: no item is named %s",
				      pending->label, request_quote(r, pending->from));
	if (source == pending->place.item)
		return refuse(r, pending->label, STR("from"), "an item cannot refer to itself");
	kind = gather->items[source].kind;
	if (kind != REQUEST_QUERY)
		return request_refuse(
			r, STR("from"),
			"parameter %s: %s is %s: only the rows of a query can be referred to",
			pending->label, request_quote(r, pending->from), kinds[kind]);
	return 0;
}

static int find_sources(struct request_reader *r, const struct request_gather *gather)
{
	struct request_place place = r->place;
	struct keyset names;
	int rc = 0;

	if (keyset_init(&names, r->arena->budget, &gather->items->name, sizeof(*gather->items),
			gather->item_count) < 0)
		return request_no_memory(r);
	for (size_t i = 0; i < gather->item_count; i++)
		if (gather->items[i].name.data != NULL)
			keyset_add(&names, i);
	for (struct request_pending *p = r->pending; p != NULL && rc == 0; p = p->next) {
		p->reference.item = keyset_find(&names, p->from);
		rc = check_source(r, p, gather, p->reference.item);
	}
	keyset_free(&names);
	r->place = place;
	return rc;
}

/* The references come by item, so that a mark on a source tells whether this item has it already.
 */
static int list_sources(struct request_reader *r, struct request_gather *gather)
{
	size_t *marks = arena_calloc(r->arena, gather->item_count, sizeof(*marks));
	size_t *sources = arena_calloc(r->arena, r->pending_count, sizeof(*sources));

	if (marks == NULL || sources == NULL)
		return request_no_memory(r);
	for (const struct request_pending *p = r->pending; p != NULL; p = p->next) {
		struct request_item *item = &gather->items[p->place.item];
		size_t source = p->reference.item;

		if (marks[source] == p->place.item + 1)
			continue;
		marks[source] = p->place.item + 1;
		if (item->depend_count == 0)
			item->depends = sources;
		item->depend_count++;
		*sources++ = source;
	}
	return 0;
}

/* `path` ends with an item that takes values of `start`, which is on the path. */
static int refuse_cycle(struct request_reader *r, const struct request_gather *gather,
			const size_t *path, size_t length, size_t start)
{
	const char *names = "";
	size_t first = length, shown;

	do
		first--;
	while (path[first] != start);
	shown = MIN(length - first, (size_t)CYCLE_NAMES);
	for (size_t i = 0; i < shown && names != NULL; i++) {
		const char *between = i == 0 ? "" : first + i + 1 == length ? " and " : ", ";

		names = arena_printf(r->arena, "%s%s%s", names, between,
				     request_quote(r, gather->items[path[first + i]].name));
	}
	return request_refuse(r, STR("from"), "items %s%s wait for each other's rows",
			      names != NULL ? names : "",
			      shown < length - first ? ", \xe2\x80\xa6" : "");
}

/* The state of an item in a walk along what it depends on. */
struct visit {
	bool entered, left;
	size_t next; /* of its `depends`, to be looked at */
};

/* A walk from `start`, with its path on a stack of its own: a gather may be one long chain. */
static int walk(struct request_reader *r, const struct request_gather *gather, struct visit *visits,
		size_t *path, size_t start)
{
	size_t length = 1;

	path[0] = start;
	visits[start].entered = true;
	while (length > 0) {
		const struct request_item *item = &gather->items[path[length - 1]];
		struct visit *visit = &visits[path[length - 1]];
		size_t source;

		if (visit->next == item->depend_count) {
			visit->left = true;
			length--;
			continue;
		}
		source = item->depends[visit->next++];
		if (visits[source].left)
			continue;
		if (visits[source].entered)
			return refuse_cycle(r, gather, path, length, source);
		visits[source].entered = true;
		path[length++] = source;
	}
	return 0;
}

static int refuse_cycles(struct request_reader *r, const struct request_gather *gather)
{
	struct visit *visits = arena_calloc(r->arena, gather->item_count, sizeof(*visits));
	size_t *path = arena_calloc(r->arena, gather->item_count, sizeof(*path));
	int rc = 0;

	if (visits == NULL || path == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < gather->item_count && rc == 0; i++)
		if (!visits[i].entered)
			rc = walk(r, gather, visits, path, i);
	return rc;
}

int request_resolve_references(struct request_reader *r, struct request_gather *gather)
{
	int rc;

	if (r->pending == NULL)
		return 0;
	rc = find_sources(r, gather);
	if (rc == 0)
		rc = list_sources(r, gather);
	return rc < 0 ? rc : refuse_cycles(r, gather);
}
