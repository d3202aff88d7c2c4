/* SPDX-License-Identifier: PostgreSQL */
/* What the service manager is told, and its watchdog on virtual time. */
#include "daemon/notify.h"
#include "unit/co_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;
static char path[108];

/* A datagram socket with a path, or (with @) an abstract name. */
static void listen_at(const char *kind)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len;

	snprintf(path, sizeof(path), "%s/tmp/notify-test-%d", kind, (int)getpid());
	len = strlen(path);
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(manager, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	setenv("NOTIFY_SOCKET", path, 1);
}

static void tear_down(void)
{
	if (path[0] == '/')
		unlink(path);
	if (manager >= 0)
		close(manager);
}

/* "" when there is none. */
static const char *next_message(void)
{
	static char text[1024];
	ssize_t len = recv(manager, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static struct co_env env;

static void open_notify(struct notify *notify)
{
	co_env_init(&env, (struct co_loop_options){0});
	notify_open(notify, env.loop);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET")); /* not for our children */
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
	ck_assert_ptr_null(getenv("WATCHDOG_PID"));
}

static void close_notify(struct notify *notify)
{
	notify_close(notify);
	notify_close(notify);
	co_env_free(&env);
}

START_TEST(messages_arrive)
{
	struct notify notify;

	listen_at(_i == 0 ? "" : "@");
	open_notify(&notify);
	notify_send(&notify, "READY=1\nSTATUS=%s %d", "serving", 7);
	ck_assert_str_eq(next_message(), "READY=1\nSTATUS=serving 7");
	ck_assert_str_eq(next_message(), "");
	close_notify(&notify);
}
END_TEST

START_TEST(nobody_listens)
{
	static const char *const paths[] = {NULL, "", "relative", "/nonexistent/socket", NULL};
	char name[200];
	struct notify notify;

	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	if (_i == 4)
		setenv("NOTIFY_SOCKET", name, 1);
	else if (paths[_i] != NULL)
		setenv("NOTIFY_SOCKET", paths[_i], 1);
	else
		unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "3000000", 1);
	open_notify(&notify);
	ck_assert_int_eq(notify.fd, -1);
	notify_send(&notify, "READY=1");
	close_notify(&notify);
}
END_TEST

/* A manager that does not read costs messages, never time. */
START_TEST(a_manager_that_does_not_read)
{
	struct notify notify;

	listen_at("@");
	open_notify(&notify);
	for (int i = 0; i < 10000; i++)
		notify_send(&notify, "STATUS=%d", i);
	ck_assert_str_eq(next_message(), "STATUS=0");
	close_notify(&notify);
}
END_TEST

START_TEST(a_long_message_is_cut)
{
	struct notify notify;
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	listen_at("@");
	open_notify(&notify);
	notify_send(&notify, "%s", text);
	ck_assert_uint_eq(strlen(next_message()), 511);
	close_notify(&notify);
}
END_TEST

static int sleep_ten_seconds(void *arg)
{
	(void)arg;
	return co_sleep_until(co_now_ns() + 10 * CLOCK_SECOND);
}

static const struct {
	const char *usec, *pid; /* pid "" is ours */
	int pings;		/* in ten seconds, the first at once */
} watchdogs[] = {
	{"3000000", NULL, 11}, {"3000000", "", 11},
	{"3000000", "1", 0},   {NULL, "", 0},
	{"0", "", 0},	       {"-5", "", 0},
	{"nonsense", "", 0},   {"99999999999999999999", "", 0},
	{"60000000", "", 1},
};

START_TEST(the_watchdogs_pings)
{
	char pid[24];
	struct notify notify;
	int pings = 0;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	listen_at("@");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (watchdogs[_i].usec != NULL)
		setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1);
	if (watchdogs[_i].pid != NULL)
		setenv("WATCHDOG_PID", watchdogs[_i].pid[0] != '\0' ? watchdogs[_i].pid : pid, 1);
	open_notify(&notify);
	ck_assert_int_eq(co_loop_run(env.loop, sleep_ten_seconds, NULL), 0);
	while (strcmp(next_message(), "WATCHDOG=1") == 0)
		pings++;
	ck_assert_int_eq(pings, watchdogs[_i].pings);
	close_notify(&notify);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon notify");
	TCase *tcase = suite_case(suite, "notify", 10);

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_loop_test(tcase, messages_arrive, 0, 2);
	tcase_add_loop_test(tcase, nobody_listens, 0, 5);
	tcase_add_test(tcase, a_manager_that_does_not_read);
	tcase_add_test(tcase, a_long_message_is_cut);
	tcase_add_loop_test(tcase, the_watchdogs_pings, 0,
			    sizeof(watchdogs) / sizeof(watchdogs[0]));
	return suite_run(suite);
}
