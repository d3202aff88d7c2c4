/* SPDX-License-Identifier: PostgreSQL */
/*
 * The switch and the stacks by themselves, in plain C that prints TAP: it needs no Check and no
 * libevent, so it runs wherever a cross compiler and an emulator are.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "co/stack.h"
#include "co/switch.h"

#include <fenv.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int test_count, failed_count;

static void ok(bool passed, const char *name)
{
	printf("%s %d - %s\n", passed ? "ok" : "not ok", ++test_count, name);
	failed_count += !passed;
}

struct routine {
	struct switch_context context, *back;
	struct stack *stack;
	int steps;
	double value;
	bool aligned;
	int rounding;
	uint64_t checksum;
	const void *local;
};

static void routine_start(struct routine *routine, struct stack_pool *pool,
			  struct switch_context *back, switch_fn *fn)
{
	if (stack_pool_take(pool, &routine->stack) != 0)
		abort();
	routine->back = back;
	switch_init(&routine->context, routine->stack->bottom, routine->stack->size_bytes, fn,
		    routine);
}

static void routine_yield(struct routine *routine)
{
	switch_to(&routine->context, routine->back);
}

/*
 * Keeps many values alive over each switch, more than there are callee-saved registers, of both
 * kinds.
 */
static void keep_values(void *arg)
{
	struct routine *routine = arg;
	uint64_t a = (uintptr_t)routine, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13;
	uint64_t g = a * 17, h = a * 19, i = a * 23, j = a * 29, k = a * 31, l = a * 37;
	double p = 1.5, q = 2.5, r = 3.5, s = 4.5, t = 5.5, u = 6.5, v = 7.5, w = 8.5;

	switch_entered(&routine->context);
	for (int step = 0; step < 1000; step++) {
		routine->steps++;
		routine_yield(routine);
		a ^= b++, b ^= c++, c ^= d++, d ^= e++, e ^= f++, f ^= g++;
		g ^= h++, h ^= i++, i ^= j++, j ^= k++, k ^= l++, l ^= a++;
		p += q, q += 0.25, r += 0.5, s += 1, t += 2, u += 4, v += 8, w += 16;
	}
	routine->checksum = a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l;
	routine->value = p + q + r + s + t + u + v + w;
	switch_leave(&routine->context, routine->back);
}

/* The same sums without a switch. */
static void expect_values(const struct routine *routine, uint64_t *ret_checksum, double *ret_value)
{
	uint64_t x[12];
	static const unsigned factors[12] = {1, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
	double y[8] = {1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5};

	for (int i = 0; i < 12; i++)
		x[i] = (uintptr_t)routine * factors[i];
	for (int step = 0; step < 1000; step++) {
		for (int i = 0; i < 12; i++)
			x[i] ^= x[(i + 1) % 12]++;
		y[0] += y[1];
		y[1] += 0.25;
		for (int i = 2; i < 8; i++)
			y[i] += 0.5 * (1 << (i - 2));
	}
	*ret_checksum = 0;
	*ret_value = 0;
	for (int i = 0; i < 12; i++)
		*ret_checksum ^= x[i];
	for (int i = 0; i < 8; i++)
		*ret_value += y[i];
}

static void test_registers(struct stack_pool *pool)
{
	struct routine routines[3] = {0};
	struct switch_context self;
	bool same = true;

	switch_init_self(&self);
	for (size_t i = 0; i < ARRAY_SIZE(routines); i++)
		routine_start(&routines[i], pool, &self, keep_values);
	for (int step = 0; step <= 1000; step++)
		for (size_t i = 0; i < ARRAY_SIZE(routines); i++)
			switch_to(&self, &routines[i].context);
	for (size_t i = 0; i < ARRAY_SIZE(routines); i++) {
		uint64_t checksum;
		double value;

		expect_values(&routines[i], &checksum, &value);
		same = same && routines[i].steps == 1000 && routines[i].checksum == checksum &&
		       routines[i].value == value;
		stack_pool_return(pool, routines[i].stack, true, 0);
	}
	ok(same, "registers survive 3000 switches");
}

static void look_at_stack(void *arg)
{
	struct routine *routine = arg;
	_Alignas(16) char local[16];

	switch_entered(&routine->context);
	routine->local = __builtin_frame_address(0);
	/* What printf and SSE expect of the caller; a misaligned stack would crash here. */
	snprintf(local, sizeof(local), "%.3f", 3.25);
	routine->aligned = ((uintptr_t)local & 15) == 0 && strcmp(local, "3.250") == 0;
	switch_leave(&routine->context, routine->back);
}

static void test_stack_in_use(struct stack_pool *pool)
{
	struct routine routine = {0};
	struct switch_context self;

	switch_init_self(&self);
	routine_start(&routine, pool, &self, look_at_stack);
	switch_to(&self, &routine.context);
	ok(routine.aligned, "the stack is aligned as the ABI wants it");
	ok((const char *)routine.local >= routine.stack->bottom &&
		   (const char *)routine.local < routine.stack->bottom + routine.stack->size_bytes,
	   "the function runs on its own stack");
	stack_pool_return(pool, routine.stack, true, 0);
}

static void change_rounding(void *arg)
{
	struct routine *routine = arg;

	switch_entered(&routine->context);
	fesetround(FE_UPWARD);
	routine_yield(routine);
	routine->rounding = fegetround();
	switch_leave(&routine->context, routine->back);
}

static void test_rounding_mode(struct stack_pool *pool)
{
	struct routine routine = {0};
	struct switch_context self;
	int here;

	switch_init_self(&self);
	fesetround(FE_DOWNWARD);
	routine_start(&routine, pool, &self, change_rounding);
	switch_to(&self, &routine.context);
	here = fegetround();
	fesetround(FE_TONEAREST);
	switch_to(&self, &routine.context);
	ok(here == FE_DOWNWARD && routine.rounding == FE_UPWARD && fegetround() == FE_TONEAREST,
	   "each stack has its own floating-point control");
	stack_pool_return(pool, routine.stack, true, 0);
}

/* A volatile walk that the compiler cannot turn into a loop. */
static int recurse(volatile char *above, size_t levels)
{
	volatile char frame[512];

	frame[0] = above[0];
	return levels == 0 ? frame[0] : recurse(frame, levels - 1) + frame[0];
}

static void dive(void *arg)
{
	struct routine *routine = arg;
	char first = 0;

	switch_entered(&routine->context);
	routine->steps = recurse(&first, (size_t)routine->steps);
	switch_leave(&routine->context, routine->back);
}

static void run_dive(struct stack_pool *pool, struct routine *routine, int levels)
{
	struct switch_context self;

	switch_init_self(&self);
	routine->steps = levels;
	routine_start(routine, pool, &self, dive);
	switch_to(&self, &routine->context);
}

static void test_overflow(struct stack_pool *pool, const char *name)
{
	struct routine routine = {0};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int quiet = dup(STDERR_FILENO);

		(void)quiet;
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(0);
		run_dive(pool, &routine, 1 << 20);
		_exit(0);
	}
	/* A sanitizer reports it and exits with an error of its own. */
	ok(pid > 0 && waitpid(pid, &status, 0) == pid &&
		   (WIFSIGNALED(status) || WEXITSTATUS(status) != 0),
	   name);
}

