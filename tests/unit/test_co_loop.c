/* SPDX-License-Identifier: PostgreSQL */
/*
 * The loop itself: hooks, fairness between tasks and descriptors, real time, numbers, the dump,
 * very many tasks.
 */
#include "co/sanitizer.h"
#include "unit/co_env.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static bool slow_checker(void)
{
#ifdef HAVE_VALGRIND_VALGRIND_H
	if (RUNNING_ON_VALGRIND)
		return true;
#endif
	return CO_ASAN || CO_TSAN;
}

struct hooked {
	struct co_hook hook;
	struct co_loop *loop;
	struct co_trace *trace;
	const char *name;
	struct co_hook *stops;
	struct hooked *starts;
	int again;
	struct co_group *group;
};

static int note_task(void *arg)
{
	co_trace_add(arg, "task");
	return 0;
}

static void hooked_call(void *arg)
{
	struct hooked *hooked = arg;

	ck_assert_ptr_null(co_task_current());
	ck_assert_ptr_nonnull(co_loop_current());
	co_trace_add(hooked->trace, hooked->name);
	if (hooked->stops != NULL)
		co_hook_stop(hooked->stops);
	if (hooked->starts != NULL)
		co_hook_start(&hooked->starts->hook, hooked->loop, hooked_call, hooked->starts);
	if (hooked->again-- > 0)
		co_hook_start(&hooked->hook, hooked->loop, hooked_call, hooked);
	if (hooked->group != NULL)
		ck_assert_int_eq(co_group_go(hooked->group, note_task, hooked->trace, "note"), 0);
}

static struct hooked hooked_make(struct co_trace *trace, const char *name)
{
	return (struct hooked){.loop = co_loop_current(), .trace = trace, .name = name};
}

static void hooked_start(struct hooked *hooked)
{
	co_hook_start(&hooked->hook, hooked->loop, hooked_call, hooked);
}

static int main_hooks(void *arg)
{
	struct co_trace trace = {""};
	struct hooked a = hooked_make(&trace, "a"), b = hooked_make(&trace, "b");
	struct hooked c = hooked_make(&trace, "c");
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	hooked_start(&a);
	hooked_start(&b);
	hooked_start(&a); /* armed already: goes to the end, called once */
	hooked_start(&c);
	co_hook_stop(&c.hook);
	co_hook_stop(&c.hook);
	ck_assert_int_eq(co_group_go(&group, note_task, &trace, "note"), 0);
	ck_assert_int_eq(co_group_go(&group, note_task, &trace, "note"), 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(1)), 0);
	ck_assert_str_eq(trace.text, "task task b a");
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(2)), 0);
	ck_assert_str_eq(trace.text, "task task b a");
	return co_group_wait(&group, CLOCK_NEVER);
}

START_TEST(test_hooks)
{
	ck_assert_int_eq(co_env_run(main_hooks, NULL), 0);
}
END_TEST

/*
 * Hooks that stop and start hooks and tasks; the clock stands still until all of it has happened.

 */
static int main_hooks_chained(void *arg)
{
	struct co_trace trace = {""};
	struct hooked a = hooked_make(&trace, "a"), b = hooked_make(&trace, "b");
	struct hooked c = hooked_make(&trace, "c"), d = hooked_make(&trace, "d");
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	a.stops = &b.hook;
	a.starts = &c;
	c.group = &group;
	d.again = 2;
	hooked_start(&a);
	hooked_start(&b);
	hooked_start(&d);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(1)), 0);
	ck_assert_str_eq(trace.text, "a d c d task d");
	return co_group_wait(&group, CLOCK_NEVER);
}

START_TEST(test_hooks_chained)
{
	ck_assert_int_eq(co_env_run(main_hooks_chained, NULL), 0);
}
END_TEST

/*
 * Two tasks that keep each other ready for ever must hold up neither descriptors, nor timers, nor
 * hooks.
 */
struct starving {
	bool stop;
	int fd;
	bool read_event, hook_called, late_called, timer_called;
};

static int spin(void *arg)
{
	struct starving *starving = arg;

	while (!starving->stop)
		ck_assert_int_eq(co_yield(), 0);
	return 0;
}

static void starving_hook(void *arg)
{
	((struct starving *)arg)->hook_called = true;
}

