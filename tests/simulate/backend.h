/* SPDX-License-Identifier: PostgreSQL */
/*
 * One session of the scripted server, for its files: backend.c is its life and its bytes,
 * backend_protocol.c its messages, backend_statement.c what statements do.
 */
#ifndef SIMULATE_BACKEND_H
#define SIMULATE_BACKEND_H

#include "simulate/postgres.h"

enum {
	BACKEND_PREPARED = 32,
	BACKEND_PENDING = 64,
	BACKEND_NAME_BYTES = 64,
	BACKEND_PARAMS = 4,
	BACKEND_PARAM_BYTES = 128
};

enum backend_state {
	BACKEND_STARTING, /* no start-up packet yet */
	BACKEND_OPEN,
	BACKEND_CLOSED
};

/* What a statement's text tells. */
struct script {
	const char *sql;
	struct plan_step *step; /* NULL: one of the daemon's own */
	unsigned rows;
	int64_t wait_ns, each_ns; /* before its first row, and between rows */
	char sqlstate[6];	  /* empty: it succeeds */
	bool deferred;
	bool returns; /* has a row set */
	bool notice;
	unsigned width;	   /* bytes of each row beside the rest */
	unsigned type_oid; /* of its last column */
	int64_t version;   /* of the data that it sees */
};

struct backend {
	struct postmaster *postmaster;
	struct world *world;
	unsigned number;
	struct kernel_socket *socket; /* NULL once the daemon has closed it */
	enum backend_state state;
	int32_t pid, secret;

	/* bytes */
	struct kernel_bytes inbox; /* arrived */
	struct kernel_bytes out;   /* said */
	size_t flushed;		   /* of `out`: on its way */
	bool deliver_scheduled, work_scheduled;
	int64_t deliver_ns, arrive_ns; /* the latest: bytes do not overtake each other */
	enum backend_end end_after;    /* BACKEND_ENDS: none; all is delivered first */
	bool end_is_reset;
	bool hang_up; /* when all is delivered */

	/* the protocol */
	bool skipping; /* an error: until the Sync */
	struct {
		char name[BACKEND_NAME_BYTES];
		char *sql; /* NULL: free */
	} prepared[BACKEND_PREPARED];
	char *unnamed;
	char *bound; /* the portal's text */
	char params[BACKEND_PARAMS][BACKEND_PARAM_BYTES];
	unsigned param_count;
	bool portal_named; /* it was bound from a prepared statement */

	/* what runs */
	bool running;
	struct script script;
	unsigned row;
	int64_t ready_ns; /* when it goes on */
	bool cancel_pending;
	int64_t frozen_until_ns;
	int64_t local_timeout_ns; /* statement_timeout of this transaction; 0: none */
	int64_t command_began_ns;

	/* transactions */
	bool in_block, block_failed;
	struct plan_step *pending[BACKEND_PENDING]; /* done, and not yet committed */
	unsigned pending_count;
	int64_t snapshot; /* the version that it sees; -1: the latest */
	bool exported;
	unsigned channels; /* that it listens to: a bit for each */
	unsigned dirt;	   /* the request whose statement left something in the session */
};

/* ---- backend.c ---- */

void backend_say(struct backend *backend, char type, const char *body, size_t len);
void backend_flush(struct backend *backend);
/* Goes on as soon as it can. */
void backend_wake(struct backend *backend, int64_t at_ns);
/* The socket takes no more, so it waits. */
bool backend_is_blocked(const struct backend *backend);

/* ---- backend_protocol.c ---- */

/* Takes the next message, if all of it is there: whether it did. */
bool backend_take_message(struct backend *backend);
void backend_say_error(struct backend *backend, const char *severity, const char *sqlstate,
		       const char *message, const char *routine);
void backend_say_ready(struct backend *backend);
void backend_say_tag(struct backend *backend, const char *tag);
void backend_say_row(struct backend *backend, const char *const *cells, unsigned count);
void backend_fail(struct backend *backend, const char *sqlstate, const char *message,
		  const char *routine);

/* ---- backend_statement.c ---- */

void script_read(struct backend *backend, const char *sql, struct script *ret_script);
/* The simple protocol: several statements, one transaction. Only who listens uses it. */
void backend_query(struct backend *backend, const char *sql);
/* Columns of the bound statement: 0: none. */
void backend_describe(struct backend *backend, const char *sql);
void backend_execute(struct backend *backend);
/* One more step of what runs. */
void backend_run(struct backend *backend);
void backend_sync(struct backend *backend);
/* Nothing of what is not committed remains. */
void backend_roll_back(struct backend *backend);

#endif
