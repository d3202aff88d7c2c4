/* SPDX-License-Identifier: PostgreSQL */
/*
 * The system calls of socket I/O, as one table. The daemon calls through `sys`, so that a test may
 * put short reads and writes, EAGAIN, EINTR, ECONNRESET or EMFILE at the nth call in their place.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sys_ops {
	int (*socket)(int domain, int type, int protocol);
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*accept4)(int fd, struct sockaddr *addr, socklen_t *len, int flags);
	ssize_t (*recv)(int fd, void *bytes, size_t len, int flags);
	ssize_t (*send)(int fd, const void *bytes, size_t len, int flags);
	ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
	int (*close)(int fd);
};

extern struct sys_ops sys;
/* What `sys` starts as. */
extern const struct sys_ops sys_real;

#endif
