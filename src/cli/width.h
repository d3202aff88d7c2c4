/* SPDX-License-Identifier: PostgreSQL */
/*
 * How text is shown in columns: its width on a terminal, and its form with control characters made
 * visible, as psql does it. Independent of the locale; text that is no UTF-8 is shown byte by byte.
 */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include "base/buf.h"
#include "base/str.h"

#include <stddef.h>

/* Of the widest line, once shown; *ret_lines (may be NULL): how many lines. */
size_t width_of(struct str text, size_t *ret_lines);
/*
 * Appends the first line of *rest as it is shown and takes it and its newline off. *ret_width: its
 * columns. `rest->data` becomes NULL behind the last line.
 */
void width_show_line(struct buf *out, struct str *rest, size_t *ret_width);
/* Columns of the character at the start of the text (never empty); *ret_len: its bytes. */
size_t width_char(struct str text, size_t *ret_len);

#endif
