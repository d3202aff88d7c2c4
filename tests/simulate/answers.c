/* SPDX-License-Identifier: PostgreSQL */
/* Every line that a client reads is held against what the servers did. */
#include "base/arena.h"
#include "simulate/judge.h"

#include <stdio.h>

/* What the daemon may take beyond a deadline: the server has a grace time to confirm a cancel, a
 * failed transaction one to roll back, and the look-up of a type has its own. */
#define LATE_NS (15 * CLOCK_SECOND)

static unsigned number_of(const struct verdict *at, const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);
	int64_t number;

	if (value == NULL || !json_int64(value, &number))
		verdict_wrong(at, "no number", str_from(key));
	return (unsigned)number;
}

/* A report's are called i0, i1, …, in the order of its queries. */
static const struct json *result_of(const struct verdict *at, const struct json *results,
				    unsigned i)
{
	const struct json *result = &results->items[i];
	char name[16];

	if (!at->request->report)
		return result;
	snprintf(name, sizeof(name), "i%u", i);
	result = json_member(results, name);
	if (result == NULL)
		verdict_wrong(at, "a query of the report has no result", results->raw);
	return result;
}

static void judge_combined(struct verdict *at, const struct json *results)
{
	struct plan_request *request = at->request;

	if (results->type != (request->report ? JSON_OBJECT : JSON_ARRAY) ||
	    results->count != request->item_count)
		verdict_wrong(at, "not one result for each item", results->raw);
	for (unsigned i = 0; i < request->item_count; i++) {
		const struct json *outcome = result_of(at, results, i);
		const struct json *steps = json_member(outcome, "steps");

		at->item = &request->items[i];
		at->step = at->item->steps[0];
		if (at->item->kind == ITEM_QUERY) {
			judge_step(at, outcome);
		} else {
			if (steps == NULL || steps->count != at->item->step_count)
				verdict_wrong(at, "not one outcome for each step", outcome->raw);
			for (unsigned j = 0; j < at->item->step_count; j++) {
				at->step = at->item->steps[j];
				judge_step(at, &steps->items[j]);
			}
		}
		judge_item(at, outcome);
	}
	for (unsigned i = 0; i < request->item_count; i++) {
		at->item = &request->items[i];
		judge_reasons(at, result_of(at, results, i));
	}
}

/* ---- the whole ---- */

static void judge_snapshot(struct verdict *at, struct str line)
{
	int64_t version = -1;

	for (unsigned i = 0; i < at->request->item_count; i++) {
		const struct plan_step *step = at->request->items[i].steps[0];

		if (step->failed || step->version < 0)
			continue;
		if (version >= 0 && step->version != version)
			verdict_wrong(at, "its items saw two states", line);
		version = step->version;
	}
}

/* Refused as a whole: then nothing of it ran. */
static void judge_refusal(struct verdict *at, const struct json *error)
{
	at->item = &at->request->items[0];
	for (unsigned i = 0; i < at->request->item_count; i++) {
		const struct plan_item *item = &at->request->items[i];

		for (unsigned j = 0; j < item->step_count; j++) {
			at->step = item->steps[j];
			if (at->step->begun > 0)
				verdict_wrong(at, "refused as a whole, and it ran", error->raw);
		}
	}
	judge_reason(at, error);
}

/* By the daemon's own clock: from the reading of the request. */
static void judge_time(struct verdict *at, const struct json *answer)
{
	const struct json *elapsed = json_member(answer, "elapsed");
	int64_t limit_ns = 0;
	double elapsed_s;

	if (elapsed == NULL || !json_double(elapsed, &elapsed_s))
		return;
	for (unsigned i = 0; i < at->request->item_count; i++) {
		const struct plan_item *item = &at->request->items[i];

		for (unsigned j = 0; j < item->step_count; j++)
			limit_ns = MAX(limit_ns, ledger_deadline_ns(at->world, item->steps[j]));
	}
	if (limit_ns != CLOCK_NEVER &&
	    elapsed_s > (double)(limit_ns - at->request->sent_ns + LATE_NS) / CLOCK_SECOND)
		verdict_wrong(at, "answered long after its deadline", answer->raw);
}

static void finish(struct verdict *at, const struct json *answer)
{
	struct str line = answer->raw;

	if (++at->request->answers > 1)
		verdict_wrong(at, "a second answer", line);
	world_trace(at->world, "answer", at->request->id, line.len, 0);
	if (at->request->snapshot)
		judge_snapshot(at, line);
	judge_time(at, answer);
}

