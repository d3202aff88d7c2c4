/* SPDX-License-Identifier: PostgreSQL */
/* A client's connection: lines, their limits, ends of every kind, and clients that do not read. No
 * database is needed for these; time is virtual. */
#include "unit/daemon_server.h"

/* Nobody listens there, and nobody asks. */
#define DATABASE "[database main]\nconninfo = host=/nonexistent\n"
#define PING	 "{\"ping\":true}\n"

static int row_index;

/* ---- framing ---- */

static const struct {
	const char *sent;
	const char *answers[4]; /* how they begin */
	bool half_close, ends;	/* we end; the daemon does */
} frames[] = {
	{PING, {"{\"id\":1,\"pong\":true,"}, false, false},
	{"{\"ping\":true,\"id\":\"x\"}\n", {"{\"id\":\"x\",\"pong\":true,"}, false, false},
	{PING PING, {"{\"id\":1,\"pong\"", "{\"id\":2,\"pong\""}, false, false},
	{"\n\n" PING, {"{\"id\":3,\"pong\""}, false, false},
	{"\r\n{\"ping\":true}\r\n", {"{\"id\":2,\"pong\""}, false, false},
	/* a last line needs no newline, if it is whole */
	{"{\"ping\":true}", {"{\"id\":1,\"pong\""}, true, true},
	{PING "{\"ping\":true}", {"{\"id\":1,\"pong\"", "{\"id\":2,\"pong\""}, true, true},
	{"{\"ping\":tr", {"{\"id\":1,\"error\":{\"code\":\"bad_request\""}, true, true},
	{PING, {"{\"id\":1,\"pong\""}, true, true},
	{"", {NULL}, true, true},
	{"\n", {NULL}, true, true},
	/* what is no request at all ends the connection; a bad request does not */
	{"GET / HTTP/1.1\n" PING, {"{\"id\":1,\"error\":{\"code\":\"bad_request\""}, false, true},
	{" {\"ping\":true}\n", {"{\"id\":1,\"error\":{\"code\":\"bad_request\""}, false, true},
	{PING "[1]\n" PING,
	 {"{\"id\":1,\"pong\"", "{\"id\":2,\"error\":{\"code\":\"bad_request\""},
	 false,
	 true},
	{"{}\n" PING,
	 {"{\"id\":1,\"error\":{\"code\":\"bad_request\"", "{\"id\":2,\"pong\""},
	 false,
	 false},
	{"{\"ping\":true,\"ping\":true}\n" PING,
	 {"{\"id\":1,\"error\":{\"code\":\"bad_request\"", "{\"id\":2,\"pong\""},
	 false,
	 false},
	{"{\"cancel\":7}\n", {"{\"id\":1,\"cancelled\":false}"}, false, false},
	{"{\"stats\":true}\n", {"{\"id\":1,\"stats\":{\"version\""}, false, false},
	{"{\"gather\":[],\"id\":3}\n", {"{\"id\":3,\"ok\":true,\"failed\":0,"}, true, true},
	{"{\"gather\":[\"select 1\"],\"db\":\"none\"}\n",
	 {"{\"id\":1,\"error\":{\"code\":\"unknown_database\""},
	 true,
	 true},
	{"{\"report\":\"none\"}\n",
	 {"{\"id\":1,\"error\":{\"code\":\"unknown_report\""},
	 true,
	 true},
};

static void expect_frames(struct client *client)
{
	for (size_t i = 0; i < 4 && frames[row_index].answers[i] != NULL; i++)
		ck_line(client, frames[row_index].answers[i]);
	if (frames[row_index].ends)
		ck_end(client);
}

static void task_frames(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, frames[row_index].sent);
	if (frames[row_index].half_close)
		shutdown(client->fd, SHUT_WR);
	expect_frames(client);
	client_close(client);
}

START_TEST(frames_at_once)
{
	row_index = _i;
	daemon_env_run(task_frames, DATABASE, true);
}
END_TEST

/* The same, a byte a turn. */
static void task_bytes(struct daemon_env *env)
{
	struct client *client = client_new(env);

	for (const char *c = frames[row_index].sent; *c != '\0'; c++) {
		char one[2] = {*c, '\0'};

		if (client_try_send(client, one) < 0)
			break; /* it has hung up on us */
		ck_assert_int_eq(co_sleep_until(co_now_ns() + 1), 0);
	}
	if (frames[row_index].half_close)
		shutdown(client->fd, SHUT_WR);
	expect_frames(client);
	client_close(client);
}

START_TEST(frames_by_bytes)
{
	row_index = _i;
	daemon_env_run(task_bytes, DATABASE, true);
}
END_TEST

/* ---- limits ---- */