static void starving_timer(void *arg)
{
	((struct starving *)arg)->timer_called = true;
}

static int starving_late(void *arg)
{
	struct starving *starving = arg;

	ck_assert_int_eq(co_park(co_now_ns()), -ETIMEDOUT);
	starving->late_called = true;
	return 0;
}

static int starving_reader(void *arg)
{
	struct starving *starving = arg;

	ck_assert_int_eq(co_fd_wait(starving->fd, CO_READ, CLOCK_NEVER), CO_READ);
	starving->read_event = true;
	while (!starving->hook_called || !starving->late_called || !starving->timer_called)
		ck_assert_int_eq(co_yield(), 0);
	starving->stop = true;
	return 0;
}

static int main_starving(void *arg)
{
	struct co_loop *loop = co_loop_current();
	struct starving starving = {.stop = false};
	struct co_hook hook = {.armed = false};
	struct co_timer timer = {.heap_index = 0};
	struct co_group group;
	int fds[2];

	(void)arg;
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	starving.fd = fds[0];
	co_group_init(&group, loop, CO_FAIL_FAST);
	ck_assert_int_eq(co_group_go(&group, spin, &starving, "spin"), 0);
	ck_assert_int_eq(co_group_go(&group, spin, &starving, "spin"), 0);
	ck_assert_int_eq(co_group_go(&group, starving_reader, &starving, "reader"), 0);
	ck_assert_int_eq(co_group_go(&group, starving_late, &starving, "late"), 0);
	co_hook_start(&hook, loop, starving_hook, &starving);
	ck_assert_int_eq(co_timer_start(&timer, loop, co_now_ns(), starving_timer, &starving), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

START_TEST(test_starving)
{
	ck_assert_int_eq(co_env_run(main_starving, NULL), 0);
}
END_TEST

/* On the system's clock: never before the deadline, and the turn's time is that of its poll. */
static int main_real_sleep(void *arg)
{
	int64_t begin_ns = co_now_ns();

	(void)arg;
	ck_assert_int_eq(co_sleep_until(begin_ns + 5 * CLOCK_MS), 0);
	ck_assert_int_ge(co_now_ns(), begin_ns + 5 * CLOCK_MS);
	/* an earlier one after a later one, and the other way round */
	ck_assert_int_eq(co_park(begin_ns + 7 * CLOCK_MS), -ETIMEDOUT);
	ck_assert_int_eq(co_park(begin_ns + 6 * CLOCK_MS), -ETIMEDOUT);
	ck_assert_int_ge(co_now_ns(), begin_ns + 7 * CLOCK_MS);
	ck_assert_int_le(co_now_ns(), clock_now_ns(&clock_system));
	return 0;
}

START_TEST(test_real_time)
{
	struct co_loop *loop;

	ck_assert_int_eq(co_loop_new(&loop, NULL), 0);
	ck_assert_int_eq(co_loop_run(loop, main_real_sleep, NULL), 0);
	ck_assert_int_gt(co_loop_stats(loop).turns, 2);
	co_loop_free(loop);
	co_loop_free(NULL);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

/*
 * A deadline far away is not held up by the timer of a nearer one that was given up, nor the other
 * way round.
 */
static int park_until(void *arg)
{
	return co_park(*(int64_t *)arg);
}

static int main_real_rearm(void *arg)
{
	int64_t far_ns = co_now_ns() + 3600 * CLOCK_SECOND;
	struct co_group group;
	int fds[2];

	(void)arg;
	ck_assert_int_eq(pipe(fds), 0);
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, park_until, &far_ns, "far"), 0);
	/* a sleep with the far deadline alone, which ends at once */
	ck_assert_int_eq(co_fd_wait(fds[1], CO_WRITE, CLOCK_NEVER), CO_WRITE);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_MS), 0);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

START_TEST(test_real_rearm)
{
	struct co_loop *loop;

	ck_assert_int_eq(co_loop_new(&loop, NULL), 0);
	ck_assert_int_eq(co_loop_run(loop, main_real_rearm, NULL), 0);
	co_loop_free(loop);
}
END_TEST

/*
 * A clock of one's own that advances with each look: what the loop calls lag can be known exactly.

 */
struct step_clock {
	struct clock clock;
	int64_t *time_ns;
};

