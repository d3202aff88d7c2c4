/* SPDX-License-Identifier: PostgreSQL */
/* Messages on stderr, each "gather: …" and whole in one write. */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include "base/buf.h"
#include "base/macros.h"

/* One line. */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* What the buffer has, which may be several lines; empties it. Control characters but newlines and
 * tabs are made harmless. */
void complain_text(struct buf *text);

#endif
