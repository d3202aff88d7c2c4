/* SPDX-License-Identifier: PostgreSQL */
/*
 * One query from submission to its outcome, as the daemon sees it. The caller owns the struct, and
 * all that it points to, until db_execute has returned; no connection touches it after that.
 */
#ifndef DB_QUERY_H
#define DB_QUERY_H

#include "base/err.h"
#include "base/list.h"
#include "base/macros.h"
#include "db/hold.h"
#include "db/results.h"
#include "sqltext/classify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct batch;
struct co_task;
struct conn;
struct db_type;
struct pool;
struct queue;
struct queue_request;
struct statement;

struct db_column {
	const char *name;
	uint32_t oid;
	const struct db_type *type; /* of types that are not PostgreSQL's own (see db/types.h);
				       NULL: one of those, or unknown */
};

struct db_cell {
	const char *text; /* NULL: SQL NULL */
	size_t len;
};

/*
 * Where rows go, as they arrive. Called by the connection's driver: must not wait. What it is given
 * dies with the call. 0: go on. DB_SINK_PAUSE: read nothing more until db_query_resume(). Negative:
 * stop the query in the server and drop what still comes; the outcome is then `stopped_by_sink`.
 */
enum { DB_SINK_PAUSE = 1 };
struct db_sink {
	int (*columns)(void *ctx, const struct db_column *columns, size_t count);
	int (*row)(void *ctx, const struct db_cell *cells, size_t count);
	void *ctx;
};

/* Whose a query is: the queue is fair between users, then their connections, then their requests.
 */
struct db_owner {
	uint64_t user;
	uint64_t client;
	uint64_t request;
};

enum db_query_kind {
	DB_QUERY_EXECUTE,
	DB_QUERY_DESCRIBE, /* only tells the types of the parameters */
	DB_QUERY_LEASE	   /* asks for a connection to itself: db/lease.h */
};

enum db_query_state {
	DB_QUERY_NEW,
	DB_QUERY_QUEUED,   /* in the pool's queue */
	DB_QUERY_ASSIGNED, /* in conn->unsent */
	DB_QUERY_RUNNING,  /* sent: in conn->results */
	DB_QUERY_HELD,	   /* over, but for results that its sink has not taken yet */
	DB_QUERY_DONE
};

/* Why we made the server stop it. The first reason counts. */
enum db_query_stop { DB_STOP_NONE, DB_STOP_TIMEOUT, DB_STOP_CANCELLED, DB_STOP_SINK };

struct db_query {
	/* ---- the caller's ---- */
	enum db_query_kind kind;
	const char *sql;
	const char *const *values; /* text of $1…; NULL: SQL NULL */
	size_t value_count;
	struct sql_class class;
	struct db_sink sink;
	struct db_owner owner;
	struct arena *arena;	/* for texts of the outcome */
	size_t row_limit_bytes; /* a larger row ends the query with ERR_TOO_LARGE; 0: 1 MiB */
	bool whole;		/* nobody sees a row before all have come, and together they keep to
				   row_limit_bytes: they may come in chunks */
	size_t hold_limit_bytes; /* of results that wait for a paused sink where others must not
				    wait; at least HOLD_BYTES_MIN */

	/* ---- the outcome ---- */
	struct err err;	       /* ERR_NONE: it went well */
	bool has_rows;	       /* a row set came, even an empty one */
	bool never_ran;	       /* err: the server refused it before it did any of it */
	bool stopped_by_sink;  /* err then tells the effects; the caller knows the reason */
	const char *command;   /* "SELECT", "CREATE TABLE"; NULL: none came */
	int64_t count;	       /* rows given or affected; -1: the command has none */
	uint32_t *param_types; /* DESCRIBE: in the arena */
	size_t param_count;
	int64_t sent_ns;    /* when it went to the server; 0: never */
	int64_t queued_ns;  /* from submission to being sent */
	int64_t elapsed_ns; /* from submission to the end */

