/* SPDX-License-Identifier: PostgreSQL */
/* Who listens to what: the events of listeners that come and go, and no memory at any point. */
#include "db/channels.h"

#include "base/err.h"
#include "base/sys.h"
#include "unit/db_pool.h"

#include <arpa/inet.h>

/* What a listener was told, as text: "established;a=x;resync;". */
struct ear {
	struct channels_listener listener;
	struct buf heard;
	struct co_task *task;
	bool counting; /* payloads begin with their number, and are not kept */
	long count;
};

static void note(struct channels_listener *listener, const char *text)
{
	struct ear *ear = CONTAINER_OF(listener, struct ear, listener);

	buf_puts(&ear->heard, text);
	buf_putc(&ear->heard, ';');
	if (ear->task != NULL)
		co_unpark(ear->task);
}

static void on_established(struct channels_listener *listener)
{
	note(listener, "established");
}

static void count(struct ear *ear, const char *payload)
{
	ck_assert_int_eq(strtol(payload, NULL, 10), ++ear->count);
	co_unpark(ear->task);
}

static void on_notified(struct channels_listener *listener,
			const struct channels_notification *notification)
{
	char text[128];

	ck_assert_int_gt(notification->pid, 0);
	if (CONTAINER_OF(listener, struct ear, listener)->counting) {
		count(CONTAINER_OF(listener, struct ear, listener), notification->payload);
		return;
	}
	snprintf(text, sizeof(text), "%s=%s", notification->channel, notification->payload);
	note(listener, text);
}

static void on_resync(struct channels_listener *listener)
{
	note(listener, "resync");
}

static void on_failed(struct channels_listener *listener, const struct err *err)
{
	ck_assert_ptr_null(listener->channels);
	note(listener, err_code_name(err->code));
}

static const struct channels_listener_ops ops = {
	.established = on_established,
	.notified = on_notified,
	.resync = on_resync,
	.failed = on_failed,
};

static struct channels *open_channels(struct db_env *env)
{
	struct channels *channels;

	ck_assert_int_eq(
		channels_new(&channels, env->fixture.loop, env->fixture.resolver, &env->conf), 0);
	return channels;
}

static int hear(struct channels *channels, struct ear *ear, const char *a, const char *b)
{
	const char *names[] = {a, b};
	struct err err;

	*ear = (struct ear){.task = co_task_current()};
	return channels_add(channels, &ear->listener, &ops, names, b != NULL ? 2 : 1, &err);
}

static void ck_heard(struct ear *ear, const char *expected)
{
	int64_t limit_ns = clock_after_ns(co_now_ns(), 20 * CLOCK_SECOND);

	while (buf_len(&ear->heard) < strlen(expected))
		ck_assert_int_eq(co_park(limit_ns), 0);
	ck_assert_str_eq(buf_cstr(&ear->heard), expected);
	buf_reset(&ear->heard);
}

static void leave(struct ear *ear)
{
	channels_remove(&ear->listener);
	channels_remove(&ear->listener); /* twice is harmless */
	ck_assert_uint_eq(buf_len(&ear->heard), 0);
	buf_free(&ear->heard);
}

static void task_shared(struct db_env *env)
{
	struct channels *channels = open_channels(env);
	struct ear one, two;

	ck_assert_int_eq(hear(channels, &one, "a", "b"), 0);
	ck_assert_int_eq(hear(channels, &two, "b", "c \"d\""), 0);
	ck_heard(&one, "established;");
	ck_heard(&two, "established;");
	ck_assert_uint_eq(channels_stats(channels).channels, 3);
	aside("select pg_notify('a', '1'), pg_notify('b', '2'), pg_notify('c \"d\"', '3')");
	ck_heard(&one, "a=1;b=2;");
	ck_heard(&two, "b=2;c \"d\"=3;");
	leave(&one);
	/* Before the server has been told that nobody listens to it any more. */
	ck_assert_int_eq(hear(channels, &one, "a", NULL), 0);
	ck_heard(&one, "established;");
	aside("select pg_notify('a', '4'), pg_notify('b', '5')");
	ck_heard(&one, "a=4;");
	ck_heard(&two, "b=5;");
	leave(&two);
	/* While it is being told. */
	ck_assert_int_eq(co_yield(), 0);
	ck_assert_int_eq(hear(channels, &two, "b", NULL), 0);
	ck_heard(&two, "established;");
	aside("select pg_notify('b', '6')");
	ck_heard(&two, "b=6;");
	channels_stop(channels);
	ck_heard(&one, "shutting_down;");
	ck_heard(&two, "shutting_down;");
	buf_free(&one.heard);
	buf_free(&two.heard);
	ck_assert_int_lt(hear(channels, &one, "a", NULL), 0);
	channels_free(channels);
}

