/* SPDX-License-Identifier: PostgreSQL */
/* The timer heap against a plain model, and timers as the loop calls them. */
#include "co/timer.h"
#include "unit/co_env.h"
#include "unit/mem_failure.h"

enum { TIMERS = 200, STEPS = 20000 };

struct model {
	struct co_timer timers[TIMERS];
	int64_t deadline_ns[TIMERS]; /* CLOCK_NEVER: not running */
	uint64_t sequence[TIMERS];
	uint64_t next_sequence;
	int64_t now_ns;
	size_t fired;
	uint64_t last_sequence;
	int64_t last_deadline_ns;
	unsigned random;
};

struct model_timer {
	struct model *model;
	size_t index;
};

static unsigned model_random(struct model *model, unsigned below)
{
	model->random = model->random * 1103515245 + 12345;
	return (model->random >> 16) % below;
}

static void model_fired(void *arg)
{
	struct model_timer *timer = arg;
	struct model *model = timer->model;
	int64_t deadline_ns = model->deadline_ns[timer->index];

	ck_assert_int_le(deadline_ns, model->now_ns);
	ck_assert_int_ge(deadline_ns, model->last_deadline_ns);
	if (deadline_ns == model->last_deadline_ns)
		ck_assert_uint_gt(model->sequence[timer->index], model->last_sequence);
	model->last_deadline_ns = deadline_ns;
	model->last_sequence = model->sequence[timer->index];
	model->deadline_ns[timer->index] = CLOCK_NEVER;
	model->fired++;
}

static void model_check(const struct model *model, const struct timer_heap *heap)
{
	int64_t next_ns = CLOCK_NEVER;
	size_t count = 0;

	for (size_t i = 0; i < TIMERS; i++) {
		bool running = model->deadline_ns[i] != CLOCK_NEVER;

		ck_assert_int_eq(model->timers[i].heap_index != 0, running);
		if (running)
			ck_assert_ptr_eq(heap->slots[model->timers[i].heap_index].timer,
					 &model->timers[i]);
		count += running;
		next_ns = MIN(next_ns, model->deadline_ns[i]);
	}
	ck_assert_uint_eq(heap->count, count);
	ck_assert_int_eq(timer_heap_next_ns(heap), next_ns);
}

static void model_step(struct model *model, struct timer_heap *heap)
{
	size_t i = model_random(model, TIMERS);

	switch (model_random(model, 8)) {
	case 0:
		timer_heap_remove(heap, &model->timers[i]);
		model->deadline_ns[i] = CLOCK_NEVER;
		break;
	case 1: {
		size_t due = 0, fired_before = model->fired;

		model->now_ns += model_random(model, 20);
		for (size_t n = 0; n < TIMERS; n++)
			due += model->deadline_ns[n] <= model->now_ns;
		model->last_deadline_ns = INT64_MIN;
		timer_heap_fire(heap, model->now_ns);
		ck_assert_uint_eq(model->fired - fired_before, due);
		break;
	}
	default:
		model->deadline_ns[i] = model->now_ns + model_random(model, 100);
		model->timers[i].deadline_ns = model->deadline_ns[i];
		model->sequence[i] = model->next_sequence++;
		timer_heap_put(heap, &model->timers[i]);
	}
}

