/* SPDX-License-Identifier: PostgreSQL */
/* The generated table of PostgreSQL's own types (types-gen.sql writes types.c). Private to wire/.
 */
#ifndef WIRE_TYPES_H
#define WIRE_TYPES_H

#include "wire/value.h"

#include <stddef.h>

extern const struct value_type types_builtin[]; /* ascending by oid */
extern const size_t types_builtin_count;

#endif
