/* SPDX-License-Identifier: PostgreSQL */
/* What one query leaves in its session must be gone before the next: every kind of leak, on one
 * connection of a real server. */
#include "db/session.h"
#include "unit/db_pool.h"

static int row_index;

static void prepare_objects(void)
{
	aside("drop schema if exists hidden cascade; create schema hidden");
	aside("drop sequence if exists seq; create sequence seq");
	aside("drop table if exists t; create table t (i int)");
	aside("do $$begin if to_regrole('clerk') is null then create role clerk; end if; end$$");
	aside("create or replace function sneak(name text, value text) returns text language sql "
	      "as "
	      "$$select set_config(name, value, false)$$");
}

/* ---- leaks ---- */

static const struct {
	const char *leak, *check;
} leaks[] = {
	{"set work_mem = '1MB'", "select current_setting('work_mem') = '4MB'"},
	{"set search_path = hidden", "select current_setting('search_path') = '\"$user\", public'"},
	{"select set_config('search_path', 'hidden', false)",
	 "select current_setting('search_path') = '\"$user\", public'"},
	{"set time zone 'Asia/Tokyo'", "select current_setting('timezone') <> 'Asia/Tokyo'"},
	{"set statement_timeout = 1", "select current_setting('statement_timeout') = '0'"},
	{"set session characteristics as transaction read only",
	 "select current_setting('default_transaction_read_only') = 'off'"},
	{"set my.own = 'x'", "select current_setting('my.own', true) is distinct from 'x'"},
	{"set role clerk", "select current_user = 'postgres'"},
	{"set session authorization clerk",
	 "select session_user = 'postgres' and current_user = 'postgres'"},
	{"create temp table leak (i int)", "select to_regclass('pg_temp.leak') is null"},
	{"create temp sequence leak", "select to_regclass('pg_temp.leak') is null"},
	{"select 1 as i into temp leak", "select to_regclass('pg_temp.leak') is null"},
	{"create temp view leak as select 1", "select to_regclass('pg_temp.leak') is null"},
	{"create function pg_temp.leak() returns int language sql as 'select 1'",
	 "select to_regproc('pg_temp.leak') is null"},
	{"prepare leak as select 1",
	 "select count(*) = 0 from pg_prepared_statements where name = 'leak'"},
	{"select pg_advisory_lock(7)",
	 "select count(*) = 0 from pg_locks where locktype = 'advisory'"},
	{"select pg_advisory_lock_shared(7, 8)",
	 "select count(*) = 0 from pg_locks where locktype = 'advisory'"},
	{"declare leak cursor with hold for select 1",
	 "select count(*) = 0 from pg_cursors where name = 'leak'"},
	{"listen leak", "select count(*) = 0 from pg_listening_channels()"},
	{"do $$begin perform set_config('work_mem', '1MB', false); end$$",
	 "select current_setting('work_mem') = '4MB'"},
	{"do $$begin create temp table leak (i int); end$$",
	 "select to_regclass('pg_temp.leak') is null"},
	{"set datestyle = german", "select '2026-11-20'::date::text = '2026-11-20'"},
	{"set intervalstyle = iso_8601", "select '1 day'::interval::text = '1 day'"},
	{"set bytea_output = escape", "select '\\x00'::bytea::text = '\\x00'"},
	{"set extra_float_digits = -15", "select 0.1::float8 + 0.2::float8 <> 0.3 and "
					 "(0.1::float8 + 0.2::float8)::text <> '0.3'"},
	{"set standard_conforming_strings = off", "select '\\' = chr(92)"},
	{"set client_encoding = latin1", "select length('\xc3\xa4') = 1"},
	/* done by a function of the user's own: seen by what the server reports of itself */
	{"select sneak('timezone', 'Asia/Tokyo')",
	 "select current_setting('timezone') <> 'Asia/Tokyo'"},
	{"select sneak('datestyle', 'German')", "select '2026-11-20'::date::text = '2026-11-20'"},
	{"select sneak('application_name', 'me')",
	 "select current_setting('application_name') = 'gatherd'"},
	{"select sneak('default_transaction_read_only', 'on')",
	 "select current_setting('default_transaction_read_only') = 'off'"},
};