START_TEST(test_against_model)
{
	static struct model model;
	static struct model_timer timers[TIMERS];
	struct timer_heap heap;

	model.random = (unsigned)_i;
	timer_heap_init(&heap);
	ck_assert_int_eq(timer_heap_reserve(&heap, TIMERS), 0);
	for (size_t i = 0; i < TIMERS; i++) {
		timers[i] = (struct model_timer){&model, i};
		model.timers[i].fn = model_fired;
		model.timers[i].arg = &timers[i];
		model.deadline_ns[i] = CLOCK_NEVER;
	}
	for (int step = 0; step < STEPS; step++) {
		model_step(&model, &heap);
		if (step % 16 == 0)
			model_check(&model, &heap);
	}
	ck_assert_uint_gt(model.fired, 1000);
	timer_heap_free(&heap);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

START_TEST(test_reserve)
{
	struct timer_heap heap;

	timer_heap_init(&heap);
	ck_assert_int_eq(timer_heap_reserve(&heap, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(timer_heap_reserve(&heap, SIZE_MAX / sizeof(struct timer_slot)), -ENOMEM);
	ck_assert_int_eq(timer_heap_next_ns(&heap), CLOCK_NEVER);
	timer_heap_free(&heap);
}
END_TEST

struct tick {
	struct co_timer timer;
	struct co_loop *loop;
	int count, limit;
	int64_t next_ns;
	struct co_timer *stops;
};

static void tick(void *arg)
{
	struct tick *ticker = arg;

	ck_assert_ptr_eq(co_loop_current(), ticker->loop);
	ck_assert_ptr_null(co_task_current());
	ticker->count++;
	if (ticker->stops != NULL)
		co_timer_stop(ticker->stops);
	if (ticker->count < ticker->limit)
		ck_assert_int_eq(
			co_timer_start(&ticker->timer, ticker->loop, ticker->next_ns, tick, ticker),
			0);
}

static int main_timers(void *arg)
{
	struct co_loop *loop = co_loop_current();
	struct tick a = {.loop = loop}, b = {.loop = loop}, c = {.loop = loop};

	(void)arg;
	ck_assert_int_eq(co_timer_start(&a.timer, loop, co_env_at_ms(10), tick, &a), 0);
	ck_assert_int_eq(co_timer_start(&b.timer, loop, co_env_at_ms(20), tick, &b), 0);
	ck_assert_int_eq(co_timer_start(&c.timer, loop, co_env_at_ms(10), tick, &c), 0);
	ck_assert_uint_eq(co_loop_stats(loop).timers, 3);
	a.stops = &c.timer; /* due in the same turn */
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(15)), 0);
	ck_assert_int_eq(a.count, 1);
	ck_assert_int_eq(c.count, 0);
	ck_assert_int_eq(co_timer_start(&b.timer, loop, co_env_at_ms(40), tick, &b), 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(30)), 0);
	ck_assert_int_eq(b.count, 0);
	ck_assert_int_eq(co_timer_start(&b.timer, loop, CLOCK_NEVER, tick, &b), 0);
	co_timer_stop(&b.timer);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(50)), 0);
	ck_assert_int_eq(b.count, 0);
	ck_assert_uint_eq(co_loop_stats(loop).timers, 0);
	return 0;
}

START_TEST(test_timers)
{
	ck_assert_int_eq(co_env_run(main_timers, NULL), 0);
}
END_TEST

/*
 * A timer that starts itself anew for a time long past must not keep the others, or the tasks, from
 * theirs.
 */
static int main_overdue_timer(void *arg)
{
	struct co_loop *loop = co_loop_current();
	struct tick greedy = {.loop = loop, .limit = 1000, .next_ns = 0};
	struct tick other = {.loop = loop};

	(void)arg;
	ck_assert_int_eq(co_timer_start(&greedy.timer, loop, co_env_at_ms(10), tick, &greedy), 0);
	ck_assert_int_eq(co_timer_start(&other.timer, loop, co_env_at_ms(10), tick, &other), 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(10)), 0);
	ck_assert_int_eq(other.count, 1);
	ck_assert_int_eq(greedy.count, 1);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(11)), 0);
	ck_assert_int_eq(greedy.count, 1000);
	return 0;
}

START_TEST(test_overdue_timer)
{
	ck_assert_int_eq(co_env_run(main_overdue_timer, NULL), 0);
}
END_TEST

/* When the heap is full to the last place, a start may fail; moving and waiting never do. */
static int main_no_memory(void *arg)
{
	static struct tick ticks[1000];
	struct co_loop *loop = co_loop_current();
	size_t started = 0;

	(void)arg;
	mem_set_fail_hook(mem_failure_always, NULL);
	while (started < ARRAY_SIZE(ticks)) {
		ticks[started].loop = loop;
		if (co_timer_start(&ticks[started].timer, loop, co_env_at_ms(10), tick,
				   &ticks[started]) != 0)
			break;
		started++;
	}
	ck_assert_uint_lt(started, ARRAY_SIZE(ticks));
	ck_assert_uint_gt(started, 0);
	ck_assert_int_eq(ticks[started].timer.heap_index, 0);
	ck_assert_int_eq(co_timer_start(&ticks[0].timer, loop, co_env_at_ms(11), tick, &ticks[0]),
			 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(20)), 0);
	mem_set_fail_hook(NULL, NULL);
	for (size_t i = 0; i < started; i++)
		ck_assert_int_eq(ticks[i].count, 1);
	return 0;
}

START_TEST(test_no_memory)
{
	ck_assert_int_eq(co_env_run(main_no_memory, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("co_timer");
	TCase *tcase = suite_case(suite, "timers", 60);

	tcase_add_loop_test(tcase, test_against_model, 0, 8);
	tcase_add_test(tcase, test_reserve);
	tcase_add_test(tcase, test_timers);
	tcase_add_test(tcase, test_overdue_timer);
	tcase_add_test(tcase, test_no_memory);
	return suite_run(suite);
}
