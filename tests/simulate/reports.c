/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/reports.h"

#include "simulate/ledger.h"
#include "simulate/requests.h"
#include "simulate/scenario.h"

#include <string.h>

/* Each parameter is the number of a step; the first query has :a, the second :b, the third :c. */
static const struct report {
	const char *name, *text;
	unsigned count;
	enum step_kind kinds[3];
	unsigned rows[3];
	bool snapshot;
} reports[] = {
	{
		.name = "reads",
		.text = "-- param: a text\n-- param: b text\n"
			"-- name: i0\nselect 'sim rows=3 wait=0 ', :a;\n"
			"-- name: i1\nselect 'sim rows=1 wait=5 ', :b;\n",
		.count = 2,
		.kinds = {STEP_READ, STEP_READ},
		.rows = {3, 1},
	},
	{
		.name = "mixed",
		.text = "-- title: writes, too\n-- param: a text\n-- param: b text\n-- param: c "
			"text\n"
			"-- name: i0\nselect 'sim rows=1 wait=0 ', :a;\n"
			"-- name: i1\ninsert into t values ('sim rows=1 wait=3 ', :b);\n"
			"-- name: i2\ncall p('sim rows=0 wait=1 ', :c);\n",
		.count = 3,
		.kinds = {STEP_READ, STEP_WRITE, STEP_CALL},
		.rows = {1, 0, 0},
	},
	{
		.name = "state",
		.text = "-- snapshot: yes\n-- param: a text\n-- param: b text\n"
			"-- name: i0\nselect 'sim rows=2 wait=10 ', :a;\n"
			"-- name: i1\nselect 'sim rows=2 wait=0 ', :b;\n",
		.count = 2,
		.kinds = {STEP_READ, STEP_READ},
		.rows = {2, 2},
		.snapshot = true,
	},
};

const char *reports_file(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++)
		if (strncmp(name, reports[i].name, strlen(reports[i].name)) == 0 &&
		    strcmp(name + strlen(reports[i].name), ".sql") == 0)
			return reports[i].text;
	return NULL;
}

/* Where databases are read-only the daemon refuses what writes. */
static const struct report *some_report(struct world *world)
{
	const struct report *report;

	do
		report = &reports[world_random(world, ARRAY_SIZE(reports))];
	while (world->read_only && report->kinds[1] != STEP_READ);
	return report;
}

void reports_ask(struct scenario *scenario, struct plan_request *request)
{
	static const char params[] = "abc";
	struct world *world = scenario->world;
	const struct report *report = some_report(world);
	unsigned database = (unsigned)world_random(world, scenario->database_count);
	const char *text, *comma = "";

	request->report = true;
	request->refused = world_chance(world, 12);
	request->snapshot = report->snapshot;
	request->item_count = report->count;
	text = world_printf(world, "{\"id\":%u,\"report\":\"%s%s\",\"db\":\"db%u\",\"params\":{",
			    request->id, report->name,
			    request->refused && world_chance(world, 2) ? "x" : "", database);
	for (unsigned i = 0; i < report->count; i++) {
		struct plan_item *item = &request->items[i];
		struct plan_step *step = step_new(request, item, world);

		item->database = database;
		step->kind = report->kinds[i];
		step->rows = report->rows[i];
		/* Every parameter has to be given. */
		if (request->refused && i == 0)
			continue;
		text = world_printf(world, "%s%s\"%c\":\"%u", text, comma, params[i], step->number);
		comma = ",";
		if (world_chance(world, 8))
			text = world_printf(world, "%s wait=%u ", text,
					    (unsigned)world_random(world, 300));
		if (world_chance(world, 12)) {
			step->sqlstate = "22012";
			text = world_printf(world, "%s error=%s ", text, step->sqlstate);
		}
		text = world_printf(world, "%s\"", text);
	}
	request->text = world_printf(world, "%s}", text);
	world->counts[COUNT_REPORTS]++;
}
