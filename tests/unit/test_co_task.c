/* SPDX-License-Identifier: PostgreSQL */
/* Tasks and groups: starting, joining, results, cancelling, shields. */
#include "unit/co_env.h"
#include "unit/mem_failure.h"

#include <signal.h>

struct child {
	int64_t sleep_ms;
	int result;
	int sleep_rc;
	bool ran;
	struct co_task *task;
};

/* Sleeps, then ends with its result, or with what the sleep failed with. */
static int child_run(void *arg)
{
	struct child *child = arg;

	child->ran = true;
	child->task = co_task_current();
	child->sleep_rc = co_sleep_until(co_now_ns() + child->sleep_ms * CLOCK_MS);
	return child->sleep_rc != 0 ? child->sleep_rc : child->result;
}

static int return_arg(void *arg)
{
	return *(int *)arg;
}

START_TEST(test_main_result)
{
	int result = 42;

	ck_assert_int_eq(co_env_run(return_arg, &result), 42);
	ck_assert_ptr_null(co_loop_current());
	ck_assert_ptr_null(co_task_current());
}
END_TEST

static int main_current(void *arg)
{
	struct co_env *env = arg;

	ck_assert_ptr_eq(co_loop_current(), env->loop);
	ck_assert_ptr_nonnull(co_task_current());
	ck_assert_int_eq(co_now_ns(), co_loop_now_ns(env->loop));
	return 0;
}

START_TEST(test_current)
{
	struct co_env env;

	co_env_init(&env, (struct co_loop_options){0});
	ck_assert_int_eq(co_loop_run(env.loop, main_current, &env), 0);
	ck_assert_int_eq(co_loop_run(env.loop, main_current, &env), 0); /* again */
	co_env_free(&env);
}
END_TEST

static int main_time_is_max(void *arg)
{
	struct child children[3] = {{.sleep_ms = 30}, {.sleep_ms = 50}, {.sleep_ms = 10}};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		ck_assert_int_eq(co_group_go(&group, child_run, &children[i], "child"), 0);
	ck_assert_uint_eq(co_group_live(&group), 3);
	ck_assert(!children[0].ran); /* never inside co_group_go */
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(co_env_ms(), 50);
	ck_assert_uint_eq(co_group_live(&group), 0);
	return 0;
}

START_TEST(test_time_is_max)
{
	ck_assert_int_eq(co_env_run(main_time_is_max, NULL), 0);
}
END_TEST

/* What co_group_wait returns, and when, by policy, children and deadline. */
static const struct join_case {
	const char *name;
	enum co_policy policy;
	struct child children[3];
	int64_t deadline_ms; /* 0: never */
	int result;
	int64_t ends_at_ms;
	int sleep_rc[3];
} join_cases[] = {
	{"all well", CO_KEEP_GOING, {{10}, {20}, {30}}, 0, 0, 30, {0, 0, 0}},
	{"no children's time", CO_KEEP_GOING, {{0}, {0}, {0}}, 0, 0, 0, {0, 0, 0}},
	{"first error in time", CO_KEEP_GOING, {{20, 1}, {10, 2}, {30, 3}}, 0, 2, 30, {0, 0, 0}},
	{"fail fast", CO_FAIL_FAST, {{20}, {10, 7}, {30}}, 0, 7, 10, {-ECANCELED, 0, -ECANCELED}},
	{"fail fast without failure", CO_FAIL_FAST, {{20}, {10}, {30}}, 0, 0, 30, {0, 0, 0}},
	{"late", CO_KEEP_GOING, {{10, 5}, {20}, {30}}, 25, -ETIMEDOUT, 25, {0, 0, -ECANCELED}},
	{"just in time", CO_KEEP_GOING, {{10}, {20}, {30}}, 30, 0, 30, {0, 0, 0}},
	{"just in time with an error", CO_KEEP_GOING, {{30, 9}, {20}, {30}}, 30, 9, 30, {0, 0, 0}},
	{"deadline long past",
	 CO_KEEP_GOING,
	 {{10}, {20}, {30}},
	 -5,
	 -ETIMEDOUT,
	 0,
	 {-ECANCELED, -ECANCELED, -ECANCELED}},
};

