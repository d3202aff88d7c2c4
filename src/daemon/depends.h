/* SPDX-License-Identifier: PostgreSQL */
/*
 * Items that take values from other items: keeps the values that are asked for as the rows go by,
 * lets an item start when those that it names have ended, and tells what is missing.
 */
#ifndef DAEMON_DEPENDS_H
#define DAEMON_DEPENDS_H

#include "base/macros.h"
#include "db/query.h"
#include "wire/reply.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather;
struct item;
struct step;

/* What one reference asks for: values of a row, or of all. In the gather's arena. */
struct capture {
	struct str column;
	int64_t row;	     /* -1: all */
	bool found;	     /* the result has such a column */
	const char **values; /* NULL: SQL NULL */
	size_t count, capacity;
};

/* A column that references ask for: its captures, and the row of which the next of them is. */
struct capture_column {
	size_t index; /* in the result */
	struct capture *next, *end;
	struct capture *all; /* of the whole column; NULL: nobody asks for it */
};

/*
 * All that references ask of one step. A request may have as many as its line has room for, so
 * nothing here may walk all of them for each row or for each other.
 */
struct captures {
	struct capture *list; /* by column, then row; each once */
	size_t count;
	struct capture_column *columns; /* those that the result has */
	size_t column_count;
};

/* Prepares the sources of all references: 0 or -ENOMEM. */
int depends_init(struct gather *gather) MUST_CHECK;
/* Those that waited for this one alone may start. */
void depends_item_ended(struct gather *gather, const struct item *item);
/* NULL, or why the item cannot run: a source that failed, a missing row or column. Static or in the
 * arena. */
const char *depends_missing(const struct item *item);
/* A params_reference_fn; `ctx` is the gather. Nothing may be missing. */
int depends_value(void *ctx, const struct request_reference *reference, const char **ret_text);

/* ---- for step.c ---- */

/* 0 or -ENOMEM. */
int depends_take_columns(struct step *step, const struct db_column *columns,
			 size_t count) MUST_CHECK;
/* 0 or -ENOMEM. */
int depends_take_row(struct step *step, const struct db_cell *cells) MUST_CHECK;

#endif
