/* SPDX-License-Identifier: PostgreSQL */
#include "cli/titles.h"

#include "client/connection.h"
#include "client/document.h"

#include <errno.h>
#include <string.h>

struct title {
	const char *name, *text;
};

void titles_init(struct titles *titles, struct arena *arena, const char *report)
{
	*titles = (struct titles){.arena = arena, .report = report};
}

static const struct json *find_report(const struct titles *titles, const struct json *reports)
{
	for (size_t i = 0; reports->type == JSON_ARRAY && i < reports->count; i++) {
		const struct json *name = document_member(&reports->items[i], "name");

		if (name != NULL && name->type == JSON_STRING && str_is(name->text, titles->report))
			return &reports->items[i];
	}
	return NULL;
}

static const char *copy(struct titles *titles, const struct json *text)
{
	return arena_strndup(titles->arena, text->text.data, text->text.len);
}

/* An answer without this report, such as an error, has no titles; that is for the report's own
 * answer to tell. */
static int take_list(void *arg, const struct document *answer)
{
	struct titles *titles = arg;
	const struct json *list = document_member(&answer->root, "reports");
	const struct json *report = list != NULL ? find_report(titles, list) : NULL;
	const struct json *queries = document_member(report, "queries");
	struct title *all;

	if (queries == NULL || queries->type != JSON_ARRAY)
		return 0;
	all = arena_calloc(titles->arena, queries->count + 1, sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	titles->all = all;
	for (size_t i = 0; i < queries->count; i++) {
		const struct json *name = document_member(&queries->items[i], "name");
		const struct json *text = document_member(&queries->items[i], "title");
		struct title *title = &all[titles->count];

		if (name == NULL || name->type != JSON_STRING || text == NULL ||
		    text->type != JSON_STRING)
			continue;
		*title = (struct title){copy(titles, name), copy(titles, text)};
		if (title->name == NULL || title->text == NULL) {
			titles->count = 0;
			return -ENOMEM;
		}
		titles->count++;
	}
	return 0;
}

int titles_ask(struct titles *titles, struct gather *gather)
{
	return connection_ask_listing(gather, "\"reports\":true", take_list, titles);
}

const char *titles_find(const struct titles *titles, const char *name)
{
	for (size_t i = 0; name != NULL && i < titles->count; i++)
		if (strcmp(titles->all[i].name, name) == 0)
			return titles->all[i].text;
	return NULL;
}