static void test_overflow_mprotect(void)
{
	struct stack_pool pool;

	stack_pool_init(&pool, 64 * 1024, 4);
	pool.guard_by_mprotect = true;
	test_overflow(&pool, "an overflow meets the guard, made by mprotect");
	stack_pool_free(&pool);
}

static void test_cache(void)
{
	struct stack_pool pool;
	struct stack *stacks[5], *again;
	bool filled;

	stack_pool_init(&pool, 64 * 1024, 3);
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		if (stack_pool_take(&pool, &stacks[i]) != 0)
			abort();
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		stack_pool_return(&pool, stacks[i], false, 0);
	filled = pool.cached_count == 3 && pool.mapped_count == 3;
	ok(filled, "the cache is bounded");
	if (stack_pool_take(&pool, &again) != 0)
		abort();
	ok(again == stacks[2] && pool.mapped_count == 3, "the warmest stack is used first");
	stack_pool_return(&pool, again, false, 0);
	stack_pool_free(&pool);
	ok(mem_live_blocks() == 0, "nothing is left of a pool");
}

static void test_trim(void)
{
	struct stack_pool pool;
	struct routine routine = {0};
	size_t deep_bytes, early_bytes, trimmed_bytes;

	stack_pool_init(&pool, 256 * 1024, 4);
	run_dive(&pool, &routine, 200);
	deep_bytes = stack_deepest_bytes(&pool, routine.stack);
	stack_pool_return(&pool, routine.stack, true, 5 * CLOCK_SECOND);
	stack_pool_trim(&pool, 6 * CLOCK_SECOND - 1);
	early_bytes = stack_deepest_bytes(&pool, routine.stack);
	stack_pool_trim(&pool, 6 * CLOCK_SECOND);
	trimmed_bytes = stack_deepest_bytes(&pool, routine.stack);
	ok(deep_bytes >= 200 * 512 && deep_bytes < 256 * 1024, "the deepest use is known");
	ok(early_bytes == deep_bytes, "a stack that was just used keeps its memory");
	ok(trimmed_bytes > 0 && trimmed_bytes <= 16 * 1024, "an idle stack gives its memory back");
	ok(pool.trim_due_ns == CLOCK_NEVER, "a trimmed pool has nothing more to do");
	stack_pool_free(&pool);
}

static bool fail_allocation(void *ctx)
{
	(void)ctx;
	return true;
}

static void test_no_memory(void)
{
	struct stack_pool pool;
	struct stack *stack;
	int without_heap, without_space;

	stack_pool_init(&pool, 64 * 1024, 4);
	mem_set_fail_hook(fail_allocation, NULL);
	without_heap = stack_pool_take(&pool, &stack);
	mem_set_fail_hook(NULL, NULL);
	stack_pool_free(&pool);

	stack_pool_init(&pool, (size_t)1 << 60, 4);
	without_space = stack_pool_take(&pool, &stack);
	ok(without_heap < 0 && without_space < 0 && pool.mapped_count == 0 &&
		   mem_live_blocks() == 0,
	   "no memory is an error, not a crash");
	stack_pool_free(&pool);
}

int main(void)
{
	struct stack_pool pool;

	stack_pool_init(&pool, 64 * 1024, 8);
	test_registers(&pool);
	test_stack_in_use(&pool);
	test_rounding_mode(&pool);
	test_overflow(&pool, "an overflow meets the guard");
	test_overflow_mprotect();
	stack_pool_free(&pool);
	test_cache();
	test_trim();
	test_no_memory();
	printf("1..%d\n", test_count);
	return failed_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
