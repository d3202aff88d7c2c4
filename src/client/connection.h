/* SPDX-License-Identifier: PostgreSQL */
/*
 * The socket to the daemon and what has been sent and not answered on it. Lines go in and out; what
 * they say is not known here, but for which request a line out belongs to.
 *
 * Nothing here waits but connection_receive(), which sends what is left to send while it waits: so
 * neither side can be stuck because the other does not read.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"
#include "client/event.h"
#include "client/gather.h"

#include <stdatomic.h>
#include <stdint.h>

enum pending_kind {
	PENDING_REQUEST,
	PENDING_LISTEN, /* of the user too; without effects */
	PENDING_CANCEL, /* of another one: its answer is for the library alone */
	PENDING_LISTING /* its answer goes to `on_listing` */
};

/* A request line without its whole answer yet. */
struct pending {
	int64_t id;
	uint64_t end; /* where its JSON ends in all that was ever queued; it counts as sent from
			 there on */
	enum pending_kind kind;
};

/* The answer of another verb than gather's, which lives for the call. 0 or -ENOMEM. */
typedef int connection_listing_fn(void *arg, const struct document *answer);

struct gather {
	int fd; /* -1: not connected */
	/*
	 * An eventfd, readable from gather_interrupt() until a wait has told of it. It alone says
	 * so; the flag, set after it, only saves a look at it where nobody has to wait.
	 */
	int wake_fd;
	atomic_bool interrupted;

	struct buf in;
	size_t scanned;	 /* of `in`: has no newline */
	size_t line_len; /* of the line handed out, with its newline; gone at the next call */
	size_t max_line; /* 0: no limit */
	bool eof;

	struct buf out;
	uint64_t queued_bytes, sent_bytes;
	int64_t line_count; /* queued, empty ones included: a line's number is its id */
	bool write_failed;  /* the daemon takes no more, but what it wrote can still be read */
	bool finish;	    /* half-close when all is sent */
	bool finished;

	struct pending *pending;
	size_t pending_count, pending_capacity;
	uint64_t raw_end; /* as pending.end, of the last line of gather_send_line(); 0: none */

	connection_listing_fn *on_listing; /* see connection_ask_listing() */
	void *on_listing_arg;

	struct document *document; /* of the event handed out */
	struct gather_event event;
	bool event_held; /* GATHER_REFUSED: the event has the reason */
	int broken;	 /* what ended the connection, or 0 */
	enum gather_effects effects;
	char message[512];
};

/* Sets the message; returns status. */
int connection_fail(struct gather *g, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, and closes: what is pending stays without an answer. */
int connection_break(struct gather *g, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A call begins: what the last one handed out dies, and its message. */
void connection_begin_call(struct gather *g);

/*
 * Notes that the line that begins at `begin` of `out` (with its newline) is to be sent, and sends
 * what goes without waiting. `pending`: it will be answered. On failure the line is taken back:
 * GATHER_NO_MEMORY.
 */
int connection_queue(struct gather *g, size_t begin, const struct pending *pending) MUST_CHECK;
/*
 * Sends what the socket takes. A peer that takes nothing more is no failure yet: its last words may
 * wait to be read. 0 or GATHER_SYSTEM.
 */
int connection_flush(struct gather *g);
/* The next line, without its newline, or a failure as gather_next() has it. Waits. */
int connection_receive(struct gather *g, int64_t deadline_ns, struct str *ret_line) MUST_CHECK;
/* The line handed out last was not understood for lack of memory: have it again. */
void connection_unread(struct gather *g);
/* NULL: no request with this id waits for an answer. */
struct pending *connection_find(struct gather *g, int64_t id);
void connection_answered(struct gather *g, struct pending *pending);
/*
 * Sends a line of another verb along: `members` is its JSON without the id, "\"reports\":true". Its
 * answer is given to `on_listing` during a later gather_next(), which it does not end; one at a
 * time. As gather_cancel().
 */
int connection_ask_listing(struct gather *g, const char *members, connection_listing_fn *on_listing,
			   void *arg) MUST_CHECK;
/* The point in time at which a wait of timeout_ms from now ends. */
int64_t connection_deadline_ns(int64_t timeout_ms);

#endif