	/* ---- private to db ---- */
	enum db_query_state state;
	enum db_query_stop stop;
	struct pool *pool;
	struct conn *conn;    /* ASSIGNED, RUNNING */
	struct co_task *task; /* waits in db_execute */
	struct list node;     /* QUEUED: in its request's queue; ASSIGNED: in conn->unsent */
	struct list batch; /* of the first of a batch: the batch_node of the others; else empty */
	struct list batch_node; /* also of those in one struct batch */
	struct batch *in_batch; /* RUNNING: its read-only transaction with others; NULL: none */
	unsigned batch_first, batch_own; /* its commands there, of which the last is itself */
	struct queue *queue;		 /* QUEUED */
	struct queue_request *queue_request;
	struct list alike;	     /* QUEUED, for a connection to itself: statement->waiting */
	struct statement *statement; /* NULL: not one that is remembered */
	struct segment segment;	     /* RUNNING */
	struct db_cell *cells;	     /* of one row, in the arena */
	size_t column_count;
	int64_t rows_given;
	size_t result_bytes;
	struct hold hold;
	bool holding;	  /* results go to `hold` */
	bool sink_paused; /* … which it may not have before db_query_resume() */
	bool alone;	  /* not on a shared connection again */
	bool overheld;	  /* more came than `hold` may have */
	bool orphan;	  /* the rest of one that was answered before its end: nobody waits */
	bool completed;	  /* its command has ended well; only the Sync is missing */
	bool named;	  /* sent by the name of a prepared statement */
	bool prepares;	  /* … which was to be prepared first, in the same segment */
	bool drops;	  /* before that another was to be dropped */
	bool unprepared;  /* run it as text */
	bool exposed;	  /* in a batch: its sink has rows before the COMMIT */
	bool undone;	  /* its batch was rolled back */
	bool bounced;	  /* once sent behind a batch that failed, and refused unread */
	bool stale;   /* err: the prepared statement is of no use any more; nothing was executed */
	bool skipped; /* an earlier one of its batch failed: it was never run */
	bool discard; /* nothing more goes to the sink */
	bool dropped; /* something did not: what the sink has is not whole */
	int64_t submitted_ns, deadline_ns;
	bool deadline_pushed; /* the server has it too, with a margin */
};

/*
 * Waits. Runs the query on one of the pool's connections; the outcome is in the query. The deadline
 * and a cancel of the calling task end it in the server too: it then returns when the query's fate
 * is known, at the latest after a grace time. Always 0 or -ECANCELED (the caller was cancelled; the
 * outcome is set all the same).
 */
int db_execute(struct pool *pool, struct db_query *query, int64_t deadline_ns);
/* After a sink paused it. Harmless when it did not. */
void db_query_resume(struct db_query *query);
/* Its caller wants nothing more of its rows: as if its sink had refused the next one. */
void db_query_drop(struct db_query *query);

/* What is said of one that was given up while it waited for a connection; static, of no arena. */
void db_query_set_unsent(struct err *ret_err, bool timed_out);

/* ---- for the other files of db/ ---- */

/* Begins its life in a pool, for the current task. */
void query_submitted(struct db_query *query, struct pool *pool);
/* The one behind `query`; NULL: it is the last. */
struct db_query *query_next_in_batch(struct db_query *first, struct db_query *query);
/* Waits for its end, as db_execute does; it has been handed to a connection or to the queue. */
int query_await(struct db_query *query, int64_t deadline_ns);
void query_finish(struct db_query *query);
/* Sets what a query ends with whose connection is gone. `reason`: what is known, may be NULL. */
void query_lost(struct db_query *query, const char *reason);
/*
 * Takes over what is still to come of a query that is running, so that it can be answered now. NULL
 * without memory. The query itself is then to be finished.
 */
struct db_query *query_orphan(struct db_query *query, enum db_query_stop reason);
/* Takes account of how long it ran. */
void query_note_history(struct db_query *query, int64_t elapsed_ns);
/* Gives its sink what it holds, until that pauses. */
void query_give_held(struct db_query *query);
/* What an error that the server reported says of effects. */
enum err_effects query_error_effects(const struct db_query *query);
/* Whether it ended with 57014, which our cancel brings about. */
bool query_was_cancelled(const struct db_query *query);
/* Replaces a 57014 that we caused by what we meant. */
void query_apply_stop(struct db_query *query);

#endif
