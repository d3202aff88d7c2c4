/* SPDX-License-Identifier: PostgreSQL */
/*
 * PostgreSQL's text form of a value → JSON, and JSON parameters → PostgreSQL's text. Pure functions.
 * Output is valid JSON and UTF-8 whatever the database holds.
 */
#ifndef WIRE_VALUE_H
#define WIRE_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"
#include "wire/json.h"

#include <stdint.h>

enum value_kind {
	VALUE_TEXT,   /* everything that has no JSON form of its own: a string */
	VALUE_NUMBER, /* digits verbatim; NaN and infinities as strings */
	VALUE_BOOL,
	VALUE_JSON,   /* embedded, raw CR and LF become spaces */
	VALUE_ARRAY   /* elements by element_kind */
};

struct value_type {
	uint32_t oid;
	const char *name; /* of pg_type.typname: "int8", "_text" */
	enum value_kind kind;
	enum value_kind element_kind; /* ARRAY only */
	uint32_t element_oid;	      /* ARRAY only, else 0 */
	char delimiter;		      /* between array elements: ',' (box: ';') */
};

/* Of the types that PostgreSQL itself has (oid < 16384); NULL for others. The table is generated from a server. */
const struct value_type *value_type_builtin(uint32_t oid);

/* One value that is not NULL. */
void value_write_json(struct buf *out, const struct value_type *type, struct str text);
void value_write_text(struct buf *out, struct str text);

/*
 * A JSON array as PostgreSQL's array text: nested arrays are dimensions (-EINVAL when they are ragged or mixed), objects
 * are JSON text, null is NULL. Terminated text in the arena. `delimiter` as in value_type; `element_json`: the
 * elements are json or jsonb, so a nested array or a string is JSON text itself. -ENOMEM.
 */
int value_array_text(struct arena *arena, const struct json *array, char delimiter, bool element_json,
		     const char **ret_text) MUST_CHECK;
/* Any other parameter as text: strings decoded, numbers verbatim, true/false, arrays and objects as JSON. NULL value
 * (JSON null): *ret_text is NULL. `target_json`: the parameter's type is json or jsonb, where a string stays a JSON
 * string only if it is not JSON text already: text is passed as the client gave it. 0, -EINVAL (\u0000), -ENOMEM. */
int value_param_text(struct arena *arena, const struct json *value, const char **ret_text) MUST_CHECK;

#endif
