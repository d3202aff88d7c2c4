/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/transaction.h"

#include "base/arena.h"
#include "daemon/gather.h"
#include "daemon/item.h"
#include "daemon/sequence.h"
#include "daemon/session.h"
#include "db/lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How long a server may take to end a transaction that has failed. */
#define ROLLBACK_LIMIT_NS (5 * CLOCK_SECOND)

static struct db_query own_query(const struct item *item, const char *sql)
{
	return (struct db_query){
		.sql = sql,
		/* What it opens it closes: no reset for its sake. */
		.class = {.plain_write = true},
		.owner = session_owner(item->gather->session, item->gather->number),
		.arena = &item->gather->arena,
	};
}

/*
 * A read-only transaction may become one that writes before its first query, but not inside a
 * savepoint; and what ends the savepoint is no step.
 */
static const char guard_sql[] = "savepoint gatherd";

static const char *begin_sql(const struct item *item)
{
	static const char *const levels[] = {
		[REQUEST_ISOLATION_DEFAULT] = "",
		[REQUEST_READ_COMMITTED] = " isolation level read committed",
		[REQUEST_REPEATABLE_READ] = " isolation level repeatable read",
		[REQUEST_SERIALIZABLE] = " isolation level serializable",
	};

	return arena_printf(&item->gather->arena, "begin%s%s%s", levels[item->request->isolation],
			    item->request->read_only || item_reads_only(item) ? " read only" : "",
			    item->request->deferrable ? " deferrable" : "");
}

/* How many steps are ready to go out together: those before the first that cannot be sent. */
static size_t prepare_steps(struct item *item, struct db_lease *lease)
{
	for (size_t i = 0; i < item->request->step_count; i++)
		if (step_prepare(&item->steps[i], lease) < 0)
			return i;
	return item->request->step_count;
}

/* A step's own time-out ends it alone, so it cannot share a Sync; types are asked for on the way.
 */
static bool one_by_one(const struct item *item)
{
	for (size_t i = 0; i < item->request->step_count; i++)
		if (item->request->steps[i].timeout_ns > 0 || step_asks_types(&item->steps[i]))
			return true;
	return false;
}

/* What stands before the first step. */
#define OPENING_MAX 2
struct opening {
	struct db_query begin, guard;
};

/* At most OPENING_MAX; returns how many. */
static size_t opening_queries(const struct item *item, struct opening *opening,
			      struct db_query **queries)
{
	queries[0] = &opening->begin;
	queries[1] = &opening->guard;
	return item_reads_only(item) ? 2 : 1;
}

static const struct err *opening_error(const struct opening *opening)
{
	return opening->begin.err.code != ERR_NONE ? &opening->begin.err : &opening->guard.err;
}

/* BEGIN and the steps up to one Sync: one round trip, and if BEGIN fails none of them runs. */
static int run_at_once(struct item *item, struct db_lease *lease, struct opening *opening)
{
	size_t count = prepare_steps(item, NULL);
	struct db_query **queries =
		arena_calloc(&item->gather->arena, count + OPENING_MAX, sizeof(struct db_query *));
	size_t own;

	if (queries == NULL)
		return err_no_memory(&item->err);
	own = opening_queries(item, opening, queries);
	for (size_t i = 0; i < count; i++)
		queries[own + i] = &item->steps[i].query;
	db_lease_send_batch(lease, queries, own + count);
	for (size_t i = 0; i < own; i++)
		db_lease_await(queries[i], item->deadline_ns);
	for (size_t i = 0; i < count; i++) {
		db_lease_await(&item->steps[i].query, item->deadline_ns);
		step_take_outcome(&item->steps[i]);
	}
	return 0;
}

static void run_one_by_one(struct item *item, struct db_lease *lease, struct opening *opening)
{
	struct db_query *queries[OPENING_MAX];
	size_t own = opening_queries(item, opening, queries);

	db_lease_send_batch(lease, queries, own);
	for (size_t i = 0; i < own; i++)
		db_lease_await(queries[i], item->deadline_ns);
	if (opening_error(opening)->code != ERR_NONE)
		return;
	for (size_t i = 0; i < item->request->step_count; i++) {
		struct step *step = &item->steps[i];

		if (step_prepare(step, lease) == 0) {
			db_lease_send(lease, &step->query);
			db_lease_await(&step->query, step->deadline_ns);
			step_take_outcome(step);
		}
		if (step->err.code != ERR_NONE)
			break;
	}
}

/* The first error of BEGIN or of a step, which is the item's. */
static bool find_error(struct item *item, const struct opening *opening)
{
	item->err = *opening_error(opening);
	for (size_t i = 0; i < item->request->step_count && item->err.code == ERR_NONE; i++)
		item->err = item->steps[i].err;
	return item->err.code != ERR_NONE;
}