static int64_t step_clock_now_ns(const struct clock *clock)
{
	return *((const struct step_clock *)(const void *)clock)->time_ns;
}

static int main_lag(void *arg)
{
	int64_t *time_ns = arg;
	struct co_loop *loop = co_loop_current();

	co_loop_reset_lag(loop);
	*time_ns += 30 * CLOCK_MS; /* a turn that computes for long */
	ck_assert_int_eq(co_sleep_until(co_now_ns()), 0);
	*time_ns += 10 * CLOCK_MS;
	ck_assert_int_eq(co_sleep_until(co_now_ns()), 0);
	ck_assert_int_eq(co_loop_stats(loop).lag_max_ns, 30 * CLOCK_MS);
	co_loop_reset_lag(loop);
	ck_assert_int_eq(co_loop_stats(loop).lag_max_ns, 0);
	return 0;
}

START_TEST(test_lag)
{
	int64_t time_ns = 1;
	struct step_clock clock = {{step_clock_now_ns}, &time_ns};
	struct co_loop_options options = {.clock = &clock.clock};
	struct co_loop *loop;

	ck_assert_int_eq(co_loop_new(&loop, &options), 0);
	ck_assert_int_eq(co_loop_run(loop, main_lag, &time_ns), 0);
	co_loop_free(loop);
}
END_TEST

/* A clock that nobody looks at twice without a second going by. */
struct ticking_clock {
	struct clock clock;
	int64_t time_ns;
};

static int64_t ticking_clock_now_ns(const struct clock *clock)
{
	return ((struct ticking_clock *)(uintptr_t)(const void *)clock)->time_ns += CLOCK_SECOND;
}

struct told {
	const struct ticking_clock *clock;
	unsigned times;
};

/* The loop looked at it when it went to sleep, and has to have looked again since. */
static void tell_time(void *arg, unsigned events)
{
	struct told *told = arg;

	(void)events;
	ck_assert_int_eq(co_now_ns(), told->clock->time_ns);
	told->times++;
}

static int main_time_of_events(void *arg)
{
	struct told told = {.clock = arg};
	struct co_watch watches[2];
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
		ck_assert_int_eq(co_watch_start(&watches[i], co_loop_current(), fds[i],
						(i == 0 ? CO_READ : CO_WRITE) | CO_EDGE, tell_time,
						&told),
				 0);
	ck_assert_int_gt(co_fd_wait(fds[0], CO_READ, CLOCK_NEVER), 0);
	ck_assert_uint_eq(told.times, 2);
	for (size_t i = 0; i < ARRAY_SIZE(watches); i++) {
		co_watch_stop(&watches[i]);
		close(fds[i]);
	}
	return 0;
}

START_TEST(test_time_of_events)
{
	struct ticking_clock clock = {{ticking_clock_now_ns}, 1};
	struct co_loop_options options = {.clock = &clock.clock};
	struct co_loop *loop;

	ck_assert_int_eq(co_loop_new(&loop, &options), 0);
	ck_assert_int_eq(co_loop_run(loop, main_time_of_events, &clock), 0);
	co_loop_free(loop);
}
END_TEST

struct dumped {
	char lines[16][256];
	size_t count;
};

static void take_line(void *arg, const char *line)
{
	struct dumped *dumped = arg;

	ck_assert_uint_lt(dumped->count, ARRAY_SIZE(dumped->lines));
	snprintf(dumped->lines[dumped->count++], sizeof(dumped->lines[0]), "%s", line);
}

static int wait_in_queue(void *arg)
{
	return co_waitq_wait(arg, CLOCK_NEVER);
}

static int sleep_a_second(void *arg)
{
	(void)arg;
	return co_sleep_until(co_now_ns() + CLOCK_SECOND);
}

static int sleep_no_time(void *arg)
{
	(void)arg;
	return co_sleep_until(INT64_MIN);
}

static int wait_for_descriptor(void *arg)
{
	return co_fd_wait(*(int *)arg, CO_READ, CLOCK_NEVER) < 0;
}

static int use_stack(void *arg)
{
	volatile char block[100 * 1024];

	for (size_t i = 0; i < sizeof(block); i += 1024)
		block[i] = 1;
	return block[0] + co_waitq_wait(arg, CLOCK_NEVER) - 1;
}

