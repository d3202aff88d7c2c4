/* SPDX-License-Identifier: PostgreSQL */
/*
 * One client's connection: reads request lines, starts what they ask for, writes the answers.
 * Driven by callbacks, so that an idle client costs this struct and a descriptor; tasks exist for
 * its requests only.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "base/buf.h"
#include "base/list.h"
#include "base/macros.h"
#include "co/co.h"
#include "daemon/access.h"
#include "daemon/output.h"
#include "db/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather;
struct step;
struct server;

struct session {
	struct server *server;
	struct list node; /* server.sessions */
	uint64_t number;
	int fd;
	struct co_watch watch;
	struct access access;

	struct buf input;
	struct co_timer unfinished; /* a line that has begun must have its end by then */
	size_t scanned;		    /* bytes of input known to hold no newline */
	uint64_t line;		    /* of the last line read */
	struct co_timer again;	    /* goes on reading in the next turn: edges are told once */
	struct list requests;	    /* struct gather.node, under way */
	size_t request_count;	    /* with the subscriptions */
	struct list subscriptions;  /* struct subscription.node, under way too */
	struct list behind; /* struct subscription.behind_node: the client must read first */

	struct output output;
	struct co_hook flush;	  /* writes at the end of the turn */
	struct list unsent;	  /* struct step.unsent_node */
	struct list paused;	  /* struct step.paused_node: wait for the client to read */
	struct co_timer slow;	  /* watches its reading rate while something waits */
	uint64_t slow_mark_bytes; /* output.written_bytes when the timer began */
	bool writable_wanted;

	bool readable; /* the socket may have more */
	bool ended;    /* it sends nothing more: half-closed */
	bool closing;  /* read nothing more; close when all is answered and written */
	bool gone;     /* nobody reads any more: close now */
};

/* Takes the descriptor over. 0 or a negative errno (the descriptor is then still the caller's). */
int session_new(struct server *server, int fd) MUST_CHECK;
/* Ends it at once; its requests are cancelled in PostgreSQL. It frees itself when they have ended.
 */
void session_close(struct session *session);
/* No further requests; it ends when all is answered. Those that still wait to be read are not
 * answered. */
void session_drain(struct session *session);

/* A line about this client, with log_level debug only. */
void session_log_debug(const struct session *session, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- for gather.c, item.c and subscription.c ---- */

struct db_owner session_owner(const struct session *session, uint64_t request);
/* Something was appended to the output: 0, or negative when it makes no sense to go on. */
int session_output_changed(struct session *session);
void session_add_unsent(struct session *session, struct step *step);
/* Whether the step is to read no more rows for now; it is resumed when the client has read. */
bool session_must_pause(struct session *session, struct step *step);
/* The client has so much to read that more would not be kept for it. */
bool session_is_behind(const struct session *session);
void session_subscription_began(struct session *session);
void session_subscription_ended(struct session *session); /* and is freed */
/* The gather has written its answer; it is freed here. */
void session_request_ended(struct session *session, struct gather *gather);

#endif
