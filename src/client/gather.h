/* SPDX-License-Identifier: PostgreSQL */
/*
 * libgather: sends sets of SQL queries to gatherd, which runs them at the same time, and reads the
 *answers.
 *
 *	struct gather *g = gather_new();
 *	struct gather_request *request = gather_request_new();
 *	struct gather_answer *answer;
 *
 *	gather_request_add(request, "orders", "select count(*) from orders where day = $1");
 *	gather_request_param_text(request, NULL, "2026-11-20");
 *	gather_request_add(request, "eu", "select * from stock where region = :region");
 *	gather_request_param_text(request, "region", "EU");
 *	if (gather_connect(g, NULL, 5000) < 0 || gather_run(g, request, -1, &answer) < 0)
 *		errx(1, "%s", gather_message(g));
 *	puts(gather_value_text(gather_answer_find(answer, "orders"), 0, 0));
 *	gather_answer_free(answer);
 *	gather_request_free(request);
 *	gather_free(g);
 *
 * Conventions. Functions that can fail return 0 or a negative enum gather_status; outputs (ret_…)
 *are untouched on failure. Text is UTF-8, terminated, and copied from the caller. Durations are
 *milliseconds in int64_t where the caller gives them, seconds in double where the daemon reports
 *them. A time to wait of -1 means: as long as it takes; 0: do not wait.
 *
 * An object and all that it handed out belong to one thread at a time; only gather_interrupt() may
 *be called from another thread or from a signal handler. The library starts no thread, installs no
 *signal handler, raises no SIGPIPE, prints nothing and keeps no global state.
 */
#ifndef GATHER_H
#define GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define GATHER_API	  __attribute__((visibility("default")))
#define GATHER_MUST_CHECK __attribute__((warn_unused_result))
#else
#define GATHER_API
#define GATHER_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct gather;		/* a connection to gatherd */
struct gather_request;	/* queries and options, to be sent any number of times */
struct gather_answer;	/* a combined answer: all results of a request */
struct gather_event;	/* one line of an answer */
struct gather_result;	/* what one item or step gave: columns and rows, steps, or an error */
struct gather_error;	/* why a query or a whole request failed */
struct gather_snapshot; /* what all queries of a request saw */

enum gather_status {
	GATHER_OK = 0,
	GATHER_INVALID = -1, /* the caller's mistake: an argument, a state, text that is no UTF-8 */
	GATHER_NO_MEMORY = -2,
	GATHER_UNREACHABLE = -3, /* no daemon at the path: nothing was sent */
	GATHER_TIMED_OUT = -4, /* nothing came in the time given; the request goes on, wait again or
				  cancel it */
	GATHER_INTERRUPTED =
		-5, /* gather_interrupt() was called; nothing is lost, the wait may be repeated */
	GATHER_LOST = -6,   /* the daemon went away before the answer: gather_effects() says what is
			       known */
	GATHER_CLOSED = -7, /* the daemon closed the connection, with nothing unanswered */
	GATHER_TOO_LARGE = -8, /* a line is longer than gather_set_max_line() allows; the connection
				  is closed */
	GATHER_GARBLED = -9,   /* the peer does not speak the protocol; the connection is closed */
	GATHER_REFUSED =
		-10, /* the daemon refused the whole request, nothing ran: gather_refusal() */
	GATHER_SYSTEM = -11 /* the operating system refused something: gather_message() */
};

/* What is known of the effects of what failed. */
enum gather_effects {
	GATHER_EFFECTS_NONE,   /* certainly nothing of it remains */
	GATHER_EFFECTS_DONE,   /* it completed, only its answer is missing */
	GATHER_EFFECTS_UNKNOWN /* it may have been executed */
};

/* The library's version, "0.1.0". */
GATHER_API const char *gather_version(void);

/* ---- the connection ---- */

/* A connection that is not open yet. NULL: no memory, or no file descriptor left. */
GATHER_API struct gather *gather_new(void) GATHER_MUST_CHECK;
/*
 * Closes and frees; takes NULL. The daemon cancels what the connection left unanswered. What the
 * connection handed out as const dies with it; answers live on.
 */
