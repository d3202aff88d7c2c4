/* SPDX-License-Identifier: PostgreSQL */
/* Between the files of value: one writes scalars, one arrays, one embedded JSON. Private to wire/.
 */
#ifndef WIRE_VALUE_WRITE_H
#define WIRE_VALUE_WRITE_H

#include "wire/value.h"

#include <stdbool.h>

/* An element, or a whole value that is no array. */
void value_write_scalar(struct buf *out, enum value_kind kind, struct str text);
/* false when the text is no array: then nothing has been written. */
bool value_write_array(struct buf *out, const struct value_type *type, struct str text);
/* false when the text is no JSON: then nothing has been written. */
bool value_embed_json(struct buf *out, struct str text);

#endif