static int main_dump(void *arg)
{
	struct dumped dumped = {.count = 0};
	struct co_loop *loop = co_loop_current();
	struct co_waitq queue;
	struct co_group group;
	int fds[2], stack_kib = 0;
	char expected[64];

	(void)arg;
	ck_assert_int_eq(pipe(fds), 0);
	co_waitq_init(&queue);
	co_group_init(&group, loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, wait_in_queue, &queue, "queuer"), 0);
	ck_assert_int_eq(co_group_go(&group, sleep_a_second, NULL, "sleeper"), 0);
	ck_assert_int_eq(co_group_go(&group, wait_for_descriptor, &fds[0], "reader"), 0);
	ck_assert_int_eq(co_group_go(&group, use_stack, &queue, "diver"), 0);
	ck_assert_int_eq(co_group_go(&group, sleep_no_time, NULL, "overdue"), 0);
	ck_assert_int_eq(co_yield(), 0);
	ck_assert_int_eq(co_group_go(&group, note_task, NULL, "newcomer"), 0);
	co_loop_dump(loop, take_line, &dumped);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);

	ck_assert_uint_eq(dumped.count, 7);
	ck_assert_ptr_nonnull(strstr(dumped.lines[0], "main: running, stack "));
	snprintf(expected, sizeof(expected), "queuer: waiting in queue %p, stack ", (void *)&queue);
	ck_assert_ptr_nonnull(strstr(dumped.lines[1], expected));
	ck_assert_ptr_nonnull(
		strstr(dumped.lines[2], "sleeper: waiting for the time, deadline in 1000 ms"));
	snprintf(expected, sizeof(expected), "reader: waiting for descriptor %d, stack ", fds[0]);
	ck_assert_ptr_nonnull(strstr(dumped.lines[3], expected));
	ck_assert_int_eq(
		sscanf(dumped.lines[4], "diver: waiting in queue %*p, stack %d of", &stack_kib), 1);
	ck_assert_int_ge(stack_kib, 100);
	ck_assert_int_lt(stack_kib, 256);
	ck_assert_ptr_nonnull(
		strstr(dumped.lines[5], "overdue: waiting for the time, deadline in 0 ms"));
	ck_assert_ptr_nonnull(strstr(dumped.lines[6], "newcomer: not yet run, stack "));
	ck_assert_ptr_nonnull(strstr(dumped.lines[6], " of 256 KiB"));
	close(fds[0]);
	close(fds[1]);
	return 0;
}

START_TEST(test_dump)
{
	ck_assert_int_eq(co_env_run(main_dump, NULL), 0);
}
END_TEST

/* All started, all asleep at the same time, all ended; then only the cached stacks are left. */
struct crowd {
	size_t size;
	size_t asleep, asleep_max, ended;
};

static int crowd_member(void *arg)
{
	struct crowd *crowd = arg;

	crowd->asleep++;
	crowd->asleep_max = MAX(crowd->asleep_max, crowd->asleep);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(1000)), 0);
	crowd->asleep--;
	crowd->ended++;
	return 0;
}

static int main_crowd(void *arg)
{
	struct crowd *crowd = arg;
	struct co_loop *loop = co_loop_current();
	struct co_group group;

	co_group_init(&group, loop, CO_KEEP_GOING);
	for (size_t i = 0; i < crowd->size; i++)
		ck_assert_int_eq(co_group_go(&group, crowd_member, crowd, "member"), 0);
	ck_assert_uint_eq(co_loop_stats(loop).tasks, crowd->size + 1);
	ck_assert_uint_eq(co_loop_stats(loop).stacks, crowd->size + 1);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_uint_eq(crowd->asleep_max, crowd->size);
	ck_assert_uint_eq(crowd->ended, crowd->size);
	ck_assert_uint_eq(co_loop_stats(loop).stacks, 11);
	ck_assert_uint_eq(co_loop_stats(loop).stacks_cached, 10);
	return 0;
}

/*
 * Whether the kernel can guard a stack without splitting its mapping, of which a process may have
 * some 65,000.
 */
static bool many_stacks_fit(void)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page =
		mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool fits;

	ck_assert_ptr_ne(page, MAP_FAILED);
	fits = madvise(page, page_bytes, 102 /* MADV_GUARD_INSTALL */) == 0;
	munmap(page, page_bytes);
	return fits;
}

