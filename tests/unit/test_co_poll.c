/* SPDX-License-Identifier: PostgreSQL */
/* Descriptors and signals: watches, edges, hang-ups, tasks that wait for a descriptor. */
#include "unit/co_env.h"
#include "unit/mem_failure.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct watched {
	struct co_watch watch;
	int fds[2]; /* watched, peer */
	int calls;
	unsigned events;
	struct watched *stops;
	bool stops_self;
};

static void watched_init(struct watched *watched)
{
	*watched = (struct watched){0};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, watched->fds), 0);
}

static void watched_free(struct watched *watched)
{
	co_watch_stop(&watched->watch);
	co_watch_stop(&watched->watch);
	close(watched->fds[0]);
	close(watched->fds[1]);
}

static void watched_call(void *arg, unsigned events)
{
	struct watched *watched = arg;

	watched->calls++;
	watched->events = events;
	if (watched->stops != NULL)
		co_watch_stop(&watched->stops->watch);
	if (watched->stops_self)
		co_watch_stop(&watched->watch);
}

static void watched_start(struct watched *watched, unsigned events)
{
	ck_assert_int_eq(co_watch_start(&watched->watch, co_loop_current(), watched->fds[0], events,
					watched_call, watched),
			 0);
}

/* One poll, and what it brought. */
static void turn(void)
{
	ck_assert_int_eq(co_sleep_until(co_now_ns()), 0);
}

static void expect(struct watched *watched, int calls, unsigned events)
{
	watched->calls = 0;
	watched->events = 0;
	turn();
	ck_assert_int_eq(watched->calls, calls);
	ck_assert_uint_eq(watched->events, events);
}

static void peer_send(const struct watched *watched)
{
	ck_assert_int_eq(write(watched->fds[1], "x", 1), 1);
}

static void drain(const struct watched *watched)
{
	char bytes[4096];

	while (read(watched->fds[0], bytes, sizeof(bytes)) > 0)
		continue;
}

static int main_level(void *arg)
{
	struct watched watched;

	(void)arg;
	watched_init(&watched);
	watched_start(&watched, CO_READ);
	expect(&watched, 0, 0);
	peer_send(&watched);
	expect(&watched, 1, CO_READ);
	expect(&watched, 1, CO_READ); /* still there */
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ | CO_WRITE), 0);
	expect(&watched, 1, CO_READ | CO_WRITE);
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_WRITE), 0);
	expect(&watched, 1, CO_WRITE);
	ck_assert_int_eq(co_watch_change(&watched.watch, 0), 0);
	expect(&watched, 0, 0);
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ), 0);
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ), 0);
	expect(&watched, 1, CO_READ);
	drain(&watched);
	expect(&watched, 0, 0);
	co_watch_stop(&watched.watch);
	peer_send(&watched);
	expect(&watched, 0, 0);
	watched_free(&watched);
	return 0;
}

static int main_edge(void *arg)
{
	struct watched watched;

	(void)arg;
	watched_init(&watched);
	watched_start(&watched, CO_READ | CO_EDGE);
	expect(&watched, 0, 0);
	peer_send(&watched);
	expect(&watched, 1, CO_READ);
	expect(&watched, 0, 0); /* reported once */
	peer_send(&watched);
	expect(&watched, 1, CO_READ);
	expect(&watched, 0, 0);
	/* A new mask looks again, and stays one of edges. */
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ | CO_WRITE | CO_EDGE), 0);
	expect(&watched, 1, CO_READ | CO_WRITE);
	expect(&watched, 0, 0);
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ | CO_EDGE), 0);
	turn();
	expect(&watched, 0, 0);
	peer_send(&watched);
	expect(&watched, 1, CO_READ);
	expect(&watched, 0, 0);
	/* Between edges and levels. */
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ), 0);
	expect(&watched, 1, CO_READ);
	expect(&watched, 1, CO_READ);
	ck_assert_int_eq(co_watch_change(&watched.watch, CO_READ | CO_EDGE), 0);
	expect(&watched, 1, CO_READ);
	expect(&watched, 0, 0);
	watched_free(&watched);
	return 0;
}

