/* SPDX-License-Identifier: PostgreSQL */
/* Every answer is held against what the servers did. */
#include "base/arena.h"
#include "simulate/ledger.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the daemon may take beyond a deadline: the server has a grace time to confirm a cancel, a
 * failed transaction one to roll back, and the look-up of a type has its own. */
#define LATE_NS (15 * CLOCK_SECOND)

struct verdict {
	struct world *world;
	struct plan_request *request;
	struct plan_item *item;
	struct plan_step *step;
};

static void wrong(const struct verdict *at, const char *what, struct str detail)
	__attribute__((noreturn));
static void wrong(const struct verdict *at, const char *what, struct str detail)
{
	world_fail(at->world, "request %u, step %u: %s%s%.*s", at->request->id,
		   at->step != NULL ? at->step->number : 0, what, detail.len > 0 ? ": " : "",
		   (int)MIN(detail.len, (size_t)2000), detail.len > 0 ? detail.data : "");
}

static struct str text_of(const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);

	return value != NULL && value->type == JSON_STRING ? value->text : (struct str){NULL, 0};
}

static unsigned number_of(const struct verdict *at, const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);
	int64_t number;

	if (value == NULL || !json_int64(value, &number))
		wrong(at, "no number", str_from(key));
	return (unsigned)number;
}

/* ---- rows ---- */

/* Each tells whose it is, which, what its session saw, and a parameter that came from elsewhere. */
static void judge_row(const struct verdict *at, const struct json *row)
{
	struct plan_step *step = at->step;
	char wanted[64];
	const struct json *cells = row->type == JSON_ARRAY ? row->items : NULL;
	int64_t version;

	if (cells == NULL || row->count != 3)
		wrong(at, "this is no row", row->raw);
	snprintf(wanted, sizeof(wanted), "%u:%u", step->number, step->rows_given);
	if (!str_is(cells[0].text, wanted))
		wrong(at, "another's row, or out of order", row->raw);
	version = strtoll(cells[1].text.data, NULL, 10);
	if (step->version >= 0 && step->version != version)
		wrong(at, "its rows are of two states", row->raw);
	step->version = version;
	if (step->source != NULL) {
		snprintf(wanted, sizeof(wanted), "%u:%u", step->source->number, step->source_row);
		if (cells[2].text.len < strlen(wanted) ||
		    memcmp(cells[2].text.data, wanted, strlen(wanted)) != 0)
			wrong(at, "the value of another row as a parameter", row->raw);
	}
	step->rows_given++;
	at->world->counts[COUNT_ROWS]++;
}

static void judge_rows(const struct verdict *at, const struct json *rows)
{
	if (rows->type != JSON_ARRAY)
		wrong(at, "rows are an array", rows->raw);
	for (size_t i = 0; i < rows->count; i++)
		judge_row(at, &rows->items[i]);
}

/* ---- errors ---- */

static void excuse(const struct verdict *at, bool fine, const struct json *error)
{
	if (!fine)
		wrong(at, "no reason for this error", error->raw);
}

static bool source_failed(const struct verdict *at)
{
	const struct plan_step *source = at->step->source;

	if (source == NULL)
		return false;
	if (source->failed || !source->answered || source->source != NULL)
		return true;
	return at->step->source_row >= source->rows ||
	       (source->max_rows > 0 && at->step->source_row >= source->max_rows);
}

static bool earlier_failed(const struct verdict *at)
{
	for (unsigned i = 0; i < at->item->step_count; i++) {
		if (at->item->steps[i] != at->step && at->item->steps[i]->failed)
			return true;
	}
	/* A transaction's BEGIN or COMMIT may be what failed. */
	return at->item->kind != ITEM_QUERY && at->item->failed;
}

static bool any_late(const struct verdict *at)
{
	for (unsigned i = 0; i < at->item->step_count; i++)
		if (world_now_ns(at->world) >= ledger_deadline_ns(at->world, at->item->steps[i]))
			return true;
	return false;
}

/* 57P…: the server goes or comes; 53300: it is full; 25P03: it was tired of waiting. */
static bool fault_sqlstate(struct str sqlstate)
{
	static const char *const states[] = {"57P01", "57P02", "57P03", "53300",
					     "26000", "0A000", "22023", "25P01"};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (str_is(sqlstate, states[i]))
			return true;
	return false;
}

static bool own_error(const struct verdict *at, struct str sqlstate)
{
	for (unsigned i = 0; i < at->item->step_count; i++) {
		const char *own = at->item->steps[i]->sqlstate;

		if (own != NULL && str_is(sqlstate, own))
			return true;
	}
	return false;
}

