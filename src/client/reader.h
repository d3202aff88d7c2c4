/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reads a line from the daemon into a JSON tree, as deep as the protocol goes. A value that lies
 * deeper, such as a json column's, is kept as it stands (`raw`, no items), so that no depth of it
 * costs stack or memory.
 */
#ifndef CLIENT_READER_H
#define CLIENT_READER_H

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "wire/json.h"

/* The cells of a combined answer: answer, results, result, rows, row. */
#define READER_DEPTH 5
/* Within a result's "steps": steps, step. */
#define READER_STEPS_DEPTH 2

/*
 * The tree points into `text` and the arena. `raw_rows`: the rows of an event are counted, and kept
 * as they stand (`raw`, no items), and what is in them is not judged. 0, -EINVAL (not JSON) or
 * -ENOMEM.
 */
int reader_parse(struct arena *arena, struct str text, bool raw_rows,
		 struct json *ret_value) MUST_CHECK;

#endif
