/* SPDX-License-Identifier: PostgreSQL */
/* The table of system calls: the real ones at first, replaceable one by one. */
#include "base/sys.h"
#include "unit/suite.h"

#include <errno.h>
#include <string.h>

START_TEST(starts_as_the_real_one)
{
	ck_assert(sys.socket == sys_real.socket && sys.connect == sys_real.connect &&
		  sys.accept4 == sys_real.accept4 && sys.recv == sys_real.recv &&
		  sys.send == sys_real.send && sys.sendmsg == sys_real.sendmsg &&
		  sys.close == sys_real.close);
}
END_TEST

START_TEST(the_real_one_works)
{
	char bytes[8] = "";
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(sys.send(pair[0], "hello", 5, 0), 5);
	ck_assert_int_eq(sys.recv(pair[1], bytes, sizeof(bytes), 0), 5);
	ck_assert_str_eq(bytes, "hello");
	ck_assert_int_eq(sys.close(pair[0]), 0);
	ck_assert_int_eq(sys.recv(pair[1], bytes, sizeof(bytes), 0), 0);
	ck_assert_int_eq(sys.close(pair[1]), 0);
	ck_assert_int_eq(sys.close(pair[1]), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

static ssize_t reset_recv(int fd, void *bytes, size_t len, int flags)
{
	(void)fd, (void)bytes, (void)len, (void)flags;
	errno = ECONNRESET;
	return -1;
}

START_TEST(one_call_can_be_replaced)
{
	char byte;

	sys.recv = reset_recv;
	ck_assert_int_eq(sys.recv(-1, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert(sys.send == sys_real.send);
	sys = sys_real;
	ck_assert_int_eq(sys.recv(-1, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/sys");
	TCase *tcase = suite_case(suite, "sys", 10);

	tcase_add_test(tcase, starts_as_the_real_one);
	tcase_add_test(tcase, the_real_one_works);
	tcase_add_test(tcase, one_call_can_be_replaced);
	return suite_run(suite);
}