/* Nothing of a transaction that was rolled back remains, but what it did elsewhere. */
static void set_rolled_back(struct item *item)
{
	bool remains = false;

	for (size_t i = 0; i < item->request->step_count; i++)
		remains |= step_rolled_back(&item->steps[i]);
	item->transaction = REPLY_ROLLED_BACK;
	item->err.effects = remains ? ERR_EFFECTS_UNKNOWN : ERR_EFFECTS_NONE;
}

static void roll_back(struct item *item, struct db_lease *lease)
{
	struct db_query rollback = own_query(item, "rollback");

	/* If it fails, or finds the session gone, the server has rolled back by itself. One that
	 * does not answer loses the session. */
	co_shield();
	db_lease_send(lease, &rollback);
	db_lease_await(&rollback, clock_after_ns(co_now_ns(), ROLLBACK_LIMIT_NS));
	co_unshield();
	set_rolled_back(item);
}

/* Whether it went well, with these words; no command: there was no memory for them. */
static bool has_said(const struct db_query *query, const char *command)
{
	return query->err.code == ERR_NONE && query->command != NULL &&
	       strcmp(query->command, command) == 0;
}

static void commit(struct item *item, struct db_lease *lease)
{
	struct db_query query = own_query(item, "commit");

	db_lease_send(lease, &query);
	db_lease_await(&query, item->deadline_ns);
	item->err = query.err;
	if (has_said(&query, "COMMIT")) {
		item->transaction = REPLY_COMMITTED;
	} else if (has_said(&query, "ROLLBACK")) {
		/* The transaction had failed without our having been told. */
		err_set_static(&item->err, ERR_INTERNAL, ERR_EFFECTS_NONE,
			       "the server rolled the transaction back");
		set_rolled_back(item);
	} else if (query.err.code == ERR_NONE) {
		err_set_static(&item->err, ERR_INTERNAL, ERR_EFFECTS_UNKNOWN,
			       query.command == NULL ? "out of memory"
						     : "the server ended the transaction without "
						       "saying whether it committed");
		item->transaction = REPLY_UNKNOWN;
	} else {
		/* Refused (a deferred constraint, a conflict), never sent, or nobody knows. A
		 * server that dies while its COMMIT is on the way may have done it; but not one
		 * that was tired of waiting for it (25P03). */
		const char *severity = query.err.code == ERR_SQL ? query.err.severity : NULL;
		bool dying = severity != NULL && strcmp(severity, "ERROR") != 0 &&
			     strcmp(query.err.sqlstate, "25P03") != 0;

		if (dying && query.sent_ns != 0)
			item->err.effects = ERR_EFFECTS_UNKNOWN;
		if (item->err.effects == ERR_EFFECTS_NONE)
			set_rolled_back(item);
		else
			item->transaction = REPLY_UNKNOWN;
	}
}

void transaction_run(struct item *item, struct db_lease *lease)
{
	const char *sql = begin_sql(item);
	struct opening opening = {own_query(item, sql), own_query(item, guard_sql)};

	if (sql == NULL)
		err_no_memory(&opening.begin.err);
	else if (one_by_one(item))
		run_one_by_one(item, lease, &opening);
	else
		run_at_once(item, lease, &opening);
	if (item->err.code != ERR_NONE || find_error(item, &opening))
		roll_back(item, lease);
	else
		commit(item, lease);
	gather_explain_cancel(item->gather, &item->err);
	for (size_t i = 0; i < item->request->step_count; i++) {
		struct step *step = &item->steps[i];

		/* Sent or refused: it has had its own end. The others never ran. */
		if (step->query.sent_ns != 0 || step->err.code != ERR_NONE)
			step_end(step, false);
	}
	sequence_skip_rest(item, 0);
}

void transaction_run_guarded(struct step *step, struct db_lease *lease)
{
	struct item *item = step->item;
	struct db_query begin = own_query(item, "begin read only");
	struct db_query guard = own_query(item, guard_sql), end = own_query(item, "commit");
	struct db_query *queries[] = {&begin, &guard, &step->query};

	db_lease_send_batch(lease, queries, ARRAY_SIZE(queries));
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		db_lease_await(queries[i], step->deadline_ns);
	step_take_outcome(step);
	if (begin.err.code != ERR_NONE)
		step->err = begin.err;
	/* It wrote nothing: whether this goes well concerns only what comes next on the lease. */
	co_shield();
	db_lease_send(lease, &end);
	db_lease_await(&end, clock_after_ns(co_now_ns(), ROLLBACK_LIMIT_NS));
	co_unshield();
	step_rolled_back(step);
}