static void judge_reason(const struct verdict *at, const struct json *error)
{
	const struct ledger *ledger = at->world->ledger;
	struct str code = text_of(error, "code"), sqlstate = text_of(error, "sqlstate");

	if (str_is(code, "sql"))
		excuse(at, own_error(at, sqlstate) || (ledger->faults && fault_sqlstate(sqlstate)),
		       error);
	else if (str_is(code, "timeout"))
		excuse(at, any_late(at), error);
	else if (str_is(code, "cancelled"))
		excuse(at, at->request->cancelled || at->request->fail_fast, error);
	else if (str_is(code, "skipped") && at->request->stream && !at->item->answered &&
		 at->item->kind != ITEM_QUERY)
		at->step->skipped = true;
	else if (str_is(code, "skipped"))
		excuse(at, earlier_failed(at) || source_failed(at), error);
	else if (str_is(code, "connection_lost") || str_is(code, "unavailable"))
		excuse(at, ledger->faults || ledger->memory_short, error);
	else if (str_is(code, "shutting_down"))
		excuse(at, ledger->stopping || ledger->reloaded, error);
	else if (str_is(code, "unknown_database"))
		excuse(at, ledger->reloaded, error);
	else if (str_is(code, "internal") || str_is(code, "queue_full") ||
		 str_is(code, "too_large"))
		excuse(at, ledger->memory_short, error);
	else
		excuse(at, false, error);
}

static void judge_effects(const struct verdict *at, const struct json *error)
{
	struct plan_step *step = at->step;
	struct str effects = text_of(error, "effects");
	bool committed = step->kind != STEP_READ && step->committed > 0;

	/* What is rolled back may still begin; so may a snapshot's items on a member that is lost.
	 */
	step->doubtful = at->request->snapshot || at->item->kind == ITEM_TRANSACTION ||
			 str_is(effects, "unknown") ||
			 str_is(text_of(error, "code"), "connection_lost");
	if (str_is(effects, "none")) {
		at->world->counts[COUNT_EFFECTS_NONE]++;
		if (committed)
			wrong(at, "it was executed, and says effects none", error->raw);
	} else if (str_is(effects, "done")) {
		at->world->counts[COUNT_EFFECTS_DONE]++;
		if (!committed && (step->kind != STEP_READ || step->completed == 0))
			wrong(at, "it was not executed, and says effects done", error->raw);
	} else if (str_is(effects, "unknown")) {
		at->world->counts[COUNT_EFFECTS_UNKNOWN]++;
	} else {
		wrong(at, "effects is none of the three", error->raw);
	}
}

/* ---- steps and items ---- */

static void judge_success(const struct verdict *at, const struct json *outcome)
{
	const struct plan_step *step = at->step;
	unsigned wanted = step->max_rows > 0 ? MIN(step->max_rows, step->rows) : step->rows;

	if (step->begun == 0)
		wrong(at, "it never ran, and went well", outcome->raw);
	if (step->sqlstate != NULL && !(step->max_rows > 0 && step->rows > step->max_rows) &&
	    !(step->deferred && step->item->kind == ITEM_TRANSACTION))
		wrong(at, "it failed, and went well", outcome->raw);
	if (step->completed == 0 && !(step->max_rows > 0 && step->rows >= step->max_rows))
		wrong(at, "it was not completed, and went well", outcome->raw);
	if (step->item->kind != ITEM_TRANSACTION && step->kind != STEP_READ && step->committed == 0)
		wrong(at, "it was not committed, and went well", outcome->raw);
	if (step->rows_given != wanted)
		wrong(at, "rows are missing, or too many", outcome->raw);
}

static void judge_step(const struct verdict *at, const struct json *outcome)
{
	const struct json *error = json_member(outcome, "error");
	const struct json *rows = json_member(outcome, "rows");

	if (at->step->answered)
		wrong(at, "a second answer", outcome->raw);
	if (rows != NULL && rows->type == JSON_ARRAY)
		judge_rows(at, rows);
	at->step->failed = error != NULL;
	if (error == NULL)
		judge_success(at, outcome);
	else
		judge_effects(at, error);
	at->step->answered = true;
}

/* In their order, on one connection, up to the first failure. */
static void judge_sequence(const struct verdict *at, const struct json *outcome)
{
	const struct plan_item *item = at->item;
	unsigned order = 0;
	bool failed = false;

	for (unsigned i = 0; i < item->step_count; i++) {
		const struct plan_step *step = item->steps[i];

		if (step->begun == 0)
			continue;
		if (step->order < order)
			wrong(at, "its steps ran out of order", outcome->raw);
		if (failed)
			wrong(at, "a step ran after one that failed", outcome->raw);
		if (step->backend != item->steps[0]->backend)
			wrong(at, "its steps ran on two connections", outcome->raw);
		order = step->order;
		failed = step->sqlstate != NULL && !step->deferred &&
			 !(step->max_rows > 0 && step->rows > step->max_rows);
	}
}

static void judge_transaction(const struct verdict *at, const struct json *outcome)
{
	const struct plan_item *item = at->item;
	struct str said = text_of(outcome, "outcome");
	bool committed = str_is(said, "committed"), rolled_back = str_is(said, "rolled_back");

	if (!committed && !rolled_back && !str_is(said, "unknown"))
		wrong(at, "a transaction without its outcome", outcome->raw);
	if (committed == (json_member(outcome, "error") != NULL))
		wrong(at, "outcome and error do not fit", outcome->raw);
	for (unsigned i = 0; i < item->step_count; i++) {
		const struct plan_step *step = item->steps[i];

		if (committed && (step->committed == 0 || step->failed))
			wrong(at, "said to be committed, and is not", outcome->raw);
		if (rolled_back && step->committed > 0)
			wrong(at, "said to be rolled back, and is committed", outcome->raw);
	}
}

