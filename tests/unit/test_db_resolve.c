/* SPDX-License-Identifier: PostgreSQL */
#include "base/mem.h"
#include "co/co.h"
#include "db/resolve.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* The name service of these tests: names that begin with "hang" wait at the gate, the others are
 * told by name. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
	atomic_int calls, inside, inside_max, signals_open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static void gate_open(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.opened);
	pthread_mutex_unlock(&gate.lock);
}

static void gate_pass(void)
{
	pthread_mutex_lock(&gate.lock);
	while (!gate.open)
		pthread_cond_wait(&gate.opened, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static int many_addresses(const struct addrinfo *hints, struct addrinfo **ret_list)
{
	struct addrinfo **end = ret_list, numeric = *hints;
	char text[32];

	numeric.ai_flags |= AI_NUMERICHOST;
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		if (getaddrinfo(text, "5432", &numeric, end) != 0)
			abort();
		end = &(*end)->ai_next;
	}
	return 0;
}

static int lookup(const char *host, const char *port, const struct addrinfo *hints,
		  struct addrinfo **ret_list)
{
	struct addrinfo numeric = *hints;
	sigset_t mask;
	int inside = atomic_fetch_add(&gate.inside, 1) + 1, max = atomic_load(&gate.inside_max);

	while (inside > max && !atomic_compare_exchange_weak(&gate.inside_max, &max, inside))
		;
	atomic_fetch_add(&gate.calls, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGHUP))
		atomic_fetch_add(&gate.signals_open, 1);
	if (strncmp(host, "hang", 4) == 0)
		gate_pass();
	atomic_fetch_sub(&gate.inside, 1);

	if (strcmp(host, "none") == 0)
		return EAI_NONAME;
	if (strcmp(host, "system") == 0) {
		errno = EMFILE;
		return EAI_SYSTEM;
	}
	if (strcmp(host, "empty") == 0) {
		*ret_list = NULL;
		return 0;
	}
	if (strcmp(host, "many") == 0)
		return many_addresses(hints, ret_list);
	numeric.ai_flags |= AI_NUMERICHOST;
	return getaddrinfo(strcmp(host, "six") == 0 ? "2001:db8::6" : "192.0.2.1", port, &numeric,
			   ret_list);
}

struct question {
	struct db_fixture *fixture;
	struct resolve_address *addresses;
	const char *why;
	size_t count;
	char host[16];
	int64_t deadline_ns;
	int rc;
};

static int ask(void *arg)
{
	struct question *question = arg;

	question->rc = resolve_host(question->fixture->resolver, question->host, "5432",
				    &question->fixture->arena, question->deadline_ns,
				    &question->addresses, &question->count, &question->why);
	return question->rc;
}

static struct question question(struct db_fixture *fixture, const char *host)
{
	struct question asked = {.fixture = fixture, .deadline_ns = CLOCK_NEVER};

	snprintf(asked.host, sizeof(asked.host), "%s", host);
	return asked;
}

static int task_answers(void *arg)
{
	struct question asked = question(arg, "four");

	ck_assert_int_eq(ask(&asked), 0);
	ck_assert_uint_eq(asked.count, 1);
	ck_assert_int_eq(asked.addresses[0].family, AF_INET);
	ck_assert_str_eq(asked.addresses[0].text, "192.0.2.1");
	asked = question(arg, "six");
	ck_assert_int_eq(ask(&asked), 0);
	ck_assert_int_eq(asked.addresses[0].family, AF_INET6);
	ck_assert_str_eq(asked.addresses[0].text, "2001:db8::6");
	ck_assert_int_eq(gate.signals_open, 0);
	return 0;
}

START_TEST(answers_come_in_numbers)
{
	db_fixture_run(task_answers, lookup);
}
END_TEST

static int task_many(void *arg)
{
	struct question asked = question(arg, "many");

	ck_assert_int_eq(ask(&asked), 0);
	ck_assert_uint_eq(asked.count, 64);
	ck_assert_str_eq(asked.addresses[63].text, "192.0.2.63");
	return 0;
}

START_TEST(addresses_are_bounded)
{
	db_fixture_run(task_many, lookup);
}
END_TEST

static int task_refusals(void *arg)
{
	static const struct {
		const char *host, *why;
	} cases[] = {{"none", "Name or service not known"},
		     {"system", "Too many open files"},
		     {"empty", "the name has no address"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct question asked = question(arg, cases[i].host);

		ck_assert_int_eq(ask(&asked), -ENOENT);
		ck_assert_str_eq(asked.why, cases[i].why);
	}
	return 0;
}

START_TEST(refusals_say_why)
{
	db_fixture_run(task_refusals, lookup);
}
END_TEST

static int task_localhost(void *arg)
{
	struct question asked = question(arg, "localhost");

	ck_assert_int_eq(ask(&asked), 0);
	ck_assert_uint_ge(asked.count, 1);
	ck_assert(strcmp(asked.addresses[0].text, "127.0.0.1") == 0 ||
		  strcmp(asked.addresses[0].text, "::1") == 0);
	return 0;
}

START_TEST(system_knows_localhost)
{
	db_fixture_run(task_localhost, NULL);
}
END_TEST

/* The lookup's thread outlives everything here; it frees what is left. */
static int task_hang_alone(void *arg)
{
	struct db_fixture *fixture = arg;
	struct question hung = question(fixture, "hang"), good = question(fixture, "good");
	struct co_group group;

	co_group_init(&group, fixture->loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, ask, &hung, "hung"), 0);
	ck_assert_int_eq(co_yield(), 0);
	ck_assert_int_eq(ask(&good), 0);
	ck_assert_uint_eq(co_group_live(&group), 1);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	ck_assert_int_eq(hung.rc, -ECANCELED);

	hung.deadline_ns = clock_after_ns(co_now_ns(), CLOCK_MS);
	ck_assert_int_eq(ask(&hung), -ETIMEDOUT);
	return 0;
}