static int main_join(void *arg)
{
	struct join_case join = *(const struct join_case *)arg;
	struct co_group group;

	co_group_init(&group, co_loop_current(), join.policy);
	for (int round = 0; round < 2; round++) { /* a group can be used again */
		int64_t begin_ms = co_env_ms();

		for (size_t i = 0; i < ARRAY_SIZE(join.children); i++)
			ck_assert_int_eq(co_group_go(&group, child_run, &join.children[i], "child"),
					 0);
		ck_assert_int_eq(
			co_group_wait(&group, join.deadline_ms == 0
						      ? CLOCK_NEVER
						      : co_env_at_ms(begin_ms + join.deadline_ms)),
			join.result);
		ck_assert_int_eq(co_env_ms() - begin_ms, join.ends_at_ms);
		for (size_t i = 0; i < ARRAY_SIZE(join.children); i++)
			ck_assert_int_eq(join.children[i].sleep_rc, join.sleep_rc[i]);
	}
	return 0;
}

START_TEST(test_join)
{
	struct join_case join = join_cases[_i];

	ck_assert_int_eq(co_env_run(main_join, &join), 0);
}
END_TEST

static int main_empty_group(void *arg)
{
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	return co_group_wait(&group, CLOCK_NEVER);
}

START_TEST(test_empty_group)
{
	ck_assert_int_eq(co_env_run(main_empty_group, NULL), 0);
}
END_TEST

/* What one use of a group ended with does not show in the next. */
static int main_group_again(void *arg)
{
	struct child fails = {.result = 3}, well = {.result = 0};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_FAIL_FAST);
	ck_assert_int_eq(co_group_go(&group, child_run, &fails, "child"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 3);
	ck_assert_int_eq(co_group_go(&group, child_run, &well, "child"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert(well.ran);
	return 0;
}

START_TEST(test_group_again)
{
	ck_assert_int_eq(co_env_run(main_group_again, NULL), 0);
}
END_TEST

static int main_cancel_before_start(void *arg)
{
	struct child children[2] = {{.sleep_ms = 10}, {.sleep_ms = 10}};
	struct co_loop *loop = co_loop_current();
	struct co_group group;
	uint64_t switches;

	(void)arg;
	co_group_init(&group, loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, child_run, &children[0], "child"), 0);
	switches = co_loop_stats(loop).switches;
	co_group_cancel(&group);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_go(&group, child_run, &children[1], "child"), -ECANCELED);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	ck_assert(!children[0].ran && !children[1].ran);
	/* only the one back to us: the child cost no switch */
	ck_assert_uint_eq(co_loop_stats(loop).switches, switches + 1);
	return 0;
}

START_TEST(test_cancel_before_start)
{
	ck_assert_int_eq(co_env_run(main_cancel_before_start, NULL), 0);
}
END_TEST

/* Everything that waits fails at once after a cancel, again and again. */
static int wait_after_cancel(void *arg)
{
	struct co_waitq queue;
	struct child child = {.sleep_ms = 10};
	struct co_group group;
	int64_t begin_ns;

	(void)arg;
	ck_assert(!co_cancelled());
	ck_assert_int_eq(co_sleep_until(CLOCK_NEVER), -ECANCELED);
	ck_assert(co_cancelled());
	begin_ns = co_now_ns();
	co_waitq_init(&queue);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_SECOND), -ECANCELED);
		ck_assert_int_eq(co_sleep_until(co_now_ns() - 1), -ECANCELED);
		ck_assert_int_eq(co_yield(), -ECANCELED);
		ck_assert_int_eq(co_park(CLOCK_NEVER), -ECANCELED);
		ck_assert_int_eq(co_waitq_wait(&queue, CLOCK_NEVER), -ECANCELED);
		ck_assert(co_waitq_empty(&queue));
		ck_assert_int_eq(co_fd_wait(0, CO_READ, CLOCK_NEVER), -ECANCELED);
	}
	/* An unpark is kept for a wait that can still see it. */
	co_unpark(co_task_current());
	ck_assert_int_eq(co_park(CLOCK_NEVER), -ECANCELED);
	co_shield();
	ck_assert_int_eq(co_park(CLOCK_NEVER), 0);
	co_unshield();
	/* Children are still joined. */
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, child_run, &child, "child"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	ck_assert(!child.ran);
	ck_assert_int_eq(co_now_ns(), begin_ns);
	return 0;
}

