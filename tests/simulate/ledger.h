/* SPDX-License-Identifier: PostgreSQL */
/*
 * What was asked, what the servers really did, and what was answered. The servers write the truth
 * down as it happens; each answer is judged against it (answers.c), and the whole at the end.
 */
#ifndef SIMULATE_LEDGER_H
#define SIMULATE_LEDGER_H

#include "base/str.h"
#include "simulate/listens.h"
#include "simulate/world.h"

enum {
	LEDGER_STEPS = 512,
	LEDGER_REQUESTS = 64,
	LEDGER_FIRST_REQUEST = 16, /* smaller numbers are those of lines */
	LEDGER_ITEMS_A_REQUEST = 8,
	LEDGER_STEPS_AN_ITEM = 4
};

enum step_kind {
	STEP_READ,
	STEP_WRITE,
	STEP_SET, /* leaves something in its session */
	STEP_CALL /* commits by itself: what it did stays, whatever comes then */
};

enum item_kind { ITEM_QUERY, ITEM_SEQUENCE, ITEM_TRANSACTION };

struct plan_request;
struct plan_item;

struct plan_step {
	unsigned number; /* its identity: in its text or its first parameter, and in each row */
	struct plan_request *request;
	struct plan_item *item;
	enum step_kind kind;
	unsigned rows, max_rows;
	const char *sqlstate; /* NULL: it succeeds */
	bool deferred;	      /* its error comes at the end of its transaction */
	int64_t timeout_ns;
	struct plan_step *source; /* a row of it is a parameter */
	unsigned source_row;

	/* the truth */
	unsigned begun, completed, committed, interrupted;
	unsigned undone;  /* it failed in a batch, or was rolled back for another there */
	unsigned backend; /* that ran it last */
	unsigned order;	  /* of all that began */

	/* the answer */
	bool answered, failed;
	bool skipped;  /* for another's sake: judged with its item */
	bool doubtful; /* its connection was given up: it may still run */
	unsigned rows_given;
	bool shape_given;
	int64_t version; /* that its rows tell; -1: none */
};

struct plan_item {
	enum item_kind kind;
	unsigned database;
	int64_t timeout_ns;
	struct plan_step *steps[LEDGER_STEPS_AN_ITEM];
	unsigned step_count;
	bool answered, failed;
};

struct plan_request {
	unsigned id;
	unsigned client;
	unsigned line; /* of its client's; 0: not yet sent */
	struct plan_item items[LEDGER_ITEMS_A_REQUEST];
	unsigned item_count;
	bool stream, snapshot, fail_fast;
	bool report;  /* its items are stored queries */
	bool refused; /* there is no such report, or a parameter is missing */
	int64_t timeout_ns;
	const char *text;

	int64_t sent_ns; /* 0: not yet */
	bool cancelled;	 /* the client has asked for its end */
	bool abandoned;	 /* the client is gone */
	unsigned answers;
};

/* A notification that was committed. */
struct plan_note {
	unsigned server, channel;
	int64_t sent_ns;
};

struct plan_listen {
	unsigned id, client, server;
	unsigned channels; /* a bit for each */
	unsigned line;	   /* of its client's; 0: not yet sent */
	bool established, cancelled, ended, abandoned;
	unsigned last;	     /* that it has had; 0: none */
	unsigned whole_from; /* those after this one have to come */
};

struct ledger {
	struct plan_step steps[LEDGER_STEPS];
	unsigned step_count;
	struct plan_request requests[LEDGER_REQUESTS];
	unsigned request_count;
	unsigned begun_count;
	struct plan_listen listens[LISTENS_MAX];
	unsigned listen_count;
	struct plan_note notes[LISTENS_NOTES]; /* from 1 */
	unsigned note_count;
	/* What may excuse an answer. */
	bool faults;	   /* some server or path has failed at some time */
	bool stopping;	   /* the daemon was told to end */
	bool reloaded;	   /* databases may have been replaced */
	bool memory_short; /* allocations have failed at some time */
	int64_t default_timeout_ns;
};

void ledger_begin(struct world *world);
/* What a server has rolled back of a read-only transaction may be run again. */
void ledger_step_undone(struct world *world, struct plan_step *step);
struct plan_step *ledger_step(struct world *world, unsigned number);
struct plan_request *ledger_request(struct world *world, unsigned id);

/* ---- what the servers tell ---- */

/* `heard`: the daemon will hear of it; a session that it has given up may still do what it was
 * told. */
void ledger_step_begins(struct world *world, struct plan_step *step, unsigned backend, bool heard);
void ledger_step_interrupted(struct world *world, struct plan_step *step);
void ledger_step_commits(struct world *world, struct plan_step *step);

/* ---- what the clients got ---- */

/* Whether it was (a part of) the answer to a gather. */
bool ledger_answer(struct world *world, unsigned client, struct str line);
/* Of all that was asked: at the end of the schedule. */
void ledger_close(struct world *world);

/* When it has to be over at the latest; CLOCK_NEVER: no limit. */
int64_t ledger_deadline_ns(const struct world *world, const struct plan_step *step);

#endif
