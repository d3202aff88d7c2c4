/* SPDX-License-Identifier: PostgreSQL */
/* A database in service: when a reload keeps it, and how it ends. */
#include "daemon/database.h"
#include "daemon/params.h"
#include "db/pool.h"
#include "db/resolve.h"
#include "unit/co_env.h"
#include "unit/db_fixture.h"

/* ---- when a reload keeps it ---- */

static const struct config_database conf = {
	.name = "main",
	.conninfo = "host=/nonexistent",
	.conninfo_masked = "host=/nonexistent",
	.pool_min = 1,
	.pool_max = 2,
	.unavailable_after_ns = CLOCK_SECOND,
	.server_connect_timeout_ns = CLOCK_SECOND,
	.line = 7,
};

#define CHANGED(field, value) (void)(other.field = (value))

START_TEST(a_change_of_anything_makes_it_another)
{
	struct database database = {.conf = conf};
	struct config_database other = conf;

	ck_assert(database_same_conf(&database, &other));
	other.line = 99; /* where it stands does not count */
	other.conninfo_line = 100;
	other.conninfo_masked = "host=****";
	ck_assert(database_same_conf(&database, &other));
	switch (_i) {
	case 0:
		CHANGED(name, "other");
		break;
	case 1:
		CHANGED(conninfo, "host=/other");
		break;
	case 2:
		CHANGED(pool_min, 0);
		break;
	case 3:
		CHANGED(pool_max, 3);
		break;
	case 4:
		CHANGED(unavailable_after_ns, 2);
		break;
	case 5:
		CHANGED(queue_limit, 1);
		break;
	case 6:
		CHANGED(statement_timeout_ns, 1);
		break;
	case 7:
		CHANGED(server_connect_timeout_ns, 1);
		break;
	case 8:
		CHANGED(server_idle_timeout_ns, 1);
		break;
	case 9:
		CHANGED(server_lifetime_ns, 1);
		break;
	case 10:
		CHANGED(prepared_statements, 1);
		break;
	case 11:
		CHANGED(read_only, true);
		break;
	case 12:
		CHANGED(session_reset, CONFIG_RESET_ALWAYS);
		break;
	}
	ck_assert(!database_same_conf(&database, &other));
}
END_TEST

/* ---- what libpq thinks of its connection string ---- */

static void keep_text(void *arg, const char *text)
{
	char *told = arg;

	snprintf(told, 512, "%s", text);
}

START_TEST(libpqs_words_about_a_conninfo_are_fit_for_a_terminal)
{
	struct config_database database = {
		.name = "\xc2\x9b"
			"2J",
		.conninfo = "postgresql://h/d?%1b[2J=x",
		.conninfo_line = 3,
	};
	struct config config = {.path = "f.ini", .databases = &database, .database_count = 1};
	char told[512] = "";

	ck_assert_int_eq(database_check_conninfos(&config, keep_text, told), -EINVAL);
	ck_assert_msg(strncmp(told, "f.ini:3: [database \\u009b2J] conninfo: ", 39) == 0, "%s",
		      told);
	ck_assert_msg(strstr(told, "\\x1b[2J") != NULL, "%s", told);
	ck_assert_ptr_null(strchr(told, '\x1b'));
}
END_TEST

/* ---- its life ---- */

struct life {
	struct co_env env;
	struct resolver *resolver;
	struct co_group group;
};

static int life_main(void *arg)
{
	struct life *life = arg;
	char name[] = "main", conninfo[] = "host=/nonexistent";
	struct config_database own = conf;
	struct database *database;

	ck_assert_int_eq(resolver_new(&life->resolver, life->env.loop), 0);
	co_group_init(&life->group, life->env.loop, CO_KEEP_GOING);
	own.name = name;
	own.conninfo = conninfo;
	ck_assert_int_eq(
		database_new(&database, life->env.loop, &life->group, life->resolver, &own), 0);
	/* The configuration's text may go. */
	memset(name, 'x', sizeof(name) - 1);
	memset(conninfo, 'x', sizeof(conninfo) - 1);
	ck_assert_str_eq(database->conf.name, "main");
	ck_assert_str_eq(database->conf.conninfo, "host=/nonexistent");
	ck_assert_ptr_eq(database->pool->conf, &database->conf);
	/* It ends with the last reference, in its task, and that needs no memory. */
	ck_assert_ptr_eq(database_ref(database), database);
	database_unref(database);
	ck_assert_int_eq(co_sleep_until(co_now_ns() + 30 * CLOCK_SECOND), 0);
	ck_assert_uint_eq(co_group_live(&life->group), 1);
	mem_set_fail_hook(mem_failure_always, NULL);
	database_unref(database);
	ck_assert_int_eq(co_group_wait(&life->group, CLOCK_NEVER), 0);
	mem_set_fail_hook(NULL, NULL);
	database_unref(NULL);
	resolver_free(life->resolver);
	return 0;
}

START_TEST(it_ends_with_its_last_reference)
{
	struct life life;

	co_env_init(&life.env, (struct co_loop_options){0});
	ck_assert_int_eq(co_loop_run(life.env.loop, life_main, &life), 0);
	co_env_free(&life.env);
}
END_TEST

static int memory_main(void *arg)
{
	struct life *life = arg;
	struct database *first;
	int failures = 0;

	ck_assert_int_eq(resolver_new(&life->resolver, life->env.loop), 0);
	co_group_init(&life->group, life->env.loop, CO_KEEP_GOING);
	/* Stacks are kept: the first is there before blocks are counted. */
	ck_assert_int_eq(database_new(&first, life->env.loop, &life->group, life->resolver, &conf),
			 0);
	database_unref(first);
	ck_assert_int_eq(co_group_wait(&life->group, CLOCK_NEVER), 0);
	for (int n = 0;; n++) {
		struct mem_failure failure = {.countdown = n};
		size_t blocks = mem_live_blocks();
		struct database *database = NULL;
		int rc;

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = database_new(&database, life->env.loop, &life->group, life->resolver, &conf);
		mem_set_fail_hook(NULL, NULL);
		if (rc < 0) {
			ck_assert_int_eq(rc, -ENOMEM);
			ck_assert_ptr_null(database);
			/* If its task had begun it ends now. */
			ck_assert_int_eq(co_group_wait(&life->group, CLOCK_NEVER), 0);
			ck_assert_uint_eq(mem_live_blocks(), blocks);
			failures++;
			continue;
		}
		database_unref(database);
		ck_assert_int_eq(co_group_wait(&life->group, CLOCK_NEVER), 0);
		if (failure.failed == 0)
			break;
	}
	ck_assert_int_ge(failures, 5);
	resolver_free(life->resolver);
	return 0;
}

START_TEST(every_allocation_fails)
{
	struct life life;

	co_env_init(&life.env, (struct co_loop_options){0});
	ck_assert_int_eq(co_loop_run(life.env.loop, memory_main, &life), 0);
	co_env_free(&life.env);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon database");
	TCase *tcase = suite_case(suite, "database", 20);

	tcase_add_loop_test(tcase, a_change_of_anything_makes_it_another, 0, 13);
	tcase_add_test(tcase, libpqs_words_about_a_conninfo_are_fit_for_a_terminal);
	tcase_add_test(tcase, it_ends_with_its_last_reference);
	tcase_add_test(tcase, every_allocation_fails);
	return suite_run(suite);
}
