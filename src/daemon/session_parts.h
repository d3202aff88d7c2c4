/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the files of one session share: session.c is its life, session_read.c what the client says,
 * session_write.c what it is told.
 */
#ifndef DAEMON_SESSION_PARTS_H
#define DAEMON_SESSION_PARTS_H

#include "daemon/server.h"
#include "daemon/session.h"

#include <stdbool.h>

/* ---- session.c ---- */

/*
 * When this turn ends what was answered in it is written, further requests are read, and a session
 * that is over is freed: never before, since what ends one may be called from inside of it.
 */
void session_end_turn(struct session *session);
/* Cuts the client off; the log says why. */
void session_drop(struct session *session, const char *why);
/* Logs and counts that it is cut off. */
void session_count_dropped(struct session *session, const char *why);
/* All that it listens to ends; `err` is what it is told, NULL: nothing. */
void session_end_subscriptions(struct session *session, const struct err *err);

/* ---- session_read.c ---- */

/* Takes what is there: lines first, then the socket, until there is nothing or it is another's
 * turn. */
void session_pump(struct session *session);
bool session_may_take_request(const struct session *session);
/* Not only half-closed: nobody is there any more who could read. */
bool session_peer_is_gone(const struct session *session);

/* ---- session_write.c ---- */

/* Of streamed results the rows that were kept for a fuller line. */
void session_flush_rows(struct session *session);
/* As much as the socket takes. */
void session_write(struct session *session);

#endif