static int main_cancel_child(void *arg)
{
	co_task_fn *fn = *(co_task_fn **)arg;
	struct co_group group;

	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, fn, NULL, "child"), 0);
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(10)), 0);
	co_group_cancel(&group);
	co_group_cancel(&group);
	return co_group_wait(&group, CLOCK_NEVER);
}

START_TEST(test_wait_after_cancel)
{
	co_task_fn *fn = wait_after_cancel;

	ck_assert_int_eq(co_env_run(main_cancel_child, &fn), 0);
}
END_TEST

static int wait_in_shields(void *arg)
{
	(void)arg;
	co_shield();
	co_shield();
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(20)), 0); /* cancelled at 10 */
	ck_assert_int_eq(co_env_ms(), 20);
	ck_assert(!co_cancelled());
	co_unshield();
	ck_assert(!co_cancelled());
	ck_assert_int_eq(co_yield(), 0);
	ck_assert_int_eq(co_park(co_env_at_ms(30)), -ETIMEDOUT);
	co_unshield();
	ck_assert(co_cancelled());
	ck_assert_int_eq(co_yield(), -ECANCELED);
	ck_assert_int_eq(co_env_ms(), 30);
	return 0;
}

START_TEST(test_shields_nest)
{
	co_task_fn *fn = wait_in_shields;

	ck_assert_int_eq(co_env_run(main_cancel_child, &fn), 0);
}
END_TEST

static int cancel_self(void *arg)
{
	(void)arg;
	co_task_cancel(co_task_current());
	co_task_cancel(co_task_current());
	ck_assert(co_cancelled());
	return co_yield();
}

START_TEST(test_cancel_self)
{
	ck_assert_int_eq(co_env_run(cancel_self, NULL), -ECANCELED);
}
END_TEST

/* The canceller runs in the turn in which the child's sleep ends, before it or after it. */
static int main_cancel_in_last_turn(void *arg)
{
	bool canceller_first = *(bool *)arg;
	struct child child = {.sleep_ms = 10};
	struct co_group group;

	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, child_run, &child, "child"), 0);
	if (!canceller_first) {
		ck_assert_int_eq(co_yield(), 0);
		ck_assert_ptr_nonnull(child.task);
	}
	ck_assert_int_eq(co_sleep_until(co_env_at_ms(10)), 0);
	if (child.task != NULL && co_group_live(&group) > 0)
		co_task_cancel(child.task);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(child.sleep_rc, 0);
	return 0;
}

START_TEST(test_cancel_in_last_turn)
{
	bool canceller_first = _i == 1;

	ck_assert_int_eq(co_env_run(main_cancel_in_last_turn, &canceller_first), 0);
}
END_TEST

/* A tree of groups: a node has three children, down to leaves that sleep for ever. */
struct tree {
	int depth;
	int *leaves_cancelled;
};

static int tree_run(void *arg)
{
	struct tree *tree = arg;
	struct tree child = {tree->depth - 1, tree->leaves_cancelled};
	struct co_group group;
	int rc;

	if (tree->depth == 0) {
		rc = co_sleep_until(CLOCK_NEVER);
		*tree->leaves_cancelled += rc == -ECANCELED;
		return rc;
	}
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(co_group_go(&group, tree_run, &child, "node"), 0);
	rc = co_group_wait(&group, CLOCK_NEVER);
	ck_assert_uint_eq(co_group_live(&group), 0);
	return rc;
}

