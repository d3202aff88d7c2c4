/* SPDX-License-Identifier: PostgreSQL */
/* Which items run now: those that may start, those whose time is over before, and what the end of
 * one means for the others. */
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/gather_parts.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/snapshot.h"
#include "db/placement.h"
#include "db/pool.h"

/* What its end means for the others. */
static void note_end(struct gather *gather, const struct item *item)
{
	if (item->err.code != ERR_NONE && gather->request.options.cancel_on_error)
		gather->stopped = true;
	depends_item_ended(gather, item);
}

/*
 * While the pipelines would not be full all may start that fit into them. Those that have to wait
 * for others to end go out one by one then, each with a system call, and a wake of its server's.
 */
static bool lane_is_full(const struct gather_lane *lane)
{
	const struct database *database = lane->database;

	return lane->running >= lane->window &&
	       (lane->share_limit > 0 || database->running >= placement_depth(database->pool));
}

void gather_start_pending(struct gather *gather)
{
	bool started = true;

	/* One of each database in turn, so that the first does not take all of `concurrency`. */
	while (started && !gather->stopped) {
		started = false;
		for (size_t i = 0; i < gather->lane_count; i++) {
			struct gather_lane *lane = &gather->lanes[i];
			struct item *item;

			if (list_empty(&lane->pending) || lane_is_full(lane) ||
			    gather->running >= gather->concurrency)
				continue;
			item = LIST_ENTRY(list_first(&lane->pending), struct item, node);
			if (co_group_go(&gather->group, item_main, item, "item") < 0) {
				/* No memory for its task. Others that run will try again; without
				 * any it is the end. */
				if (gather->running > 0)
					return;
				list_remove(&item->node);
				item_skip(item, ERR_INTERNAL, "out of memory");
				note_end(gather, item);
				started = true; /* the next one has its own try */
				continue;
			}
			list_remove(&item->node);
			gather_item_started(gather, item);
			started = true;
		}
	}
}

static void skip(struct item *item)
{
	static const char *const messages[ERR_CODE_COUNT] = {
		[ERR_CANCELLED] = "cancelled before it was sent",
		[ERR_SHUTTING_DOWN] = "gatherd is shutting down",
		[ERR_INTERNAL] = "out of memory",
	};

	item_skip(item, item->gather->stop_code, messages[item->gather->stop_code]);
}

void gather_item_started(struct gather *gather, struct item *item)
{
	item->lane->running++;
	item->lane->database->running++;
	gather->running++;
}

void gather_item_ended(struct gather *gather, struct item *item)
{
	item->lane->running--;
	item->lane->database->running--;
	gather->running--;
	note_end(gather, item);
	/* With a snapshot those who hold it take the next ones. */
	if (gather->snapshot == NULL)
		gather_start_pending(gather);
}

static void on_late(void *arg);

void gather_watch_deadlines(struct gather *gather)
{
	int64_t next_ns = CLOCK_NEVER;

	for (size_t i = 0; i < gather->item_count; i++)
		if (!list_empty(&gather->items[i].node))
			next_ns = MIN(next_ns, gather->items[i].deadline_ns);
	/* Without memory they are answered when their turn comes. */
	if (co_timer_start(&gather->late, gather->session->server->loop, next_ns, on_late, gather) <
	    0)
		return;
}

static void on_late(void *arg)
{
	struct gather *gather = arg;
	int64_t now_ns = co_loop_now_ns(gather->session->server->loop);

	for (size_t i = 0; i < gather->item_count && !gather->stopped; i++) {
		struct item *item = &gather->items[i];

		if (list_empty(&item->node) || item->deadline_ns > now_ns)
			continue;
		list_remove(&item->node);
		item_skip(item, ERR_TIMEOUT, "timed out before it was sent");
		note_end(gather, item);
		if (gather->stopped)
			co_group_cancel(&gather->group);
	}
	if (gather->stopped)
		return;
	if (gather->snapshot == NULL)
		gather_start_pending(gather);
	else
		snapshot_items_ended(gather);
	gather_watch_deadlines(gather);
}

void gather_item_failed_late(struct gather *gather)
{
	gather->failed++;
	if (!gather->request.options.cancel_on_error || gather->stopped)
		return;
	gather->stopped = true;
	co_group_cancel(&gather->group);
}

static void skip_pending(struct gather *gather)
{
	for (size_t i = 0; i < gather->lane_count; i++) {
		struct gather_lane *lane = &gather->lanes[i];

		while (!list_empty(&lane->pending)) {
			struct item *item =
				LIST_ENTRY(list_first(&lane->pending), struct item, node);

			list_remove(&item->node);
			skip(item);
		}
	}
}

/* A child that was cancelled before it ever ran has had no end yet, nor has one that waited for
 * another's. */
static void end_never_run(struct gather *gather)
{
	for (size_t i = 0; i < gather->item_count; i++) {
		struct item *item = &gather->items[i];

		if (!item->ended)
			skip(item);
	}
}

void gather_skip_rest(struct gather *gather)
{
	skip_pending(gather);
	end_never_run(gather);
}