/* An edge that came in this turn is not lost when the mask changes before its callback. */
static void change_mask(void *arg, unsigned events)
{
	struct watched *watched = arg;

	(void)events;
	watched->calls++;
	co_watch_stop(&watched->watch);
	ck_assert_int_eq(co_watch_change(&watched->stops->watch, CO_READ | CO_WRITE | CO_EDGE), 0);
}

static int main_edge_changed_in_turn(void *arg)
{
	struct watched changer, watched;

	(void)arg;
	watched_init(&changer);
	watched_init(&watched);
	changer.stops = &watched;
	ck_assert_int_eq(co_watch_start(&changer.watch, co_loop_current(), changer.fds[0], CO_READ,
					change_mask, &changer),
			 0);
	watched_start(&watched, CO_READ | CO_EDGE);
	peer_send(&changer); /* first in epoll's list, so first called */
	peer_send(&watched);
	turn();
	turn();
	ck_assert_int_eq(changer.calls, 1);
	ck_assert_int_ge(watched.calls, 1);
	ck_assert_uint_eq(watched.events, CO_READ | CO_WRITE);
	watched_free(&changer);
	watched_free(&watched);
	return 0;
}

/* Whichever is called first stops the other, whose event is pending. */
static int main_stop_other(void *arg)
{
	struct watched a, b;

	(void)arg;
	watched_init(&a);
	watched_init(&b);
	a.stops = &b;
	b.stops = &a;
	watched_start(&a, CO_READ);
	watched_start(&b, CO_READ);
	peer_send(&a);
	peer_send(&b);
	turn();
	turn();
	ck_assert((a.calls == 0) != (b.calls == 0));
	watched_free(&a);
	watched_free(&b);
	return 0;
}

static int main_stop_self(void *arg)
{
	struct watched watched;

	(void)arg;
	watched_init(&watched);
	watched.stops_self = true;
	watched_start(&watched, CO_READ | CO_WRITE);
	peer_send(&watched);
	turn();
	turn();
	ck_assert_int_eq(watched.calls, 1);
	watched_free(&watched);
	return 0;
}

static int main_hang_up(void *arg)
{
	struct watched reads, writes, both, pipe_reads;
	int fds[2];

	(void)arg;
	watched_init(&reads);
	watched_init(&writes);
	watched_init(&both);
	watched_start(&reads, CO_READ);
	watched_start(&writes, CO_WRITE);
	watched_start(&both, CO_READ | CO_WRITE);
	turn();
	shutdown(reads.fds[1], SHUT_RDWR);
	shutdown(writes.fds[1], SHUT_RDWR);
	shutdown(both.fds[1], SHUT_RDWR);
	expect(&reads, 1, CO_READ);
	expect(&writes, 1, CO_WRITE);
	expect(&both, 1, CO_READ | CO_WRITE);
	watched_free(&reads);
	watched_free(&writes);
	watched_free(&both);

	/* POLLHUP alone, without POLLIN: a pipe whose writer is gone. */
	ck_assert_int_eq(pipe(fds), 0);
	pipe_reads = (struct watched){.fds = {fds[0], fds[1]}};
	watched_start(&pipe_reads, CO_READ);
	close(fds[1]);
	pipe_reads.fds[1] = dup(fds[0]);
	expect(&pipe_reads, 1, CO_READ);
	watched_free(&pipe_reads);
	return 0;
}

/* POLLERR alone: a pipe that nobody reads any more, with its buffer full. */
static int main_error(void *arg)
{
	static char block[4096];
	struct watched watched = {.calls = 0};
	int fds[2];

	(void)arg;
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	watched.fds[0] = fds[1];
	while (write(fds[1], block, sizeof(block)) > 0)
		continue;
	watched_start(&watched, CO_WRITE);
	expect(&watched, 0, 0);
	close(fds[0]);
	watched.fds[1] = dup(fds[1]);
	expect(&watched, 1, CO_WRITE);
	watched_free(&watched);
	return 0;
}

