/* SPDX-License-Identifier: PostgreSQL */
/*
 * What tasks wait for inside the loop: time, turns, unpark, queues; and what wins when two things
 * come at once.
 */
#include "unit/co_env.h"

/* A child that waits once and notes what came of it. */
struct waiter {
	struct co_task *task;
	struct co_waitq *queue; /* NULL: park */
	struct co_trace *trace;
	const char *name;
	int64_t deadline_ns;
	int rc;
	int64_t at_ms;
};

static int waiter_run(void *arg)
{
	struct waiter *waiter = arg;

	waiter->task = co_task_current();
	waiter->rc = waiter->queue != NULL ? co_waitq_wait(waiter->queue, waiter->deadline_ns)
					   : co_park(waiter->deadline_ns);
	waiter->at_ms = co_env_ms();
	if (waiter->trace != NULL)
		co_trace_add(waiter->trace, waiter->name);
	return 0;
}

static void start_waiter(struct co_group *group, struct waiter *waiter)
{
	ck_assert_int_eq(co_group_go(group, waiter_run, waiter, "waiter"), 0);
}

static void settle(void)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(co_yield(), 0);
}

static int main_sleep(void *arg)
{
	(void)arg;
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(1500)), 0);
	ck_assert_int_eq(co_env_ms(), 1500);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(3)), 0); /* long past */
	ck_assert_int_eq(co_env_ms(), 1500);
	ck_assert_int_eq(co_sleep_until(INT64_MIN), 0);
	return 0;
}

START_TEST(test_sleep)
{
	ck_assert_int_eq(co_env_run(main_sleep, NULL), 0);
}
END_TEST

struct yielder {
	struct co_trace *trace;
	const char *name;
};

static int yielder_run(void *arg)
{
	struct yielder *yielder = arg;

	for (int i = 0; i < 3; i++) {
		co_trace_add(yielder->trace, yielder->name);
		ck_assert_int_eq(co_yield(), 0);
	}
	return 0;
}

static int main_yield(void *arg)
{
	struct co_trace trace = {""};
	struct yielder yielders[] = {{&trace, "a"}, {&trace, "b"}, {&trace, "c"}};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	for (size_t i = 0; i < ARRAY_SIZE(yielders); i++)
		ck_assert_int_eq(co_group_go(&group, yielder_run, &yielders[i], "yielder"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_str_eq(trace.text, "a b c a b c a b c");
	return 0;
}

START_TEST(test_yield_is_fair)
{
	ck_assert_int_eq(co_env_run(main_yield, NULL), 0);
}
END_TEST

static int main_unpark_first(void *arg)
{
	struct co_task *self = co_task_current();

	(void)arg;
	co_unpark(self);
	co_unpark(self);
	ck_assert_int_eq(co_park(co_env_at_ms(10)), 0);
	ck_assert_int_eq(co_env_ms(), 0);
	/* any number counts as one */
	ck_assert_int_eq(co_park(co_env_at_ms(10)), -ETIMEDOUT);
	ck_assert_int_eq(co_env_ms(), 10);
	/* and it outlives other waits, which it does not end */
	co_unpark(self);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(20)), 0);
	ck_assert_int_eq(co_env_ms(), 20);
	ck_assert_int_eq(co_park(co_env_at_ms(5)), 0); /* although late */
	return 0;
}

START_TEST(test_unpark_first)
{
	ck_assert_int_eq(co_env_run(main_unpark_first, NULL), 0);
}
END_TEST

static int main_unpark(void *arg)
{
	struct waiter waiter = {.deadline_ns = CLOCK_NEVER};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	start_waiter(&group, &waiter);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(7)), 0);
	co_unpark(waiter.task);
	co_unpark(waiter.task);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(waiter.rc, 0);
	ck_assert_int_eq(waiter.at_ms, 7);
	return 0;
}

START_TEST(test_unpark)
{
	ck_assert_int_eq(co_env_run(main_unpark, NULL), 0);
}
END_TEST

/* An unpark of a task that waits for something else neither ends that wait nor is lost. */
static int sleep_then_park(void *arg)
{
	struct waiter *waiter = arg;

	waiter->task = co_task_current();
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(20)), 0);
	ck_assert_int_eq(co_env_ms(), 20);
	waiter->rc = co_park(co_env_at_ms(30));
	ck_assert_int_eq(co_env_ms(), 20);
	return 0;
}

static int main_unpark_sleeper(void *arg)
{
	struct waiter waiter = {.rc = 1};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, sleep_then_park, &waiter, "sleeper"), 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(5)), 0);
	co_unpark(waiter.task);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(waiter.rc, 0);
	return 0;
}

START_TEST(test_unpark_sleeper)
{
	ck_assert_int_eq(co_env_run(main_unpark_sleeper, NULL), 0);
}
END_TEST

