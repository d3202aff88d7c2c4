/* SPDX-License-Identifier: PostgreSQL */
/* Socket calls that wait, also with a kernel that behaves badly (base/sys.h). */
#include "base/sys.h"
#include "co/io.h"
#include "unit/co_env.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 1 << 20 };

static void pair_open(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
}

static void pair_close(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static unsigned char message_byte(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

struct transfer {
	int fd;
	int64_t deadline_ns;
	int rc;
	size_t received, wrong;
};

static int send_message(void *arg)
{
	struct transfer *transfer = arg;
	unsigned char *bytes = mem_alloc(MESSAGE_BYTES);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < MESSAGE_BYTES; i++)
		bytes[i] = message_byte(i);
	transfer->rc = co_io_send_all(transfer->fd, bytes, MESSAGE_BYTES, transfer->deadline_ns);
	mem_free(bytes);
	if (transfer->rc == 0)
		shutdown(transfer->fd, SHUT_WR);
	return 0;
}

static int receive_message(void *arg)
{
	struct transfer *transfer = arg;
	unsigned char bytes[777];
	ssize_t count;

	while ((count = co_io_recv(transfer->fd, bytes, sizeof(bytes), transfer->deadline_ns)) >
	       0) {
		for (ssize_t i = 0; i < count; i++)
			transfer->wrong += bytes[i] != message_byte(transfer->received++);
	}
	transfer->rc = (int)count;
	return 0;
}

static int main_transfer(void *arg)
{
	struct transfer sending = {.deadline_ns = CLOCK_NEVER}, receiving = sending;
	struct co_group group;
	int fds[2];

	(void)arg;
	pair_open(fds);
	sending.fd = fds[0];
	receiving.fd = fds[1];
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, send_message, &sending, "send"), 0);
	ck_assert_int_eq(co_group_go(&group, receive_message, &receiving, "receive"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(sending.rc, 0);
	ck_assert_int_eq(receiving.rc, 0);
	ck_assert_uint_eq(receiving.received, MESSAGE_BYTES);
	ck_assert_uint_eq(receiving.wrong, 0);
	pair_close(fds);
	return 0;
}

START_TEST(test_transfer)
{
	ck_assert_int_eq(co_env_run(main_transfer, NULL), 0);
}
END_TEST

/* Short counts, interruptions and refusals, in turn. */
static unsigned trouble;

static ssize_t troubled_recv(int fd, void *bytes, size_t len, int flags)
{
	switch (trouble++ % 4) {
	case 0:
		errno = EINTR;
		return -1;
	case 1:
		errno = EAGAIN;
		return -1;
	case 2:
		return recv(fd, bytes, 1, flags);
	default:
		return recv(fd, bytes, len, flags);
	}
}

static ssize_t troubled_send(int fd, const void *bytes, size_t len, int flags)
{
	if ((flags & MSG_NOSIGNAL) == 0)
		abort();
	switch (trouble++ % 4) {
	case 0:
		errno = EINTR;
		return -1;
	case 1:
		errno = EAGAIN;
		return -1;
	default:
		return send(fd, bytes, MIN(len, (size_t)1000), flags);
	}
}

START_TEST(test_transfer_in_trouble)
{
	sys.recv = troubled_recv;
	sys.send = troubled_send;
	ck_assert_int_eq(co_env_run(main_transfer, NULL), 0);
	ck_assert_uint_gt(trouble, 1000);
}
END_TEST

static int main_deadlines(void *arg)
{
	struct transfer sending = {.deadline_ns = co_env_at_ms(20)};
	char byte;
	int fds[2];

	(void)arg;
	pair_open(fds);
	ck_assert_int_eq(co_io_recv(fds[0], &byte, 1, co_env_at_ms(10)), -ETIMEDOUT);
	ck_assert_int_eq(co_env_ms(), 10);
	/* what is there can be had, however late */
	ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
	ck_assert_int_eq(co_io_recv(fds[0], &byte, 1, co_env_at_ms(0)), 1);
	sending.fd = fds[0];
	ck_assert_int_eq(send_message(&sending), 0);
	ck_assert_int_eq(sending.rc, -ETIMEDOUT);
	ck_assert_int_eq(co_env_ms(), 20);
	pair_close(fds);
	return 0;
}

START_TEST(test_deadlines)
{
	ck_assert_int_eq(co_env_run(main_deadlines, NULL), 0);
}
END_TEST

static int main_errors(void *arg)
{
	char byte = 'x';
	int fds[2];

	(void)arg;
	pair_open(fds);
	close(fds[1]);
	ck_assert_int_eq(co_io_send_all(fds[0], &byte, 1, CLOCK_NEVER), -EPIPE);
	ck_assert_int_eq(co_io_recv(fds[0], &byte, 1, CLOCK_NEVER), 0);
	close(fds[0]);
	ck_assert_int_eq(co_io_recv(fds[0], &byte, 1, CLOCK_NEVER), -EBADF);
	ck_assert_int_eq(co_io_send_all(fds[0], &byte, 1, CLOCK_NEVER), -EBADF);
	ck_assert_int_eq(co_io_send_all(fds[0], &byte, 0, CLOCK_NEVER), 0);

	/* cancelled: nothing is read or written, although it could be */
	pair_open(fds);
	ck_assert_int_eq(send(fds[1], "y", 1, 0), 1);
	co_task_cancel(co_task_current());
	ck_assert_int_eq(co_io_recv(fds[0], &byte, 1, CLOCK_NEVER), -ECANCELED);
	ck_assert_int_eq(co_io_send_all(fds[0], &byte, 1, CLOCK_NEVER), -ECANCELED);
	ck_assert_int_eq(recv(fds[1], &byte, 1, 0), -1);
	ck_assert_int_eq(recv(fds[0], &byte, 1, 0), 1);
	pair_close(fds);
	return 0;
}

START_TEST(test_errors)
{
	ck_assert_int_eq(co_env_run(main_errors, NULL), 0);
}
END_TEST

/* A peer that always has something must not keep its task running for ever. */
static ssize_t endless_recv(int fd, void *bytes, size_t len, int flags)
{
	(void)fd;
	(void)flags;
	memset(bytes, 'x', len);
	return (ssize_t)len;
}

static int receive_for_ever(void *arg)
{
	char byte;
	ssize_t count;

	(void)arg;
	do
		count = co_io_recv(0, &byte, 1, CLOCK_NEVER);
	while (count == 1);
	return (int)count;
}

static int main_endless(void *arg)
{
	struct co_group group;
	uint64_t turns;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, receive_for_ever, NULL, "receiver"), 0);
	turns = co_loop_stats(co_loop_current()).turns;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(co_sleep_until(co_now_ns()), 0);
	ck_assert_uint_ge(co_loop_stats(co_loop_current()).turns - turns, 10); /* it polls, too */
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	return 0;
}

