/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/gather.h"

#include "base/mem.h"
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/room.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "daemon/snapshot.h"
#include "db/placement.h"
#include "db/pool.h"

#include <assert.h>
#include <errno.h>

/* Queries of one gather that stand in a pool's queue, for each connection it may have: enough to
 * keep it busy. */
#define GATHER_WINDOW_PER_CONNECTION 2

struct gather *gather_new(struct session *session)
{
	struct gather *gather = mem_calloc(1, sizeof(*gather));
	struct server *server = session->server;

	if (gather == NULL)
		return NULL;
	gather->session = session;
	gather->number = ++server->requests;
	gather->read_ns = co_now_ns();
	list_init(&gather->node);
	list_init(&gather->blocked);
	/* What is read of a line may take many times its length: one request must not take all
	 * there is. */
	arena_init(&gather->arena, server->config->memory_limit_bytes / 4, &server->memory);
	return gather;
}

void gather_free(struct gather *gather)
{
	if (gather == NULL)
		return;
	co_timer_stop(&gather->late);
	for (size_t i = 0; i < gather->item_count; i++)
		item_free(&gather->items[i]);
	for (size_t i = 0; i < gather->lane_count; i++) {
		gather->lanes[i].database->pending -= gather->lanes[i].items;
		/* those whose tasks were cancelled before they ran */
		gather->lanes[i].database->running -= gather->lanes[i].running;
		share_unref(gather->lanes[i].share);
		database_unref(gather->lanes[i].database);
	}
	list_remove(&gather->node);
	arena_free(&gather->arena);
	mem_free(gather);
}

/* ---- what can be known beforehand ---- */

static struct gather_lane *find_lane(struct gather *gather, const struct database *database)
{
	for (size_t i = 0; i < gather->lane_count; i++)
		if (gather->lanes[i].database == database)
			return &gather->lanes[i];
	return NULL;
}

static struct gather_lane *add_lane(struct gather *gather, struct database *database)
{
	struct gather_lane *lane = &gather->lanes[gather->lane_count++];

	*lane = (struct gather_lane){
		.database = database_ref(database),
		.window = (size_t)database->conf.pool_max * GATHER_WINDOW_PER_CONNECTION,
	};
	list_init(&lane->pending);
	return lane;
}

static int limit_lane(struct gather_lane *lane, const struct config_access *section)
{
	unsigned limit = section != NULL ? section->pool_max : 0;

	if (limit == 0 || limit >= lane->database->conf.pool_max)
		return 0;
	lane->share_limit = limit;
	lane->window = (size_t)limit * GATHER_WINDOW_PER_CONNECTION;
	lane->share = share_ref(lane->database, section->name);
	return lane->share != NULL ? 0 : -ENOMEM;
}

static int choose_lane(struct gather *gather, const struct request_item *request,
		       struct gather_lane **ret_lane, struct err *ret_err)
{
	struct session *session = gather->session;
	bool names_one = request->db.data != NULL;
	struct str name = names_one ? request->db : gather->request.options.db;
	struct database *database;
	struct gather_lane *lane;
	int rc;

	if (!names_one && gather->usual != NULL) {
		*ret_lane = gather->usual;
		return 0;
	}
	rc = database_choose(session->server, &session->access, name, &gather->arena, &database,
			     ret_err);
	if (rc < 0)
		return rc;
	lane = find_lane(gather, database);
	if (lane == NULL) {
		lane = add_lane(gather, database);
		if (limit_lane(lane, session->access.section) < 0)
			return err_no_memory(ret_err);
	}
	if (!names_one)
		gather->usual = lane;
	*ret_lane = lane;
	return 0;
}

static int admit(struct gather *gather, struct err *ret_err)
{
	for (size_t i = 0; i < gather->lane_count; i++) {
		struct gather_lane *lane = &gather->lanes[i];
		const struct config_database *conf = &lane->database->conf;

		/* Its own items are among them already. */
		if (lane->database->pending > (size_t)conf->queue_limit + conf->pool_max) {
			err_set(ret_err, &gather->arena, ERR_QUEUE_FULL, ERR_EFFECTS_NONE,
				"the queue of database \"%s\" has no room for %zu more queries "
				"(queue_limit %u)",
				conf->name, lane->items, conf->queue_limit);
			return -ENOBUFS;
		}
	}
	return 0;
}

static void set_deadline(struct gather *gather)
{
	const struct config *config = gather->session->server->config;
	int64_t timeout_ns = gather->request.options.timeout_ns;

	if (timeout_ns == 0)
		timeout_ns = config->request_timeout_ns;
	if (config->max_request_timeout_ns > 0 &&
	    (timeout_ns == 0 || timeout_ns > config->max_request_timeout_ns))
		timeout_ns = config->max_request_timeout_ns;
	gather->deadline_ns =
		timeout_ns > 0 ? clock_after_ns(gather->read_ns, timeout_ns) : CLOCK_NEVER;
}

