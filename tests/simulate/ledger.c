/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/ledger.h"

#include <string.h>

void ledger_begin(struct world *world)
{
	world->ledger = world_alloc(world, sizeof(*world->ledger));
	/* 0 is nobody's number */
	world->ledger->step_count = 1;
	world->ledger->request_count = LEDGER_FIRST_REQUEST;
}

struct plan_step *ledger_step(struct world *world, unsigned number)
{
	struct ledger *ledger = world->ledger;

	return number > 0 && number < ledger->step_count ? &ledger->steps[number] : NULL;
}

struct plan_request *ledger_request(struct world *world, unsigned id)
{
	struct ledger *ledger = world->ledger;

	return id >= LEDGER_FIRST_REQUEST && id < ledger->request_count ? &ledger->requests[id]
									: NULL;
}

int64_t ledger_deadline_ns(const struct world *world, const struct plan_step *step)
{
	const struct plan_request *request = step->request;
	int64_t limit_ns =
		request->timeout_ns > 0 ? request->timeout_ns : world->ledger->default_timeout_ns;

	if (limit_ns == 0)
		limit_ns = CLOCK_NEVER;
	if (step->item->timeout_ns > 0)
		limit_ns = MIN(limit_ns, step->item->timeout_ns);
	if (step->timeout_ns > 0)
		limit_ns = MIN(limit_ns, step->timeout_ns);
	return clock_after_ns(request->sent_ns, limit_ns);
}

void ledger_step_begins(struct world *world, struct plan_step *step, unsigned backend, bool heard)
{
	world->counts[COUNT_STEPS_RUN]++;
	world_trace(world, "step begins", step->number, backend, step->begun);
	if (step->request->sent_ns == 0)
		world_fail(world, "step %u runs, and nobody has asked for it", step->number);
	if (step->answered && heard && !step->doubtful)
		world_fail(world, "step %u begins when it has been answered", step->number);
	/* Once is all, but for a read that a cancel has stopped, or that was undone in a batch. */
	if (step->begun > 0 &&
	    !(step->kind == STEP_READ && step->begun == step->interrupted + step->undone))
		world_fail(world, "step %u is run twice", step->number);
	step->begun++;
	step->backend = backend;
	step->order = ++world->ledger->begun_count;
}

/* Whether anybody wants the end of this step: its own time-out, its client, its gather. */
static bool end_wanted(const struct world *world, const struct plan_step *step)
{
	const struct plan_request *request = step->request;

	if (request->cancelled || request->abandoned || world->ledger->stopping ||
	    world_now_ns(world) >= ledger_deadline_ns(world, step))
		return true;
	/* Of a transaction and of a fail-fast gather one's end is the end of all. */
	if (request->fail_fast || step->max_rows > 0 || world->ledger->memory_short)
		return true;
	for (unsigned i = 0; i < step->item->step_count; i++)
		if (world_now_ns(world) >= ledger_deadline_ns(world, step->item->steps[i]))
			return true;
	return false;
}

void ledger_step_interrupted(struct world *world, struct plan_step *step)
{
	world->counts[COUNT_CANCELS_HIT]++;
	world_trace(world, "step interrupted", step->number, 0, 0);
	step->interrupted++;
	/* In a batch it hits whichever runs. */
	if (!end_wanted(world, step) && !(world->read_only && step->kind == STEP_READ))
		world_fail(world, "a cancel hits step %u, whose end nobody wanted", step->number);
}

void ledger_step_undone(struct world *world, struct plan_step *step)
{
	if (!world->read_only || step->item->kind == ITEM_TRANSACTION)
		return;
	world->counts[COUNT_UNDONE]++;
	world_trace(world, "step undone", step->number, 0, 0);
	step->undone++;
}

void ledger_step_commits(struct world *world, struct plan_step *step)
{
	world_trace(world, "step commits", step->number, 0, 0);
	step->committed++;
	if (step->kind != STEP_READ && step->committed > 1)
		world_fail(world, "step %u is committed twice", step->number);
}

void ledger_close(struct world *world)
{
	struct ledger *ledger = world->ledger;

	for (unsigned id = LEDGER_FIRST_REQUEST; id < ledger->request_count; id++) {
		struct plan_request *request = &ledger->requests[id];

		if (request->sent_ns == 0 || request->abandoned)
			continue;
		if (request->answers != 1)
			world_fail(world, "request %u was answered %u times", id, request->answers);
	}
}
