/* SPDX-License-Identifier: PostgreSQL */
/* What can be known before anything runs: each item's database, what it may take of it, when it is
 * to be over; or why none of them may run. */
#include "daemon/database.h"
#include "daemon/depends.h"
#include "daemon/gather_parts.h"
#include "daemon/room.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "db/pool.h"

#include <errno.h>

/* Queries of one gather that stand in a pool's queue, for each connection it may have: enough to
 * keep it busy. */
#define GATHER_WINDOW_PER_CONNECTION 2

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

int gather_plan(struct gather *gather, struct err *ret_err)
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
