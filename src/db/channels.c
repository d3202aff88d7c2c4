/* SPDX-License-Identifier: PostgreSQL */
/* Who listens to what, and who is told what came. The session is channels_driver's. */
#include "db/channels.h"

#include "base/mem.h"
#include "conf/config.h"
#include "db/channels_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

int channels_new(struct channels **ret_channels, struct co_loop *loop, struct resolver *resolver,
		 const struct config_database *conf)
{
	struct channels *channels = mem_calloc(1, sizeof(*channels));

	if (channels == NULL)
		return -ENOMEM;
	channels->conf = conf;
	channels->loop = loop;
	channels->resolver = resolver;
	channels->random = (uint64_t)co_loop_now_ns(loop) | 1;
	co_group_init(&channels->group, loop, CO_KEEP_GOING);
	list_init(&channels->waiting);
	list_init(&channels->established);
	list_init(&channels->unheard);
	list_init(&channels->asked);
	buf_init(&channels->sql, 0, NULL);
	arena_init(&channels->arena, 0, NULL);
	*ret_channels = channels;
	return 0;
}

static struct channels_listener *first(const struct list *listeners)
{
	return list_empty(listeners) ? NULL
				     : LIST_ENTRY(listeners->next, struct channels_listener, node);
}

void channels_stop(struct channels *channels)
{
	struct channels_listener *listener;
	struct err err;

	err_set_static(&err, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE, "the database is being closed");
	channels->stopping = true;
	while ((listener = first(&channels->waiting)) != NULL ||
	       (listener = first(&channels->established)) != NULL)
		channels_fail(listener, &err);
}

void channels_free(struct channels *channels)
{
	if (channels == NULL)
		return;
	channels_stop(channels);
	if (channels->driven) {
		co_group_cancel(&channels->group);
		co_shield();
		co_group_wait(&channels->group, CLOCK_NEVER);
		co_unshield();
	}
	assert(channels->table == NULL);
	co_timer_stop(&channels->give_up);
	buf_free(&channels->sql);
	arena_free(&channels->arena);
	mem_free(channels);
}

/* ---- channels ---- */

static struct channel *find(const struct channels *channels, const char *name)
{
	struct channel *channel;

	HASH_FIND(hh, channels->table, name, strlen(name), channel);
	return channel;
}

static struct channel *add(struct channels *channels, const char *name)
{
	size_t len = strlen(name);
	struct channel *channel = mem_calloc(1, sizeof(*channel) + len + 1);

	if (channel == NULL)
		return NULL;
	memcpy(channel->name, name, len + 1);
	list_init(&channel->node);
	list_init(&channel->members);
	HASH_ADD_KEYPTR(hh, channels->table, channel->name, len, channel);
	if (HASH_ADDED(hh, channel))
		return channel;
	mem_free(channel);
	return NULL;
}

void channels_drop(struct channels *channels, struct channel *channel)
{
	assert(list_empty(&channel->members) && channels->table != NULL);
	list_remove(&channel->node);
	HASH_DELETE(hh, channels->table, channel);
	mem_free(channel);
}

/* It may be that nobody wants it any more. */
static void reconsider(struct channels *channels, struct channel *channel)
{
	if (!list_empty(&channel->members) || channel->asked)
		return;
	if (channel->active)
		list_push_back(&channels->unheard, &channel->node);
	else
		channels_drop(channels, channel);
}

bool channels_is_heard(const struct channel *channel)
{
	list_for_each (node, &channel->members)
		if (LIST_ENTRY(node, struct channels_member, node)->listener->established)
			return true;
	return false;
}

void channels_answered(struct channels *channels, bool listens)
{
	while (!list_empty(&channels->asked)) {
		struct channel *channel = LIST_ENTRY(channels->asked.next, struct channel, node);

		list_remove(&channel->node);
		channel->asked = false;
		channel->active = listens;
		reconsider(channels, channel);
	}
}

static int watch_waiting(struct channels *channels);

void channels_forget(struct channels *channels)
{
	struct channel *channel, *next;

	channels->synced = false;
	channels->served = NULL;
	channels->command = CHANNELS_IDLE;
	HASH_ITER (hh, channels->table, channel, next) {
		list_remove(&channel->node);
		channel->active = channel->asked = false;
		reconsider(channels, channel);
	}
	/* While it was there nobody counted how long they wait. */
	if (watch_waiting(channels) < 0)
		channels_refuse_waiting(channels, true);
}

/* ---- listeners ---- */

static void leave(struct channels_listener *listener)
{
	struct channels *channels = listener->channels;

	for (size_t i = 0; i < listener->member_count; i++) {
		struct channels_member *member = &listener->members[i];

		list_remove(&member->node);
		reconsider(channels, member->channel);
	}
	mem_free(listener->members);
	listener->members = NULL;
	listener->member_count = 0;
}

void channels_remove(struct channels_listener *listener)
{
	struct channels *channels = listener->channels;

	if (channels == NULL)
		return;
	leave(listener);
	list_remove(&listener->node);
	listener->channels = NULL;
	channels->listener_count--;
	channels->unused_ns = co_loop_now_ns(channels->loop);
	if (channels->served == listener)
		channels->served = NULL;
	if (channels->driver != NULL)
		co_unpark(channels->driver);
}

void channels_fail(struct channels_listener *listener, const struct err *err)
{
	channels_remove(listener);
	listener->ops->failed(listener, err);
}

static void on_give_up(void *arg);