static int make_items(struct gather *gather, struct err *ret_err)
{
	const struct request_gather *request = &gather->request.gather;
	size_t lanes_max = MIN(request->item_count, gather->session->server->database_count);

	set_deadline(gather);
	room_begin(gather);
	gather->concurrency = gather->request.options.concurrency > 0
				      ? gather->request.options.concurrency
				      : SIZE_MAX;
	if (request->item_count == 0)
		return 0;
	gather->lanes =
		arena_calloc(&gather->arena, MAX(lanes_max, (size_t)1), sizeof(*gather->lanes));
	/* No more than the request's own, and item_init() sets all of one. */
	gather->items = arena_alloc(&gather->arena, request->item_count * sizeof(*gather->items));
	if (gather->lanes == NULL || gather->items == NULL)
		return err_no_memory(ret_err);
	for (size_t i = 0; i < request->item_count; i++) {
		struct item *item = &gather->items[i];
		struct gather_lane *lane = NULL;
		int rc = choose_lane(gather, &request->items[i], &lane, ret_err);

		if (rc < 0)
			return rc;
		gather->item_count++;
		lane->items++;
		lane->database->pending++;
		if (item_init(item, gather, lane, &request->items[i], i) < 0)
			return err_no_memory(ret_err);
		list_push_back(item->request->depend_count > 0 ? &gather->blocked : &lane->pending,
			       &item->node);
	}
	if (gather->request.options.snapshot && gather->lane_count > 1) {
		err_set_static(ret_err, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			       "a snapshot is of one database; this gather uses several");
		ret_err->key = "snapshot";
		return -EINVAL;
	}
	if (depends_init(gather) < 0)
		return err_no_memory(ret_err);
	return admit(gather, ret_err);
}

/* ---- running ---- */

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

static void start_pending(struct gather *gather)
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
		start_pending(gather);
}

static void on_late(void *arg);

/* Those that run see to their deadlines themselves. */
static void watch_deadlines(struct gather *gather)
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
		start_pending(gather);
	else
		snapshot_items_ended(gather);
	watch_deadlines(gather);
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

void gather_item_failed_late(struct gather *gather)
{
	gather->failed++;
	if (!gather->request.options.cancel_on_error || gather->stopped)
		return;
	gather->stopped = true;
	co_group_cancel(&gather->group);
}

void gather_explain_cancel(const struct gather *gather, struct err *err)
{
	if (err->code == ERR_CANCELLED && gather->stop_code == ERR_SHUTTING_DOWN)
		err_set_static(err, ERR_SHUTTING_DOWN, err->effects, "gatherd is shutting down");
}

/* ---- the answer ---- */

static const struct reply_snapshot *snapshot_of(const struct gather *gather)
{
	return gather->snapshot != NULL && gather->snapshot->taken ? &gather->snapshot->reply
								   : NULL;
}

static void write_combined(struct gather *gather)
{
	struct session *session = gather->session;
	struct output *output = &session->output;
	bool by_name = gather->request.gather.by_name;
	struct buf *tail = output_tail(output);

	if (tail == NULL)
		return;
	reply_write_combined_head(tail, gather->request.id, gather->failed,
				  co_now_ns() - gather->read_ns, snapshot_of(gather));
	buf_putc(tail, by_name ? '{' : '[');
	for (size_t i = 0; i < gather->item_count; i++) {
		struct item *item = &gather->items[i];

		tail = output_tail(output);
		if (tail == NULL)
			return;
		if (i > 0)
			buf_putc(tail, ',');
		if (by_name) {
			json_write_string(tail, item->request->name);
			buf_putc(tail, ':');
		}
		item_write(item, output, !by_name);
		item_free(item);
		if (output_check(output) < 0)
			return;
	}
	tail = output_tail(output);
	if (tail == NULL)
		return;
	buf_puts(tail, by_name ? "}}\n" : "]}\n");
}

static void write_end(struct gather *gather)
{
	struct buf *tail = output_tail(&gather->session->output);

	if (tail != NULL)
		reply_event_end(tail, gather->request.id, gather->failed,
				co_now_ns() - gather->read_ns, snapshot_of(gather));
}

static int gather_main(void *arg)
{
	struct gather *gather = arg;
	struct session *session = gather->session;
	bool no_memory_for_snapshot = false;
	enum co_policy policy =
		gather->request.options.cancel_on_error ? CO_FAIL_FAST : CO_KEEP_GOING;

	gather->task = co_task_current();
	co_group_init(&gather->group, session->server->loop, policy);
	if (gather->stopped) /* cancelled before it ran */
		co_group_cancel(&gather->group);
	else if (gather->request.options.snapshot && gather->item_count > 0)
		no_memory_for_snapshot = snapshot_start(gather) < 0;
	else
		start_pending(gather);
	if (!gather->stopped)
		watch_deadlines(gather);
	/* Items keep their own deadlines, so that each is answered; a cancel of this task is theirs
	 * too. */
	co_group_wait(&gather->group, CLOCK_NEVER);
	if (no_memory_for_snapshot)
		gather->stop_code = ERR_INTERNAL;
	else if (gather->snapshot != NULL)
		snapshot_finish(gather);
	gather->stopped = true;
	skip_pending(gather);
	end_never_run(gather);
	if (session->gone) {
		/* Nobody reads it. */
	} else if (gather->request.options.stream) {
		write_end(gather);
	} else {
		write_combined(gather);
	}
	session_request_ended(session, gather);
	return 0;
}

int gather_start(struct gather *gather, struct err *ret_err)
{
	struct session *session = gather->session;
	int rc = make_items(gather, ret_err);

	if (rc < 0)
		return rc;
	gather->stop_code = ERR_CANCELLED;
	if (co_group_go(&session->server->group, gather_main, gather, "gather") < 0)
		return err_no_memory(ret_err);
	return 0;
}

void gather_cancel(struct gather *gather, enum err_code code)
{
	if (gather->stopped && gather->stop_code != ERR_CANCELLED)
		return;
	gather->stop_code = code;
	gather->stopped = true;
	/* Before its first turn the task finds `stopped` by itself, and must run to give the
	 * answer. */
	if (gather->task != NULL)
		co_group_cancel(&gather->group);
}