START_TEST(listeners_share_what_they_have_in_common)
{
	db_env_run(task_shared);
}
END_TEST

static void task_flood(struct db_env *env)
{
	struct channels *channels = open_channels(env);
	static struct ear ears[500];
	char expected[1024] = "";

	for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
		ck_assert_int_eq(hear(channels, &ears[i], "flood", NULL), 0);
		ck_heard(&ears[i], "established;");
	}
	for (int i = 1; i <= 50; i++)
		snprintf(expected + strlen(expected), 32, "flood=%d;", i);
	aside("select count(pg_notify('flood', n::text)) from generate_series(1, 50) n");
	for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
		ck_heard(&ears[i], expected);
		leave(&ears[i]);
	}
	channels_free(channels);
}

/* More than is told in one turn. */
START_TEST(many_listeners_hear_all)
{
	db_env_run(task_flood);
}
END_TEST

#define TURN_BYTES ((size_t)64 * 1024)
#define BURST	   50
/* Far larger than any real one: libpq's buffer grows with it, and it reads as much as that holds.
 */
#define PAYLOAD_BYTES ((size_t)300 * 1000)

/* What a server sends, in place of what is on the socket, and what is taken of it in a turn. */
static struct {
	struct buf bytes;
	size_t taken, taken_in_turn, most_in_turn;
	uint64_t turn;
} flood;

static ssize_t flood_recv(int fd, void *bytes, size_t len, int flags)
{
	uint64_t turn = co_loop_stats(co_loop_current()).turns;

	if (flood.taken == buf_len(&flood.bytes))
		return sys_real.recv(fd, bytes, len, flags);
	len = MIN(len, buf_len(&flood.bytes) - flood.taken);
	memcpy(bytes, buf_cstr(&flood.bytes) + flood.taken, len);
	flood.taken += len;
	flood.taken_in_turn = (turn == flood.turn ? flood.taken_in_turn : 0) + len;
	flood.turn = turn;
	flood.most_in_turn = MAX(flood.most_in_turn, flood.taken_in_turn);
	return (ssize_t)len;
}

static void add_notification(struct buf *bytes, int number)
{
	static char payload[PAYLOAD_BYTES];
	const char head[] = "\0\0\0\1flood";
	uint32_t len = htonl((uint32_t)(4 + sizeof(head) + sizeof(payload)));

	memset(payload, '.', sizeof(payload));
	payload[snprintf(payload, sizeof(payload), "%d", number)] = '.';
	payload[sizeof(payload) - 1] = '\0';
	buf_putc(bytes, 'A');
	buf_append(bytes, &len, sizeof(len));
	buf_append(bytes, head, sizeof(head));
	buf_append(bytes, payload, sizeof(payload));
}

static void task_large(struct db_env *env)
{
	struct channels *channels = open_channels(env);
	struct ear ear;

	ck_assert_int_eq(hear(channels, &ear, "flood", NULL), 0);
	ck_heard(&ear, "established;");
	ear.counting = true;
	for (int i = 1; i <= BURST; i++)
		add_notification(&flood.bytes, i);
	aside("notify flood, '51'"); /* the socket is readable until the end of it all */
	sys.recv = flood_recv;
	while (ear.count < BURST + 1)
		ck_assert_int_eq(co_park(clock_after_ns(co_now_ns(), 20 * CLOCK_SECOND)), 0);
	sys = sys_real;
	ck_assert_uint_eq(flood.taken, buf_len(&flood.bytes));
	ck_assert_uint_le(flood.most_in_turn, TURN_BYTES);
	buf_free(&flood.bytes);
	leave(&ear);
	channels_free(channels);
}

START_TEST(a_flood_does_not_hold_the_loop)
{
	db_env_run(task_large);
}
END_TEST

static void task_tls(struct db_env *env)
{
	struct channels *channels;
	struct ear ear;

	env->conf.conninfo = "host=127.0.0.1 sslmode=require";
	channels = open_channels(env);
	ck_assert_int_eq(hear(channels, &ear, "burst", NULL), 0);
	ck_heard(&ear, "established;");
	ear.counting = true;
	aside("select count(pg_notify('burst', rpad(n::text || '.', 7000, 'x')))"
	      " from generate_series(1, 500) n");
	while (ear.count < 500)
		ck_assert_int_eq(co_park(clock_after_ns(co_now_ns(), 20 * CLOCK_SECOND)), 0);
	leave(&ear);
	channels_free(channels);
}

