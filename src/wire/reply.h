/* SPDX-License-Identifier: PostgreSQL */
/*
 * The pieces that answers are made of, as functions that append to a buffer. They know the
 * protocol's shapes, nothing of sessions or databases. Errors are the buffer's (buf_error).
 */
#ifndef WIRE_REPLY_H
#define WIRE_REPLY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "wire/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply_style {
	bool row_objects; /* "rows": "objects" */
	bool values_text; /* "values": "text" */
};

struct reply_column {
	struct str name;
	const struct value_type *type; /* never NULL */
};

struct reply_cell {
	const char *text; /* NULL: SQL NULL */
	size_t len;
};

/* What a row set needs to be encoded fast: made once, used for every row. In the arena. */
struct reply_shape {
	struct reply_style style;
	const struct reply_column *columns;
	size_t column_count;
	/* For objects: `{"id":` `,"id:2":` … escaped. The nth column of a name is name:n, or the
	 * next number that makes it unlike every other column. */
	struct str *prefixes;
};

/* 0 or -ENOMEM. `columns` must live as long as the shape. */
int reply_shape_make(struct arena *arena, struct reply_style style,
		     const struct reply_column *columns, size_t column_count,
		     struct reply_shape *ret_shape) MUST_CHECK;
/* [{"name":"count","type":"int8","oid":20},…] */
void reply_write_columns(struct buf *out, const struct reply_shape *shape);
/* "columns":[…],"rows":[ — rows follow, comma separated: the table of an outcome. */
void reply_write_table_head(struct buf *out, const struct reply_shape *shape);
/* One row: [42,"x"] or {"a":42,"b":"x"}. */
void reply_write_row(struct buf *out, const struct reply_shape *shape,
		     const struct reply_cell *cells);

/* {"code":…,"message":…,"effects":…,…}; bad_request with `key`. */
void reply_write_error(struct buf *out, const struct err *err);
/* A whole line {"id":ID,"error":{…}} with its newline. `id` is JSON text. */
void reply_write_error_line(struct buf *out, struct str id, const struct err *err);

/* How a transaction ended; the words are the protocol's. */
enum reply_transaction {
	REPLY_NO_TRANSACTION,
	REPLY_COMMITTED,
	REPLY_ROLLED_BACK,
	REPLY_UNKNOWN /* its COMMIT may or may not have worked */
};

/* How an item or a step ended, for `results` and for the `done` and `error` events. */
struct reply_outcome {
	struct str name; /* absent: none (object results and streams write it as their key) */
	bool has_rows;	 /* a row set, even an empty one */
	/* What reply_write_table_head() wrote, and the rows; combined answers only.
	 * reply_outcome_begin() and _finish() do without. */
	struct str table;
	int64_t count;	    /* rows given or affected; -1: the command has no count */
	struct str command; /* "SELECT", "INSERT", "CREATE TABLE"; absent: left out */
	bool truncated;	    /* stopped at max_rows */
	enum reply_transaction transaction;
	const struct err *err; /* NULL: it went well, else no rows, count and command */
	int64_t queued_ns, elapsed_ns;
};

/* {"name":…,"columns":[…],"rows":[[…]],"count":1,"command":"SELECT","queued":0.0001,"elapsed":0.0021}
 */
void reply_write_outcome(struct buf *out, const struct reply_outcome *outcome);
/* The same around a table that is not to be copied: what stands before it, and what behind. */
void reply_outcome_begin(struct buf *out, const struct reply_outcome *outcome);
void reply_outcome_finish(struct buf *out, const struct reply_outcome *outcome);

/*
 * A sequence or a transaction: {"name":…,"steps":[ — the steps' outcomes, comma separated —
 * ],"error":{…},"outcome":"rolled_back","queued":0.0,"elapsed":0.004}. The outcome is the whole
 * item's: its rows, count and command are not looked at.
 */
void reply_steps_begin(struct buf *out, const struct reply_outcome *outcome);
void reply_steps_finish(struct buf *out, const struct reply_outcome *outcome);

/* What every query of a gather with `snapshot` saw. What is absent is left out. */
struct reply_snapshot {
	struct str id;	   /* as pg_export_snapshot() gave it */
	struct str server; /* host:port, or the path of a socket */
	struct str lsn;	   /* as pg_lsn is written */
	struct str time;   /* when it was taken, as timestamptz is written */
	bool in_recovery;  /* the server is a standby */
};

/* {"id":7,"ok":false,"failed":1,"elapsed":2.0008,"snapshot":{…},"results": — then [ or {, the
 * outcomes, ] or }, then "}\n" by the caller. snapshot NULL: none */
void reply_write_combined_head(struct buf *out, struct str id, size_t failed, int64_t elapsed_ns,
			       const struct reply_snapshot *snapshot);

/* Lines of a streamed answer, each with its newline. */
struct reply_event_place {
	struct str id; /* JSON text */
	size_t item;
	bool has_step; /* it is of a step, else of the item itself */
	size_t step;   /* from 0 */
	struct str
		name; /* absent: none; else the item's, or the step's label where it is of a step */
};
void reply_event_columns(struct buf *out, const struct reply_event_place *place,
			 const struct reply_shape *shape);
/* Opens a rows line up to its `[`; rows follow, comma separated; then reply_event_rows_end. */
void reply_event_rows_begin(struct buf *out, const struct reply_event_place *place);
void reply_event_rows_end(struct buf *out);
/*
 * "done" or, with outcome->err, "error". Of a sequence or a transaction the one without a step
 * comes last and closes the item; its count is -1 and it has no command.
 */
void reply_event_outcome(struct buf *out, const struct reply_event_place *place,
			 const struct reply_outcome *outcome);
/* snapshot NULL: none */
void reply_event_end(struct buf *out, struct str id, size_t failed, int64_t elapsed_ns,
		     const struct reply_snapshot *snapshot);

/* Lines of a listen, each with its newline. Text is terminated; it may be no UTF-8. */
void reply_event_listening(struct buf *out, struct str id, const char *database,
			   const char *const *channels, size_t count);
void reply_event_notification(struct buf *out, struct str id, const char *channel,
			      const char *payload, int pid);
void reply_event_resync(struct buf *out, struct str id);
/* err NULL: its client has ended it */
void reply_event_listen_end(struct buf *out, struct str id, int64_t elapsed_ns,
			    const struct err *err);

#endif