static int main_bad_descriptor(void *arg)
{
	struct watched watched = {.calls = 0};
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct co_loop *loop = co_loop_current();

	(void)arg;
	ck_assert_int_eq(co_watch_start(&watched.watch, loop, 9999, CO_READ, watched_call, NULL),
			 -EBADF);
	ck_assert_ptr_null(watched.watch.event);
	co_watch_stop(&watched.watch);
	ck_assert_int_eq(co_fd_wait(9999, CO_READ, CLOCK_NEVER), -EBADF);
	ck_assert_int_eq(co_fd_wait(file, CO_READ, CLOCK_NEVER), -EPERM); /* says epoll */
	close(file);
	return 0;
}

static int main_fd_wait(void *arg)
{
	struct watched pair;
	int64_t never = CLOCK_NEVER;

	(void)arg;
	watched_init(&pair);
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_WRITE, never), CO_WRITE);
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_READ | CO_WRITE, never), CO_WRITE);
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_READ, co_env_at_ms(10)), -ETIMEDOUT);
	ck_assert_int_eq(co_env_ms(), 10);
	peer_send(&pair);
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_READ | CO_WRITE, never), CO_READ | CO_WRITE);
	/* ready, although the deadline is long past */
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_READ, co_env_at_ms(1)), CO_READ);
	ck_assert_int_eq(co_env_ms(), 10);
	watched_free(&pair);
	return 0;
}

struct fd_waiter {
	int fd;
	int64_t deadline_ns;
	int rc;
};

static int fd_waiter_run(void *arg)
{
	struct fd_waiter *waiter = arg;

	waiter->rc = co_fd_wait(waiter->fd, CO_READ, waiter->deadline_ns);
	return 0;
}

/* Two tasks may wait for one descriptor; the one that is cancelled takes nothing from the other. */
static int main_two_waiters(void *arg)
{
	struct watched pair;
	struct fd_waiter a, b;
	struct co_group group_a, group_b;

	(void)arg;
	watched_init(&pair);
	a = b = (struct fd_waiter){.fd = pair.fds[0], .deadline_ns = CLOCK_NEVER};
	co_group_init(&group_a, co_loop_current(), CO_KEEP_GOING);
	co_group_init(&group_b, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group_a, fd_waiter_run, &a, "a"), 0);
	ck_assert_int_eq(co_group_go(&group_b, fd_waiter_run, &b, "b"), 0);
	turn();
	co_group_cancel(&group_a);
	ck_assert_int_eq(co_group_wait(&group_a, CLOCK_NEVER), 0);
	ck_assert_int_eq(a.rc, -ECANCELED);
	ck_assert_uint_eq(co_group_live(&group_b), 1);
	peer_send(&pair);
	ck_assert_int_eq(co_group_wait(&group_b, CLOCK_NEVER), 0);
	ck_assert_int_eq(b.rc, CO_READ);
	watched_free(&pair);
	return 0;
}

/* Without a deadline virtual time cannot help: the loop really waits for the other thread. */
static void *send_from_thread(void *arg)
{
	peer_send(arg);
	return NULL;
}

static int main_blocks_on_descriptor(void *arg)
{
	struct watched pair;
	pthread_t thread;

	(void)arg;
	watched_init(&pair);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_from_thread, &pair), 0);
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_READ, CLOCK_NEVER), CO_READ);
	ck_assert_int_eq(co_env_ms(), 0);
	pthread_join(thread, NULL);
	watched_free(&pair);
	return 0;
}

static int main_ready_before_deadline(void *arg)
{
	struct watched pair;

	(void)arg;
	watched_init(&pair);
	peer_send(&pair);
	/* what can be had now is had before the clock moves */
	ck_assert_int_eq(co_fd_wait(pair.fds[0], CO_READ, co_env_at_ms(1000)), CO_READ);
	ck_assert_int_eq(co_env_ms(), 0);
	watched_free(&pair);
	return 0;
}

