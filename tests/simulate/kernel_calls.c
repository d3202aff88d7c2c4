/* SPDX-License-Identifier: PostgreSQL */
/*
 * The system calls that the daemon, libpq and libevent make, by their ordinary names: on
 * descriptors of the simulated kernel they are answered from memory, on others by the system.
 */
#include "simulate/kernel.h"

#include "base/sys.h"
#include "simulate/daemon.h"
#include "simulate/reports.h"
#include "simulate/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define CALL(function, name) function __asm__(name) __attribute__((visibility("default"), used))

static struct kernel *installed;

static int sim_connect(int fd, const struct sockaddr *addr, socklen_t len);

void kernel_install(struct kernel *kernel)
{
	installed = kernel;
	sys.connect = sim_connect;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int fd_of(struct kernel_socket *socket)
{
	return socket != NULL ? socket->fd : -1;
}

static int inert(void)
{
	return fd_of(kernel_open(installed, KERNEL_INERT));
}

static bool surprise(const struct kernel_socket *socket, uint64_t one_in)
{
	return !installed->strict && socket->other == NULL &&
	       world_chance(installed->world, one_in);
}

/* ---- sockets ---- */

int CALL(sim_socket(int domain, int type, int protocol), "socket");
int CALL(sim_socketpair(int domain, int type, int protocol, int fds[2]), "socketpair");
int CALL(sim_shutdown(int fd, int how), "shutdown");
int CALL(sim_dup3(int old_fd, int fd, int flags), "dup3");
int CALL(sim_open(const char *path, int flags, ...), "open");
ssize_t CALL(sim_read(int fd, void *bytes, size_t len), "read");
int CALL(sim_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags), "accept4");
ssize_t CALL(sim_recvfrom(int fd, void *bytes, size_t len, int flags, struct sockaddr *addr,
			  socklen_t *addr_len),
	     "recvfrom");
ssize_t CALL(sim_sendto(int fd, const void *bytes, size_t len, int flags,
			const struct sockaddr *addr, socklen_t addr_len),
	     "sendto");
ssize_t CALL(sim_sendmsg(int fd, const struct msghdr *message, int flags), "sendmsg");
int CALL(sim_close(int fd), "close");
int CALL(sim_getsockopt(int fd, int level, int name, void *value, socklen_t *len), "getsockopt");
int CALL(sim_setsockopt(int fd, int level, int name, const void *value, socklen_t len),
	 "setsockopt");
int CALL(sim_getsockname(int fd, struct sockaddr *addr, socklen_t *len), "getsockname");
int CALL(sim_getpeername(int fd, struct sockaddr *addr, socklen_t *len), "getpeername");
int CALL(sim_fcntl(int fd, int command, ...), "fcntl");
int CALL(sim_poll(struct pollfd *fds, nfds_t count, int timeout), "poll");

int sim_socket(int domain, int type, int protocol)
{
	if (installed == NULL)
		return (int)syscall(SYS_socket, domain, type, protocol);
	return fd_of(kernel_open(installed, KERNEL_NEW));
}

int sim_socketpair(int domain, int type, int protocol, int fds[2])
{
	if (installed == NULL)
		return (int)syscall(SYS_socketpair, domain, type, protocol, fds);
	return kernel_pair(installed, fds);
}

int sim_shutdown(int fd, int how)
{
	struct kernel_socket *socket = kernel_find(installed, fd);

	if (socket == NULL)
		return (int)syscall(SYS_shutdown, fd, how);
	kernel_end(installed, socket->other);
	return 0;
}

int sim_dup3(int old_fd, int fd, int flags)
{
	struct kernel_socket *socket = kernel_find(installed, old_fd);

	if (socket == NULL)
		return (int)syscall(SYS_dup3, old_fd, fd, flags);
	kernel_duplicate(installed, socket, fd);
	return fd;
}