static void judge_item(struct verdict *at, const struct json *outcome)
{
	struct plan_item *item = at->item;

	if (item->answered)
		wrong(at, "a second answer to an item", outcome->raw);
	item->answered = true;
	item->failed = json_member(outcome, "error") != NULL;
	at->world->counts[COUNT_ITEMS]++;
	at->world->counts[item->failed ? COUNT_ANSWERS_FAILED : COUNT_ANSWERS_OK]++;
	for (unsigned i = 0; i < item->step_count; i++)
		if (item->steps[i]->skipped && !item->failed)
			wrong(at, "a step was skipped, and the item went well", outcome->raw);
	if (item->kind == ITEM_QUERY)
		return;
	judge_sequence(at, outcome);
	if (item->kind == ITEM_TRANSACTION)
		judge_transaction(at, outcome);
}

/* Reasons are judged when all of the request is known: one item's failure may be another's. */
static void judge_reasons(struct verdict *at, const struct json *outcome)
{
	const struct json *error = json_member(outcome, "error");
	const struct json *steps = json_member(outcome, "steps");

	at->step = at->item->steps[0];
	if (error != NULL)
		judge_reason(at, error);
	for (size_t i = 0; steps != NULL && i < steps->count; i++) {
		at->step = at->item->steps[i];
		error = json_member(&steps->items[i], "error");
		if (error != NULL)
			judge_reason(at, error);
	}
}

static void judge_combined(struct verdict *at, const struct json *results)
{
	struct plan_request *request = at->request;

	if (results->type != JSON_ARRAY || results->count != request->item_count)
		wrong(at, "not one result for each item", results->raw);
	for (unsigned i = 0; i < request->item_count; i++) {
		const struct json *outcome = &results->items[i];
		const struct json *steps = json_member(outcome, "steps");

		at->item = &request->items[i];
		at->step = at->item->steps[0];
		if (at->item->kind == ITEM_QUERY) {
			judge_step(at, outcome);
		} else {
			if (steps == NULL || steps->count != at->item->step_count)
				wrong(at, "not one outcome for each step", outcome->raw);
			for (unsigned j = 0; j < at->item->step_count; j++) {
				at->step = at->item->steps[j];
				judge_step(at, &steps->items[j]);
			}
		}
		judge_item(at, outcome);
	}
	for (unsigned i = 0; i < request->item_count; i++) {
		at->item = &request->items[i];
		judge_reasons(at, &results->items[i]);
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
			wrong(at, "its items saw two states", line);
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
				wrong(at, "refused as a whole, and it ran", error->raw);
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
		wrong(at, "answered long after its deadline", answer->raw);
}

static void finish(struct verdict *at, const struct json *answer)
{
	struct str line = answer->raw;

	if (++at->request->answers > 1)
		wrong(at, "a second answer", line);
	world_trace(at->world, "answer", at->request->id, line.len, 0);
	if (at->request->snapshot)
		judge_snapshot(at, line);
	judge_time(at, answer);
}

static void judge_event(struct verdict *at, const struct json *answer)
{
	struct str event = text_of(answer, "event");
	const struct json *step = json_member(answer, "step");
	unsigned item_index, step_index = 0;

	if (str_is(event, "end")) {
		for (unsigned i = 0; i < at->request->item_count; i++)
			if (!at->request->items[i].answered)
				wrong(at, "the end, and an item has had none", answer->raw);
		finish(at, answer);
		return;
	}
	if (at->request->answers > 0)
		wrong(at, "an event after the end", answer->raw);
	item_index = number_of(at, answer, "item");
	if (step != NULL)
		step_index = number_of(at, answer, "step");
	if (item_index >= at->request->item_count)
		wrong(at, "an event of no item", answer->raw);
	at->item = &at->request->items[item_index];
	if (step_index >= at->item->step_count)
		wrong(at, "an event of no step", answer->raw);
	at->step = at->item->steps[step_index];
	if (str_is(event, "columns")) {
		if (at->step->shape_given)
			wrong(at, "its columns again", answer->raw);
		at->step->shape_given = true;
	} else if (str_is(event, "rows")) {
		if (!at->step->shape_given || at->step->answered)
			wrong(at, "rows without columns, or after their end", answer->raw);
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
		wrong(at, "an event that there is not", answer->raw);
	}
}

static void judge(struct verdict *at, const struct json *answer)
{
	const struct json *error = json_member(answer, "error");
	const struct json *results = json_member(answer, "results");

	if (json_member(answer, "event") != NULL) {
		if (!at->request->stream)
			wrong(at, "events, and none were asked for", answer->raw);
		judge_event(at, answer);
		return;
	}
	if (results != NULL && !at->request->stream)
		judge_combined(at, results);
	else if (error != NULL)
		judge_refusal(at, error);
	else
		wrong(at, "neither results nor an error", answer->raw);
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
	return at.request != NULL;
}
