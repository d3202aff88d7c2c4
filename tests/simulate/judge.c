/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void verdict_wrong(const struct verdict *at, const char *what, struct str detail)
{
	world_fail(at->world, "request %u, step %u: %s%s%.*s", at->request->id,
		   at->step != NULL ? at->step->number : 0, what, detail.len > 0 ? ": " : "",
		   (int)MIN(detail.len, (size_t)2000), detail.len > 0 ? detail.data : "");
}

struct str verdict_text(const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);

	return value != NULL && value->type == JSON_STRING ? value->text : (struct str){NULL, 0};
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
		verdict_wrong(at, "this is no row", row->raw);
	snprintf(wanted, sizeof(wanted), "%u:%u", step->number, step->rows_given);
	if (!str_is(cells[0].text, wanted))
		verdict_wrong(at, "another's row, or out of order", row->raw);
	version = strtoll(cells[1].text.data, NULL, 10);
	if (step->version >= 0 && step->version != version)
		verdict_wrong(at, "its rows are of two states", row->raw);
	step->version = version;
	if (step->source != NULL) {
		snprintf(wanted, sizeof(wanted), "%u:%u", step->source->number, step->source_row);
		if (cells[2].text.len < strlen(wanted) ||
		    memcmp(cells[2].text.data, wanted, strlen(wanted)) != 0)
			verdict_wrong(at, "the value of another row as a parameter", row->raw);
	}
	step->rows_given++;
	at->world->counts[COUNT_ROWS]++;
}

void judge_rows(const struct verdict *at, const struct json *rows)
{
	if (rows->type != JSON_ARRAY)
		verdict_wrong(at, "rows are an array", rows->raw);
	for (size_t i = 0; i < rows->count; i++)
		judge_row(at, &rows->items[i]);
}

/* ---- steps and items ---- */

static void judge_success(const struct verdict *at, const struct json *outcome)
{
	const struct plan_step *step = at->step;
	unsigned wanted = step->max_rows > 0 ? MIN(step->max_rows, step->rows) : step->rows;

	if (step->begun == 0)
		verdict_wrong(at, "it never ran, and went well", outcome->raw);
	if (step->sqlstate != NULL && !(step->max_rows > 0 && step->rows > step->max_rows) &&
	    !(step->deferred && step->item->kind == ITEM_TRANSACTION))
		verdict_wrong(at, "it failed, and went well", outcome->raw);
	if (step->completed == 0 && !(step->max_rows > 0 && step->rows >= step->max_rows))
		verdict_wrong(at, "it was not completed, and went well", outcome->raw);
	/* Where nothing can write, it is no matter how a sequence's transactions end. */
	if (step->item->kind != ITEM_TRANSACTION && step->kind != STEP_READ &&
	    !at->world->read_only && step->committed == 0)
		verdict_wrong(at, "it was not committed, and went well", outcome->raw);
	if (step->item->kind == ITEM_QUERY && !step->request->snapshot && step->max_rows == 0 &&
	    step->committed == 0)
		verdict_wrong(at, "it was answered before the end of its transaction",
			      outcome->raw);
	if (step->rows_given != wanted)
		verdict_wrong(at, "rows are missing, or too many", outcome->raw);
}

void judge_step(const struct verdict *at, const struct json *outcome)
{
	const struct json *error = json_member(outcome, "error");
	const struct json *rows = json_member(outcome, "rows");

	if (at->step->answered)
		verdict_wrong(at, "a second answer", outcome->raw);
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
			verdict_wrong(at, "its steps ran out of order", outcome->raw);
		if (failed)
			verdict_wrong(at, "a step ran after one that failed", outcome->raw);
		if (step->backend != item->steps[0]->backend)
			verdict_wrong(at, "its steps ran on two connections", outcome->raw);
		order = step->order;
		failed = step->sqlstate != NULL && !step->deferred &&
			 !(step->max_rows > 0 && step->rows > step->max_rows);
	}
}

static void judge_transaction(const struct verdict *at, const struct json *outcome)
{
	const struct plan_item *item = at->item;
	struct str said = verdict_text(outcome, "outcome");
	bool committed = str_is(said, "committed"), rolled_back = str_is(said, "rolled_back");

	if (!committed && !rolled_back && !str_is(said, "unknown"))
		verdict_wrong(at, "a transaction without its outcome", outcome->raw);
	if (committed == (json_member(outcome, "error") != NULL))
		verdict_wrong(at, "outcome and error do not fit", outcome->raw);
	for (unsigned i = 0; i < item->step_count; i++) {
		const struct plan_step *step = item->steps[i];

		if (committed && (step->committed == 0 || step->failed))
			verdict_wrong(at, "said to be committed, and is not", outcome->raw);
		if (rolled_back && step->committed > 0)
			verdict_wrong(at, "said to be rolled back, and is committed", outcome->raw);
	}
}

void judge_item(struct verdict *at, const struct json *outcome)
{
	struct plan_item *item = at->item;

	if (item->answered)
		verdict_wrong(at, "a second answer to an item", outcome->raw);
	item->answered = true;
	item->failed = json_member(outcome, "error") != NULL;
	at->world->counts[COUNT_ITEMS]++;
	at->world->counts[item->failed ? COUNT_ANSWERS_FAILED : COUNT_ANSWERS_OK]++;
	for (unsigned i = 0; i < item->step_count; i++)
		if (item->steps[i]->skipped && !item->failed)
			verdict_wrong(at, "a step was skipped, and the item went well",
				      outcome->raw);
	if (item->kind == ITEM_QUERY)
		return;
	judge_sequence(at, outcome);
	if (item->kind == ITEM_TRANSACTION)
		judge_transaction(at, outcome);
}
