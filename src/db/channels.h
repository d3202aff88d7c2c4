/* SPDX-License-Identifier: PostgreSQL */
/*
 * LISTEN for one database: who listens to which channels, and the one session that all of them
 * share. It is opened for the first listener and closed soon after the last has left; it comes
 * beside the pool's connections. When it is lost it is opened anew, and every listener is told that
 * it may have missed something.
 */
#ifndef DB_CHANNELS_H
#define DB_CHANNELS_H

#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct channels;
struct channels_listener;
struct co_loop;
struct config_database;
struct err;
struct resolver;

/* Different channels of one database at once: the server goes through all of a session's for each
 * notification. */
#define CHANNELS_MAX 4096

struct channels_notification {
	const char *channel, *payload; /* any bytes where the database has no encoding */
	int pid;		       /* of the backend that sent it */
};

/* What a listener is told. None of it may wait, nor add or remove a listener, but for `failed`. */
struct channels_listener_ops {
	void (*established)(struct channels_listener *listener); /* first of all, and once */
	void (*notified)(struct channels_listener *listener,
			 const struct channels_notification *notification);
	void (*resync)(struct channels_listener *listener); /* something may have been missed */
	/* It listens no more, or never did; it is in no list any longer and may be freed. */
	void (*failed)(struct channels_listener *listener, const struct err *err);
};

/* Its place on the list of a channel. */
struct channels_member {
	struct list node; /* channel.members */
	struct channel *channel;
	struct channels_listener *listener;
};

/* Lives in the caller's struct; fields are private but for `established`. */
struct channels_listener {
	const struct channels_listener_ops *ops;
	struct channels *channels; /* NULL: in no list */
	struct list node;	   /* channels.waiting or .established */
	bool established;
	int64_t since_ns;
	struct channels_member *members;
	size_t member_count;
};

struct channels_stats {
	size_t listeners, channels;
	bool connected;		/* all listeners hear what is sent */
	uint64_t notifications; /* that came */
	uint64_t connects, connect_failures, lost;
	const char *error; /* why the last connect failed; NULL: it did not */
};

/* `conf` is kept alive by the caller. 0 or -ENOMEM. */
int channels_new(struct channels **ret_channels, struct co_loop *loop, struct resolver *resolver,
		 const struct config_database *conf) MUST_CHECK;
/* Every listener fails with ERR_SHUTTING_DOWN; no other is taken. */
void channels_stop(struct channels *channels);
/* Waits for the session's end, where there is one. Stops it first. NULL is fine. */
void channels_free(struct channels *channels);

/*
 * Takes the listener in; `ops` tells the rest. `names`: terminated, different from one another, not
 * empty, at most 63 bytes each; copied. 0, or negative and *ret_err (static text).
 */
int channels_add(struct channels *channels, struct channels_listener *listener,
		 const struct channels_listener_ops *ops, const char *const *names, size_t count,
		 struct err *ret_err) MUST_CHECK;
/* It is told nothing more. Fine on one that is in no list. */
void channels_remove(struct channels_listener *listener);

struct channels_stats channels_stats(const struct channels *channels);

#endif
