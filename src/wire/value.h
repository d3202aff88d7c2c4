/* SPDX-License-Identifier: PostgreSQL */
/*
 * PostgreSQL's text form of a value → JSON, and JSON parameters → PostgreSQL's text. Pure
 * functions. Output is valid JSON and UTF-8 whatever the database holds.
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
	VALUE_JSON, /* embedded, raw CR and LF become spaces */
	VALUE_ARRAY /* elements by element_kind */
};

struct value_type {
	uint32_t oid;
	/* pg_type.typname; of an array the element's with brackets: "int8", "int8[]" (whatever its
	 * dimensions) */
	const char *name;
	enum value_kind kind;
	enum value_kind element_kind; /* ARRAY only; of a domain its base type's */
	uint32_t element_oid;	      /* ARRAY only, else 0; of a domain its base type's */
	/* ARRAY only: between elements. ',' mostly; box ';'. ' ': int2vector and oidvector, whose
	 * text has no braces */
	char delimiter;
	/* ARRAY only: the element's type, where that is no builtin one; NULL: element_oid says it
	 */
	const struct value_type *element;
};

/*
 * Of the types whose oid is the same in every release (below 10000); NULL for all others, which are
 * to be looked up in the database's pg_type, also those that initdb made (up to 16383). The table
 * is generated from a server.
 */
const struct value_type *value_type_builtin(uint32_t oid);

/*
 * One value that is not NULL. Text that is not what its type promises (a number that is none,
 * broken JSON, a malformed array) is written as a string.
 */
void value_write_json(struct buf *out, const struct value_type *type, struct str text);
void value_write_text(struct buf *out, struct str text);

/*
 * A JSON array as PostgreSQL's array text, terminated, in the arena. Nested arrays are dimensions,
 * null is NULL, objects are JSON text, strings are text as the client gave it. `delimiter` as in
 * value_type (' ' is not one here: int2vector takes no array). `element_json`: the elements are
 * json or jsonb, so a nested array is one element's JSON text; a string is JSON text that the
 * client wrote itself, as it is for a parameter that is no array. 0, -EINVAL (ragged or mixed
 * dimensions, or a string with \u0000: json_any_nul() tells) or -ENOMEM.
 */
int value_array_text(struct arena *arena, const struct json *array, char delimiter,
		     bool element_json, const char **ret_text) MUST_CHECK;
/*
 * Any other parameter as text, terminated, in the arena: strings decoded, numbers verbatim, true
 * and false, arrays and objects as the JSON text that the client wrote; {"json": V} is V's JSON
 * text. Of JSON null *ret_text is NULL. 0, -EINVAL (\u0000) or -ENOMEM.
 */
int value_param_text(struct arena *arena, const struct json *value,
		     const char **ret_text) MUST_CHECK;

#endif