GATHER_API void gather_free(struct gather *gather);
/*
 * Connects to the Unix socket at `path`; NULL: $GATHERD_SOCKET, else /run/gatherd/gatherd.sock.
 * Waits only while the daemon's queue of connections is full. A connection that was open is closed
 * first, so this also reconnects. 0, GATHER_UNREACHABLE, GATHER_TIMED_OUT, GATHER_INVALID (a path
 * too long for a socket), GATHER_SYSTEM, GATHER_NO_MEMORY.
 */
GATHER_API int gather_connect(struct gather *gather, const char *path,
			      int64_t timeout_ms) GATHER_MUST_CHECK;
/* Why the last call failed, for people; never NULL. Lives until the next call on this connection.
 */
GATHER_API const char *gather_message(const struct gather *gather);
/*
 * After a failure of the connection: whether the requests that it left unanswered may have had an
 * effect. NONE when nothing of them was handed to the daemon, else UNKNOWN.
 */
GATHER_API enum gather_effects gather_effects(const struct gather *gather);
/* After GATHER_REFUSED: the daemon's reason. Else NULL. Lives until the next call on this
 * connection. */
GATHER_API const struct gather_error *gather_refusal(const struct gather *gather);
/* What `status` means, in a few words; static. */
GATHER_API const char *gather_status_text(int status);

/*
 * The longest line that is taken from the daemon, in bytes; 0: no limit. Default: 256 MiB. A
 * combined answer is one line, at most `max_answer` of the daemon's configuration; a streamed line
 * exceeds 32 KiB only for one row.
 */
GATHER_API void gather_set_max_line(struct gather *gather, size_t size_bytes);
/*
 * For programs with a loop of their own: poll the descriptor for reading, and for writing while
 * gather_wants_write(); when ready, call gather_next() with a time of 0 until it returns
 * GATHER_TIMED_OUT. -1 when not connected. Do not read, write or close it.
 */
GATHER_API int gather_fd(const struct gather *gather);
GATHER_API bool gather_wants_write(const struct gather *gather);
/*
 * Makes the call that waits on this connection, or else the next one that would, return
 * GATHER_INTERRUPTED once. Safe in signal handlers and from other threads, while the connection
 * object exists. It cancels nothing by itself: the thread that waited then calls gather_cancel(),
 * or gather_free().
 */
GATHER_API void gather_interrupt(struct gather *gather);
/* Requests sent and not answered to their end. */
GATHER_API size_t gather_unanswered(const struct gather *gather);

/* ---- requests ---- */

/* An empty request. NULL: no memory. */
GATHER_API struct gather_request *gather_request_new(void) GATHER_MUST_CHECK;
/* Takes NULL. */
GATHER_API void gather_request_free(struct gather_request *request);
/*
 * One more item: a query. `name` may be NULL; names of items are unique within a request. What
 * follows (parameters, database, timeout, limit of rows) belongs to this query. Like all functions
 * that build a request: 0, GATHER_INVALID or GATHER_NO_MEMORY; a failure sticks to the request, and
 * sending it fails in the same way, so that checking each call is optional.
 */
GATHER_API int gather_request_add(struct gather_request *request, const char *name,
				  const char *sql);
/*
 * One more item: steps that run in order on one connection, up to the first that fails, the others
 * being skipped. In a sequence each is a transaction of its own; a transaction commits all or
 * nothing. `name` as above. A database and a timeout that are set now are the whole item's. The
 * steps follow with gather_request_step(), at least one.
 */
GATHER_API int gather_request_sequence(struct gather_request *request, const char *name);
GATHER_API int gather_request_transaction(struct gather_request *request, const char *name);
/*
 * One more step of the last sequence or transaction, until another item is added; GATHER_INVALID
 * without one. `name` may be NULL and is a label only. Parameters, a timeout and a limit of rows
 * that follow are the step's.
 */
GATHER_API int gather_request_step(struct gather_request *request, const char *name,
				   const char *sql);

enum gather_isolation {
	GATHER_ISOLATION_DEFAULT, /* the database's */
	GATHER_ISOLATION_READ_COMMITTED,
	GATHER_ISOLATION_REPEATABLE_READ,
	GATHER_ISOLATION_SERIALIZABLE
};