struct signalled {
	struct co_signal signal;
	int calls, number;
	bool stops;
};

static void signalled_call(void *arg, int number)
{
	struct signalled *signalled = arg;

	ck_assert_ptr_nonnull(co_loop_current());
	ck_assert_ptr_null(co_task_current());
	signalled->calls++;
	signalled->number = number;
	if (signalled->stops)
		co_signal_stop(&signalled->signal);
}

static int main_signals(void *arg)
{
	struct co_loop *loop = co_loop_current();
	struct signalled hup = {.calls = 0}, term = {.stops = true};

	(void)arg;
	ck_assert_int_eq(co_signal_start(&hup.signal, loop, SIGHUP, signalled_call, &hup), 0);
	ck_assert_int_eq(co_signal_start(&term.signal, loop, SIGTERM, signalled_call, &term), 0);
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(raise(SIGHUP), 0);
		ck_assert_int_eq(hup.calls, i - 1); /* not in the handler */
		turn();
		turn();
		ck_assert_int_eq(hup.calls, i);
	}
	ck_assert_int_eq(hup.number, SIGHUP);
	ck_assert_int_eq(raise(SIGTERM), 0);
	turn();
	turn();
	ck_assert_int_eq(term.calls, 1);
	co_signal_stop(&hup.signal);
	co_signal_stop(&hup.signal);
	ck_assert_int_eq(co_signal_start(&hup.signal, loop, 12345, signalled_call, &hup) < 0, 1);
	return 0;
}

/* Where memory ends, a start says so and leaves nothing behind. */
static int main_no_memory(void *arg)
{
	struct co_loop *loop = co_loop_current();
	size_t failures = 0;

	(void)arg;
	for (int n = 0;; n++) {
		struct mem_failure failure = {.countdown = n};
		struct watched watched;
		struct signalled usr = {.calls = 0};
		int watch_rc, signal_rc;

		watched_init(&watched);
		mem_set_fail_hook(mem_failure_hook, &failure);
		watch_rc = co_watch_start(&watched.watch, loop, watched.fds[0], CO_WRITE,
					  watched_call, &watched);
		signal_rc = co_signal_start(&usr.signal, loop, SIGUSR1, signalled_call, &usr);
		mem_set_fail_hook(NULL, NULL);
		failures += (watch_rc != 0) + (signal_rc != 0);
		ck_assert(watch_rc == 0 || watch_rc == -ENOMEM);
		ck_assert_int_le(signal_rc, 0);
		turn();
		ck_assert_int_eq(watched.calls, watch_rc == 0);
		co_signal_stop(&usr.signal);
		watched_free(&watched);
		if (failure.failed == 0)
			break;
	}
	ck_assert_uint_ge(failures, 3);
	return 0;
}

static const struct {
	const char *name;
	co_task_fn *fn;
} cases[] = {
	{"level", main_level},
	{"edge", main_edge},
	{"edge changed in its turn", main_edge_changed_in_turn},
	{"stop other", main_stop_other},
	{"stop self", main_stop_self},
	{"hang-up", main_hang_up},
	{"error", main_error},
	{"bad descriptor", main_bad_descriptor},
	{"fd wait", main_fd_wait},
	{"two waiters", main_two_waiters},
	{"blocks on descriptor", main_blocks_on_descriptor},
	{"ready before deadline", main_ready_before_deadline},
	{"signals", main_signals},
	{"no memory", main_no_memory},
};

START_TEST(test_case)
{
	ck_assert_msg(co_env_run(cases[_i].fn, NULL) == 0, "%s", cases[_i].name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("co_poll");
	TCase *tcase = suite_case(suite, "poll", 60);

	tcase_add_loop_test(tcase, test_case, 0, ARRAY_SIZE(cases));
	return suite_run(suite);
}