static void judge_event(struct verdict *at, const struct json *answer)
{
	struct str event = verdict_text(answer, "event");
	const struct json *step = json_member(answer, "step");
	unsigned item_index, step_index = 0;

	if (str_is(event, "end")) {
		for (unsigned i = 0; i < at->request->item_count; i++)
			if (!at->request->items[i].answered)
				verdict_wrong(at, "the end, and an item has had none", answer->raw);
		finish(at, answer);
		return;
	}
	if (at->request->answers > 0)
		verdict_wrong(at, "an event after the end", answer->raw);
	item_index = number_of(at, answer, "item");
	if (step != NULL)
		step_index = number_of(at, answer, "step");
	if (item_index >= at->request->item_count)
		verdict_wrong(at, "an event of no item", answer->raw);
	at->item = &at->request->items[item_index];
	if (step_index >= at->item->step_count)
		verdict_wrong(at, "an event of no step", answer->raw);
	at->step = at->item->steps[step_index];
	if (str_is(event, "columns")) {
		if (at->step->shape_given)
			verdict_wrong(at, "its columns again", answer->raw);
		at->step->shape_given = true;
	} else if (str_is(event, "rows")) {
		if (!at->step->shape_given || at->step->answered)
			verdict_wrong(at, "rows without columns, or after their end", answer->raw);
		judge_rows(at, json_member(answer, "rows"));
	} else if (str_is(event, "done") || str_is(event, "error")) {
		bool of_item = at->item->kind == ITEM_QUERY || step == NULL;

		if (at->item->kind == ITEM_QUERY || step != NULL)
			judge_step(at, answer);
		if (of_item)
			judge_item(at, answer);
		if (str_is(event, "error"))
			judge_reason(at, json_member(answer, "error"));
	} else {
		verdict_wrong(at, "an event that there is not", answer->raw);
	}
}

static void judge(struct verdict *at, const struct json *answer)
{
	const struct json *error = json_member(answer, "error");
	const struct json *results = json_member(answer, "results");

	if (json_member(answer, "event") != NULL) {
		if (!at->request->stream)
			verdict_wrong(at, "events, and none were asked for", answer->raw);
		judge_event(at, answer);
		return;
	}
	if (at->request->refused && error == NULL)
		verdict_wrong(at, "a report that there is not, and an answer", answer->raw);
	if (results != NULL && !at->request->stream)
		judge_combined(at, results);
	else if (error != NULL)
		judge_refusal(at, error);
	else
		verdict_wrong(at, "neither results nor an error", answer->raw);
	finish(at, answer);
}

/* Without memory the daemon may not have read the number: then it tells the line's. */
static struct plan_request *find_line(struct world *world, unsigned client, int64_t line)
{
	struct ledger *ledger = world->ledger;

	for (unsigned id = LEDGER_FIRST_REQUEST; id < ledger->request_count; id++)
		if (ledger->requests[id].client == client && ledger->requests[id].line == line)
			return &ledger->requests[id];
	return NULL;
}

bool ledger_answer(struct world *world, unsigned client, struct str line)
{
	struct verdict at = {.world = world};
	struct arena arena;
	struct json answer;
	struct json_error error;
	const struct json *id;
	int64_t number;

	arena_init(&arena, 0, NULL);
	if (json_parse(&arena, line, &answer, &error) < 0)
		world_fail(world, "an answer is no JSON: %.*s", (int)line.len, line.data);
	id = json_member(&answer, "id");
	if (id == NULL || !json_int64(id, &number))
		world_fail(world, "an answer without a number: %.*s", (int)line.len, line.data);
	if (listens_answer(world, client, number, &answer)) {
		arena_free(&arena);
		return true;
	}
	/* Cancels and pings have numbers beyond those of gathers. */
	if (number < LEDGER_FIRST_REQUEST && world->ledger->memory_short)
		at.request = find_line(world, client, number);
	else
		at.request = ledger_request(world, (unsigned)number);
	if (at.request != NULL) {
		if (at.request->client != client || at.request->sent_ns == 0)
			world_fail(world, "client %u got the answer to %u", client,
				   (unsigned)number);
		judge(&at, &answer);
	} else if (number < LEDGER_REQUESTS && !world->ledger->memory_short) {
		world_fail(world, "an answer to what nobody asked: %.*s", (int)line.len, line.data);
	}
	arena_free(&arena);
	return at.request != NULL ||
	       (number < LEDGER_FIRST_REQUEST && listens_refused(world, client, number));
}