/* How the transaction is begun; before its first step. */
GATHER_API int gather_request_transaction_modes(struct gather_request *request,
						enum gather_isolation isolation, bool read_only,
						bool deferrable);
/* Runs a report of the daemon instead of queries. Parameters added after it are the report's, each
 * with a name. */
GATHER_API int gather_request_report(struct gather_request *request, const char *name);

/*
 * One more parameter of the last query or step: the next of $1… when `name` is NULL, else :name. A
 * query has either kind, not both. Values are sent beside the SQL text, never pasted into it.
 */
GATHER_API int gather_request_param_text(struct gather_request *request, const char *name,
					 const char *text);
GATHER_API int gather_request_param_int64(struct gather_request *request, const char *name,
					  int64_t value);
/* NaN and infinities are sent as PostgreSQL spells them. */
GATHER_API int gather_request_param_double(struct gather_request *request, const char *name,
					   double value);
GATHER_API int gather_request_param_bool(struct gather_request *request, const char *name,
					 bool value);
GATHER_API int gather_request_param_null(struct gather_request *request, const char *name);
/* Any JSON: an array becomes a PostgreSQL array where the query wants one, else JSON text; an
 * object JSON text. */
GATHER_API int gather_request_param_json(struct gather_request *request, const char *name,
					 const char *json);
/*
 * A value from the rows of another query of the request: `from` is that item's name, `row` counts
 * from 0, and GATHER_WHOLE_COLUMN takes all of its rows as an array. The query waits for the other
 * one. Where that fails, or has no such row, it is not run and fails with `skipped`.
 */
#define GATHER_WHOLE_COLUMN (-1)
GATHER_API int gather_request_param_reference(struct gather_request *request, const char *name,
					      const char *from, const char *column, int64_t row);
/*
 * The last item's own database (a section of the daemon's configuration); steps have none. The last
 * item's or step's own time limit (> 0, from the request's arrival), which cannot extend the
 * request's.
 */
GATHER_API int gather_request_query_db(struct gather_request *request, const char *db);
GATHER_API int gather_request_query_timeout(struct gather_request *request, int64_t timeout_ms);
/* At most so many rows of the last query or step (> 0): PostgreSQL is stopped then, which is no
 * error. See gather_result_truncated(). */
GATHER_API int gather_request_query_max_rows(struct gather_request *request, int64_t count);

/* Options of the whole request; those not set take the daemon's defaults. NULL or 0 takes a setting
 * back. */
GATHER_API int gather_request_set_db(struct gather_request *request, const char *db);
/* After this the daemon cancels what is unfinished and answers `timeout` for it. */
GATHER_API int gather_request_set_timeout(struct gather_request *request, int64_t timeout_ms);
/* The first error cancels the other queries. */
GATHER_API int gather_request_set_cancel_on_error(struct gather_request *request, bool on);
/* At most so many of its queries at once. */
GATHER_API int gather_request_set_concurrency(struct gather_request *request, unsigned count);
/*
 * All queries see one state of the database, on however many connections: they run REPEATABLE READ
 * and READ ONLY. Not with sequences, transactions or two databases: the daemon refuses that.
 */
GATHER_API int gather_request_set_snapshot(struct gather_request *request, bool on);
/* Every value as PostgreSQL's own text ("t", not true). */
GATHER_API int gather_request_set_values_text(struct gather_request *request, bool on);
/* Results come as events while the queries run: any size in little memory. For gather_send(), not
 * gather_run(). */
GATHER_API int gather_request_set_stream(struct gather_request *request, bool on);

/* ---- running: the simple way ---- */

/*
 * Sends the request and waits for its combined answer, which the caller frees with
 * gather_answer_free(). Queries that failed do not make this fail: ask each result for its error.
 * Fails with GATHER_INVALID (also when other requests are unanswered, or for a streamed request),
 * GATHER_REFUSED, GATHER_LOST, GATHER_TIMED_OUT, GATHER_INTERRUPTED, GATHER_TOO_LARGE,
 * GATHER_GARBLED, GATHER_NO_MEMORY, GATHER_SYSTEM. After TIMED_OUT and INTERRUPTED the answer is
 * still to come: gather_next() gives it. To limit how long queries run, use
 * gather_request_set_timeout() rather.
 */
