/* SPDX-License-Identifier: PostgreSQL */
/* The answer to {"stats": true}: what an operator wants to watch, as one JSON object. */
#ifndef DAEMON_STATS_H
#define DAEMON_STATS_H

#include "base/buf.h"

struct server;

void stats_write(struct buf *out, struct server *server);

#endif
