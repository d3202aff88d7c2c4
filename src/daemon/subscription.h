/* SPDX-License-Identifier: PostgreSQL */
/*
 * One `listen` of a client: what PostgreSQL notifies goes to the client as events, until it cancels
 * or leaves. What a client does not read is not kept for it: beyond item_buffer it misses
 * notifications, and is told so. Not to be mixed up with the daemon's own socket (listener) or the
 * service manager (notify).
 */
#ifndef DAEMON_SUBSCRIPTION_H
#define DAEMON_SUBSCRIPTION_H

#include "base/arena.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/str.h"
#include "db/channels.h"

#include <stddef.h>
#include <stdint.h>

struct database;
struct err;
struct request;
struct session;

struct subscription {
	struct channels_listener listener;
	struct session *session;
	struct list node;	 /* session.subscriptions */
	struct list behind_node; /* session.behind: it misses notifications now */
	struct database *database;
	struct arena arena;
	struct str id;
	const char **channels;
	size_t channel_count;
	int64_t read_ns;
};

/*
 * Starts what the request asks for; the session has it then. 0, or negative and *ret_err, in
 * `arena`. Keeps nothing of the request.
 */
int subscription_start(struct session *session, const struct request *request, struct arena *arena,
		       struct err *ret_err) MUST_CHECK;
/* Ends it with its last event, and frees it. err NULL: its client wanted that. */
void subscription_end(struct subscription *subscription, const struct err *err);
/* The client has read what it was behind with. */
void subscription_catch_up(struct subscription *subscription);

#endif