static void task_leak(struct db_env *env)
{
	int pid;

	prepare_objects();
	env->conf.pool_max = 1;
	db_env_open(env);
	pid = only_backend(env->pool);
	ck_query(env->pool, leaks[row_index].leak, NULL);
	ck_query(env->pool, leaks[row_index].check, "t;");
	ck_assert_int_eq(only_backend(env->pool), pid); /* cleaned, not thrown away */
	ck_assert_uint_eq(env->pool->stats.resets, 1);
	ck_assert_uint_eq(env->pool->stats.lost, 0);
	/* And once more, after a reset. */
	ck_query(env->pool, leaks[row_index].leak, NULL);
	ck_query(env->pool, leaks[row_index].check, "t;");
	ck_assert_uint_eq(env->pool->stats.resets, 2);
}

START_TEST(a_leak_is_mended)
{
	row_index = _i;
	db_env_run(task_leak);
}
END_TEST

static void task_sequences(struct db_env *env)
{
	prepare_objects();
	env->conf.pool_max = 1;
	db_env_open(env);
	ck_query(env->pool, "select nextval('seq')", "1;");
	ck_query_fails(env->pool, "select currval('seq')", "55000", ERR_EFFECTS_NONE);
	ck_query_fails(env->pool, "select lastval()", "55000", ERR_EFFECTS_NONE);
	ck_query(env->pool, "select nextval('seq')", "2;"); /* the sequence itself goes on */
}

START_TEST(the_last_values_of_sequences)
{
	db_env_run(task_sequences);
}
END_TEST

/* A statement that fails may have left something before. */
static void task_failing(struct db_env *env)
{
	prepare_objects();
	env->conf.pool_max = 1;
	db_env_open(env);
	ck_query_fails(env->pool, "select pg_advisory_lock(7), 1 / (random() * 0)::int", "22012",
		       ERR_EFFECTS_NONE);
	ck_query(env->pool, "select count(*) = 0 from pg_locks where locktype = 'advisory'", "t;");
	ck_query_fails(env->pool, "do $$begin perform pg_advisory_lock(7); raise 'no'; end$$",
		       "P0001", ERR_EFFECTS_UNKNOWN);
	ck_query(env->pool, "select count(*) = 0 from pg_locks where locktype = 'advisory'", "t;");
}

START_TEST(a_failure_is_no_reason_not_to_clean_up)
{
	db_env_run(task_failing);
}
END_TEST

/* Nothing is left by these, so nothing is paid for them. */
static const char *const clean[] = {
	"select 1",	      "select count(*) from t", "insert into t values (1)",
	"update t set i = 2", "delete from t",		"select 1/0",
	"show work_mem",      "explain select 1",
};

static void task_clean(struct db_env *env)
{
	struct ask ask;

	prepare_objects();
	env->conf.pool_max = 1;
	db_env_open(env);
	for (size_t i = 0; i < ARRAY_SIZE(clean); i++) {
		ask_init(&ask, env->pool, clean[i]);
		ask_main(&ask);
		ask_free(&ask);
	}
	ck_assert_uint_eq(env->pool->stats.resets, 0);
}

START_TEST(plain_queries_cost_no_reset)
{
	db_env_run(task_clean);
}
END_TEST

/* What `auto` cannot see: a parameter that is not reported, set inside of a function. */
static void task_always(struct db_env *env)
{
	prepare_objects();
	env->conf.pool_max = 1;
	env->conf.session_reset = row_index == 0 ? CONFIG_RESET_AUTO : CONFIG_RESET_ALWAYS;
	db_env_open(env);
	ck_query(env->pool, "select sneak('work_mem', '1MB')", "1MB;");
	ck_query(env->pool, "select current_setting('work_mem')", row_index == 0 ? "1MB;" : "4MB;");
	if (row_index == 1)
		ck_assert_uint_ge(env->pool->stats.resets, 1);
}

START_TEST(session_reset_always)
{
	row_index = _i;
	db_env_run(task_always);
}
END_TEST

