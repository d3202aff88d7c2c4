/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/item.h"

#include "base/arena.h"
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/gather.h"
#include "daemon/output.h"
#include "daemon/room.h"
#include "daemon/sequence.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "daemon/transaction.h"
#include "db/lease.h"
#include "db/pool.h"

#include <errno.h>

bool item_reads_only(const struct item *item)
{
	return item->lane->database->conf.read_only ||
	       access_read_only(&item->gather->session->access);
}

int item_init(struct item *item, struct gather *gather, struct gather_lane *lane,
	      const struct request_item *request, size_t index)
{
	*item = (struct item){.gather = gather, .lane = lane, .request = request, .index = index};
	list_init(&item->node);
	item->deadline_ns = gather->deadline_ns;
	if (request->timeout_ns > 0)
		item->deadline_ns = MIN(item->deadline_ns,
					clock_after_ns(gather->read_ns, request->timeout_ns));
	/* No more than the request's own, and step_init() sets all of one. */
	item->steps = arena_alloc(&gather->arena, request->step_count * sizeof(*item->steps));
	if (item->steps == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < request->step_count; i++)
		step_init(&item->steps[i], item, &request->steps[i], i);
	return 0;
}

void item_free(struct item *item)
{
	for (size_t i = 0; item->steps != NULL && i < item->request->step_count; i++)
		step_free(&item->steps[i]);
}

static void set_outcome(const struct item *item, struct reply_outcome *ret_outcome)
{
	*ret_outcome = (struct reply_outcome){
		.name = item->request->name,
		.count = -1,
		.transaction = item->transaction,
		.err = item->err.code != ERR_NONE ? &item->err : NULL,
		.queued_ns = item->queued_ns,
		.elapsed_ns = item->elapsed_ns,
	};
}

/* The event that closes an item with steps. */
static void write_event(const struct item *item)
{
	struct session *session = item->gather->session;
	struct reply_event_place at = {
		.id = item->gather->request.id, .item = item->index, .name = item->request->name};
	struct buf *tail = output_tail(&session->output);
	struct reply_outcome outcome;

	set_outcome(item, &outcome);
	if (tail != NULL)
		reply_event_outcome(tail, &at, &outcome);
	session_output_changed(session);
}

/* The first that failed; a step's rows may have been given up when all had gone well. */
static void take_error_of_steps(struct item *item)
{
	for (size_t i = 0; i < item->request->step_count && item->err.code == ERR_NONE; i++)
		item->err = item->steps[i].err;
}

static struct step *first_not_ended(struct item *item)
{
	for (size_t i = 0; i < item->request->step_count; i++)
		if (!item->steps[i].ended)
			return &item->steps[i];
	return NULL;
}

void item_drop_rows(struct item *item, const char *why)
{
	bool ended_well = item->ended && item->err.code == ERR_NONE;
	struct step *largest = &item->steps[0], *next;

	for (size_t i = 1; i < item->request->step_count; i++)
		if (step_bytes(&item->steps[i]) > step_bytes(largest))
			largest = &item->steps[i];
	next = largest->ended && !item->ended ? first_not_ended(item) : NULL;
	step_drop_rows(largest, why);
	if (next != NULL) /* a step has failed: there the item ends */
		step_drop_rows(next, why);
	if (!ended_well)
		return;
	take_error_of_steps(item);
	if (item->err.code != ERR_NONE)
		gather_item_failed_late(item->gather);
}

void item_finish(struct item *item)
{
	struct gather *gather = item->gather;

	item->ended = true;
	item->lane->items--;
	item->lane->database->pending--;
	take_error_of_steps(item);
	if (!item_is_query(item)) {
		if (item->err.code != ERR_NONE && !gather->request.options.stream)
			room_take_error(gather, &item->err);
		item->elapsed_ns = co_now_ns() - gather->read_ns;
		item->queued_ns = item->steps[0].queued_ns;
		if (gather->request.options.stream)
			write_event(item);
	}
	gather->failed += item->err.code != ERR_NONE;
}