static int watch_waiting(struct channels *channels)
{
	const struct channels_listener *oldest = first(&channels->waiting);
	int64_t patience_ns = channels->conf->unavailable_after_ns;

	if (oldest == NULL || patience_ns == 0)
		return 0;
	return co_timer_start(&channels->give_up, channels->loop,
			      clock_after_ns(oldest->since_ns, patience_ns), on_give_up, channels);
}

static void set_unavailable(struct channels *channels, struct err *err)
{
	snprintf(channels->refusal, sizeof(channels->refusal),
		 "no connection to database \"%s\": %s", channels->conf->name,
		 channels->error[0] != '\0' ? channels->error : "the server does not answer");
	err_set_static(err, ERR_UNAVAILABLE, ERR_EFFECTS_NONE, channels->refusal);
}

void channels_refuse_waiting(struct channels *channels, bool all)
{
	int64_t patience_ns = channels->conf->unavailable_after_ns;
	int64_t now_ns = co_loop_now_ns(channels->loop);
	struct channels_listener *listener;

	while ((listener = first(&channels->waiting)) != NULL) {
		struct err err;

		if (!all &&
		    (patience_ns == 0 || clock_after_ns(listener->since_ns, patience_ns) > now_ns))
			break;
		set_unavailable(channels, &err);
		channels_fail(listener, &err);
	}
}

static void on_give_up(void *arg)
{
	struct channels *channels = arg;

	/* With a session at work it is a matter of turns. */
	if (!channels->synced)
		channels_refuse_waiting(channels, false);
	/* Moving a timer that has just run out needs no memory that it did not have. */
	if (!channels->synced && watch_waiting(channels) < 0)
		channels_refuse_waiting(channels, true);
}

static int refuse(struct err *ret_err, enum err_code code, const char *message, int rc)
{
	err_set_static(ret_err, code, ERR_EFFECTS_NONE, message);
	return rc;
}

static int join(struct channels *channels, struct channels_listener *listener,
		const char *const *names, size_t count)
{
	listener->members = mem_calloc(count, sizeof(*listener->members));
	if (listener->members == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct channels_member *member = &listener->members[i];
		struct channel *channel = find(channels, names[i]);

		if (channel == NULL && HASH_COUNT(channels->table) >= CHANNELS_MAX)
			return -ENOBUFS;
		if (channel == NULL)
			channel = add(channels, names[i]);
		if (channel == NULL)
			return -ENOMEM;
		/* Still listened to, and wanted again. */
		if (!channel->asked)
			list_remove(&channel->node);
		*member = (struct channels_member){.channel = channel, .listener = listener};
		list_push_back(&channel->members, &member->node);
		listener->member_count++;
	}
	return 0;
}

int channels_add(struct channels *channels, struct channels_listener *listener,
		 const struct channels_listener_ops *ops, const char *const *names, size_t count,
		 struct err *ret_err)
{
	int rc;

	if (channels->stopping)
		return refuse(ret_err, ERR_SHUTTING_DOWN, "the database is being closed",
			      -ESHUTDOWN);
	if (channels->refused && !channels->synced &&
	    co_loop_now_ns(channels->loop) < channels->retry_ns) {
		set_unavailable(channels, ret_err);
		return -ENOTCONN;
	}
	*listener = (struct channels_listener){
		.ops = ops, .channels = channels, .since_ns = co_loop_now_ns(channels->loop)};
	rc = join(channels, listener, names, count);
	list_push_back(&channels->waiting, &listener->node);
	if (rc == 0)
		rc = watch_waiting(channels);
	if (rc == 0 && !channels->driven) {
		rc = co_group_go(&channels->group, channels_driver_main, channels, "db channels");
		channels->driven = rc == 0;
	}
	if (rc < 0) {
		leave(listener);
		list_remove(&listener->node);
		listener->channels = NULL;
		return rc == -ENOBUFS
			       ? refuse(ret_err, ERR_QUEUE_FULL,
					"too many channels of this database are listened to", rc)
			       : refuse(ret_err, ERR_INTERNAL, "out of memory", rc);
	}
	channels->listener_count++;
	if (channels->driver != NULL)
		co_unpark(channels->driver);
	return 0;
}

void channels_establish(struct channels *channels, struct channels_listener *listener)
{
	list_remove(&listener->node);
	list_push_back(&channels->established, &listener->node);
	listener->established = true;
	listener->ops->established(listener);
}

void channels_resync(struct channels *channels)
{
	list_for_each (node, &channels->established) {
		struct channels_listener *listener =
			LIST_ENTRY(node, struct channels_listener, node);

		listener->ops->resync(listener);
	}
}

size_t channels_deliver(struct channels *channels, const struct channels_notification *notification)
{
	struct channel *channel = find(channels, notification->channel);
	size_t told = 0;

	if (channel == NULL || !channels->synced)
		return 0;
	channels->notifications++;
	list_for_each (node, &channel->members) {
		struct channels_listener *listener =
			LIST_ENTRY(node, struct channels_member, node)->listener;

		if (listener->established) {
			listener->ops->notified(listener, notification);
			told++;
		}
	}
	return told;
}

struct channels_stats channels_stats(const struct channels *channels)
{
	return (struct channels_stats){
		.listeners = channels->listener_count,
		.channels = HASH_COUNT(channels->table),
		.connected = channels->synced,
		.notifications = channels->notifications,
		.connects = channels->connects,
		.connect_failures = channels->connect_failures,
		.lost = channels->lost_count,
		.error = channels->error[0] != '\0' ? channels->error : NULL,
	};
}