/* A report's file is a real one, without a name. */
static int open_report(const char *path)
{
	const char *text = reports_file(path);
	int fd;

	if (installed->open_count >= installed->open_max)
		return fail(EMFILE);
	if (text == NULL)
		return fail(ENOENT);
	fd = memfd_create("report", MFD_CLOEXEC);
	if (fd < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		world_fail(installed->world, "no file in memory: %s", strerror(errno));
	return fd;
}

int sim_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	if (installed != NULL && strncmp(path, REPORTS_DIR "/", strlen(REPORTS_DIR "/")) == 0)
		return open_report(path);
	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t sim_read(int fd, void *bytes, size_t len)
{
	if (kernel_find(installed, fd) == NULL)
		return syscall(SYS_read, fd, bytes, len);
	return sim_recvfrom(fd, bytes, len, 0, NULL, NULL);
}

/* libpq's connect() goes through the product's own, and that through `sys`. */
static int sim_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct kernel_socket *socket = kernel_find(installed, fd);
	int rc;

	if (socket == NULL)
		return (int)syscall(SYS_connect, fd, addr, len);
	if (socket->kind != KERNEL_NEW)
		return fail(EISCONN);
	rc = installed->connect(installed->connect_ctx, socket,
				((const struct sockaddr_un *)(const void *)addr)->sun_path);
	if (rc < 0)
		return fail(-rc);
	socket->kind = KERNEL_STREAM;
	socket->edge = true;
	return 0;
}

int sim_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct kernel_socket *listener = kernel_find(installed, fd), *socket;

	if (listener == NULL)
		return (int)syscall(SYS_accept4, fd, addr, len, flags);
	if (listener->backlog_count == 0)
		return fail(EAGAIN);
	if (surprise(listener, 32))
		return fail(world_chance(installed->world, 2) ? EINTR : ECONNABORTED);
	socket = listener->backlog[0];
	if (kernel_give_fd(installed, socket) < 0)
		return -1;
	listener->backlog_count--;
	memmove(&listener->backlog[0], &listener->backlog[1],
		listener->backlog_count * sizeof(listener->backlog[0]));
	return socket->fd;
}

ssize_t sim_recvfrom(int fd, void *bytes, size_t len, int flags, struct sockaddr *addr,
		     socklen_t *addr_len)
{
	struct kernel_socket *socket = kernel_find(installed, fd);

	if (socket == NULL)
		return syscall(SYS_recvfrom, fd, bytes, len, flags, addr, addr_len);
	if (socket->kind != KERNEL_STREAM)
		return fail(ENOTCONN);
	if ((flags & MSG_PEEK) == 0 && surprise(socket, 64))
		return fail(EINTR);
	if (bytes_len(&socket->in) > 0) {
		len = MIN(len, bytes_len(&socket->in));
		if (len > 1 && surprise(socket, 16))
			len = 1 + world_random(installed->world, len);
		memcpy(bytes, bytes_data(&socket->in), len);
		if ((flags & MSG_PEEK) == 0) {
			bytes_take(&socket->in, len);
			socket->peer->read(socket->peer_ctx);
		}
		return (ssize_t)len;
	}
	if (socket->error != 0) {
		int error = socket->error;

		if ((flags & MSG_PEEK) == 0)
			socket->error = 0;
		return fail(error);
	}
	return socket->in_ended ? 0 : fail(EAGAIN);
}

static ssize_t send_some(struct kernel_socket *socket, const char *bytes, size_t len)
{
	if (socket->kind != KERNEL_STREAM)
		return fail(ENOTCONN);
	if (socket->broken)
		return fail(EPIPE);
	if (surprise(socket, 64))
		return fail(EINTR);
	len = MIN(len, socket->out_room);
	if (len == 0)
		return fail(EAGAIN);
	/* A short write is followed by EAGAIN: there was no room. */
	socket->out_room -= len;
	socket->peer->sent(socket->peer_ctx, bytes, len);
	return (ssize_t)len;
}

ssize_t sim_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *addr,
		   socklen_t addr_len)
{
	struct kernel_socket *socket = kernel_find(installed, fd);

	if (socket == NULL)
		return syscall(SYS_sendto, fd, bytes, len, flags, addr, addr_len);
	return send_some(socket, bytes, len);
}

ssize_t sim_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct kernel_socket *socket = kernel_find(installed, fd);
	ssize_t total = 0;

	if (socket == NULL)
		return syscall(SYS_sendmsg, fd, message, flags);
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const struct iovec *part = &message->msg_iov[i];
		ssize_t sent;

		if (part->iov_len == 0)
			continue;
		sent = send_some(socket, part->iov_base, part->iov_len);
		if (sent < 0)
			return total > 0 ? total : -1;
		total += sent;
		if ((size_t)sent < part->iov_len)
			break;
	}
	return total;
}

