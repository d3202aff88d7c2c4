/* SPDX-License-Identifier: PostgreSQL */
/*
 * What libpq's recv() and send() do. libpq reads as much as there is, a whole row before it shows
 * any of it, and libpq 15 sends at every Sync. Neither can be asked of it otherwise, so the two
 * functions are ours, for all of the process: they go through `sys`, and between the calls below
 * they are bounded, counted, or held back. What comes is looked at where it can be read: by recv(),
 * or by OpenSSL's SSL_read(), which is ours, too.
 */
#ifndef DB_TRANSPORT_H
#define DB_TRANSPORT_H

#include "base/macros.h"
#include "db/frames.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a session is dropped of which transport_reports_too_many(). */
#define TRANSPORT_PARAMETERS_TEXT "the server reports parameters without end"

struct transport {
	int fd;
	bool connecting;
	bool asked;	/* for encryption: the next byte is the answer, and no message */
	bool decrypted; /* SSL_read() has what the server says, and recv() has not */
	bool corked;
	bool encrypted; /* TLS or GSSAPI */
	bool dry;	/* the socket had no more */
	bool full;	/* it gave as much as libpq had room for */
	bool more;	/* to be read at once: no descriptor tells of it, or it would say so */
	struct frames frames;  /* in what is read */
	size_t room_bytes;     /* that may still be read */
	size_t received_bytes; /* by the last transport_read; while connecting, all */
	size_t turn_bytes;     /* and by those before it that left more */
	uint64_t sends;	       /* that the socket took something of */
	uint64_t sends_heard;  /* how many they were when it last gave something */
};

/*
 * Around each call that connects, from a zeroed one on; `pg` is NULL in the first. No other
 * connection may be used in between.
 */
void transport_begin_connect(struct transport *transport, PGconn *pg);
void transport_end_connect(struct transport *transport);
/* The process connects this socket: if libpq does, it begins anew. */
void transport_note_connect(int fd);
/* The connection is established. `transport` has seen how, or is zeroed. */
void transport_init(struct transport *transport, PGconn *pg);
/* PQconsumeInput, but of so much at most that the loop is not held up. Returns what it returned. */
int transport_read(struct transport *transport, PGconn *pg) MUST_CHECK;
/*
 * From here libpq keeps what it would send, until transport_uncork(); PQflush() then sends all of
 * it with one call. No other connection may be used in between.
 */
void transport_cork(struct transport *transport);
void transport_uncork(struct transport *transport);
/* PQflush, without its reading anything. Returns what it returned. */
int transport_flush(struct transport *transport, PGconn *pg) MUST_CHECK;
/*
 * Whether anything that has been read may be an answer to what was corked when there were so many
 * `sends`: something was sent since, and something received after that.
 */
bool transport_heard_since(const struct transport *transport, uint64_t sends);
/*
 * PostgreSQL reports some fifteen parameters, and again what changes; libpq keeps each, and
 * searches them all each time. After so many a session is to be closed when it can be ...
 */
static inline bool transport_reports_many(const struct transport *transport)
{
	return transport->frames.reports > 1000;
}
/* ... or at once. */
static inline bool transport_reports_too_many(const struct transport *transport)
{
	return transport->frames.reports > 4000;
}

#endif
