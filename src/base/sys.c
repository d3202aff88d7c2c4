/* SPDX-License-Identifier: PostgreSQL */
#include "base/sys.h"

#include <sys/syscall.h>
#include <unistd.h>

/* Not recv(), send() and connect() themselves: a program may put its own in their place, which call
 * these. */
static ssize_t real_recv(int fd, void *bytes, size_t len, int flags)
{
	return recvfrom(fd, bytes, len, flags, NULL, NULL);
}

static ssize_t real_send(int fd, const void *bytes, size_t len, int flags)
{
	return sendto(fd, bytes, len, flags, NULL, 0);
}

static int real_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)syscall(SYS_connect, fd, addr, len);
}

#define REAL_OPS                                                                                   \
	{                                                                                          \
		.socket = socket, .connect = real_connect, .accept4 = accept4, .recv = real_recv,  \
		.send = real_send, .sendmsg = sendmsg, .close = close,                             \
	}

const struct sys_ops sys_real = REAL_OPS;
struct sys_ops sys = REAL_OPS;