static int main_tree(void *arg)
{
	int leaves_cancelled = 0;
	struct tree tree = {4, &leaves_cancelled};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, tree_run, &tree, "root"), 0);
	ck_assert_int_eq(co_group_wait(&group, co_env_at_ms(1)), -ETIMEDOUT);
	ck_assert_int_eq(leaves_cancelled, 81);
	ck_assert_uint_eq(co_loop_stats(co_loop_current()).tasks, 1);
	return 0;
}

START_TEST(test_nested_groups)
{
	ck_assert_int_eq(co_env_run(main_tree, NULL), 0);
}
END_TEST

/*
 * Each starts the next sibling in the same group, so the group is only ever one or two deep but
 * never empty.
 */
struct siblings {
	struct co_group group;
	int to_start;
	int ran;
	int cancel_at;
};

static int sibling_run(void *arg)
{
	struct siblings *siblings = arg;

	siblings->ran++;
	if (siblings->ran == siblings->cancel_at)
		co_group_cancel(&siblings->group);
	if (siblings->to_start > 0) {
		int rc = co_group_go(&siblings->group, sibling_run, siblings, "sibling");

		if (rc != 0)
			return rc;
		siblings->to_start--;
	}
	return 0;
}

static int main_siblings(void *arg)
{
	struct siblings *siblings = arg;

	co_group_init(&siblings->group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&siblings->group, sibling_run, siblings, "sibling"), 0);
	return co_group_wait(&siblings->group, CLOCK_NEVER);
}

START_TEST(test_sibling_starts_sibling)
{
	struct siblings siblings = {.to_start = 100};

	ck_assert_int_eq(co_env_run(main_siblings, &siblings), 0);
	ck_assert_int_eq(siblings.ran, 101);
}
END_TEST

START_TEST(test_cancel_while_children_start)
{
	struct siblings siblings = {.to_start = 100, .cancel_at = 50};

	ck_assert_int_eq(co_env_run(main_siblings, &siblings), -ECANCELED);
	ck_assert_int_eq(siblings.ran, 50);
	ck_assert_int_eq(siblings.to_start, 51);
}
END_TEST

static int sibling_cancels_group(void *arg)
{
	co_group_cancel(arg);
	return 0;
}

/* In one round: the first child cancels the group whose others have not begun. */
static int main_cancel_by_child(void *arg)
{
	struct child children[10] = {{0}};
	struct co_group group;

	(void)arg;
	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, child_run, &children[0], "child"), 0);
	ck_assert_int_eq(co_group_go(&group, sibling_cancels_group, &group, "canceller"), 0);
	for (int i = 1; i < 10; i++)
		ck_assert_int_eq(co_group_go(&group, child_run, &children[i], "child"), 0);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	ck_assert(children[0].ran);
	for (int i = 1; i < 10; i++)
		ck_assert(!children[i].ran);
	return 0;
}

START_TEST(test_cancel_by_child)
{
	ck_assert_int_eq(co_env_run(main_cancel_by_child, NULL), 0);
}
END_TEST

/*
 * The parent is cancelled while it joins what it has already cancelled: the children may still take
 * their time.
 */
static int stubborn(void *arg)
{
	bool *done = arg;

	ck_assert_int_eq(co_sleep_until(CLOCK_NEVER), -ECANCELED);
	co_shield();
	ck_assert_int_eq(co_sleep_until(co_now_ns() + 50 * CLOCK_MS), 0);
	co_unshield();
	*done = true;
	return 0;
}

static int stubborn_parent(void *arg)
{
	struct co_group group;

	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, stubborn, arg, "stubborn"), 0);
	ck_assert_int_eq(co_group_wait(&group, co_env_at_ms(5)), -ETIMEDOUT);
	ck_assert(*(bool *)arg);
	ck_assert_int_eq(co_env_ms(), 55);
	ck_assert(co_cancelled());
	return 0;
}

static int main_cancel_joining_parent(void *arg)
{
	struct co_group group;

	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, stubborn_parent, arg, "parent"), 0);
	ck_assert_int_eq(co_group_wait(&group, co_env_at_ms(20)), -ETIMEDOUT);
	return 0;
}