static void task_long(struct daemon_env *env)
{
	struct client *client = client_new(env);
	char line[8192];

	/* exactly as long as it may be */
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"ping\":true", 12);
	strcpy(line + 4095, "}\n");
	client_send(client, line);
	ck_line(client, "{\"id\":1,\"pong\"");
	strcpy(line + 4096, "}\n");
	line[4095] = ' ';
	if (row_index == 0)
		client_send(client, line);
	else
		client_send(client, "{");
	if (row_index == 1) { /* and no newline ever */
		line[4096] = '\0';
		client_send(client, line);
	}
	ck_line(client, "{\"id\":2,\"error\":{\"code\":\"too_large\"");
	ck_end(client);
	client_close(client);
}

START_TEST(a_line_that_is_too_long)
{
	row_index = _i;
	daemon_env_run(task_long, "max_request = 4K\n" DATABASE, true);
}
END_TEST

/* A line that has begun and goes on too slowly, however often something of it comes. */
static void task_unfinished(struct daemon_env *env)
{
	struct client *client = client_new(env), *idle = client_new(env);
	int64_t start_ns = co_now_ns();

	client_send(client, PING);
	ck_line(client, "{\"id\":1,\"pong\"");
	ck_assert_int_eq(co_sleep_until(co_now_ns() + 100 * CLOCK_SECOND), 0);
	start_ns = co_now_ns();
	for (int i = 0; i < 9; i++) {
		client_send(client, i == 0 ? "{" : " ");
		ck_assert_int_eq(co_sleep_until(start_ns + (i + 1) * 6 * CLOCK_SECOND), 0);
	}
	ck_assert_uint_eq(env->server.clients_dropped, 0);
	ck_line(client, "{\"id\":2,\"error\":{\"code\":\"timeout\"");
	ck_contains(client->line, "\"effects\":\"none\"");
	ck_end(client);
	ck_assert_int_eq(co_now_ns(), start_ns + 60 * CLOCK_SECOND);
	ck_assert_uint_eq(env->server.clients_dropped, 1);
	client_close(client);
	/* Nothing is expected of one that has begun nothing. */
	client_send(idle, PING);
	ck_line(idle, "{\"id\":1,\"pong\"");
	client_close(idle);
}

START_TEST(a_line_without_an_end)
{
	daemon_env_run(task_unfinished, "client_read_timeout = 60s\n" DATABASE, true);
}
END_TEST

static void task_each_in_time(struct daemon_env *env)
{
	struct client *client = client_new(env);

	for (int i = 0; i < 10; i++) {
		client_send(client, i == 0 ? "{\"ping\":" : "true}\n{\"ping\":");
		ck_assert_int_eq(co_sleep_until(co_now_ns() + 50 * CLOCK_SECOND), 0);
	}
	ck_assert_uint_eq(env->server.clients_dropped, 0);
	client_close(client);
}

START_TEST(each_line_has_its_own_time)
{
	daemon_env_run(task_each_in_time, "client_read_timeout = 60s\n" DATABASE, true);
}
END_TEST

static void task_for_ever(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, "{\"ping\":");
	ck_assert_int_eq(co_sleep_until(co_now_ns() + 1000 * CLOCK_SECOND), 0);
	client_send(client, "true}\n");
	ck_line(client, "{\"id\":1,\"pong\"");
	client_close(client);
}

START_TEST(a_line_may_have_all_the_time)
{
	daemon_env_run(task_for_ever, "client_read_timeout = 0\n" DATABASE, true);
}
END_TEST

static void send_begun(struct client *client, size_t bytes)
{
	char *text = malloc(bytes + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', bytes);
	text[0] = '{';
	text[bytes] = '\0';
	client_send(client, text);
	free(text);
	ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_MS), 0);
}

/* What clients have begun to send fills a quarter of memory_limit: the largest of them gives way,
 * and small requests never notice. */
static void task_input(struct daemon_env *env)
{
	struct client *large = client_new(env), *clients[8], *small = client_new(env);

	send_begun(large, 600000);
	for (size_t i = 0; i < 8; i++) {
		clients[i] = client_new(env);
		send_begun(clients[i], 200000);
		client_send(small, PING);
		ck_contains(client_line(small), "\"pong\"");
		ck_assert_uint_le(env->server.input.used_bytes, 1 << 20);
	}
	ck_line(large, "{\"id\":1,\"error\":{\"code\":\"queue_full\"");
	ck_contains(large->line, "\"effects\":\"none\"");
	ck_end(large);
	ck_assert_uint_gt(env->server.input.used_bytes, 1 << 19);
	client_close(large);
	for (size_t i = 0; i < 8; i++)
		client_close(clients[i]);
	client_close(small);
}

START_TEST(lines_that_have_begun_leave_room)
{
	daemon_env_run(task_input,
		       "max_request = 1M\nmax_answer = 1M\nmemory_limit = 4M\n" DATABASE, true);
}
END_TEST

