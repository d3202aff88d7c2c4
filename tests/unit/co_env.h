/* SPDX-License-Identifier: PostgreSQL */
/* A loop for the suites of src/co: on virtual time, checked to leave nothing behind. */
#ifndef UNIT_CO_ENV_H
#define UNIT_CO_ENV_H

#include "base/clock.h"
#include "base/mem.h"
#include "co/co.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CO_ENV_START_NS (1000 * CLOCK_SECOND)

struct co_env {
	struct clock_virtual clock;
	struct co_loop *loop;
};

static inline void co_env_init(struct co_env *env, struct co_loop_options options)
{
	clock_virtual_init(&env->clock, CO_ENV_START_NS);
	options.virtual_clock = &env->clock;
	ck_assert_int_eq(co_loop_new(&env->loop, &options), 0);
}

static inline void co_env_free(struct co_env *env)
{
	co_loop_free(env->loop);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

/* Runs fn(arg) as the main task of a loop on virtual time: its result. */
static inline int co_env_run(co_task_fn *fn, void *arg)
{
	struct co_env env;
	int rc;

	co_env_init(&env, (struct co_loop_options){0});
	rc = co_loop_run(env.loop, fn, arg);
	co_env_free(&env);
	return rc;
}

/* Milliseconds of virtual time since the loop began. */
static inline int64_t co_env_ms(void)
{
	return (co_now_ns() - CO_ENV_START_NS) / CLOCK_MS;
}

static inline int64_t co_env_at_ms(int64_t ms)
{
	return CO_ENV_START_NS + ms * CLOCK_MS;
}

/* What happened, in order, as text. */
struct co_trace {
	char text[256];
};

static inline void co_trace_add(struct co_trace *trace, const char *word)
{
	size_t len = strlen(trace->text);

	ck_assert_uint_lt(len + strlen(word) + 2, sizeof(trace->text));
	if (len > 0)
		trace->text[len++] = ' ';
	strcpy(trace->text + len, word);
}

#endif
