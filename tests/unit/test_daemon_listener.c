/* SPDX-License-Identifier: PostgreSQL */
/* The daemon's socket: made, found in use, left over, handed down, and without descriptors. */
#include "base/log.h"
#include "base/sys.h"
#include "conf/config.h"
#include "daemon/listener.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], path[96];
static struct config config;
static struct listener listener;
static int descriptors_before;
static size_t blocks_before;

static void set_up(void)
{
	strcpy(dir, "/tmp/listener-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	config = (struct config){.socket = path, .socket_mode = 0660};
	log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_ERROR, false);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	blocks_before = mem_live_blocks();
	descriptors_before = open_descriptors();
}

static void tear_down(void)
{
	listener_close(&listener);
	listener_close(&listener);
	ck_assert_int_eq(open_descriptors(), descriptors_before);
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
	sys = sys_real;
}

static int connect_to(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, name);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int listen_at(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

/* ---- opening ---- */

START_TEST(it_has_the_mode_that_is_configured)
{
	static const unsigned modes[] = {0600, 0660, 0666};
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	config.socket_mode = modes[_i];
	ck_assert_int_eq(listener_open(&listener, &config), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, modes[_i]);
	ck_assert_uint_eq(umask(mask), mask); /* put back */
	ck_assert(!listener.activated);
	fd = connect_to(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	listener_close(&listener);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(one_that_a_crash_left_is_replaced)
{
	close(listen_at(path));
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(listener_open(&listener, &config), 0);
	close(connect_to(path));
}
END_TEST

START_TEST(one_in_use_is_left_alone)
{
	int other = listen_at(path), fd;

	ck_assert_int_eq(listener_open(&listener, &config), -EADDRINUSE);
	ck_assert_int_eq(listener.fd, -1);
	fd = connect_to(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(other);
}
END_TEST

START_TEST(a_full_backlog_is_in_use)
{
	int other = listen_at(path), fds[8];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = connect_to(path);
	ck_assert_int_eq(fds[ARRAY_SIZE(fds) - 1], -1);
	ck_assert_int_eq(listener_open(&listener, &config), -EADDRINUSE);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	close(other);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	close(fd);
	ck_assert_int_eq(listener_open(&listener, &config), -EEXIST);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(another_ones_file_is_not_removed)
{
	int other;

	ck_assert_int_eq(listener_open(&listener, &config), 0);
	unlink(path);
	other = listen_at(path);
	listener_close(&listener);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(other);
}
END_TEST

START_TEST(its_group_may_be_a_number)
{
	char number[32];
	struct stat st;

	snprintf(number, sizeof(number), "%lu", (unsigned long)getegid());
	config.socket_group = number;
	ck_assert_int_eq(listener_open(&listener, &config), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_gid, getegid());
}
END_TEST

START_TEST(what_cannot_be)
{
	char away[160];

	snprintf(away, sizeof(away), "%s/no/such/dir/sock", dir);
	config.socket = away;
	ck_assert_int_eq(listener_open(&listener, &config), -ENOENT);
	config.socket = path;
	config.socket_group = "no such group";
	ck_assert_int_eq(listener_open(&listener, &config), -ESRCH);
	ck_assert_int_eq(access(path, F_OK), -1); /* nothing is left behind */
}
END_TEST

/* ---- handed down ---- */

/* Descriptor 3 may be Check's own: nothing is asserted while it is lent out. */
static int open_handed_down(int fd, const char *pid, bool *ret_flags)
{
	int saved_fd = fcntl(3, F_DUPFD_CLOEXEC, 10), rc;
	char own[24];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	setenv("LISTEN_PID", pid != NULL ? pid : own, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "x", 1);
	dup2(fd, 3);
	close(fd);
	rc = listener_open(&listener, &config);
	*ret_flags = (fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(3, F_GETFL) & O_NONBLOCK) != 0;
	if (listener.fd == 3)
		listener.fd = fcntl(3, F_DUPFD_CLOEXEC, 10);
	close(3);
	if (saved_fd >= 0) {
		dup2(saved_fd, 3);
		close(saved_fd);
	}
	return rc;
}

START_TEST(the_service_managers_socket_is_used)
{
	bool flags;
	int fd;

	ck_assert_int_eq(open_handed_down(listen_at(path), NULL, &flags), 0);
	ck_assert(listener.activated);
	ck_assert(flags);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
	fd = connect_to(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	listener_close(&listener);
	ck_assert_int_eq(access(path, F_OK), 0); /* the manager's */
}
END_TEST

START_TEST(another_processs_variables_are_not_ours)
{
	int other = listen_at(path);
	bool flags;

	unlink(path);
	ck_assert_int_eq(open_handed_down(other, "1", &flags), 0);
	ck_assert(!listener.activated);
	ck_assert_ptr_nonnull(listener.path);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
}
END_TEST

START_TEST(what_was_handed_down_is_checked)
{
	int fds[2], kinds[] = {SOCK_DGRAM, SOCK_STREAM};
	bool flags;

	ck_assert_int_eq(socketpair(AF_UNIX, kinds[_i] | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(open_handed_down(fds[0], NULL, &flags), -ENOTSOCK);
	ck_assert_int_eq(listener.fd, -1);
	close(fds[1]);
}
END_TEST

/* ---- accepting ---- */

static size_t accepted, accepts;
static int accept_error;

static void on_client(void *arg, int fd)
{
	ck_assert_ptr_eq(arg, &accepted);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	accepted++;
	close(fd);
}

static int failing_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	accepts++;
	if (accept_error != 0) {
		errno = accept_error;
		if (accept_error == EINTR || accept_error == ECONNABORTED)
			accept_error = 0;
		return -1;
	}
	return sys_real.accept4(fd, addr, len, flags);
}

static struct co_loop *loop;

static void turn(void)
{
	ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
}

static int accept_main(void *arg)
{
	int fds[200];

	(void)arg;
	sys.accept4 = failing_accept;
	ck_assert_int_eq(listener_open(&listener, &config), 0);
	ck_assert_int_eq(listener_start(&listener, loop, on_client, &accepted), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_to(path);
		ck_assert_int_ge(fds[i], 0);
	}
	while (accepted < ARRAY_SIZE(fds))
		turn();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);

	/* Paused: nobody is accepted, then all are. */
	listener_pause(&listener);
	fds[0] = connect_to(path);
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert_uint_eq(accepted, ARRAY_SIZE(fds));
	listener_resume(&listener);
	while (accepted < ARRAY_SIZE(fds) + 1)
		turn();
	close(fds[0]);

	/* A client that went away meanwhile, a signal: the next one is taken all the same. */
	for (int error = 0; error < 2; error++) {
		accept_error = error == 0 ? ECONNABORTED : EINTR;
		fds[0] = connect_to(path);
		while (accepted < ARRAY_SIZE(fds) + 2 + (size_t)error)
			turn();
		close(fds[0]);
	}
	listener_close(&listener);
	return 0;
}

START_TEST(clients_are_accepted)
{
	ck_assert_int_eq(co_loop_new(&loop, NULL), 0);
	ck_assert_int_eq(co_loop_run(loop, accept_main, NULL), 0);
	co_loop_free(loop);
}
END_TEST

/* Without descriptors: no spin, nobody hangs, and it goes on when there are some again. */
static int starved_main(void *arg)
{
	size_t before;
	char byte;
	int fd;

	sys.accept4 = failing_accept;
	ck_assert_int_eq(listener_open(&listener, &config), 0);
	ck_assert_int_eq(listener_start(&listener, loop, on_client, &accepted), 0);
	accept_error = *(const int *)arg;
	fd = connect_to(path);
	while (!listener.starved)
		turn();
	before = accepts;
	ck_assert_uint_le(before, 2);
	/* That a client has ended changes nothing until then: the timer alone looks again. */
	for (int i = 0; i < 100; i++) {
		listener_pause(&listener);
		listener_resume(&listener);
		turn();
	}
	ck_assert_uint_le(accepts - before, 2); /* with what is kept for a client, too */
	ck_assert(listener.starved);
	accept_error = 0;
	while (listener.starved) /* by its own timer */
		turn();
	/* Who waited is the one that is taken. */
	while (recv(fd, &byte, 1, MSG_DONTWAIT) != 0)
		turn();
	close(fd);
	listener_close(&listener);
	return 0;
}

START_TEST(without_descriptors_it_waits)
{
	static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
	struct clock_virtual clock; /* the turns of the test are milliseconds, whatever they take */
	const struct co_loop_options options = {.virtual_clock = &clock};
	int error = errors[_i];

	clock_virtual_init(&clock, CLOCK_SECOND);
	ck_assert_int_eq(co_loop_new(&loop, &options), 0);
	ck_assert_int_eq(co_loop_run(loop, starved_main, &error), 0);
	co_loop_free(loop);
}
END_TEST

#define RESERVED 16

static int kept[RESERVED], kept_count;
static int first_reserved;

static void on_kept_client(void *arg, int fd)
{
	(void)arg;
	ck_assert_int_lt(kept_count, RESERVED);
	ck_assert_int_lt(fd, first_reserved);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	kept[kept_count++] = fd;
}

/* One that goes makes room for one. */
static void let_one_in(int leaver)
{
	int count = kept_count;

	close(leaver);
	while (kept_count == count)
		turn();
	for (int i = 0; i < 10; i++)
		turn();
	ck_assert_int_eq(kept_count, count + 1);
}

/* What clients may not have, others find free. */
static int reserve_main(void *arg)
{
	struct rlimit limit, old;
	int fds[RESERVED], clients[2 * RESERVED];

	(void)arg;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(listener_open(&listener, &config), 0);
	ck_assert_int_eq(listener_start(&listener, loop, on_kept_client, &accepted), 0);
	listener_set_reserve(&listener, RESERVED);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = connect_to(path);
	/* Room for what is open, for the reserve, and for RESERVED / 2 clients. */
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fds[0], 0);
	close(fds[0]);
	limit = (struct rlimit){.rlim_cur = (rlim_t)fds[0] + RESERVED / 2 + RESERVED,
				.rlim_max = old.rlim_max};
	ck_assert_uint_gt(limit.rlim_cur, 2 * RESERVED);
	first_reserved = (int)limit.rlim_cur - RESERVED;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (!listener.starved)
		turn();
	ck_assert_int_eq(kept_count, RESERVED / 2);
	for (size_t i = 0; i < RESERVED; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_int_lt(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	let_one_in(kept[0]); /* although nothing of the reserve is free */
	for (size_t i = 0; i < RESERVED; i++)
		close(fds[i]);
	let_one_in(kept[1]);
	for (int i = 2; i < kept_count; i++)
		close(kept[i]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	listener_close(&listener);
	return 0;
}

START_TEST(clients_leave_descriptors_to_others)
{
	ck_assert_int_eq(co_loop_new(&loop, NULL), 0);
	ck_assert_int_eq(co_loop_run(loop, reserve_main, NULL), 0);
	co_loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon listener");
	TCase *tcase = suite_case(suite, "listener", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, it_has_the_mode_that_is_configured, 0, 3);
	tcase_add_test(tcase, one_that_a_crash_left_is_replaced);
	tcase_add_test(tcase, one_in_use_is_left_alone);
	tcase_add_test(tcase, a_full_backlog_is_in_use);
	tcase_add_test(tcase, what_is_no_socket_is_left_alone);
	tcase_add_test(tcase, another_ones_file_is_not_removed);
	tcase_add_test(tcase, its_group_may_be_a_number);
	tcase_add_test(tcase, what_cannot_be);
	tcase_add_test(tcase, the_service_managers_socket_is_used);
	tcase_add_test(tcase, another_processs_variables_are_not_ours);
	tcase_add_loop_test(tcase, what_was_handed_down_is_checked, 0, 2);
	tcase_add_test(tcase, clients_are_accepted);
	tcase_add_loop_test(tcase, without_descriptors_it_waits, 0, 4);
	tcase_add_test(tcase, clients_leave_descriptors_to_others);
	return suite_run(suite);
}