START_TEST(a_hang_holds_up_nobody_else)
{
	size_t blocks = mem_live_blocks();

	db_fixture_run(task_hang_alone, lookup);
	ck_assert_uint_gt(mem_live_blocks(), blocks);
	gate_open();
	while (mem_live_blocks() > blocks)
		sched_yield();
}
END_TEST

/* Abandoned, but done before the resolver goes: reaped by it. */
static int task_abandoned_in_time(void *arg)
{
	struct question hung = question(arg, "hang"), good;

	hung.deadline_ns = clock_after_ns(co_now_ns(), CLOCK_MS);
	ck_assert_int_eq(ask(&hung), -ETIMEDOUT);
	gate_open();
	while (atomic_load(&gate.inside) > 0)
		sched_yield();
	good = question(arg, "good");
	ck_assert_int_eq(ask(&good), 0);
	return 0;
}

START_TEST(an_abandoned_lookup_is_reaped)
{
	size_t blocks = mem_live_blocks();

	db_fixture_run(task_abandoned_in_time, lookup);
	while (mem_live_blocks() > blocks)
		sched_yield();
}
END_TEST

enum { CROWD = 40 };

static struct question crowd[CROWD];

static void crowd_start(struct db_fixture *fixture, struct co_group *group, bool same_name)
{
	co_group_init(group, fixture->loop, CO_KEEP_GOING);
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = question(fixture, "hang");
		if (!same_name)
			snprintf(crowd[i].host, sizeof(crowd[i].host), "hang%d", i);
		ck_assert_int_eq(co_group_go(group, ask, &crowd[i], "one of many"), 0);
	}
	ck_assert_int_eq(co_yield(), 0);
}

static int task_same_name(void *arg)
{
	struct co_group group;

	crowd_start(arg, &group, true);
	gate_open();
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(gate.calls, 1);
	for (int i = 0; i < CROWD; i++)
		ck_assert_str_eq(crowd[i].addresses[0].text, "192.0.2.1");
	return 0;
}

START_TEST(one_name_is_looked_up_once)
{
	db_fixture_run(task_same_name, lookup);
}
END_TEST

static int task_many_names(void *arg)
{
	struct question late = question(arg, "good");
	struct co_group group;

	crowd_start(arg, &group, false);
	/* All slots are taken by those that hang. */
	late.deadline_ns = clock_after_ns(co_now_ns(), CLOCK_MS);
	ck_assert_int_eq(ask(&late), -ETIMEDOUT);
	gate_open();
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	ck_assert_int_eq(gate.calls, CROWD);
	ck_assert_int_le(gate.inside_max, RESOLVE_MAX_LOOKUPS);
	return 0;
}

START_TEST(lookups_are_capped)
{
	db_fixture_run(task_many_names, lookup);
}
END_TEST

static int task_no_memory(void *arg)
{
	struct mem_failure failure;
	int rc;

	for (int nth = 0;; nth++) {
		struct question asked = question(arg, "four");

		failure = (struct mem_failure){.countdown = nth};
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = ask(&asked);
		mem_set_fail_hook(NULL, NULL);
		if (failure.failed == 0)
			break;
		ck_assert(rc == -ENOMEM || rc == 0);
	}
	ck_assert_int_eq(rc, 0);
	return 0;
}

START_TEST(no_memory_is_an_error)
{
	size_t blocks = mem_live_blocks();

	db_fixture_run(task_no_memory, lookup);
	while (mem_live_blocks() > blocks)
		sched_yield();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db resolve");
	TCase *tcase = suite_case(suite, "resolve", 20);

	tcase_add_test(tcase, answers_come_in_numbers);
	tcase_add_test(tcase, addresses_are_bounded);
	tcase_add_test(tcase, refusals_say_why);
	tcase_add_test(tcase, system_knows_localhost);
	tcase_add_test(tcase, a_hang_holds_up_nobody_else);
	tcase_add_test(tcase, an_abandoned_lookup_is_reaped);
	tcase_add_test(tcase, one_name_is_looked_up_once);
	tcase_add_test(tcase, lookups_are_capped);
	tcase_add_test(tcase, no_memory_is_an_error);
	return suite_run(suite);
}