GATHER_API int gather_run(struct gather *gather, const struct gather_request *request,
			  int64_t timeout_ms, struct gather_answer **ret_answer) GATHER_MUST_CHECK;

/* ---- running: several requests, streams ---- */

/*
 * Queues the request and hands the socket what it takes without waiting; gather_next() sends the
 * rest. `ret_id` (may be NULL): what the request's events carry.
 */
GATHER_API int gather_send(struct gather *gather, const struct gather_request *request,
			   int64_t *ret_id) GATHER_MUST_CHECK;

enum gather_event_kind {
	GATHER_EVENT_ANSWER,	/* a combined answer, the last event of its request */
	GATHER_EVENT_REFUSED,	/* the whole request was refused, nothing ran: the last event of its
				   request */
	GATHER_EVENT_COLUMNS,	/* streams: a query's or step's columns, before its rows */
	GATHER_EVENT_ROWS,	/* some more rows of it */
	GATHER_EVENT_DONE,	/* it is complete */
	GATHER_EVENT_ERROR,	/* it failed; rows of it that came before are void */
	GATHER_EVENT_END,	/* all items are; the last event of a streamed request, and of
				   gather_listen() */
	GATHER_EVENT_LISTENING, /* gather_listen(): from now on nothing is missed */
	GATHER_EVENT_NOTIFICATION, /* somebody has notified */
	GATHER_EVENT_RESYNC	   /* notifications may have been missed: look for yourself */
};

/*
 * A sequence or transaction in a stream: each of its steps has its own events, with the step's
 * number; then one DONE or ERROR with the step -1 closes the item. Of a transaction only that one
 * says whether it was committed (gather_result_outcome()); rows of its steps may come before.
 */

/*
 * The next event of any request, in the order of arrival; events of different queries and requests
 * mix. It lives until the next call on this connection. 0, GATHER_TIMED_OUT, GATHER_INTERRUPTED,
 * GATHER_CLOSED, GATHER_LOST, GATHER_TOO_LARGE, GATHER_GARBLED, GATHER_NO_MEMORY, GATHER_SYSTEM,
 * GATHER_INVALID (not connected). A stream is complete only with its END.
 */
GATHER_API int gather_next(struct gather *gather, int64_t timeout_ms,
			   const struct gather_event **ret_event) GATHER_MUST_CHECK;
/*
 * Asks the daemon to cancel a request of this connection. Does not wait: the request is still
 * answered, with what is known of each query. 0, GATHER_INVALID (not connected), GATHER_NO_MEMORY.
 */
GATHER_API int gather_cancel(struct gather *gather, int64_t id);

/*
 * Listens to channels of PostgreSQL: LISTENING comes first, then a NOTIFICATION for each NOTIFY.
 * Names are taken as they are, at most 63 bytes and not empty; `db` may be NULL. It ends with END
 * after gather_cancel(); of an END that nobody asked for gather_event_error() says why. REFUSED
 * stands in the place of all these. A client that does not read gets RESYNC in the place of what it
 * missed. 0, GATHER_INVALID, GATHER_NO_MEMORY or as gather_send().
 */
GATHER_API int gather_listen(struct gather *gather, const char *const *channels, size_t count,
			     const char *db, int64_t *ret_id) GATHER_MUST_CHECK;

GATHER_API enum gather_event_kind gather_event_kind(const struct gather_event *event);
/* The id that gather_send() gave. */
GATHER_API int64_t gather_event_id(const struct gather_event *event);
/* COLUMNS, ROWS, DONE, ERROR: the item's place in its request, from 0. */
GATHER_API size_t gather_event_item(const struct gather_event *event);
/* The same: the step's place in its item, from 0; -1: the event is of the item itself. */
GATHER_API int64_t gather_event_step(const struct gather_event *event);
/* The same: the query's columns, these rows, its count and command, or its error. Else NULL. Lives
 * as long as the event. */
GATHER_API const struct gather_result *gather_event_result(const struct gather_event *event);
/* NOTIFICATION: the channel, the text that came with it ("" for none) and the process that sent it.
 * Else NULL and 0. Live as long as the event. */
