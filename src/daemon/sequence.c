/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/sequence.h"

#include "daemon/database.h"
#include "daemon/gather.h"
#include "daemon/item.h"
#include "daemon/session.h"
#include "daemon/transaction.h"
#include "db/lease.h"

void sequence_skip_rest(struct item *item, size_t first)
{
	for (size_t i = first; i < item->request->step_count; i++)
		if (!item->steps[i].ended)
			step_skip(&item->steps[i], ERR_SKIPPED, "skipped: an earlier step failed",
				  false);
}

static void run_step(struct step *step, struct db_lease *lease)
{
	if (item_reads_only(step->item)) {
		transaction_run_guarded(step, lease);
		return;
	}
	db_lease_send(lease, &step->query);
	db_lease_await(&step->query, step->deadline_ns);
	step_take_outcome(step);
}

/* Each step is sent when the one before it went well: it must not run if that failed. */
static void run_steps(struct item *item, struct db_lease *lease)
{
	for (size_t i = 0; i < item->request->step_count; i++) {
		struct step *step = &item->steps[i];

		if (step_prepare(step, lease) == 0)
			run_step(step, lease);
		step_end(step, false);
		if (step->err.code != ERR_NONE) {
			item->err = step->err;
			sequence_skip_rest(item, i + 1);
			return;
		}
	}
}

void sequence_run(struct item *item)
{
	struct gather *gather = item->gather;
	struct db_lease lease;

	if (db_lease_take(item->lane->database->pool, &lease,
			  session_owner(gather->session, gather->number), &gather->arena,
			  item->deadline_ns) < 0) {
		item->err = lease.query.err;
		gather_explain_cancel(gather, &item->err);
		if (item->request->kind == REQUEST_TRANSACTION)
			item->transaction = REPLY_ROLLED_BACK;
		sequence_skip_rest(item, 0);
		return;
	}
	if (item->request->kind == REQUEST_TRANSACTION)
		transaction_run(item, &lease);
	else
		run_steps(item, &lease);
	db_lease_release(&lease);
}
