/* SPDX-License-Identifier: PostgreSQL */
/* Sockets for tasks: try, and wait only when the kernel says so. It knows no protocol. */
#include "co/io.h"

#include "base/sys.h"
#include "co/co.h"
#include "co/loop.h"
#include "co/task.h"

#include <errno.h>

enum { CALLS_A_TURN = 64 };
#define BACKLOG_PAUSE_MIN_NS (1 * CLOCK_MS)
#define BACKLOG_PAUSE_MAX_NS (50 * CLOCK_MS)

/*
 * Before each try. A peer that is always ready would let its task run for ever without a wait; so
 * after some calls in one turn the others have theirs.
 */
static int take_turn(void)
{
	struct co_task *task = task_self();

	if (co_cancelled())
		return -ECANCELED;
	if (task->io_turn != task->loop->turns) {
		task->io_turn = task->loop->turns;
		task->io_calls = 0;
	}
	if (task->io_calls++ < CALLS_A_TURN)
		return 0;
	return co_sleep_until(co_now_ns()); /* co_yield may stay within the turn */
}

static int wait_ready(int fd, unsigned events, int64_t deadline_ns)
{
	int rc = co_fd_wait(fd, events, deadline_ns);

	return rc < 0 ? rc : 0;
}

static int wait_connected(int fd, int64_t deadline_ns)
{
	int error = 0;
	socklen_t len = sizeof(error);
	int rc = wait_ready(fd, CO_WRITE, deadline_ns);

	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -errno;
	return -error;
}

int co_io_connect(const struct sockaddr *addr, socklen_t len, int64_t deadline_ns)
{
	int64_t pause_ns = BACKLOG_PAUSE_MIN_NS;
	int fd, rc;

	if (co_cancelled())
		return -ECANCELED;
	fd = sys.socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	for (;;) {
		rc = sys.connect(fd, addr, len) == 0 ? 0 : -errno;
		/*
		 * A Unix socket whose backlog is full says so, and there is nothing that one could
		 * poll for.
		 */
		if (rc != -EAGAIN)
			break;
		if (co_now_ns() >= deadline_ns) {
			rc = -ETIMEDOUT;
			break;
		}
		rc = co_sleep_until(MIN(deadline_ns, clock_after_ns(co_now_ns(), pause_ns)));
		if (rc < 0)
			break;
		pause_ns = MIN(pause_ns * 2, BACKLOG_PAUSE_MAX_NS);
	}
	if (rc == -EINPROGRESS || rc == -EINTR)
		rc = wait_connected(fd, deadline_ns);
	if (rc < 0) {
		sys.close(fd);
		return rc;
	}
	return fd;
}

ssize_t co_io_recv(int fd, void *bytes, size_t len, int64_t deadline_ns)
{
	for (;;) {
		int rc = take_turn();
		ssize_t count;

		if (rc < 0)
			return rc;
		count = sys.recv(fd, bytes, len, 0);
		if (count >= 0)
			return count;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		rc = wait_ready(fd, CO_READ, deadline_ns);
		if (rc < 0)
			return rc;
	}
}

int co_io_send_all(int fd, const void *bytes, size_t len, int64_t deadline_ns)
{
	const char *next = bytes;

	while (len > 0) {
		int rc = take_turn();
		ssize_t count;

		if (rc < 0)
			return rc;
		count = sys.send(fd, next, len, MSG_NOSIGNAL);
		if (count >= 0) {
			next += count;
			len -= (size_t)count;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		rc = wait_ready(fd, CO_WRITE, deadline_ns);
		if (rc < 0)
			return rc;
	}
	return 0;
}
