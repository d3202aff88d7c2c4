/* SPDX-License-Identifier: PostgreSQL */
/* What the service manager is told (sd_notify's protocol: one datagram), and its watchdog. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "co/co.h"

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int fd; /* -1: nobody listens */
	struct co_loop *loop;
	struct co_timer watchdog;
	int64_t interval_ns; /* 0: no watchdog */
};

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, and removes them. The watchdog's ping
 * comes from the loop. */
void notify_open(struct notify *notify, struct co_loop *loop);
void notify_close(struct notify *notify);
/* Lines as sd_notify(3) has them; dropped if the manager does not read. */
void notify_send(struct notify *notify, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
