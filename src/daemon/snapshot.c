/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/snapshot.h"

#include "base/arena.h"
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/gather.h"
#include "daemon/item.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "db/lease.h"
#include "db/pool.h"

#include <errno.h>
#include <string.h>

/* An open snapshot holds back vacuum. One that nobody has limited ends after this. */
#define SNAPSHOT_LIFE_NS (3600 * CLOCK_SECOND)

struct snapshot_holder {
	struct snapshot *snapshot;
	struct co_task *task; /* NULL: not begun, or ended */
	bool waiting;	      /* for its connection: has nothing yet */
	bool leader;
	bool used;    /* has run an item, so that the savepoint has to be gone back to */
	bool sharing; /* has one of its section's connections */
	struct db_lease lease;
};

static const char begin_sql[] = "begin isolation level repeatable read read only";
static const char savepoint_sql[] = "savepoint gatherd";
static const char back_sql[] = "rollback to savepoint gatherd";

/* What tells this state of this server from any other, and what a report may say of it. */
static const char export_sql[] =
	"select pg_catalog.pg_export_snapshot(),"
	" pg_catalog.pg_postmaster_start_time()::text || ' ' || "
	"pg_catalog.txid_current_snapshot()::text,"
	" coalesce(pg_catalog.host(pg_catalog.inet_server_addr()) || ':' || "
	"pg_catalog.inet_server_port(),"
	"  pg_catalog.split_part(pg_catalog.current_setting('unix_socket_directories'), ',', 1) ||"
	"  '/.s.PGSQL.' || pg_catalog.current_setting('port')),"
	" (case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()"
	"  else pg_catalog.pg_current_wal_lsn() end)::text,"
	" pg_catalog.now()::text, pg_catalog.pg_is_in_recovery()";
static const char identity_sql[] =
	"select null, pg_catalog.pg_postmaster_start_time()::text || ' ' ||"
	" pg_catalog.txid_current_snapshot()::text, null, null, null, null";

/* ---- our own statements ---- */

/* The one row of export_sql or identity_sql. */
struct facts {
	struct arena *arena;
	const char *values[6];
};

static int take_columns(void *ctx, const struct db_column *columns, size_t count)
{
	(void)ctx;
	(void)columns;
	return count == ARRAY_SIZE(((struct facts *)NULL)->values) ? 0 : -EINVAL;
}