START_TEST(a_burst_is_heard_through_tls)
{
	if (strcmp(getenv("TEST_POSTGRES_TLS"), "1") == 0)
		db_env_run(task_tls);
}
END_TEST

/* At every moment of the session's life: some listeners leave before they have been told. */
static void task_leave(struct db_env *env)
{
	struct channels *channels = open_channels(env);

	for (int turns = 0; turns < 60; turns++) {
		struct ear stays, leaves;

		ck_assert_int_eq(hear(channels, &leaves, "x", "both"), 0);
		ck_assert_int_eq(hear(channels, &stays, "y", "both"), 0);
		for (int i = 0; i < turns; i++)
			ck_assert_int_eq(co_sleep_until(co_now_ns() + 50 * CLOCK_US), 0);
		buf_reset(&leaves.heard);
		leave(&leaves);
		ck_heard(&stays, "established;");
		leave(&stays);
		if (turns % 10 == 9) { /* and from the beginning */
			channels_free(channels);
			channels = open_channels(env);
		}
	}
	channels_free(channels);
}

START_TEST(listeners_may_leave_at_any_moment)
{
	db_env_run(task_leave);
}
END_TEST

static void task_lost(struct db_env *env)
{
	struct channels *channels = open_channels(env);
	struct ear one, two;

	ck_assert_int_eq(hear(channels, &one, "a", NULL), 0);
	ck_heard(&one, "established;");
	for (int i = 0; i < 3; i++) {
		char channel[] = {'b', (char)('0' + i), '\0'};

		aside("select pg_terminate_backend(pid) from pg_stat_activity"
		      " where application_name = 'gatherd listen'");
		ck_assert_int_eq(hear(channels, &two, channel, NULL), 0);
		ck_heard(&one, "resync;");
		ck_heard(&two, "established;");
		aside("select pg_notify('a', '1')");
		ck_heard(&one, "a=1;");
		leave(&two);
	}
	ck_assert_uint_eq(channels_stats(channels).lost, 3);
	leave(&one);
	channels_free(channels);
}

START_TEST(a_lost_session_is_told_of)
{
	db_env_run(task_lost);
}
END_TEST

static void task_no_memory(struct db_env *env)
{
	int failures = 0;

	for (;;) {
		struct mem_failure failure = {.countdown = failures};
		struct channels *channels = open_channels(env);
		struct ear one;
		int rc;

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = hear(channels, &one, "a", "b");
		mem_set_fail_hook(NULL, NULL);
		if (rc == 0) {
			ck_heard(&one, "established;");
			leave(&one);
		}
		channels_free(channels);
		if (rc == 0 && failure.failed == 0)
			break;
		failures++;
	}
	ck_assert_int_gt(failures, 3);
}

START_TEST(without_memory_nobody_is_half_in)
{
	db_env_run(task_no_memory);
}
END_TEST

static void task_too_many(struct db_env *env)
{
	struct channels *channels = open_channels(env);
	static struct ear ears[CHANNELS_MAX / 2];
	struct ear last;
	char a[32], b[32];

	for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
		snprintf(a, sizeof(a), "a%zu", i);
		snprintf(b, sizeof(b), "b%zu", i);
		ck_assert_int_eq(hear(channels, &ears[i], a, b), 0);
	}
	ck_assert_int_eq(hear(channels, &last, "a1", "one more"), -ENOBUFS);
	ck_assert_int_eq(hear(channels, &last, "a1", "b2"), 0);
	leave(&last);
	for (size_t i = 0; i < ARRAY_SIZE(ears); i++)
		leave(&ears[i]);
	ck_assert_uint_eq(channels_stats(channels).channels, 0);
	channels_free(channels);
}

START_TEST(channels_are_limited)
{
	db_env_run(task_too_many);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db channels");
	TCase *tcase = suite_case(suite, "channels", 60);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(tcase, listeners_share_what_they_have_in_common);
	tcase_add_test(tcase, many_listeners_hear_all);
	tcase_add_test(tcase, a_flood_does_not_hold_the_loop);
	tcase_add_test(tcase, a_burst_is_heard_through_tls);
	tcase_add_test(tcase, listeners_may_leave_at_any_moment);
	tcase_add_test(tcase, a_lost_session_is_told_of);
	tcase_add_test(tcase, without_memory_nobody_is_half_in);
	tcase_add_test(tcase, channels_are_limited);
	return suite_run(suite);
}
