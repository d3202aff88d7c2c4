/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/notify.h"

#include "base/log.h"
#include "base/sys.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static void on_watchdog(void *arg)
{
	struct notify *notify = arg;

	notify_send(notify, "WATCHDOG=1");
	/* Three pings in a time-out: one may be late. Moving a timer that ran just now needs no
	 * memory that it had not. */
	if (co_timer_start(&notify->watchdog, notify->loop,
			   clock_after_ns(co_loop_now_ns(notify->loop), notify->interval_ns),
			   on_watchdog, notify) < 0)
		log_error("no memory for the watchdog's timer");
}

static int64_t watchdog_interval_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t timeout_us;

	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	timeout_us = strtoll(usec, NULL, 10);
	return timeout_us > 0 && timeout_us < INT64_MAX / CLOCK_US ? timeout_us * CLOCK_US / 3 : 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

void notify_open(struct notify *notify, struct co_loop *loop)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){.fd = -1, .loop = loop};
	if (path != NULL) {
		int fd = connect_to(path);

		if (fd < 0)
			log_error("cannot reach the service manager at %s: %s", path,
				  strerror(-fd));
		else
			notify->fd = fd;
	}
	notify->interval_ns = watchdog_interval_ns();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (notify->fd >= 0 && notify->interval_ns > 0)
		on_watchdog(notify);
}

void notify_close(struct notify *notify)
{
	co_timer_stop(&notify->watchdog);
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

void notify_send(struct notify *notify, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	if (notify->fd < 0)
		return;
	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len > 0 && sys.send(notify->fd, text, MIN((size_t)len, sizeof(text) - 1),
				MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("the service manager does not take \"%s\": %s", text, strerror(errno));
}