START_TEST(test_endless_peer)
{
	sys.recv = endless_recv;
	ck_assert_int_eq(co_env_run(main_endless, NULL), 0);
}
END_TEST

static int listen_tcp(struct sockaddr_in *ret_addr)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_addr = addr;
	return fd;
}

static int main_connect(void *arg)
{
	struct sockaddr_in addr;
	int listener = listen_tcp(&addr), fd, peer;
	char byte;

	(void)arg;
	fd = co_io_connect((struct sockaddr *)&addr, sizeof(addr), CLOCK_NEVER);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_eq(send(peer, "x", 1, 0), 1);
	ck_assert_int_eq(co_io_recv(fd, &byte, 1, CLOCK_NEVER), 1);
	close(peer);
	close(fd);
	close(listener);
	ck_assert_int_eq(co_io_connect((struct sockaddr *)&addr, sizeof(addr), CLOCK_NEVER),
			 -ECONNREFUSED);
	return 0;
}

START_TEST(test_connect)
{
	ck_assert_int_eq(co_env_run(main_connect, NULL), 0);
}
END_TEST

/* An interrupted connect goes on in the kernel; to call it again would be an error. */
static int interrupted_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int rc = connect(fd, addr, len);

	if (rc == 0 || errno == EINPROGRESS)
		errno = EINTR;
	return -1;
}

START_TEST(test_connect_interrupted)
{
	sys.connect = interrupted_connect;
	ck_assert_int_eq(co_env_run(main_connect, NULL), 0);
}
END_TEST

/* A connect that is under way: nobody answers, or the task is cancelled. No descriptor is left. */
static int silent_fd = -1;