/* What a reset does not bring back: the session is closed. */
static void task_hopeless(struct db_env *env)
{
	int pid;

	prepare_objects();
	env->conf.pool_max = 1;
	db_env_open(env);
	pid = only_backend(env->pool);
	/* The role that the session began as may not be had back: it is no superuser any more. */
	ck_query(env->pool, "alter role postgres set timezone = 'Asia/Tokyo'", NULL);
	ck_query(env->pool, "alter role postgres reset timezone", NULL);
	ck_assert_int_eq(only_backend(env->pool), pid);
	ck_query(env->pool, "select sneak('session_authorization', 'clerk')", "clerk;");
	ck_query(env->pool, "select session_user", "postgres;");
	aside("alter system set timezone = 'Asia/Tokyo'");
	aside("select pg_reload_conf()");
	AWAIT(strcmp(aside("show timezone"), "Asia/Tokyo") == 0);
	ck_query(env->pool, "set work_mem = '1MB'", NULL);
	AWAIT(env->pool->stats.lost == 1);
	ck_query(env->pool, "show timezone", "Asia/Tokyo;");
	aside("alter system reset timezone");
	aside("select pg_reload_conf()");
}

START_TEST(what_a_reset_does_not_cure_is_closed)
{
	db_env_run(task_hopeless);
}
END_TEST

/* A backend that is terminated in the midst of a reset. */
static void task_dies(struct db_env *env)
{
	prepare_objects();
	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	ck_query(env->pool, "set work_mem = '1MB'", NULL);
	ck_assert_uint_eq(env->pool->busy_count, 1); /* the reset is under way */
	terminate(conn_pid(first_conn(&env->pool->busy)));
	AWAIT(env->pool->stats.lost == 1);
	ck_query(env->pool, "show work_mem", "4MB;");
	ck_assert_uint_eq(env->pool->stats.errors, 0);
}

START_TEST(a_session_that_dies_in_its_reset)
{
	db_env_run(task_dies);
}
END_TEST

/* ---- set-up ---- */

static void task_setup(struct db_env *env)
{
	aside("alter role postgres set datestyle = 'German'");
	aside("alter role postgres set intervalstyle = 'iso_8601'");
	aside("alter role postgres set bytea_output = 'escape'");
	aside("alter role postgres set extra_float_digits = 0");
	aside("alter role postgres set standard_conforming_strings = off");
	aside("alter role postgres set client_encoding = 'latin1'");
	env->conf.pool_max = 1;
	db_env_open(env);
	for (int i = 0; i < 2; i++) {
		ck_query(env->pool,
			 "select '2026-11-20'::date, '1 day'::interval, '\\x00'::bytea, "
			 "1::float8 / 3, length('\xc3\xa4')",
			 "2026-11-20|1 day|\\x00|0.3333333333333333|1;");
		ck_query(env->pool, "set work_mem = '1MB'", NULL); /* the same after a reset */
	}
	aside("alter role postgres reset all");
}

START_TEST(values_have_the_promised_forms_whatever_the_role_says)
{
	db_env_run(task_setup);
}
END_TEST

static const struct {
	const char *role;
	int64_t conf_ns;
	const char *expected;
	int64_t own_ms; /* as the daemon has understood it */
} timeouts[] = {
	{"0", 0, "0;", 0},
	{"0", 7 * CLOCK_SECOND, "7s;", 7000},
	{"5s", 7 * CLOCK_SECOND, "5s;", 5000},
	{"9s", 7 * CLOCK_SECOND, "7s;", 7000},
	{"7001", 7 * CLOCK_SECOND, "7s;", 7000},
	{"5s", 0, "5s;", 5000},
	{"1500ms", 0, "1500ms;", 1500},
	{"3min", 0, "3min;", 180000},
	{"2h", 0, "2h;", 7200000},
	{"24d", 0, "24d;", 2073600000},
	{"24d", 3600 * CLOCK_SECOND, "1h;", 3600000},
	{"0", 500 * CLOCK_US, "1ms;", 1},
};
/* No query can be asked of it. */
#define TOO_SHORT 11

