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
/* One row: [42,"x"] or {"a":42,"b":"x"}. */
void reply_write_row(struct buf *out, const struct reply_shape *shape,
		     const struct reply_cell *cells);

/* {"code":…,"message":…,"effects":…,…}; bad_request with `key`. */
void reply_write_error(struct buf *out, const struct err *err);
/* A whole line {"id":ID,"error":{…}} with its newline. `id` is JSON text. */
void reply_write_error_line(struct buf *out, struct str id, const struct err *err);

/* How an item ended, for `results` and for the `done` event. */
struct reply_outcome {
	struct str name;    /* absent: none (object results and streams write it as their key) */
	bool has_rows;	    /* a row set, even an empty one */
	struct str columns; /* JSON text of reply_write_columns; combined answers only */
	struct str rows;    /* JSON text of the rows, comma separated; combined answers only */
	int64_t count;	    /* rows given or affected; -1: the command has no count */
	struct str command; /* "SELECT", "INSERT", "CREATE TABLE"; absent: left out */
	bool truncated;
	const struct err *err; /* NULL: it went well, else only name, queued, elapsed count */
	int64_t queued_ns, elapsed_ns;
};

/* {"name":…,"columns":[…],"rows":[[…]],"count":1,"command":"SELECT","queued":0.0001,"elapsed":0.0021}
 */
void reply_write_outcome(struct buf *out, const struct reply_outcome *outcome);

/* Lines of a streamed answer, each with its newline. */
struct reply_event_place {
	struct str id; /* JSON text */
	size_t item;
	struct str name; /* absent: none; else "name" is written after "item" */
};
void reply_event_columns(struct buf *out, const struct reply_event_place *place,
			 const struct reply_shape *shape);
/* Opens a rows line up to its `[`; rows follow, comma separated; then reply_event_rows_end. */
void reply_event_rows_begin(struct buf *out, const struct reply_event_place *place);
void reply_event_rows_end(struct buf *out);
/* "done" or, with outcome->err, "error". */
void reply_event_outcome(struct buf *out, const struct reply_event_place *place,
			 const struct reply_outcome *outcome);
void reply_event_end(struct buf *out, struct str id, size_t failed, int64_t elapsed_ns);

/* {"id":7,"ok":false,"failed":1,"elapsed":2.0008,"results": — then [ or {, the outcomes, ] or },
 * then "}\n" by the caller */
void reply_write_combined_head(struct buf *out, struct str id, size_t failed, int64_t elapsed_ns);

#endif
