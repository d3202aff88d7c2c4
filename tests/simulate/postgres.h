/* SPDX-License-Identifier: PostgreSQL */
/*
 * A scripted PostgreSQL: a postmaster that takes connections and cancel requests, and its backends,
 * which speak protocol 3. What a statement does stands in its text, as 'sim KEY=VALUE …'; each row
 * tells whose it is.
 */
#ifndef SIMULATE_POSTGRES_H
#define SIMULATE_POSTGRES_H

#include "simulate/kernel.h"
#include "simulate/ledger.h"
#include "simulate/world.h"

enum { POSTGRES_SERVERS = 2, POSTGRES_BACKENDS = 256 };

enum postmaster_state {
	POSTMASTER_UP,
	POSTMASTER_AWAY,     /* connects are refused */
	POSTMASTER_STARTING, /* 57P03 */
	POSTMASTER_FULL,     /* 53300 */
	POSTMASTER_FROZEN    /* takes connections, and nothing more happens */
};

struct postmaster {
	struct world *world;
	unsigned number;
	enum postmaster_state state;
	struct backend *backends[POSTGRES_BACKENDS]; /* all that ever were */
	unsigned backend_count;
	unsigned boots;		/* a snapshot of one is not known to the next */
	int64_t version;	/* of the data: each committed write is another one */
	int64_t cancel_late_ns; /* how long a cancel request may take */
	unsigned forget_one_in; /* prepared statements that are suddenly gone; 0: never */
	bool bytewise;		/* delivers its answers in pieces */
};

struct postgres {
	struct postmaster postmasters[POSTGRES_SERVERS];
};

enum backend_end {
	BACKEND_FINISHED, /* it is told to end, with 57P01 */
	BACKEND_CRASHED,  /* 57P02 as a warning, as when another backend has died */
	BACKEND_HUNG_UP,  /* the end of the stream, without a word */
	BACKEND_RESET,	  /* the path is cut */
	BACKEND_BABBLES,  /* bytes that are no protocol */
	BACKEND_REPEATS,  /* the last Sync is answered twice */
	BACKEND_ENDS,
};

struct postgres *postgres_new(struct world *world);
/* What the kernel asks when the daemon connects to a path. */
int postgres_connect(void *ctx, struct kernel_socket *socket, const char *path);
void postmaster_set_state(struct postmaster *postmaster, enum postmaster_state state);

/* Told to those who listen, as somebody commits it. False: nobody can, for the server is away. */
bool postmaster_notify(struct postmaster *postmaster, const char *channel, const char *payload);
/* Sessions that are open. */
unsigned postmaster_sessions(const struct postmaster *postmaster);
/* NULL when there is none. */
struct backend *postmaster_any_backend(struct postmaster *postmaster);
struct backend *postmaster_listening_backend(struct postmaster *postmaster);

/* ---- backend.c ---- */

struct backend *backend_new(struct postmaster *postmaster, struct kernel_socket *socket);
/* It is there, and the daemon has not hung up. */
bool backend_is_open(const struct backend *backend);
bool backend_is(const struct backend *backend, int32_t pid, int32_t secret);
void backend_cancel(struct backend *backend);
void backend_end(struct backend *backend, enum backend_end how);
void backend_notify(struct backend *backend, const char *channel, const char *payload);
/* Does nothing until then; not even a cancel reaches it. */
void backend_freeze(struct backend *backend, int64_t duration_ns);

#endif
