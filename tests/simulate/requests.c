/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/requests.h"

#include "simulate/ledger.h"
#include "simulate/reports.h"
#include "simulate/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Grows as it is written. */
struct text {
	struct world *world;
	struct kernel_bytes bytes;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...)
{
	char piece[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(piece))
		world_fail(text->world, "a piece of a request is too long");
	bytes_add(text->world, &text->bytes, piece, (size_t)len);
}

static unsigned some_wait_ms(struct world *world)
{
	switch (world_random(world, 16)) {
	case 0:
		return (unsigned)world_between(world, 100, 3000);
	case 1:
		return (unsigned)world_between(world, 1000, 15000);
	case 2:
	case 3:
	case 4:
	case 5:
		return (unsigned)world_between(world, 1, 60);
	default:
		return 0;
	}
}

static const char *some_error(struct world *world)
{
	static const char *const states[] = {"22012", "23505", "40001", "42601", "P0001"};

	return states[world_random(world, ARRAY_SIZE(states))];
}

static int64_t some_timeout_ns(struct world *world, uint64_t one_in)
{
	static const int ms[] = {1, 10, 50, 200, 1000, 3000};

	if (!world_chance(world, one_in))
		return 0;
	return ms[world_random(world, ARRAY_SIZE(ms))] * CLOCK_MS;
}

struct plan_step *step_new(struct plan_request *request, struct plan_item *item,
			   struct world *world)
{
	struct ledger *ledger = world->ledger;
	struct plan_step *step = &ledger->steps[ledger->step_count];

	step->number = ledger->step_count++;
	step->request = request;
	step->item = item;
	step->version = -1;
	item->steps[item->step_count++] = step;
	return step;
}

static enum step_kind some_kind(struct world *world, const struct plan_request *request)
{
	if (request->snapshot)
		return STEP_READ;
	/* Many reads that are soon known to be fast: they share connections. */
	if (world->busy && !world_chance(world, 12))
		return STEP_READ;
	if (world->read_only)
		return world_chance(world, 16) ? STEP_SET : STEP_READ;
	switch (world_random(world, 16)) {
	case 0:
		return STEP_SET;
	case 1:
		return STEP_CALL;
	case 2:
	case 3:
	case 4:
	case 5:
		return STEP_WRITE;
	default:
		return STEP_READ;
	}
}

/* An object up to its closing brace, as the next two. Texts that come again are prepared by the
 * daemon: those have their number as a parameter. */
static void write_common(struct text *text, struct plan_step *step)
{
	static const unsigned rows[] = {1, 3, 0};
	struct world *world = text->world;

	step->rows = rows[world_random(world, world->busy ? 2 : ARRAY_SIZE(rows))];
	add(text, "{\"sql\":\"select 'sim rows=%u wait=%u ', $1\",\"params\":[\"%u", step->rows,
	    !world->busy && world_chance(world, 4) ? 5U : 0U, step->number);
	/* The same text, and this time it takes long, or fails. */
	if (world_chance(world, 24))
		add(text, " wait=%u ", some_wait_ms(world));
	if (world_chance(world, 24)) {
		step->sqlstate = some_error(world);
		add(text, " error=%s ", step->sqlstate);
	}
	add(text, "\"]");
	step->timeout_ns = some_timeout_ns(world, 24);
	if (step->timeout_ns > 0)
		add(text, ",\"timeout\":%g", (double)step->timeout_ns / CLOCK_SECOND);
}

static void write_directives(struct text *text, struct plan_step *step, bool numbered)
{
	struct world *world = text->world;

	if (step->kind == STEP_READ || step->kind == STEP_WRITE)
		step->rows = world_chance(world, 8) ? (unsigned)world_random(world, 200)
						    : (unsigned)world_random(world, 6);
	if (world_chance(world, 8))
		step->sqlstate = some_error(world);
	add(text, "'sim ");
	if (numbered)
		add(text, " q=%u ", step->number);
	add(text, " rows=%u wait=%u ", step->rows, some_wait_ms(world));
	if (world_chance(world, 8))
		add(text, " width=%u ", (unsigned)world_random(world, 500));
	if (world_chance(world, 16))
		add(text, " each=%u ", (unsigned)world_random(world, 20));
	if (world_chance(world, 32))
		add(text, " notice ");
	if (world_chance(world, 24))
		add(text, " type=%u ", 90000 + (unsigned)world_random(world, 3));
	if (step->sqlstate != NULL) {
		add(text, " error=%s ", step->sqlstate);
		step->deferred = step->kind == STEP_WRITE && world_chance(world, 4);
		if (step->deferred)
			add(text, " deferred ");
	}
	add(text, "'");
}

/* A row of an earlier item as a parameter. */
static struct plan_step *some_source(struct text *text, struct plan_request *request,
				     const struct plan_item *item)
{
	const struct plan_item *from;

	if (item == &request->items[0] || !world_chance(text->world, 6))
		return NULL;
	from = &request->items[world_random(text->world, (uint64_t)(item - request->items))];
	return from->kind == ITEM_QUERY && from->steps[0]->kind == STEP_READ ? from->steps[0]
									     : NULL;
}

static void write_params(struct text *text, struct plan_step *step, bool numbered)
{
	struct world *world = text->world;

	if (step->source != NULL) {
		step->source_row = (unsigned)world_random(world, 3);
		add(text, ",\"params\":[\"%u\",{\"from\":\"i%u\",\"column\":\"id\",\"row\":%u}]",
		    step->number, (unsigned)(step->source->item - step->request->items),
		    step->source_row);
	} else if (!numbered) {
		add(text, ",\"params\":[\"%u\",[1,2]]", step->number);
	}
}