static void task_timeout(struct db_env *env)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "alter role postgres set statement_timeout = '%s'",
		 timeouts[row_index].role);
	aside(sql);
	env->conf.pool_max = env->conf.pool_min = 1;
	env->conf.statement_timeout_ns = timeouts[row_index].conf_ns;
	db_env_open(env);
	AWAIT(env->pool->idle_count == 1);
	ck_assert_int_eq(
		LIST_ENTRY(list_first(&env->pool->idle), struct conn, node)->statement_timeout_ms,
		timeouts[row_index].own_ms);
	if (row_index < TOO_SHORT) {
		ck_query(env->pool, "show statement_timeout", timeouts[row_index].expected);
		ck_query(env->pool, "set statement_timeout = '1min'", NULL);
		ck_query(env->pool, "show statement_timeout", timeouts[row_index].expected);
	}
	aside("alter role postgres reset statement_timeout");
}

START_TEST(a_statement_timeout_is_only_lowered)
{
	row_index = _i;
	db_env_run(task_timeout);
}
END_TEST

static void task_read_only(struct db_env *env)
{
	prepare_objects();
	env->conf.pool_max = 1;
	env->conf.read_only = true;
	db_env_open(env);
	ck_query_fails(env->pool, "insert into t values (1)", "25006", ERR_EFFECTS_NONE);
	ck_query(env->pool, "set default_transaction_read_only = off", NULL);
	ck_query_fails(env->pool, "insert into t values (1)", "25006", ERR_EFFECTS_NONE);
}

START_TEST(read_only_comes_back)
{
	db_env_run(task_read_only);
}
END_TEST

/* ---- the fingerprint ---- */

START_TEST(the_baseline)
{
	PGconn *pg = PQconnectdb("");
	struct session_baseline baseline;
	struct mem_failure failure;
	size_t blocks = mem_live_blocks();

	ck_assert_int_eq(PQstatus(pg), CONNECTION_OK);
	ck_assert_int_eq(session_baseline_take(&baseline, pg), 0);
	ck_assert(session_baseline_holds(&baseline, pg));
	PQclear(PQexec(pg, "set work_mem = '1MB'"));
	ck_assert(session_baseline_holds(&baseline, pg)); /* not reported */
	PQclear(PQexec(pg, "set timezone = 'Asia/Tokyo'"));
	ck_assert(!session_baseline_holds(&baseline, pg));
	PQclear(PQexec(pg, "reset timezone"));
	ck_assert(session_baseline_holds(&baseline, pg));
	session_baseline_free(&baseline);
	session_baseline_free(&baseline);
	ck_assert_uint_eq(mem_live_blocks(), blocks);
	for (int i = 0; i < SESSION_REPORTED; i++) {
		failure = (struct mem_failure){.countdown = i};
		mem_set_fail_hook(mem_failure_hook, &failure);
		ck_assert_int_eq(session_baseline_take(&baseline, pg), -ENOMEM);
		mem_set_fail_hook(NULL, NULL);
		session_baseline_free(&baseline);
		ck_assert_uint_eq(mem_live_blocks(), blocks);
	}
	PQfinish(pg);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db session");
	TCase *tcase = suite_case(suite, "session", 30);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_loop_test(tcase, a_leak_is_mended, 0, ARRAY_SIZE(leaks));
	tcase_add_test(tcase, the_last_values_of_sequences);
	tcase_add_test(tcase, a_failure_is_no_reason_not_to_clean_up);
	tcase_add_test(tcase, plain_queries_cost_no_reset);
	tcase_add_loop_test(tcase, session_reset_always, 0, 2);
	tcase_add_test(tcase, what_a_reset_does_not_cure_is_closed);
	tcase_add_test(tcase, a_session_that_dies_in_its_reset);
	tcase_add_test(tcase, values_have_the_promised_forms_whatever_the_role_says);
	tcase_add_loop_test(tcase, a_statement_timeout_is_only_lowered, 0, ARRAY_SIZE(timeouts));
	tcase_add_test(tcase, read_only_comes_back);
	tcase_add_test(tcase, the_baseline);
	return suite_run(suite);
}
