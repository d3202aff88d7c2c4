/* SPDX-License-Identifier: PostgreSQL */
/*
 * How columns become an answer's shape. Items of a gather are often alike, so the last shape is
 * kept: who has the same columns takes it over, with what was written of it.
 */
#ifndef DAEMON_SHAPES_H
#define DAEMON_SHAPES_H

#include "base/macros.h"
#include "base/str.h"
#include "db/query.h"
#include "wire/reply.h"

#include <stddef.h>

struct arena;
struct types;

/* Of a gather, in its arena. Zeroed at first. */
struct shapes {
	struct reply_shape last; /* without columns: none */
	struct str head;	 /* its table's; absent: not written yet */
};

/* 0 or -ENOMEM. */
int shapes_make(struct shapes *shapes, struct arena *arena, struct reply_style style,
		const struct types *types, const struct db_column *columns, size_t count,
		struct reply_shape *ret_shape) MUST_CHECK;
/* Of the shape made last what reply_write_table_head() writes, to an empty buffer. Errors are the
 * buffer's. */
void shapes_write_head(struct shapes *shapes, struct arena *arena, struct buf *out);

#endif