START_TEST(test_crowd)
{
	struct crowd crowd = {.size = 100000};
	struct co_env env;

	if (slow_checker())
		crowd.size = 2000;
	else if (!many_stacks_fit())
		crowd.size = 20000;
	co_env_init(&env, (struct co_loop_options){.stack_bytes = 16 * 1024, .stacks_cached = 10});
	ck_assert_int_eq(co_loop_run(env.loop, main_crowd, &crowd), 0);
	co_env_free(&env);
}
END_TEST

/* Every other stack goes first, which leaves as many holes as there can be. */
static int main_holes(void *arg)
{
	static struct co_group groups[2];
	struct crowd *crowd = arg;

	for (int i = 0; i < 2; i++)
		co_group_init(&groups[i], co_loop_current(), CO_KEEP_GOING);
	for (size_t i = 0; i < crowd->size; i++)
		ck_assert_int_eq(co_group_go(&groups[i % 2], crowd_member, crowd, "member"), 0);
	co_group_cancel(&groups[0]);
	ck_assert_int_eq(co_group_wait(&groups[0], CLOCK_NEVER), -ECANCELED);
	ck_assert_int_eq(co_group_wait(&groups[1], CLOCK_NEVER), 0);
	ck_assert_uint_eq(crowd->ended, crowd->size / 2);
	return 0;
}

START_TEST(test_holes)
{
	struct crowd crowd = {.size = 150000};
	struct co_env env;

	if (slow_checker())
		crowd.size = 2000;
	else if (!many_stacks_fit())
		crowd.size = 20000;
	co_env_init(&env, (struct co_loop_options){.stack_bytes = 16 * 1024, .stacks_cached = 10});
	ck_assert_int_eq(co_loop_run(env.loop, main_holes, &crowd), 0);
	co_env_free(&env);
}
END_TEST

/* Where the kernel gives no more stacks, a start says so and the others go on. */
static int main_no_stacks(void *arg)
{
	struct co_group group;
	int rc = 0, started = 0;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	while (rc == 0 && started < 1000) {
		rc = co_group_go(&group, sleep_a_second, NULL, "sleeper");
		started += rc == 0;
	}
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_gt(started, 0);
	ck_assert_uint_eq(co_group_live(&group), (size_t)started);
	return co_group_wait(&group, CLOCK_NEVER);
}

START_TEST(test_no_stacks)
{
	struct co_env env;

	co_env_init(&env, (struct co_loop_options){.stack_bytes = (size_t)1 << 47});
	ck_assert_int_eq(co_loop_run(env.loop, main_no_stacks, NULL), -ENOMEM);
	co_env_free(&env);
	if (slow_checker())
		return; /* it keeps books of every byte */
	/* 8 TiB each: the address space holds a dozen */
	co_env_init(&env, (struct co_loop_options){.stack_bytes = (size_t)1 << 43});
	ck_assert_int_eq(co_loop_run(env.loop, main_no_stacks, NULL), 0);
	co_env_free(&env);
}
END_TEST

/* A task that used much stack once does not keep the memory for ever. */
static int main_trim(void *arg)
{
	struct dumped before = {.count = 0}, after = {.count = 0};
	struct co_loop *loop = co_loop_current();
	struct co_waitq queue;
	struct co_group group;
	int before_kib = 0, after_kib = 0;

	(void)arg;
	co_waitq_init(&queue);
	co_group_init(&group, loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, use_stack, &queue, "task"), 0);
	ck_assert_int_eq(co_yield(), 0);
	co_loop_dump(loop, take_line, &before);
	co_waitq_wake_one(&queue);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(2000)), 0);
	ck_assert_int_eq(co_group_go(&group, wait_in_queue, &queue, "task"), 0);
	ck_assert_int_eq(co_yield(), 0);
	co_loop_dump(loop, take_line, &after);
	co_waitq_wake_one(&queue);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(sscanf(strstr(before.lines[1], "stack "), "stack %d", &before_kib), 1);
	ck_assert_int_eq(sscanf(strstr(after.lines[1], "stack "), "stack %d", &after_kib), 1);
	ck_assert_int_ge(before_kib, 100);
	ck_assert_int_le(after_kib, 32);
	return 0;
}