static void send_pings(struct client *client, size_t count)
{
	char *text = malloc(count * strlen(PING) + 1), *end = text;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < count; i++)
		end = stpcpy(end, PING);
	client_send(client, text);
	free(text);
}

static void task_many(struct daemon_env *env)
{
	struct client *client = client_new(env);

	for (int round = 0; round < 20; round++) {
		send_pings(client, 100);
		for (int i = 1; i <= 100; i++) {
			char begin[32];

			snprintf(begin, sizeof(begin), "{\"id\":%d,\"pong\"", round * 100 + i);
			ck_line(client, begin);
		}
	}
	client_close(client);
}

START_TEST(answers_come_in_order)
{
	daemon_env_run(task_many, DATABASE, true);
}
END_TEST

static size_t newlines_sent;

/* A client that reads as fast as it is written to. */
static ssize_t swallow(int fd, const struct msghdr *message, int flags)
{
	size_t sent = 0;

	(void)fd;
	(void)flags;
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const char *bytes = message->msg_iov[i].iov_base;

		for (size_t j = 0; j < message->msg_iov[i].iov_len; j++)
			newlines_sent += bytes[j] == '\n';
		sent += message->msg_iov[i].iov_len;
	}
	return (ssize_t)sent;
}

/* More than a client's backlog may hold is asked for at once. When that has been written the rest
 * is read: nothing else will come to wake the session. */
static void task_backlog(struct daemon_env *env)
{
	struct client *client;

	newlines_sent = 0;
	sys.sendmsg = swallow;
	client = client_new(env);
	send_pings(client, 40000);
	for (int i = 0; newlines_sent < 40000; i++) {
		ck_assert_int_lt(i, 10000);
		ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_MS), 0);
	}
	sys.sendmsg = sys_real.sendmsg;
	client_close(client);
}

START_TEST(a_backlog_that_is_written_in_one_go)
{
	daemon_env_run(task_backlog, DATABASE, true);
}
END_TEST

/* ---- clients that do not read ---- */

struct flood {
	struct client *client;
	size_t sent;
};

static int flood_main(void *arg)
{
	struct flood *flood = arg;

	while (client_try_send(flood->client, PING) == 0)
		flood->sent++;
	return 0;
}

static void task_deaf(struct daemon_env *env)
{
	struct client *client = client_new(env);
	struct flood flood = {.client = client};
	struct co_group group;
	int64_t start_ns = co_now_ns();

	co_group_init(&group, env->server.loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, flood_main, &flood, "flood"), 0);
	co_group_wait(&group, CLOCK_NEVER); /* until it is hung up on */
	ck_assert_int_ge(co_now_ns() - start_ns, 60 * CLOCK_SECOND);
	ck_assert_int_lt(co_now_ns() - start_ns, 61 * CLOCK_SECOND);
	ck_assert_uint_eq(env->server.clients_dropped, 1);
	ck_assert_uint_lt(env->server.memory.peak_bytes, 4 << 20); /* and took little meanwhile */
	client_close(client);
}

START_TEST(a_client_that_never_reads_is_dropped)
{
	daemon_env_run(task_deaf, "client_write_timeout = 60s\n" DATABASE, true);
}
END_TEST

/* Slow, but it reads: a little each second for minutes. */
static void task_slow(struct daemon_env *env)
{
	struct client *client = client_new(env);
	struct flood flood = {.client = client};
	struct co_group group;

	co_group_init(&group, env->server.loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, flood_main, &flood, "flood"), 0);
	for (int i = 0; i < 300; i++) {
		char bytes[4096];

		ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_SECOND), 0);
		ck_assert_int_gt(recv(client->fd, bytes, sizeof(bytes), 0), 0);
	}
	ck_assert_uint_eq(env->server.clients_dropped, 0);
	co_group_cancel(&group);
	co_group_wait(&group, CLOCK_NEVER);
	client_close(client);
}

START_TEST(a_slow_client_is_not)
{
	daemon_env_run(task_slow, "client_write_timeout = 60s\n" DATABASE, true);
}
END_TEST

/* ---- ends ---- */

static void task_closes(struct daemon_env *env)
{
	for (int i = 0; i < 20; i++) {
		struct client *client = client_new(env);

		if (i % 4 == 1)
			client_send(client, PING);
		if (i % 4 == 2)
			client_send(client, "{\"pi");
		if (i % 4 == 3) {
			client_send(client, PING);
			shutdown(client->fd, SHUT_WR);
		}
		if (i % 3 == 0)
			ck_assert_int_eq(co_yield(), 0);
		client_close(client);
	}
}

