/* SPDX-License-Identifier: PostgreSQL */
/* What the files of channels share. Private to them. */
#ifndef DB_CHANNELS_PARTS_H
#define DB_CHANNELS_PARTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "co/co.h"
#include "db/channels.h"
#include "db/connect.h"
#include "db/transport.h"

struct channel {
	UT_hash_handle hh; /* channels.table, by name */
	struct list node;  /* channels.asked or .unheard; in neither: linked to itself */
	struct list members;
	bool active; /* the server has it in this session */
	bool asked;  /* a LISTEN under way names it: channels.asked */
	char name[];
};

/* What the session waits for an answer to. */
enum channels_command {
	CHANNELS_IDLE,
	CHANNELS_SETUP,
	CHANNELS_RELISTEN, /* in a new session: what was listened to in the last one */
	CHANNELS_LISTEN,   /* for `served` */
	CHANNELS_UNLISTEN
};

struct channels {
	const struct config_database *conf;
	struct co_loop *loop;
	struct resolver *resolver;
	struct co_group group;
	bool stopping;

	struct channel *table;
	struct list waiting;	 /* listeners that have not been told yet, oldest first */
	struct list established; /* those that have */
	size_t listener_count;
	struct list unheard; /* channels that nobody listens to any more: the server still does */
	struct co_timer give_up; /* of the oldest that waits */

	/* The session; there is one only while there is a driver. */
	bool driven;
	struct co_task *driver; /* NULL before its first turn */
	struct connect_link link;
	struct transport transport;
	struct co_watch watch;
	bool synced; /* established listeners hear all; what comes before is not passed on */
	bool lost;
	bool readable; /* the socket or libpq has something */
	bool unflushed;
	size_t hidden_bytes; /* that libpq has taken in since it last gave anything */
	bool behind;	     /* libpq has more notifications; they are for the next turn */
	enum channels_command command;
	struct channels_listener *served; /* NULL: it has left meanwhile */
	struct list asked;		  /* channels that the LISTEN under way names */
	struct buf sql;
	size_t statements;    /* of `sql`; then: of the command under way, not yet answered */
	struct arena arena;   /* of `err` */
	struct err err;	      /* of the connect or the command under way */
	int64_t answer_by_ns; /* the command's */
	int64_t opened_ns;    /* synced since */
	int64_t unused_ns;    /* without listeners since */

	/* While the server is away. */
	unsigned failures;
	bool refused;
	int64_t retry_ns;
	uint64_t random;
	char error[512];   /* why there was no session, or none any more; empty: there is one */
	char notice[256];  /* what the server said last: its reason, if it dies */
	char refusal[640]; /* what the last one refused is told */
	uint64_t notifications, connects, connect_failures, lost_count;
};

/* channels_driver.c: the session's coroutine, for as long as it is wanted. */
int channels_driver_main(void *arg);

/* channels_command.c, for the driver. */
void channels_send_setup(struct channels *channels);
/* What is to be said to the server next, if anything. */
void channels_send_next(struct channels *channels);
void channels_flush(struct channels *channels);
/* Of the command under way, as far as it has come. */
void channels_read_answers(struct channels *channels);
void channels_forget_err(struct channels *channels);

/* channels.c, for the driver and the commands. */
static inline bool channels_wanted(const struct channels *channels)
{
	return channels->listener_count > 0;
}
/* The listener's LISTEN has come through. */
void channels_establish(struct channels *channels, struct channels_listener *listener);
void channels_fail(struct channels_listener *listener, const struct err *err);
/* The LISTEN under way is over: what it asked for counts, or does not. */
void channels_answered(struct channels *channels, bool listens);
/* The session is gone, and all that it listened to with it. */
void channels_forget(struct channels *channels);
/* No session can be had. Those that wait are refused: all of them, or those who waited long enough.
 */
void channels_refuse_waiting(struct channels *channels, bool all);
/* How many listeners were told. */
size_t channels_deliver(struct channels *channels,
			const struct channels_notification *notification);
void channels_resync(struct channels *channels);
/* Whether an established listener wants it. */
bool channels_is_heard(const struct channel *channel);
/* Nobody listens to it, and the server has been told. */
void channels_drop(struct channels *channels, struct channel *channel);

#endif