static int silent_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int fds[2];
	char block[4096] = "";

	(void)addr;
	(void)len;
	/* a socket that will never be writable */
	pair_open(fds);
	while (send(fds[0], block, sizeof(block), 0) > 0)
		continue;
	ck_assert_int_eq(dup3(fds[0], fd, O_CLOEXEC), fd);
	close(fds[0]);
	silent_fd = fds[1];
	errno = EINPROGRESS;
	return -1;
}

static int connect_silent(void *arg)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};

	(void)arg;
	return co_io_connect((struct sockaddr *)&addr, sizeof(addr), co_env_at_ms(100));
}

static int main_connect_silent(void *arg)
{
	int next = dup(0);
	struct co_group group;

	(void)arg;
	close(next);
	ck_assert_int_eq(connect_silent(NULL), -ETIMEDOUT);
	ck_assert_int_eq(co_env_ms(), 100);
	close(silent_fd);
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, connect_silent, NULL, "connect"), 0);
	ck_assert_int_eq(co_yield(), 0);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	close(silent_fd);
	ck_assert_int_eq(dup(0), next);
	close(next);
	return 0;
}

START_TEST(test_connect_silent)
{
	sys.connect = silent_connect;
	ck_assert_int_eq(co_env_run(main_connect_silent, NULL), 0);
}
END_TEST

static int failing_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	errno = EMFILE;
	return -1;
}

START_TEST(test_connect_without_descriptor)
{
	sys.socket = failing_socket;
	ck_assert_int_eq(co_env_run(connect_silent, NULL), -EMFILE);
}
END_TEST

/* A Unix socket with a full backlog: connect tries again until there is room, or no time. */
struct unix_server {
	int listener;
	struct sockaddr_un addr;
};

static int accept_later(void *arg)
{
	struct unix_server *server = arg;

	ck_assert_int_eq(co_sleep_until(co_env_at_ms(500)), 0);
	close(accept(server->listener, NULL, NULL));
	close(accept(server->listener, NULL, NULL));
	return 0;
}

static int main_unix_backlog(void *arg)
{
	struct unix_server server = {.addr = {.sun_family = AF_UNIX}};
	struct sockaddr *addr = (struct sockaddr *)&server.addr;
	struct co_group group;
	int fds[16], fd;
	size_t count = 0;

	(void)arg;
	/* abstract: leaves no file */
	snprintf(server.addr.sun_path + 1, sizeof(server.addr.sun_path) - 1, "gatherd-test-%d",
		 (int)getpid());
	server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server.listener, addr, sizeof(server.addr)), 0);
	ck_assert_int_eq(listen(server.listener, 1), 0);
	for (;;) {
		fd = co_io_connect(addr, sizeof(server.addr), co_now_ns() + 10 * CLOCK_MS);
		if (fd < 0)
			break;
		ck_assert_uint_lt(count, ARRAY_SIZE(fds));
		fds[count++] = fd;
	}
	ck_assert_int_eq(fd, -ETIMEDOUT);
	ck_assert_int_eq(co_env_ms(), 10);
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, accept_later, &server, "accept"), 0);
	fd = co_io_connect(addr, sizeof(server.addr), co_env_at_ms(1000));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(co_env_ms(), 500);
	ck_assert_int_lt(co_env_ms(), 600);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	close(fd);
	while (count > 0)
		close(fds[--count]);
	close(server.listener);
	return 0;
}

START_TEST(test_unix_backlog)
{
	ck_assert_int_eq(co_env_run(main_unix_backlog, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("co_io");
	TCase *tcase = suite_case(suite, "io", 60);

	tcase_add_test(tcase, test_transfer);
	tcase_add_test(tcase, test_transfer_in_trouble);
	tcase_add_test(tcase, test_deadlines);
	tcase_add_test(tcase, test_errors);
	tcase_add_test(tcase, test_endless_peer);
	tcase_add_test(tcase, test_connect);
	tcase_add_test(tcase, test_connect_interrupted);
	tcase_add_test(tcase, test_connect_silent);
	tcase_add_test(tcase, test_connect_without_descriptor);
	tcase_add_test(tcase, test_unix_backlog);
	return suite_run(suite);
}
