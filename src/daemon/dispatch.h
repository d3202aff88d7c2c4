/* SPDX-License-Identifier: PostgreSQL */
/* From a request line to what it asks for: the verbs. */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include "base/str.h"

struct session;

/* Answers the line, or starts what will. `line` is copied where it has to live on. Waits for
 * nothing. */
void dispatch_line(struct session *session, struct str line);

#endif
