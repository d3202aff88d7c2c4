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

#include <stddef.h>

struct gather;
struct item;
struct step;

/* One reference's values: of a row, or of all. In the gather's arena. */
struct capture {
	struct capture *next; /* of the same step */
	struct str column;
	int64_t row;	     /* -1: all */
	size_t index;	     /* of the column; SIZE_MAX: there is none of this name */
	const char **values; /* NULL: SQL NULL */
	size_t count, capacity;
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

void depends_take_columns(struct step *step, const struct db_column *columns, size_t count);
/* 0 or -ENOMEM. */
int depends_take_row(struct step *step, const struct db_cell *cells) MUST_CHECK;

#endif
