/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/judge.h"

#include <stdio.h>
#include <string.h>

static void excuse(const struct verdict *at, bool fine, const struct json *error)
{
	if (!fine)
		verdict_wrong(at, "no reason for this error", error->raw);
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

void judge_reason(const struct verdict *at, const struct json *error)
{
	const struct ledger *ledger = at->world->ledger;
	struct str code = verdict_text(error, "code"), sqlstate = verdict_text(error, "sqlstate");

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
	else if (str_is(code, "too_large") && at->step->kind == STEP_READ)
		/* Its rows had to wait on a shared connection, and there were too many. */
		excuse(at, at->step->rows > 0 && at->step->item->kind == ITEM_QUERY, error);
	else if (str_is(code, "bad_request") || str_is(code, "unknown_report"))
		excuse(at, at->request->refused, error);
	else if (str_is(code, "internal") && at->request->report)
		/* There was no descriptor for its file. */
		excuse(at, ledger->faults || ledger->memory_short, error);
	else if (str_is(code, "internal") || str_is(code, "queue_full") ||
		 str_is(code, "too_large"))
		excuse(at, ledger->memory_short, error);
	else
		excuse(at, false, error);
}

void judge_effects(const struct verdict *at, const struct json *error)
{
	struct plan_step *step = at->step;
	struct str effects = verdict_text(error, "effects");
	bool committed = step->kind != STEP_READ && step->committed > 0;

	/* What is rolled back may still begin; so may a snapshot's items on a member that is lost.
	 */
	step->doubtful = at->request->snapshot || at->item->kind == ITEM_TRANSACTION ||
			 str_is(effects, "unknown") ||
			 str_is(verdict_text(error, "code"), "connection_lost");
	if (str_is(effects, "none")) {
		at->world->counts[COUNT_EFFECTS_NONE]++;
		if (committed)
			verdict_wrong(at, "it was executed, and says effects none", error->raw);
	} else if (str_is(effects, "done")) {
		at->world->counts[COUNT_EFFECTS_DONE]++;
		if (!committed && (step->kind != STEP_READ || step->begun == 0))
			verdict_wrong(at, "it was not executed, and says effects done", error->raw);
	} else if (str_is(effects, "unknown")) {
		at->world->counts[COUNT_EFFECTS_UNKNOWN]++;
	} else {
		verdict_wrong(at, "effects is none of the three", error->raw);
	}
}

void judge_reasons(struct verdict *at, const struct json *outcome)
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