START_TEST(test_cancel_joining_parent)
{
	bool done = false;

	ck_assert_int_eq(co_env_run(main_cancel_joining_parent, &done), 0);
	ck_assert(done);
}
END_TEST

/*
 * The nth allocation fails, for every n: what could not start is reported, what did start is
 * joined.
 */
static int main_no_memory(void *arg)
{
	struct child children[8] = {{0}};
	struct co_group group;
	int *refused = arg, started = 0;

	co_group_init(&group, co_loop_current(), CO_KEEP_GOING);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		int rc = co_group_go(&group, child_run, &children[i], "child");

		children[i].sleep_ms = 1;
		ck_assert(rc == 0 || rc == -ENOMEM);
		*refused += rc != 0;
		started += rc == 0;
	}
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		started -= children[i].ran;
	ck_assert_int_eq(started, 0);
	return 0;
}

START_TEST(test_no_memory)
{
	bool reached_end = false;
	int refused_tasks = 0, refused_loops = 0;

	for (int n = 0; !reached_end; n++) {
		struct clock_virtual clock;
		struct co_loop_options options = {.virtual_clock = &clock};
		struct mem_failure failure = {.countdown = n};
		struct co_loop *loop;
		int rc;

		clock_virtual_init(&clock, 0);
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = co_loop_new(&loop, &options);
		if (rc == 0) {
			rc = co_loop_run(loop, main_no_memory, &refused_tasks);
			co_loop_free(loop);
		} else {
			refused_loops++;
		}
		mem_set_fail_hook(NULL, NULL);
		ck_assert(rc == 0 || rc == -ENOMEM);
		ck_assert_uint_eq(mem_live_blocks(), 0);
		reached_end = failure.failed == 0;
	}
	ck_assert_int_gt(refused_loops, 1);
	ck_assert_int_gt(refused_tasks, 7);
}
END_TEST

/*
 * Ten times as deep as the stack. Each frame is handed to the next, so that no compiler makes a
 * loop of it.
 */
static int spill(volatile char *above, int levels)
{
	volatile char frame[1024];

	frame[0] = above[0];
	return levels == 0 ? frame[0] : spill(frame, levels - 1) + frame[0];
}

static int main_spill(void *arg)
{
	volatile char first = 0;

	(void)arg;
	return spill(&first, 2560);
}

START_TEST(test_overflow)
{
	ck_assert_int_eq(co_env_run(main_spill, NULL), 0);
}
END_TEST

/*
 * Let the kernel's signal through, so that the test sees the same with and without a sanitizer.
 */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "handle_segv=0";
}

const char *__tsan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
	return "handle_segv=0";
}

int main(void)
{
	Suite *suite = suite_create("co_task");
	TCase *tcase = suite_case(suite, "tasks", 20);
	TCase *crash = suite_case(suite, "overflow", 20);

	tcase_add_test(tcase, test_main_result);
	tcase_add_test(tcase, test_current);
	tcase_add_test(tcase, test_time_is_max);
	tcase_add_loop_test(tcase, test_join, 0, ARRAY_SIZE(join_cases));
	tcase_add_test(tcase, test_empty_group);
	tcase_add_test(tcase, test_group_again);
	tcase_add_test(tcase, test_cancel_before_start);
	tcase_add_test(tcase, test_wait_after_cancel);
	tcase_add_test(tcase, test_shields_nest);
	tcase_add_test(tcase, test_cancel_self);
	tcase_add_loop_test(tcase, test_cancel_in_last_turn, 0, 2);
	tcase_add_test(tcase, test_nested_groups);
	tcase_add_test(tcase, test_sibling_starts_sibling);
	tcase_add_test(tcase, test_cancel_while_children_start);
	tcase_add_test(tcase, test_cancel_by_child);
	tcase_add_test(tcase, test_cancel_joining_parent);
	tcase_add_test(tcase, test_no_memory);
	tcase_add_test_raise_signal(crash, test_overflow, SIGSEGV);
	return suite_run(suite);
}
