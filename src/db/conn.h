/* SPDX-License-Identifier: PostgreSQL */
/*
 * One connection to a server, and its driver: the coroutine that alone talks to libpq. It opens the
 * session, sends what the pool assigns, reads, hands rows over, resets, and closes. It belongs to
 * the pool, never to a query's coroutine; those only leave word (conn_assign, conn_stop_query) and
 * wake it.
 */
#ifndef DB_CONN_H
#define DB_CONN_H

#include "base/list.h"
#include "base/macros.h"
#include "co/co.h"
#include "db/connect.h"
#include "db/prepared.h"
#include "db/query.h"
#include "db/results.h"
#include "db/session.h"
#include "db/transport.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;

enum conn_state {
	CONN_CONNECTING, /* pool.connecting */
	CONN_IDLE,	 /* pool.idle */
	CONN_SHARED,	 /* pool.shared: several plain reads, each with its own Sync */
	CONN_BUSY,	 /* pool.busy: a query, a reset, or a cancel that is not over */
	CONN_CLOSING	 /* pool.closing: no session any more, or soon none */
};

struct conn {
	struct pool *pool;
	struct list node; /* the pool's list of its state */
	enum conn_state state;
	struct connect_link link;
	struct transport transport;
	struct co_task *driver;
	struct co_group helpers; /* the driver's: a cancel, a look-up of types */
	struct co_watch watch;
	struct results results;
	struct segment own;   /* a set-up or reset under way */
	struct segment probe; /* the Sync before the set-up */
	int64_t probed_ns;    /* when it was sent */
	struct list unsent; /* db_query.node: assigned, in the order in which they are to go out */
	struct db_query *lease; /* has the connection to itself until conn_release; NULL: none */
	struct session_baseline baseline;
	int64_t statement_timeout_ms; /* of the session itself; 0: none */
	struct prepared prepared;

	unsigned assigned;	 /* queries that it has, sent or not */
	bool draining;		 /* SHARED: gets nothing more until it is empty */
	bool mode_open;		 /* libpq has not been told how rows of the head are to come */
	bool chunks;		 /* they come several at a time */
	bool suspect;		 /* a cancel may hit another than it was meant for */
	int64_t shared_since_ns; /* SHARED since */
	int64_t head_since_ns;	 /* the head's turn began; what is on its way comes yet */
	int64_t round_trip_ns;	 /* the least that it has seen; 0: none */
	int64_t pace_ns;	 /* what each query of its batches took lately; 0: not known */

	bool readable;	   /* the socket or libpq has something */
	bool unflushed;	   /* libpq holds bytes to send */
	bool paused;	   /* the head's sink takes nothing now */
	bool closing;	   /* close when what is in flight is done */
	bool lost;	   /* no use any more: close at once */
	bool dirty;	   /* reset before the next query */
	bool rolling_back; /* `own` ends a transaction left open; the reset follows */
	bool batch_failed; /* that transaction is a batch's: nothing needs the reset for its sake */
	bool just_reset;
	int64_t own_give_up_ns; /* for a set-up or reset under way */
	char last_notice[256];	/* what the server said last without being asked: its reason, if it
				   dies */

	size_t hidden_bytes;	/* that libpq has taken in since it last gave anything */
	uint64_t readies_taken; /* ReadyForQuery that libpq has shown, or that came before it was
				   asked */

	/* A cancel under way: from its request until its transport is closed. */
	struct co_task *canceller;
	bool cancelling;
	bool cancel_failed; /* unknown whether it will still come: the session cannot be used on */
	bool cancel_tried;  /* for the head */
	int64_t cancel_since_ns, cancel_give_up_ns;

	/* A result whose columns have types that are being looked up; the connection is paused
	 * meanwhile. */
	PGresult *held;
	enum results_step held_step;
	struct {
		uint32_t oids[64];
		size_t count;
		bool running;
	} learn;

	int64_t idle_since_ns;
	int64_t expires_ns; /* server_lifetime, with jitter */
};

/* Starts a connection and its driver in the pool's group; it is then in pool.connecting. 0 or
 * -ENOMEM. */
int conn_start(struct pool *pool) MUST_CHECK;
/* Whether nothing but its load speaks against one more query on it, beside others. */
static inline bool conn_is_sound(const struct conn *conn)
{
	return !conn->lost && !conn->closing && !conn->dirty && !conn->paused &&
	       !conn->cancelling && !conn->suspect && conn->held == NULL;
}
/* How many queries it may have at once, being shared. */
unsigned conn_depth(const struct conn *conn);
/* A query for one that was idle, is shared, or is leased by the query's owner. */
void conn_assign(struct conn *conn, struct db_query *query);
/* The end of a lease. Whatever it left in the session is reset. */
void conn_release(struct conn *conn);
/* Asks for the query's end in the server. It is still answered through query_finish. */
void conn_stop_query(struct conn *conn, struct db_query *query, enum db_query_stop reason);
/* The query's sink takes more. */
void conn_resume(struct conn *conn, struct db_query *query);
/* Ends it as soon as nothing is in flight. */
void conn_retire(struct conn *conn);

#endif