START_TEST(clients_that_go_at_once)
{
	daemon_env_run(task_closes, DATABASE, true);
}
END_TEST

static void task_drain(struct daemon_env *env)
{
	struct client *client = client_new(env);

	client_send(client, PING);
	ck_line(client, "{\"id\":1,\"pong\"");
	client_send(client, "{\"gather\":[\"select 1\"]}\n");
	env->server.state = SERVER_DRAINING;
	session_drain(LIST_ENTRY(env->server.sessions.next, struct session, node));
	ck_line(client, "{\"id\":2,\"error\":{\"code\":\"shutting_down\"");
	ck_end(client);
	client_close(client);
}

START_TEST(a_session_is_drained)
{
	daemon_env_run(task_drain, DATABASE, true);
}
END_TEST

/* ---- the socket's faults ---- */

static int recv_calls, recv_error, recv_at;

static ssize_t failing_recv(int fd, void *bytes, size_t len, int flags)
{
	if (++recv_calls == recv_at) {
		errno = recv_error;
		return -1;
	}
	return sys_real.recv(fd, bytes, MIN(len, (size_t)1), flags);
}

/* A byte at a time, and an error at each of them. */
static void task_recv(struct daemon_env *env)
{
	static const int errors[] = {EINTR, ECONNRESET};

	recv_error = errors[row_index];
	for (recv_at = 1; recv_at < 16; recv_at++) {
		struct client *client;
		const char *text = PING;

		recv_calls = 0;
		client = client_new(env);
		ck_assert_int_eq((int)send(client->fd, text, strlen(text), MSG_NOSIGNAL),
				 (int)strlen(text));
		sys.recv = failing_recv;
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(co_sleep_until(co_now_ns() + 1), 0);
		sys.recv = sys_real.recv;
		if (recv_error == EINTR)
			ck_line(client, "{\"id\":1,\"pong\"");
		else
			ck_end(client);
		client_close(client);
	}
}

START_TEST(receiving_fails)
{
	row_index = _i;
	daemon_env_run(task_recv, DATABASE, true);
}
END_TEST

/* ---- memory ---- */

/* Each allocation fails in turn: the answer is whole, or there is none and the end. */
static void task_memory(struct daemon_env *env)
{
	static const char *const lines[] = {PING, "{\"stats\":true}\n", "{\"ping\":1}\n",
					    "{\"gather\":[]}\n", "{\"reports\":true}\n"};
	bool failed = true;

	for (int n = 0; failed; n++) {
		struct mem_failure failure = {.countdown = n};
		struct client *client = NULL;
		int fds[2], rc;

		ck_assert_int_eq(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
		client = calloc(1, sizeof(*client));
		client->fd = fds[1];
		ck_assert_int_gt(
			send(client->fd, lines[row_index], strlen(lines[row_index]), MSG_NOSIGNAL),
			0);
		shutdown(client->fd, SHUT_WR);
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = session_new(&env->server, fds[0]);
		if (rc == 0)
			for (int i = 0; i < 5; i++)
				ck_assert_int_eq(co_yield(), 0);
		mem_set_fail_hook(NULL, NULL);
		failed = failure.failed > 0;
		if (rc < 0) {
			ck_assert_int_eq(rc, -ENOMEM);
			close(fds[0]);
		} else {
			const char *line = client_line(client);

			if (line != NULL) {
				ck_assert_int_eq(line[strlen(line) - 1], '}');
				ck_end(client);
			}
			ck_assert(line != NULL || failed);
		}
		client_close(client);
	}
}

START_TEST(every_allocation_fails)
{
	row_index = _i;
	daemon_env_run(task_memory, DATABASE, false);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon session");
	TCase *tcase = suite_case(suite, "session", 30);

	tcase_add_loop_test(tcase, frames_at_once, 0, ARRAY_SIZE(frames));
	tcase_add_loop_test(tcase, frames_by_bytes, 0, ARRAY_SIZE(frames));
	tcase_add_loop_test(tcase, a_line_that_is_too_long, 0, 2);
	tcase_add_test(tcase, a_line_without_an_end);
	tcase_add_test(tcase, each_line_has_its_own_time);
	tcase_add_test(tcase, a_line_may_have_all_the_time);
	tcase_add_test(tcase, lines_that_have_begun_leave_room);
	tcase_add_test(tcase, answers_come_in_order);
	tcase_add_test(tcase, a_backlog_that_is_written_in_one_go);
	tcase_add_test(tcase, a_client_that_never_reads_is_dropped);
	tcase_add_test(tcase, a_slow_client_is_not);
	tcase_add_test(tcase, clients_that_go_at_once);
	tcase_add_test(tcase, a_session_is_drained);
	tcase_add_loop_test(tcase, receiving_fails, 0, 2);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, 5);
	return suite_run(suite);
}