int sim_close(int fd)
{
	if (kernel_find(installed, fd) == NULL) {
		if (installed != NULL && fd >= KERNEL_FIRST_FD)
			world_fail(installed->world, "descriptor %d is closed twice", fd);
		return (int)syscall(SYS_close, fd);
	}
	kernel_close(installed, fd);
	return 0;
}

int sim_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct kernel_socket *socket = kernel_find(installed, fd);

	if (socket == NULL)
		return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
	if (name == SO_PEERCRED) {
		struct ucred cred = {.pid = 4711, .uid = socket->uid, .gid = socket->uid};

		memcpy(value, &cred, sizeof(cred));
		return 0;
	}
	if (name == SO_PEERGROUPS) {
		*len = 0;
		return 0;
	}
	memset(value, 0, *len);
	return 0;
}

int sim_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (kernel_find(installed, fd) == NULL)
		return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
	return 0;
}

int sim_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	if (kernel_find(installed, fd) == NULL)
		return (int)syscall(SYS_getsockname, fd, addr, len);
	addr->sa_family = AF_UNIX;
	*len = sizeof(addr->sa_family);
	return 0;
}

int sim_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	if (kernel_find(installed, fd) == NULL)
		return (int)syscall(SYS_getpeername, fd, addr, len);
	addr->sa_family = AF_UNIX;
	*len = sizeof(addr->sa_family);
	return 0;
}

int sim_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	if (kernel_find(installed, fd) == NULL)
		return (int)syscall(SYS_fcntl, fd, command, argument);
	if (command == F_DUPFD_CLOEXEC)
		return kernel_name_again(installed, kernel_find(installed, fd));
	return 0;
}

int sim_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct kernel_socket *socket = count == 1 ? kernel_find(installed, fds->fd) : NULL;
	unsigned ready;

	if (socket == NULL) {
		struct timespec ts = {timeout / 1000, (long)(timeout % 1000) * 1000000};

		return (int)syscall(SYS_ppoll, fds, count, timeout < 0 ? NULL : &ts, NULL, 0);
	}
	ready = kernel_ready(socket);
	fds->revents = (short)(ready & ((unsigned)fds->events | POLLHUP | POLLERR));
	if (fds->revents == 0 && timeout != 0)
		world_fail(installed->world, "a call blocks on descriptor %d", fds->fd);
	return fds->revents != 0;
}

/* ---- what libevent and the runtime make for themselves ---- */

int CALL(sim_epoll_create1(int flags), "epoll_create1");
int CALL(sim_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event), "epoll_ctl");
int CALL(sim_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout), "epoll_wait");
int CALL(sim_timerfd_create(int clock, int flags), "timerfd_create");
int CALL(sim_eventfd(unsigned value, int flags), "eventfd");
int CALL(sim_pipe2(int fds[2], int flags), "pipe2");
ssize_t CALL(sim_getrandom(void *bytes, size_t len, unsigned flags), "getrandom");

int sim_epoll_create1(int flags)
{
	return installed == NULL ? (int)syscall(SYS_epoll_create1, flags) : inert();
}

int sim_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (kernel_find(installed, epfd) == NULL)
		return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
	return kernel_control(installed, op, fd, event);
}

int sim_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	int count;

	if (kernel_find(installed, epfd) == NULL)
		return (int)syscall(SYS_epoll_pwait, epfd, events, max, timeout, NULL, 0);
	daemon_check(installed->world);
	count = kernel_wait(installed, events, max, timeout);
	return count;
}

int sim_timerfd_create(int clock, int flags)
{
	return installed == NULL ? (int)syscall(SYS_timerfd_create, clock, flags) : inert();
}

int sim_eventfd(unsigned value, int flags)
{
	return installed == NULL ? (int)syscall(SYS_eventfd2, value, flags) : inert();
}

int sim_pipe2(int fds[2], int flags)
{
	if (installed == NULL)
		return (int)syscall(SYS_pipe2, fds, flags);
	fds[0] = inert();
	fds[1] = inert();
	return fds[0] < 0 || fds[1] < 0 ? -1 : 0;
}

ssize_t sim_getrandom(void *bytes, size_t len, unsigned flags)
{
	unsigned char *at = bytes;

	if (installed == NULL)
		return syscall(SYS_getrandom, bytes, len, flags);
	for (size_t i = 0; i < len; i++)
		at[i] = (unsigned char)world_random(installed->world, 256);
	return (ssize_t)len;
}