GATHER_API const char *gather_event_channel(const struct gather_event *event);
GATHER_API const char *gather_event_payload(const struct gather_event *event);
GATHER_API int gather_event_pid(const struct gather_event *event);
/* REFUSED and ERROR, and END of gather_listen() that was not cancelled: why. Else NULL. */
GATHER_API const struct gather_error *gather_event_error(const struct gather_event *event);
/* ANSWER: as gather_run() gives it, but it lives only as long as the event. Else NULL. */
GATHER_API const struct gather_answer *gather_event_answer(const struct gather_event *event);
/* ANSWER and END: what all queries saw; NULL: the request asked for no snapshot, or none could be
 * had. Lives as long as the event. */
GATHER_API const struct gather_snapshot *gather_event_snapshot(const struct gather_event *event);
/* ANSWER and END: how many items failed. */
GATHER_API size_t gather_event_failed(const struct gather_event *event);
/* ANSWER and END: the whole time; DONE and ERROR: the query's. Seconds. */
GATHER_API double gather_event_elapsed_s(const struct gather_event *event);

/* ---- combined answers ---- */

/* Takes NULL. */
GATHER_API void gather_answer_free(struct gather_answer *answer);
/* Results, in the order of the items. */
GATHER_API size_t gather_answer_count(const struct gather_answer *answer);
/* How many of them are errors. */
GATHER_API size_t gather_answer_failed(const struct gather_answer *answer);
GATHER_API double gather_answer_elapsed_s(const struct gather_answer *answer);
/* NULL when out of range. Lives as long as the answer, as does all that comes from it. */
GATHER_API const struct gather_result *gather_answer_result(const struct gather_answer *answer,
							    size_t index);
/* By the item's name; NULL when there is none. */
GATHER_API const struct gather_result *gather_answer_find(const struct gather_answer *answer,
							  const char *name);
/* As gather_event_snapshot(), with the answer's life. */
GATHER_API const struct gather_snapshot *gather_answer_snapshot(const struct gather_answer *answer);
/* "id" (as pg_export_snapshot() gave it), "server", "lsn", "time"; NULL where it is not known. */
GATHER_API const char *gather_snapshot_field(const struct gather_snapshot *snapshot,
					     const char *field);
/* The server is a standby. */
GATHER_API bool gather_snapshot_in_recovery(const struct gather_snapshot *snapshot);

/* ---- results; a NULL result is an empty one ---- */

/* NULL when the query had none. */
GATHER_API const char *gather_result_name(const struct gather_result *result);
/* NULL when it went well. A sequence or transaction has its first failing step's, or what failed
 * beside the steps, such as COMMIT. */
GATHER_API const struct gather_error *gather_result_error(const struct gather_result *result);
/* Of a sequence or transaction, in a combined answer: its steps, in order; else 0 and NULL. A step
 * is a result like any other, with its label as its name; live as long as the result. */
GATHER_API size_t gather_result_steps(const struct gather_result *result);
GATHER_API const struct gather_result *gather_result_step(const struct gather_result *result,
							  size_t index);

enum gather_outcome {
	GATHER_OUTCOME_NONE, /* no transaction */
	GATHER_OUTCOME_COMMITTED,
	GATHER_OUTCOME_ROLLED_BACK, /* whatever its steps gave; gather_error_effects() of its error
				       is not NONE where one acted outside of it (setval, …) */
	GATHER_OUTCOME_UNKNOWN	    /* the answer to its COMMIT was lost */
};

/* How a transaction ended; of the item's result, or of the event that closes it. */
GATHER_API enum gather_outcome gather_result_outcome(const struct gather_result *result);
/* There were more rows than gather_request_query_max_rows() allowed. In streams: of DONE. */
GATHER_API bool gather_result_truncated(const struct gather_result *result);
/* Columns of a row set, also of an empty one; 0 for other statements and, in streams, for all but
 * the COLUMNS event. */
GATHER_API size_t gather_result_columns(const struct gather_result *result);
/* NULL when out of range. The type is PostgreSQL's name, "int8", "text[]"; the oid 0 when out
 * of range. */