START_TEST(test_trim)
{
	ck_assert_int_eq(co_env_run(main_trim, NULL), 0);
}
END_TEST

/* Waiting, waking and switching allocate nothing. */
static bool count_allocation(void *ctx)
{
	(*(int *)ctx)++;
	return false;
}

static int main_no_allocation(void *arg)
{
	struct starving starving = {.stop = true};
	struct co_waitq queue;
	struct co_group group;
	int allocations = 0, fds[2];

	(void)arg;
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	/* once, so that libevent knows the descriptor */
	ck_assert_int_eq(co_fd_wait(fds[0], CO_READ, CLOCK_NEVER), CO_READ);
	co_waitq_init(&queue);
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, spin, &starving, "spin"), 0);
	ck_assert_int_eq(co_group_go(&group, wait_in_queue, &queue, "queuer"), 0);
	mem_set_fail_hook(count_allocation, &allocations);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(co_yield(), 0);
		ck_assert_int_eq(co_park(co_now_ns() + 1), -ETIMEDOUT);
		co_unpark(co_task_current());
		ck_assert_int_eq(co_park(co_now_ns() + 1), 0);
		ck_assert_int_eq(co_sleep_until(co_now_ns() + 1), 0);
		ck_assert_int_eq(co_fd_wait(fds[0], CO_READ, co_now_ns() + 1), CO_READ);
	}
	co_waitq_wake_all(&queue);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	/* a task that starts where one has ended gets its stack */
	ck_assert_int_eq(co_group_go(&group, spin, &starving, "spin"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	mem_set_fail_hook(NULL, NULL);
	ck_assert_int_eq(allocations, 0);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

START_TEST(test_no_allocation)
{
	ck_assert_int_eq(co_env_run(main_no_allocation, NULL), 0);
}
END_TEST

#if CO_ASAN
/* What only the stack of a waiting task points to is no leak; what an ended one pointed to is. */
static int hold_block(void *arg)
{
	void *volatile block = malloc(100);

	ck_assert_int_eq(co_waitq_wait(arg, CLOCK_NEVER), 0);
	free(block);
	return 0;
}

static int lose_block(void *arg)
{
	void *volatile block = malloc(100);

	ck_assert_int_eq(co_waitq_wait(arg, CLOCK_NEVER), 0);
	return block == NULL;
}

/* From the loop's stack: while a task runs, that stack is not searched for pointers. */
static void look_for_leaks(void *arg)
{
	*(int *)arg = __lsan_do_recoverable_leak_check();
}

static int main_leaks(void *arg)
{
	struct co_loop *loop = co_loop_current();
	struct co_waitq queue;
	struct co_hook hook = {.armed = false};
	struct co_group group;
	int found = -1;

	(void)arg;
	co_waitq_init(&queue);
	co_group_init(&group, loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, hold_block, &queue, "holder"), 0);
	ck_assert_int_eq(co_group_go(&group, lose_block, &queue, "loser"), 0);
	co_hook_start(&hook, loop, look_for_leaks, &found);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(1)), 0);
	ck_assert_int_eq(found, 0);
	co_waitq_wake_all(&queue);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	co_hook_start(&hook, loop, look_for_leaks, &found);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(2)), 0);
	ck_assert_int_eq(found, 1);
	_exit(EXIT_SUCCESS); /* else it is reported again */
}

START_TEST(test_leaks)
{
	co_env_run(main_leaks, NULL);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("co_loop");
	TCase *tcase = suite_case(suite, "loop", 60), *large = suite_case(suite, "crowd", 120);

	tcase_add_test(tcase, test_hooks);
	tcase_add_test(tcase, test_hooks_chained);
	tcase_add_test(tcase, test_starving);
	tcase_add_test(tcase, test_real_time);
	tcase_add_test(tcase, test_real_rearm);
	tcase_add_test(tcase, test_lag);
	tcase_add_test(tcase, test_time_of_events);
	tcase_add_test(tcase, test_dump);
	tcase_add_test(tcase, test_trim);
	tcase_add_test(tcase, test_no_allocation);
	tcase_add_test(tcase, test_no_stacks);
#if CO_ASAN
	tcase_add_test(tcase, test_leaks);
#endif
	tcase_add_test(large, test_crowd);
	tcase_add_test(large, test_holes);
	return suite_run(suite);
}
