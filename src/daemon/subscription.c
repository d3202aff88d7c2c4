/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/subscription.h"

#include "base/mem.h"
#include "co/co.h"
#include "daemon/access.h"
#include "daemon/database.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "wire/reply.h"
#include "wire/request.h"

#include <errno.h>

static struct subscription *of(struct channels_listener *listener)
{
	return CONTAINER_OF(listener, struct subscription, listener);
}

static void subscription_free(struct subscription *subscription)
{
	channels_remove(&subscription->listener);
	list_remove(&subscription->node);
	list_remove(&subscription->behind_node);
	database_unref(subscription->database);
	arena_free(&subscription->arena);
	mem_free(subscription);
}

/* ---- what the database tells ---- */

static void on_established(struct channels_listener *listener)
{
	struct subscription *subscription = of(listener);
	struct buf *tail = output_tail(&subscription->session->output);

	if (tail != NULL)
		reply_event_listening(tail, subscription->id, subscription->database->conf.name,
				      subscription->channels, subscription->channel_count);
	session_output_changed(subscription->session);
}

static void on_notified(struct channels_listener *listener,
			const struct channels_notification *notification)
{
	struct subscription *subscription = of(listener);
	struct session *session = subscription->session;
	struct buf *tail;

	if (!list_empty(&subscription->behind_node))
		return;
	if (session_is_behind(session)) {
		subscription->database->overruns++;
		list_push_back(&session->behind, &subscription->behind_node);
		return;
	}
	tail = output_tail(&session->output);
	if (tail != NULL)
		reply_event_notification(tail, subscription->id, notification->channel,
					 notification->payload, notification->pid);
	session_output_changed(session);
}

static void write_resync(struct subscription *subscription)
{
	struct buf *tail = output_tail(&subscription->session->output);

	if (tail != NULL)
		reply_event_resync(tail, subscription->id);
	session_output_changed(subscription->session);
}

static void on_resync(struct channels_listener *listener)
{
	struct subscription *subscription = of(listener);

	/* Else it will be told when it has caught up. */
	if (list_empty(&subscription->behind_node))
		write_resync(subscription);
}

void subscription_catch_up(struct subscription *subscription)
{
	list_remove(&subscription->behind_node);
	write_resync(subscription);
}

static void on_failed(struct channels_listener *listener, const struct err *err)
{
	subscription_end(of(listener), err);
}

static const struct channels_listener_ops ops = {
	.established = on_established,
	.notified = on_notified,
	.resync = on_resync,
	.failed = on_failed,
};

/* ---- from its request to its end ---- */

void subscription_end(struct subscription *subscription, const struct err *err)
{
	struct session *session = subscription->session;
	struct buf *tail = session->gone ? NULL : output_tail(&session->output);

	if (err != NULL)
		server_count_error(session->server, err->code);
	if (tail != NULL && err != NULL && !subscription->listener.established)
		reply_write_error_line(tail, subscription->id, err);
	else if (tail != NULL)
		reply_event_listen_end(
			tail, subscription->id,
			co_loop_now_ns(session->server->loop) - subscription->read_ns, err);
	subscription_free(subscription);
	session_subscription_ended(session);
}

static int no_memory(struct err *ret_err)
{
	err_set_static(ret_err, ERR_QUEUE_FULL, ERR_EFFECTS_NONE,
		       "the daemon's memory_limit leaves no room for this request");
	return -ENOMEM;
}

static int copy_request(struct subscription *subscription, const struct request *request)
{
	struct arena *arena = &subscription->arena;
	size_t count = request->channel_count;
	const char *id = arena_strndup(arena, request->id.data, request->id.len);
	const char **channels = arena_calloc(arena, count, sizeof(*channels));

	if (id == NULL || channels == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		channels[i] = arena_strdup(arena, request->channels[i]);
		if (channels[i] == NULL)
			return -ENOMEM;
	}
	subscription->id = (struct str){id, request->id.len};
	subscription->channels = channels;
	subscription->channel_count = count;
	return 0;
}

int subscription_start(struct session *session, const struct request *request, struct arena *arena,
		       struct err *ret_err)
{
	struct server *server = session->server;
	struct database *database;
	struct subscription *subscription;
	int rc = database_choose(server, &session->access, request->options.db, arena, &database,
				 ret_err);

	if (rc < 0)
		return rc;
	subscription = mem_calloc(1, sizeof(*subscription));
	if (subscription == NULL)
		return no_memory(ret_err);
	subscription->session = session;
	subscription->read_ns = co_loop_now_ns(server->loop);
	subscription->database = database_ref(database);
	list_init(&subscription->node);
	list_init(&subscription->behind_node);
	arena_init(&subscription->arena, 0, &server->memory);
	rc = copy_request(subscription, request);
	if (rc < 0)
		no_memory(ret_err);
	else
		rc = channels_add(database->channels, &subscription->listener, &ops,
				  subscription->channels, subscription->channel_count, ret_err);
	if (rc < 0) {
		subscription_free(subscription);
		return rc;
	}
	list_push_back(&session->subscriptions, &subscription->node);
	session_subscription_began(session);
	return 0;
}
