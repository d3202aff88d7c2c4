/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the files of one connection share: conn.c is its life, conn_send.c what goes out,
 * conn_receive.c what comes back, conn_results.c whose it is, conn_finish.c how a query ends,
 * conn_batch.c both of batches, conn_cancel.c how one is stopped. All but conn_stop_query run in
 * the driver.
 */
#ifndef DB_CONN_PARTS_H
#define DB_CONN_PARTS_H

#include "db/batch.h"
#include "db/conn.h"

/* ---- conn_send.c ---- */

/* Sends what waits, in order; not while a cancel is on its way. */
void conn_send_unsent(struct conn *conn);
/* Before the connection's own commands, and after them, a negative number being a failure: their
 * Sync. */
void conn_begin_session(struct conn *conn);
/* A Sync of nothing, before them: its answer tells how far away the server is. */
void conn_send_probe(struct conn *conn);
void conn_send_session(struct conn *conn, int commands);
void conn_flush(struct conn *conn);
/* A text as its plan says. The number of commands, or negative: libpq took them not, or not all. */
int conn_send_planned(struct conn *conn, const struct prepared_plan *plan, const char *sql,
		      const char *const *values, size_t count);
/* The query and what it needs, without a Sync: the number of commands, or negative: libpq took them
 * not, or not all. */
int conn_send_statement(struct conn *conn, struct db_query *query);
/* All is written once a turn. */
bool conn_send_sync(PGconn *pg);
/* How rows of the next command come: while that is open. */
void conn_choose_mode(struct conn *conn);
/* Another query's results come next, or nobody's. */
void conn_head_changed(struct conn *conn);
/* How long the head has had its turn in the server. */
int64_t conn_turn_ns(const struct conn *conn);

/* ---- conn_receive.c ---- */

/* Takes all results that are there. */
void conn_receive(struct conn *conn);
/* libpq's notice receiver; `arg` is the connection. */
void conn_on_notice(void *arg, const PGresult *result);

/* What a dying server said: everybody's reason. */
void conn_note_last_words(struct conn *conn, const PGresult *result);

/* ---- conn_results.c ---- */

/* Whose results come next; NULL: nobody's, or the connection's own. */
static inline struct db_query *conn_head_query(const struct conn *conn)
{
	const struct segment *head = results_head(&conn->results);

	return head == NULL ? NULL : head->query;
}
/* What PQgetResult returned goes to the head's query. Takes it over. */
void conn_take_result(struct conn *conn, PGresult *result);
/* One that had to wait for its columns' types. */
void conn_take_held(struct conn *conn);
/* libpq's own words, not the server's: it had no memory for an answer, made no sense of it, or the
 * connection is gone. */
bool conn_made_up(const PGresult *result);
/* The server's last words. */
bool conn_ends_session(const PGresult *result);

/* ---- conn_finish.c ---- */

/* Whether what the session reports is what it is to be. */
bool conn_session_holds(const struct conn *conn);
/* Never sent, since it was stopped before. */
void conn_refuse_stopped(struct db_query *query);
/* A batch of which one query was stopped goes out not at all. */
void conn_refuse_batch(struct conn *conn, struct db_query *first);
/* At its Sync: done, or back into the queue. */
void conn_finish_query(struct conn *conn, struct db_query *query);
void conn_finish_batch(struct conn *conn, struct db_query *first);
/* What was not sent goes back to the queue, or is refused: by now nobody wants it, or its lease is
 * over with the connection. */
void conn_give_back_unsent(struct conn *conn);
/* Back into the queue, as if it had never been sent. */
void conn_run_again(struct conn *conn, struct db_query *query);
/* Its prepared statement was of no use: it is to be run as text. */
bool conn_was_stale(struct conn *conn, struct db_query *query, bool not_prepared);
/* All of its rows are known to be its own: they go to its sink, and it is answered. */
void conn_answer(struct db_query *query);
/* The connection is gone: every query that waits for it gets its answer. */
void conn_fail_queries(struct conn *conn);

/* ---- conn_batch.c ---- */

/* On a connection of a read-only database that is shared: sends what waits as batches, but for one
 * that needs none, which stays. */
void conn_send_batches(struct conn *conn);
/* At its Sync: each is answered or goes back into the queue. Frees the batch. */
void conn_finish_reads(struct conn *conn, struct batch *batch);
/* The connection is gone. Frees the batch. */
void conn_lose_reads(struct conn *conn, struct batch *batch,
		     void (*lose)(struct conn *, struct db_query *));

/* ---- conn_cancel.c ---- */

/* Whether somebody wants the end of what runs now. */
bool conn_cancel_wanted(const struct conn *conn);
/* When to ask the server for it; CLOCK_NEVER: not, or it has been asked. */
int64_t conn_cancel_due_ns(const struct conn *conn);
/* Only when it is due. */
void conn_start_cancel(struct conn *conn);
/* The server is heard of: what it sends before the end is waited for. */
void conn_cancel_goes_on(struct conn *conn);

#endif