static int main_queue_order(void *arg)
{
	struct co_trace trace = {""};
	struct co_waitq queue;
	struct waiter waiters[] = {
		{.name = "a", .deadline_ns = CLOCK_NEVER},
		{.name = "b", .deadline_ns = co_env_at_ms(5)},
		{.name = "c", .deadline_ns = CLOCK_NEVER},
		{.name = "d", .deadline_ns = CLOCK_NEVER},
		{.name = "e", .deadline_ns = CLOCK_NEVER},
	};
	struct co_group group;

	(void)arg;
	co_waitq_init(&queue);
	ck_assert(!co_waitq_wake_one(&queue));
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i].queue = &queue;
		waiters[i].trace = &trace;
		start_waiter(&group, &waiters[i]);
	}
	settle();
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(10)), 0);
	ck_assert_str_eq(trace.text, "b");
	ck_assert_int_eq(waiters[1].rc, -ETIMEDOUT);
	ck_assert(co_waitq_wake_one(&queue));
	ck_assert(co_waitq_wake_one(&queue));
	settle();
	ck_assert_str_eq(trace.text, "b a c");
	co_waitq_wake_all(&queue);
	ck_assert(co_waitq_empty(&queue));
	ck_assert(!co_waitq_wake_one(&queue));
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_str_eq(trace.text, "b a c d e");
	return 0;
}

START_TEST(test_queue_order)
{
	ck_assert_int_eq(co_env_run(main_queue_order, NULL), 0);
}
END_TEST

/* Two things come to one waiter in one turn, in either order: a wake wins, always. */
enum happening { NOTHING, WAKE, CANCEL, DEADLINE };

static const struct race_case {
	enum happening first, second;
	bool park;
	int rc;
} race_cases[] = {
	{WAKE, NOTHING, false, 0},
	{CANCEL, NOTHING, false, -ECANCELED},
	{DEADLINE, NOTHING, false, -ETIMEDOUT},
	{WAKE, CANCEL, false, 0},
	{CANCEL, WAKE, false, 0},
	{WAKE, DEADLINE, false, 0},
	{DEADLINE, WAKE, false, 0},
	{CANCEL, CANCEL, false, -ECANCELED},
	{WAKE, NOTHING, true, 0},
	{CANCEL, NOTHING, true, -ECANCELED},
	{DEADLINE, NOTHING, true, -ETIMEDOUT},
	{WAKE, CANCEL, true, 0},
	{CANCEL, WAKE, true, 0},
	{WAKE, DEADLINE, true, 0},
	{DEADLINE, WAKE, true, 0},
};

struct race {
	const struct race_case *race;
	struct waiter *waiter;
	struct co_timer timers[2];
};

static void happen(struct race *race, enum happening what)
{
	if (what == CANCEL)
		co_task_cancel(race->waiter->task);
	if (what != WAKE)
		return;
	if (race->race->park)
		co_unpark(race->waiter->task);
	else
		ck_assert(co_waitq_wake_one(race->waiter->queue));
}

static void first_happens(void *arg)
{
	struct race *race = arg;

	happen(race, race->race->first);
}

static void second_happens(void *arg)
{
	struct race *race = arg;

	happen(race, race->race->second);
}