GATHER_API const char *gather_result_column_name(const struct gather_result *result, size_t column);
GATHER_API const char *gather_result_column_type(const struct gather_result *result, size_t column);
GATHER_API uint32_t gather_result_column_oid(const struct gather_result *result, size_t column);
GATHER_API size_t gather_result_rows(const struct gather_result *result);
/* Rows given or affected; -1 where the command has no count. */
GATHER_API int64_t gather_result_count(const struct gather_result *result);
/* "SELECT", "INSERT", "CREATE TABLE"; NULL for an error. */
GATHER_API const char *gather_result_command(const struct gather_result *result);
/* Seconds: in the daemon's queue, and altogether. */
GATHER_API double gather_result_queued_s(const struct gather_result *result);
GATHER_API double gather_result_elapsed_s(const struct gather_result *result);

/* SQL NULL, or out of range. */
GATHER_API bool gather_value_is_null(const struct gather_result *result, size_t row, size_t column);
/*
 * The value as text: strings as they are, numbers with all their digits, true and false, JSON for
 * json values and arrays. NULL for SQL NULL, out of range, or when there is no memory.
 * gather_value_length() is its bytes, for values with \0 in them.
 */
GATHER_API const char *gather_value_text(const struct gather_result *result, size_t row,
					 size_t column);
GATHER_API size_t gather_value_length(const struct gather_result *result, size_t row,
				      size_t column);
/* Exact, or GATHER_INVALID: no integer, out of range, SQL NULL. */
GATHER_API int gather_value_int64(const struct gather_result *result, size_t row, size_t column,
				  int64_t *ret_value) GATHER_MUST_CHECK;
/* The nearest double, NaN and infinities included; GATHER_INVALID: no number, SQL NULL. */
GATHER_API int gather_value_double(const struct gather_result *result, size_t row, size_t column,
				   double *ret_value) GATHER_MUST_CHECK;
GATHER_API int gather_value_bool(const struct gather_result *result, size_t row, size_t column,
				 bool *ret_value) GATHER_MUST_CHECK;

/* ---- errors: of a result, an event or a refusal, with its life ---- */

/* "sql", "timeout", "cancelled", "bad_request", …: the protocol's codes. Never NULL. */
GATHER_API const char *gather_error_code(const struct gather_error *error);
GATHER_API const char *gather_error_message(const struct gather_error *error);
/* PostgreSQL's code of five characters; NULL when the error is not the server's. */
GATHER_API const char *gather_error_sqlstate(const struct gather_error *error);
GATHER_API enum gather_effects gather_error_effects(const struct gather_error *error);
/* Where in the SQL text, in characters from 1; 0: not known. */
GATHER_API int gather_error_position(const struct gather_error *error);
/* Of a report's query: the line of the report's file, from 1; else 0. */
GATHER_API int gather_error_line(const struct gather_error *error);
/* Any other text: "severity", "detail", "hint", "context", "schema", "table", "column",
 * "constraint", "parameter" (the name of the one that is at fault), "key"; or NULL. */
GATHER_API const char *gather_error_field(const struct gather_error *error, const char *field);
/* Worth running again: it had no effect, and its reason may pass. */
GATHER_API bool gather_error_may_retry(const struct gather_error *error);

/* ---- lines: the protocol itself, for requests that this header has no function for ---- */

/*
 * Queues one request line (with or without its newline; no newline within). While lines sent this
 * way are unanswered, read with gather_receive_line() only, and match the answers yourself.
 */
GATHER_API int gather_send_line(struct gather *gather, const char *line,
				size_t len) GATHER_MUST_CHECK;
/*
 * The next line, without its newline, terminated. It lives until the next call on this connection.
 * As gather_next(), but GATHER_CLOSED also stands for the end after gather_finish().
 */
GATHER_API int gather_receive_line(struct gather *gather, int64_t timeout_ms, const char **ret_line,
				   size_t *ret_len) GATHER_MUST_CHECK;
/* Says that no more requests come, once all is sent: the daemon answers what it has, then closes.
 */
GATHER_API int gather_finish(struct gather *gather);

#ifdef __cplusplus
}
#endif

#endif