static void write_step(struct text *text, struct plan_step *step)
{
	static const char *const heads[] = {"select ", "insert into t values (", "set sim.x to ",
					    "call p("};
	static const char *const tails[] = {"", ")", "", ")"};
	struct world *world = text->world;
	bool query = step->item->kind == ITEM_QUERY, numbered;

	step->kind = some_kind(world, step->request);
	if (step->kind == STEP_READ &&
	    (world->busy ? !world_chance(world, 16) : world_chance(world, 3))) {
		write_common(text, step);
		return;
	}
	if (query && step->kind == STEP_READ)
		step->source = some_source(text, step->request, step->item);
	numbered = step->source == NULL && !(step->kind == STEP_READ && world_chance(world, 16));
	add(text, "{\"sql\":\"%s", heads[step->kind]);
	write_directives(text, step, numbered);
	if (step->source != NULL)
		add(text, ", $1, $2");
	else if (!numbered)
		add(text, ", $1, $2 /*array*/");
	add(text, "%s", tails[step->kind]);
	if (step->kind == STEP_WRITE) {
		if (step->rows % 2 == 0)
			add(text, " returning id");
		else
			step->rows = 0;
	}
	add(text, "\"");
	write_params(text, step, numbered);
	if (step->kind == STEP_READ && step->item->kind == ITEM_QUERY && world_chance(world, 12)) {
		step->max_rows = (unsigned)world_between(world, 1, 4);
		add(text, ",\"max_rows\":%u", step->max_rows);
	}
	step->timeout_ns = some_timeout_ns(world, 16);
	if (step->timeout_ns > 0)
		add(text, ",\"timeout\":%g", (double)step->timeout_ns / CLOCK_SECOND);
}

static void write_item(struct text *text, struct scenario *scenario, struct plan_request *request,
		       struct plan_item *item)
{
	struct world *world = text->world;
	unsigned count;

	if (!request->snapshot && world_chance(world, 6))
		item->kind = world_chance(world, 2) ? ITEM_SEQUENCE : ITEM_TRANSACTION;
	item->database = request->snapshot
				 ? request->items[0].database
				 : (unsigned)world_random(world, scenario->database_count);
	if (item->kind == ITEM_QUERY) {
		write_step(text, step_new(request, item, world));
	} else {
		add(text, "{\"%s\":[", item->kind == ITEM_SEQUENCE ? "sequence" : "transaction");
		count = (unsigned)world_between(world, 1, LEDGER_STEPS_AN_ITEM);
		for (unsigned i = 0; i < count; i++) {
			if (i > 0)
				add(text, ",");
			write_step(text, step_new(request, item, world));
			add(text, "}");
		}
		add(text, "]");
		item->timeout_ns = some_timeout_ns(world, 8);
		if (item->timeout_ns > 0)
			add(text, ",\"timeout\":%g", (double)item->timeout_ns / CLOCK_SECOND);
	}
	add(text, ",\"name\":\"i%u\",\"db\":\"db%u\"}", (unsigned)(item - request->items),
	    item->database);
}

struct plan_request *request_make(struct scenario *scenario, struct client *client)
{
	struct world *world = scenario->world;
	struct ledger *ledger = world->ledger;
	struct text text = {.world = world};
	struct plan_request *request;
	unsigned count = (unsigned)world_between(world, 1, 4);

	if (world->busy || world_chance(world, 8))
		count = (unsigned)world_between(world, 1, LEDGER_ITEMS_A_REQUEST);
	if (ledger->request_count == LEDGER_REQUESTS ||
	    ledger->step_count + LEDGER_ITEMS_A_REQUEST * LEDGER_STEPS_AN_ITEM > LEDGER_STEPS)
		return NULL;
	request = &ledger->requests[ledger->request_count];
	request->id = ledger->request_count++;
	request->client = client->number;
	request->stream = world_chance(world, 3);
	request->snapshot = world_chance(world, 10);
	request->fail_fast = world_chance(world, 8);
	request->timeout_ns = some_timeout_ns(world, 4);
	request->item_count = count;
	request->items[0].database = (unsigned)world_random(world, scenario->database_count);
	if (world_chance(world, 12)) {
		reports_ask(scenario, request);
		bytes_add(world, &text.bytes, request->text, strlen(request->text));
	} else {
		add(&text, "{\"id\":%u,\"gather\":[", request->id);
		for (unsigned i = 0; i < count; i++) {
			if (i > 0)
				add(&text, ",");
			write_item(&text, scenario, request, &request->items[i]);
		}
		add(&text, "]");
	}
	if (request->stream)
		add(&text, ",\"stream\":true");
	if (request->snapshot && !request->report)
		add(&text, ",\"snapshot\":true");
	if (request->fail_fast)
		add(&text, ",\"on_error\":\"cancel\"");
	if (request->timeout_ns > 0)
		add(&text, ",\"timeout\":%g", (double)request->timeout_ns / CLOCK_SECOND);
	if (world_chance(world, 8))
		add(&text, ",\"concurrency\":%u", (unsigned)world_between(world, 1, 3));
	add(&text, "}");
	bytes_add(world, &text.bytes, "", 1);
	request->text = bytes_data(&text.bytes);
	return request;
}
