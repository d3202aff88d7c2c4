/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/gather.h"

#include "base/mem.h"
#include "daemon/database.h"
#include "daemon/gather_parts.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "daemon/snapshot.h"

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
		gather_start_pending(gather);
	if (!gather->stopped)
		gather_watch_deadlines(gather);
	/* Items keep their own deadlines, so that each is answered; a cancel of this task is theirs
	 * too. */
	co_group_wait(&gather->group, CLOCK_NEVER);
	if (no_memory_for_snapshot)
		gather->stop_code = ERR_INTERNAL;
	else if (gather->snapshot != NULL)
		snapshot_finish(gather);
	gather->stopped = true;
	gather_skip_rest(gather);
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
	int rc = gather_plan(gather, ret_err);

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
