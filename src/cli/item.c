/* SPDX-License-Identifier: PostgreSQL */
#include "cli/item.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

static int reach(struct items *items, size_t index)
{
	if (index >= items->capacity) {
		size_t capacity = MAX(items->capacity * 2, index + 16);
		struct item *all = mem_realloc(items->all, capacity * sizeof(*all));

		if (all == NULL)
			return -ENOMEM;
		items->all = all;
		items->capacity = capacity;
	}
	while (items->count <= index)
		items->all[items->count++] = (struct item){0};
	return 0;
}

static int name_item(struct item *item, const char *name)
{
	if (name == NULL || item->name != NULL)
		return 0;
	item->name = mem_strdup(name);
	return item->name != NULL ? 0 : -ENOMEM;
}

/* A SELECT without columns is CREATE TABLE AS. What a function does that a query calls is not
 * known.
 */
static bool may_have_written(const struct item *item, const struct gather_result *result)
{
	const struct json *command = document_member(result->object, "command");

	if (command == NULL || command->type != JSON_STRING)
		return false;
	if (str_is(command->text, "SELECT"))
		return !item->has_columns;
	return !str_is(command->text, "SHOW");
}

int items_init(struct items *items, const struct input *input)
{
	*items = (struct items){0};
	if (input->count == 0)
		return 0;
	if (reach(items, input->count - 1) < 0)
		return -ENOMEM;
	items->fixed = true;
	for (size_t i = 0; i < input->count; i++) {
		items->all[i].query = &input->queries[i];
		if (name_item(&items->all[i], input->queries[i].name) < 0) {
			items_free(items);
			return -ENOMEM;
		}
	}
	return 0;
}

void items_free(struct items *items)
{
	for (size_t i = 0; i < items->count; i++)
		mem_free(items->all[i].name);
	mem_free(items->all);
	*items = (struct items){0};
}

struct item *items_note(struct items *items, size_t index, const struct gather_event *event)
{
	struct item *item;

	if (reach(items, index) < 0)
		return NULL;
	item = &items->all[index];
	if (name_item(item, gather_result_name(&event->result)) < 0)
		return NULL;
	item->has_columns |= event->kind == GATHER_EVENT_COLUMNS;
	if (event->kind == GATHER_EVENT_ROWS) {
		item->row_count += event->result.rows->count;
		items->row_count += event->result.rows->count;
	}
	if (event->kind == GATHER_EVENT_DONE || event->kind == GATHER_EVENT_ERROR) {
		items->closed_count += !item->closed;
		item->closed = true;
		item->failed = event->kind == GATHER_EVENT_ERROR;
		item->wrote = !item->failed && may_have_written(item, &event->result);
	}
	return item;
}