/* Timers of one time fire in the order of their start, so this orders the three things. */
static int main_race(void *arg)
{
	struct race race = {.race = arg};
	struct co_waitq queue;
	struct waiter waiter = {.queue = race.race->park ? NULL : &queue};
	struct co_loop *loop = co_loop_current();
	struct co_group group;
	bool with_deadline = race.race->first == DEADLINE || race.race->second == DEADLINE;
	bool deadline_last = race.race->second == DEADLINE;

	co_waitq_init(&queue);
	race.waiter = &waiter;
	waiter.deadline_ns = with_deadline ? co_env_at_ms(10) : CLOCK_NEVER;
	co_group_init(&group, loop, CO_KEEP_GOING);
	start_waiter(&group, &waiter);
	if (!deadline_last)
		settle();
	ck_assert_int_eq(
		co_timer_start(&race.timers[0], loop, co_env_at_ms(10), first_happens, &race), 0);
	if (deadline_last)
		settle();
	ck_assert_int_eq(
		co_timer_start(&race.timers[1], loop, co_env_at_ms(10), second_happens, &race), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(waiter.rc, race.race->rc);
	ck_assert_int_eq(waiter.at_ms, 10);
	ck_assert(co_waitq_empty(&queue));
	return 0;
}

START_TEST(test_race)
{
	struct race_case race = race_cases[_i];

	ck_assert_int_eq(co_env_run(main_race, &race), 0);
}
END_TEST

/* The one who wakes is a task that becomes ready behind the waiter whose deadline has just come. */
static int wake_later(void *arg)
{
	struct co_waitq *queue = arg;

	ck_assert_int_eq(co_sleep_until(co_env_at_ms(10)), 0);
	ck_assert_int_eq(co_yield(), 0);
	ck_assert_int_eq(co_yield(), 0);
	ck_assert(co_waitq_wake_one(queue));
	return 0;
}

static int main_wake_in_turn_of_deadline(void *arg)
{
	struct co_waitq queue;
	struct waiter waiter = {.queue = &queue, .deadline_ns = co_env_at_ms(10)};
	struct co_group group;

	(void)arg;
	co_waitq_init(&queue);
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	start_waiter(&group, &waiter);
	ck_assert_int_eq(co_group_go(&group, wake_later, &queue, "waker"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(waiter.rc, 0);
	return 0;
}

START_TEST(test_wake_in_turn_of_deadline)
{
	ck_assert_int_eq(co_env_run(main_wake_in_turn_of_deadline, NULL), 0);
}
END_TEST

/*
 * A wake that meets a cancelled waiter is passed on by whoever got it: none is lost, whatever the
 * order.
 */
struct baton {
	struct co_waitq queue;
	int runs, passed_on;
};

static int baton_run(void *arg)
{
	struct baton *baton = arg;
	int rc = co_waitq_wait(&baton->queue, CLOCK_NEVER);

	if (rc != 0)
		return rc;
	if (co_cancelled()) { /* given, but not wanted any more */
		baton->passed_on++;
		co_waitq_wake_one(&baton->queue);
		return -ECANCELED;
	}
	baton->runs++;
	return 0;
}

static int main_baton(void *arg)
{
	struct baton baton = {.runs = 0};
	struct co_group cancelled, others;

	(void)arg;
	co_waitq_init(&baton.queue);
	co_group_init(&cancelled, co_loop_current(), CO_KEEP_GOING);
	co_group_init(&others, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&cancelled, baton_run, &baton, "cancelled"), 0);
	ck_assert_int_eq(co_group_go(&others, baton_run, &baton, "other"), 0);
	settle();
	ck_assert(co_waitq_wake_one(&baton.queue));
	co_group_cancel(&cancelled);
	ck_assert_int_eq(co_group_wait(&cancelled, CLOCK_NEVER), -ECANCELED);
	ck_assert_int_eq(co_group_wait(&others, co_env_at_ms(1)), 0);
	ck_assert_int_eq(baton.runs, 1);
	ck_assert_int_eq(baton.passed_on, 1);
	return 0;
}

START_TEST(test_wake_is_not_lost)
{
	ck_assert_int_eq(co_env_run(main_baton, NULL), 0);
}
END_TEST

/*
 * Random wakes, cancels and deadlines on a queue: as many successful waits as wakes that found
 * somebody.
 */
struct storm {
	struct co_waitq queue;
	unsigned random;
	size_t woken, succeeded;
};

static unsigned storm_random(struct storm *storm, unsigned below)
{
	storm->random = storm->random * 1103515245 + 12345;
	return (storm->random >> 16) % below;
}

static int storm_waiter(void *arg)
{
	struct storm *storm = arg;

	for (int i = 0; i < 20; i++) {
		int64_t deadline_ns = co_now_ns() + storm_random(storm, 5) * CLOCK_MS;
		int rc = co_waitq_wait(&storm->queue, deadline_ns);

		storm->succeeded += rc == 0;
		if (rc == -ECANCELED)
			break;
		ck_assert(rc == 0 || rc == -ETIMEDOUT);
	}
	return 0;
}

static int main_storm(void *arg)
{
	struct storm storm = {.random = *(unsigned *)arg};
	struct co_group groups[8];

	co_waitq_init(&storm.queue);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		co_group_init(&groups[i], co_loop_current(), CO_KEEP_GOING);
		for (int n = 0; n < 4; n++)
			ck_assert_int_eq(co_group_go(&groups[i], storm_waiter, &storm, "waiter"),
					 0);
	}
	for (int i = 0; i < 200; i++) {
		switch (storm_random(&storm, 6)) {
		case 0:
			ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_MS), 0);
			break;
		case 1:
			ck_assert_int_eq(co_yield(), 0);
			break;
		case 2:
			if (storm_random(&storm, 8) == 0)
				co_group_cancel(&groups[storm_random(&storm, 8)]);
			break;
		default:
			storm.woken += co_waitq_wake_one(&storm.queue);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		(void)co_group_wait(&groups[i], CLOCK_NEVER);
	ck_assert(co_waitq_empty(&storm.queue));
	ck_assert_uint_eq(storm.woken, storm.succeeded);
	ck_assert_uint_gt(storm.woken, 0);
	return 0;
}

START_TEST(test_storm)
{
	for (unsigned seed = 0; seed < 300; seed++)
		ck_assert_int_eq(co_env_run(main_storm, &seed), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("co_wait");
	TCase *tcase = suite_case(suite, "waits", 60);

	tcase_add_test(tcase, test_sleep);
	tcase_add_test(tcase, test_yield_is_fair);
	tcase_add_test(tcase, test_unpark_first);
	tcase_add_test(tcase, test_unpark);
	tcase_add_test(tcase, test_unpark_sleeper);
	tcase_add_test(tcase, test_queue_order);
	tcase_add_loop_test(tcase, test_race, 0, ARRAY_SIZE(race_cases));
	tcase_add_test(tcase, test_wake_in_turn_of_deadline);
	tcase_add_test(tcase, test_wake_is_not_lost);
	tcase_add_test(tcase, test_storm);
	return suite_run(suite);
}