static int take_row(void *ctx, const struct db_cell *cells, size_t count)
{
	struct facts *facts = ctx;

	for (size_t i = 0; i < count; i++) {
		if (cells[i].text == NULL)
			continue;
		facts->values[i] = arena_strndup(facts->arena, cells[i].text, cells[i].len);
		if (facts->values[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static struct db_query own_query(const struct gather *gather, const char *sql, struct facts *facts)
{
	return (struct db_query){
		.sql = sql,
		.class = {.plain_read = true},
		.owner = session_owner(gather->session, gather->number),
		.arena = (struct arena *)(uintptr_t)&gather->arena,
		.sink = {.columns = take_columns, .row = take_row, .ctx = facts},
	};
}

/* All of them up to one Sync; the first error. */
static int run_own(struct snapshot_holder *holder, struct db_query *const *queries, size_t count,
		   int64_t deadline_ns, struct err *ret_err)
{
	*ret_err = (struct err){.code = ERR_NONE};
	db_lease_send_batch(&holder->lease, queries, count);
	for (size_t i = 0; i < count; i++) {
		db_lease_await(queries[i], deadline_ns);
		if (ret_err->code == ERR_NONE)
			*ret_err = queries[i]->err;
	}
	return ret_err->code == ERR_NONE ? 0 : -EIO;
}

/* ---- taking it ---- */

static int export(struct snapshot_holder *holder, int64_t deadline_ns, struct err *ret_err)
{
	struct snapshot *snapshot = holder->snapshot;
	struct gather *gather = snapshot->gather;
	struct facts facts = {.arena = &gather->arena};
	struct db_query begin = own_query(gather, begin_sql, NULL);
	struct db_query export = own_query(gather, export_sql, &facts);
	struct db_query savepoint = own_query(gather, savepoint_sql, NULL);
	struct db_query *queries[] = {&begin, &export, &savepoint};

	if (run_own(holder, queries, ARRAY_SIZE(queries), deadline_ns, ret_err) < 0)
		return -EIO;
	if (facts.values[0] == NULL || facts.values[1] == NULL) {
		err_no_memory(ret_err);
		return -ENOMEM;
	}
	snapshot->identity = facts.values[1];
	snapshot->reply = (struct reply_snapshot){
		.id = str_from(facts.values[0]),
		.server = str_from(facts.values[2]),
		.lsn = str_from(facts.values[3]),
		.time = str_from(facts.values[4]),
		.in_recovery = facts.values[5] != NULL && facts.values[5][0] == 't',
	};
	snapshot->taken = true;
	return 0;
}

/* A session on another server may know the same identifier for another snapshot: what it sees has
 * to be the same. */
static int import(struct snapshot_holder *holder, int64_t deadline_ns)
{
	struct snapshot *snapshot = holder->snapshot;
	struct gather *gather = snapshot->gather;
	const char *set = arena_printf(&gather->arena, "set transaction snapshot '%.*s'",
				       (int)snapshot->reply.id.len, snapshot->reply.id.data);
	struct facts facts = {.arena = &gather->arena};
	struct db_query begin = own_query(gather, begin_sql, NULL);
	struct db_query import = own_query(gather, set, NULL);
	struct db_query identity = own_query(gather, identity_sql, &facts);
	struct db_query savepoint = own_query(gather, savepoint_sql, NULL);
	struct db_query *queries[] = {&begin, &import, &identity, &savepoint};
	struct err err;

	if (set == NULL || run_own(holder, queries, ARRAY_SIZE(queries), deadline_ns, &err) < 0)
		return -EIO;
	return facts.values[1] != NULL && strcmp(facts.values[1], snapshot->identity) == 0
		       ? 0
		       : -ESTALE;
}

/* ---- running items ---- */

/* What the last one changed or broke is undone. */
static int go_back(struct snapshot_holder *holder, int64_t deadline_ns, struct err *ret_err)
{
	struct db_query back = own_query(holder->snapshot->gather, back_sql, NULL);
	struct db_query *queries[] = {&back};
	int rc = run_own(holder, queries, 1, deadline_ns, ret_err);

	if (rc == 0)
		holder->used = false;
	return rc;
}

static void run_item(struct snapshot_holder *holder, struct item *item)
{
	struct db_query back = own_query(item->gather, back_sql, NULL);
	struct step *step = &item->steps[0];
	struct db_query *queries[] = {&back, &step->query};

	/* What its parameters are is asked in the same transaction. */
	if ((!holder->used || !step_asks_types(step) ||
	     go_back(holder, step->deadline_ns, &step->err) == 0) &&
	    step_prepare(step, &holder->lease) == 0) {
		/* Else to go back is part of the same round trip. */
		size_t skip = holder->used ? 0 : 1;

		db_lease_send_batch(&holder->lease, queries + skip, ARRAY_SIZE(queries) - skip);
		if (skip == 0)
			db_lease_await(&back, step->deadline_ns);
		db_lease_await(&step->query, step->deadline_ns);
		step_take_outcome(step);
		if (skip == 0 && back.err.code != ERR_NONE && step->err.code == ERR_SKIPPED)
			step->err = back.err;
	}
	step_rolled_back(step);
	holder->used = true;
	step_end(step, true);
}

static bool nothing_left(const struct gather *gather)
{
	return gather->stopped ||
	       (list_empty(&gather->lanes[0].pending) && list_empty(&gather->blocked));
}

/* Those that still wait for a connection are not needed any more. */
static void dismiss_waiting(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->holder_count; i++)
		if (snapshot->holders[i].waiting && snapshot->holders[i].task != NULL)
			co_task_cancel(snapshot->holders[i].task);
}

/* Besides our own. */
static bool others_wait(const struct snapshot *snapshot)
{
	const struct gather_lane *lane = &snapshot->gather->lanes[0];
	size_t waiting = lanes_queued(&lane->database->pool->lanes) + share_awaited(lane->share);
	size_t own = 0;

	for (size_t i = 0; i < snapshot->holder_count; i++)
		own += snapshot->holders[i].waiting;
	return waiting > own;
}

/* Those who wait for a connection are not to wait for all of the gather. */
static bool gives_way(const struct snapshot_holder *holder)
{
	const struct snapshot *snapshot = holder->snapshot;

	return !holder->leader && holder->used && db_lease_holds(&holder->lease) && snapshot->led &&
	       db_lease_holds(&snapshot->holders[0].lease) && others_wait(snapshot);
}

static int run_items(struct snapshot_holder *holder)
{
	struct gather *gather = holder->snapshot->gather;
	struct gather_lane *lane = &gather->lanes[0];
	int rc = 0;

	while (!gather->stopped && !list_empty(&lane->pending) && db_lease_holds(&holder->lease) &&
	       !gives_way(holder)) {
		struct item *item = LIST_ENTRY(lane->pending.next, struct item, node);
		const char *missing = depends_missing(item);

		list_remove(&item->node);
		gather_item_started(gather, item);
		if (missing != NULL) {
			item_skip(item, ERR_SKIPPED, missing);
		} else {
			run_item(holder, item);
			item_finish(item);
		}
		if (item->err.code != ERR_NONE)
			rc = -EIO;
		gather_item_ended(gather, item);
		if (rc < 0 && gather->request.options.cancel_on_error)
			break;
	}
	return rc;
}

static void fail_pending(struct gather *gather, const struct err *err)
{
	struct list *pending = &gather->lanes[0].pending;

	while (!list_empty(pending)) {
		struct item *item = LIST_ENTRY(pending->next, struct item, node);
		const char *missing = depends_missing(item);

		list_remove(&item->node);
		if (missing != NULL)
			item_skip(item, ERR_SKIPPED, missing);
		else
			item_fail(item, err);
		/* Those that waited for it are pending now. */
		depends_item_ended(gather, item);
	}
}

/* Waits. */
static int take_connection(struct snapshot_holder *holder, int64_t deadline_ns, struct err *ret_err)
{
	struct gather *gather = holder->snapshot->gather;
	const struct gather_lane *lane = &gather->lanes[0];
	struct db_owner owner = session_owner(gather->session, gather->number);
	int rc = share_take(lane->share, lane->share_limit, owner, deadline_ns);

	if (rc < 0) {
		share_refused(rc, ret_err);
		return rc;
	}
	holder->sharing = true;
	rc = db_lease_take(lane->database->pool, &holder->lease, owner, &gather->arena,
			   deadline_ns);
	if (rc < 0)
		*ret_err = holder->lease.query.err;
	return rc;
}

static void give_back(struct snapshot_holder *holder)
{
	const struct gather_lane *lane = &holder->snapshot->gather->lanes[0];

	db_lease_release(&holder->lease);
	if (holder->sharing)
		share_give(lane->share, lane->share_limit);
	holder->sharing = false;
}

static void leave(struct snapshot_holder *holder, int64_t deadline_ns)
{
	struct db_query commit = own_query(holder->snapshot->gather, "commit", NULL);
	struct db_query *queries[] = {&commit};
	struct err err;

	/* If it fails the session is reset, which ends the transaction as well. */
	if (db_lease_holds(&holder->lease))
		run_own(holder, queries, 1, deadline_ns, &err);
	give_back(holder);
}

static void start_members(struct snapshot *snapshot);

static int run_leader(struct snapshot_holder *holder)
{
	struct snapshot *snapshot = holder->snapshot;
	int rc;

	snapshot->led = true;
	start_members(snapshot);
	rc = run_items(holder);
	snapshot->led = false;
	return rc;
}

/* Waits. With a connection until no item is left, or others are to have it: *ret_again. */
static int hold(struct snapshot_holder *holder, int64_t deadline_ns, bool *ret_again)
{
	struct gather *gather = holder->snapshot->gather;
	struct err err = {.code = ERR_NONE};
	int rc;

	holder->used = *ret_again = false;
	holder->waiting = true;
	rc = take_connection(holder, deadline_ns, &err);
	holder->waiting = false;
	if (rc == 0 && nothing_left(gather)) {
		give_back(holder);
		return 0;
	}
	if (rc == 0)
		rc = holder->leader ? export(holder, deadline_ns, &err)
				    : import(holder, deadline_ns);
	if (rc == 0) {
		rc = holder->leader ? run_leader(holder) : run_items(holder);
		*ret_again = !nothing_left(gather) && gives_way(holder);
		if (nothing_left(gather))
			dismiss_waiting(holder->snapshot);
	} else {
		/* Of the items nothing was sent. Where the gather has been stopped it says why. */
		err.effects = ERR_EFFECTS_NONE;
		if (holder->leader && !gather->stopped)
			fail_pending(gather, &err);
		rc = 0;
	}
	leave(holder, deadline_ns);
	return rc;
}

static int holder_main(void *arg)
{
	struct snapshot_holder *holder = arg;
	struct gather *gather = holder->snapshot->gather;
	int64_t deadline_ns =
		MIN(gather->deadline_ns, clock_after_ns(gather->read_ns, SNAPSHOT_LIFE_NS));
	bool again;
	int rc;

	holder->task = co_task_current();
	do
		rc = hold(holder, deadline_ns, &again);
	while (again);
	holder->task = NULL;
	return rc;
}

/* Without memory for their tasks those that there are do all. */
static void start_members(struct snapshot *snapshot)
{
	for (size_t i = 1; i < snapshot->holder_count; i++) {
		struct snapshot_holder *holder = &snapshot->holders[i];

		holder->snapshot = snapshot;
		if (co_group_go(&snapshot->gather->group, holder_main, holder, "snapshot member") <
		    0)
			snapshot->holder_count = i;
	}
}

int snapshot_start(struct gather *gather)
{
	struct snapshot *snapshot = arena_calloc(&gather->arena, 1, sizeof(*snapshot));
	const struct database *database = gather->lanes[0].database;
	size_t count =
		MIN(MIN(gather->item_count, (size_t)database->conf.pool_max), gather->concurrency);

	if (gather->lanes[0].share != NULL)
		count = MIN(count, (size_t)gather->lanes[0].share_limit);

	if (snapshot == NULL)
		return -ENOMEM;
	snapshot->gather = gather;
	snapshot->holder_count = count;
	snapshot->holders = arena_calloc(&gather->arena, count, sizeof(*snapshot->holders));
	if (snapshot->holders == NULL)
		return -ENOMEM;
	gather->snapshot = snapshot;
	snapshot->holders[0].snapshot = snapshot;
	snapshot->holders[0].leader = true;
	return co_group_go(&gather->group, holder_main, &snapshot->holders[0], "snapshot leader");
}

void snapshot_items_ended(struct gather *gather)
{
	if (nothing_left(gather))
		dismiss_waiting(gather->snapshot);
}

void snapshot_finish(struct gather *gather)
{
	struct err err;

	err_set_static(&err, ERR_CONNECTION_LOST, ERR_EFFECTS_NONE,
		       "the connections that held the snapshot were lost before this was run");
	if (!gather->stopped)
		fail_pending(gather, &err);
}