static void fail(struct item *item, const struct err *err)
{
	if (item_is_query(item)) {
		item->steps[0].err = *err;
		step_end(&item->steps[0], true);
		return;
	}
	item->err = *err;
	if (item->request->kind == REQUEST_TRANSACTION)
		item->transaction = REPLY_ROLLED_BACK;
	sequence_skip_rest(item, 0);
}

void item_fail(struct item *item, const struct err *err)
{
	fail(item, err);
	item_finish(item);
}

void item_skip(struct item *item, enum err_code code, const char *message)
{
	struct err err;

	err_set_static(&err, code, ERR_EFFECTS_NONE, message);
	item_fail(item, &err);
}

/* On a connection that may write, for a client that may not. */
static void run_guarded(struct step *step)
{
	struct item *item = step->item;
	struct gather *gather = item->gather;
	struct db_lease lease;

	if (db_lease_take(item->lane->database->pool, &lease,
			  session_owner(gather->session, gather->number), &gather->arena,
			  step->deadline_ns) < 0) {
		step->query.err = lease.query.err;
		step_take_outcome(step);
		return;
	}
	if (step_prepare(step, &lease) == 0)
		transaction_run_guarded(step, &lease);
	db_lease_release(&lease);
}

static void run_query(struct item *item)
{
	struct step *step = &item->steps[0];

	if (access_read_only(&item->gather->session->access)) {
		run_guarded(step);
	} else if (step_prepare(step, NULL) == 0) {
		db_execute(item->lane->database->pool, &step->query, step->deadline_ns);
		step_take_outcome(step);
	}
	step_end(step, true);
}

static void run(struct item *item)
{
	if (item_is_query(item))
		run_query(item);
	else
		sequence_run(item);
	item_finish(item);
}

/* Within its section's part of the pool. */
static void run_in_share(struct item *item)
{
	const struct gather_lane *lane = item->lane;
	struct gather *gather = item->gather;
	struct err err;
	int rc = share_take(lane->share, lane->share_limit,
			    session_owner(gather->session, gather->number), item->deadline_ns);

	if (rc == 0) {
		run(item);
		share_give(lane->share, lane->share_limit);
	} else if (rc == -ECANCELED && gather->stop_code == ERR_SHUTTING_DOWN) {
		item_skip(item, ERR_SHUTTING_DOWN, "gatherd is shutting down");
	} else {
		share_refused(rc, &err);
		item_fail(item, &err);
	}
}

int item_main(void *arg)
{
	struct item *item = arg;
	const char *missing = depends_missing(item);

	if (missing != NULL)
		item_skip(item, ERR_SKIPPED, missing);
	else
		run_in_share(item);
	gather_item_ended(item->gather, item);
	return item->err.code == ERR_NONE ? 0 : -EIO;
}

static void write_step(struct step *step, struct output *out, bool with_name)
{
	struct reply_outcome outcome;
	struct buf *tail = output_tail(out);

	step_outcome(step, &outcome);
	if (!with_name)
		outcome.name = (struct str){NULL, 0};
	if (tail == NULL)
		return;
	reply_outcome_begin(tail, &outcome);
	if (output_check(out) < 0 ||
	    (outcome.err == NULL && outcome.has_rows && output_take(out, &step->rows) < 0))
		return;
	tail = output_tail(out);
	if (tail != NULL)
		reply_outcome_finish(tail, &outcome);
}

void item_write(struct item *item, struct output *out, bool with_name)
{
	struct reply_outcome outcome;
	struct buf *tail;

	if (item_is_query(item)) {
		write_step(&item->steps[0], out, with_name);
		return;
	}
	set_outcome(item, &outcome);
	if (!with_name)
		outcome.name = (struct str){NULL, 0};
	tail = output_tail(out);
	if (tail != NULL)
		reply_steps_begin(tail, &outcome);
	for (size_t i = 0; i < item->request->step_count; i++) {
		tail = output_tail(out);
		if (tail != NULL && i > 0)
			buf_putc(tail, ',');
		write_step(&item->steps[i], out, true);
	}
	tail = output_tail(out);
	if (tail != NULL)
		reply_steps_finish(tail, &outcome);
}
