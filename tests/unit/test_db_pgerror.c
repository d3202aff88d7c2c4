/* SPDX-License-Identifier: PostgreSQL */
/* A server's errors with all that they carry, and libpq's own. */
#include "base/arena.h"
#include "base/err.h"
#include "db/pgerror.h"
#include "unit/postgres.h"
#include "unit/suite.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

static struct arena arena;
static PGconn *pg;

static void drop_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static void setup(void)
{
	arena_init(&arena, 0, NULL);
	pg = PQconnectdb("");
	ck_assert_int_eq(PQstatus(pg), CONNECTION_OK);
	PQsetNoticeReceiver(pg, drop_notice, NULL);
}

static void teardown(void)
{
	PQfinish(pg);
	arena_free(&arena);
}

static struct err err_of(const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	struct err err;

	pgerror_from_result(&err, &arena, result, ERR_EFFECTS_NONE);
	PQclear(result); /* everything has been copied */
	return err;
}

START_TEST(position_is_kept)
{
	struct err err = err_of("select nosuch");

	ck_assert_int_eq(err.code, ERR_SQL);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_NONE);
	ck_assert_str_eq(err.sqlstate, "42703");
	ck_assert_str_eq(err.severity, "ERROR");
	ck_assert_str_eq(err.message, "column \"nosuch\" does not exist");
	ck_assert_int_eq(err.position, 8);
	ck_assert_ptr_null(err.detail);
	ck_assert_ptr_null(err.hint);
	ck_assert_ptr_null(err.constraint);
}
END_TEST

START_TEST(constraint_is_named)
{
	struct err err;

	PQclear(PQexec(pg, "create temp table t (id int constraint t_key primary key)"));
	PQclear(PQexec(pg, "insert into t values (1)"));
	err = err_of("insert into t values (1)");
	ck_assert_str_eq(err.sqlstate, "23505");
	ck_assert_str_eq(err.detail, "Key (id)=(1) already exists.");
	ck_assert_str_eq(err.table, "t");
	ck_assert_str_eq(err.constraint, "t_key");
	ck_assert_ptr_nonnull(err.schema);
	err = err_of("insert into t values (null)");
	ck_assert_str_eq(err.column, "id");
}
END_TEST

START_TEST(hint_and_context_are_kept)
{
	struct err err =
		err_of("do $$ begin raise exception E'two\\nlines' using errcode = 'XY123', "
		       "hint = 'a hint', detail = 'a detail'; end $$");

	ck_assert_str_eq(err.sqlstate, "XY123");
	ck_assert_str_eq(err.message, "two\nlines");
	ck_assert_str_eq(err.hint, "a hint");
	ck_assert_str_eq(err.detail, "a detail");
	ck_assert_ptr_nonnull(strstr(err.context, "PL/pgSQL function"));
	ck_assert_int_eq(err.position, 0);
}
END_TEST

START_TEST(a_lost_connection_has_no_sqlstate)
{
	PGresult *result;
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(shutdown(PQsocket(pg), SHUT_RDWR), 0);
	result = PQexec(pg, "select 1");
	pgerror_from_result(&err, &arena, result, ERR_EFFECTS_UNKNOWN);
	PQclear(result);
	ck_assert_int_eq(err.code, ERR_CONNECTION_LOST);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_UNKNOWN);
	ck_assert_str_eq(err.sqlstate, "");
	ck_assert_ptr_null(strchr(err.message, '\n'));

	pgerror_from_connection(&err, &arena, ERR_UNAVAILABLE, ERR_EFFECTS_NONE, pg);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.message, "closed the connection unexpectedly"));
	ck_assert_ptr_null(strchr(err.message, '\n'));
}
END_TEST

START_TEST(no_result_is_an_error)
{
	struct err err;

	pgerror_from_result(&err, &arena, NULL, ERR_EFFECTS_NONE);
	ck_assert_int_eq(err.code, ERR_INTERNAL);
	ck_assert_ptr_nonnull(err.message);
}
END_TEST

START_TEST(no_memory_still_makes_an_error)
{
	PGresult *result = PQexec(pg, "select nosuch");
	struct arena none;
	struct err err;

	arena_init(&none, 1, NULL);
	pgerror_from_result(&err, &none, result, ERR_EFFECTS_NONE);
	ck_assert_int_eq(err.code, ERR_SQL);
	ck_assert_str_eq(err.sqlstate, "42703");
	ck_assert_str_eq(err.message, "out of memory while describing the error");
	pgerror_from_connection(&err, &none, ERR_UNAVAILABLE, ERR_EFFECTS_NONE, pg);
	ck_assert_str_eq(err.message, "out of memory while describing the error");
	PQclear(result);
	arena_free(&none);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db pgerror");
	TCase *tcase = suite_case(suite, "pgerror", 10);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, position_is_kept);
	tcase_add_test(tcase, constraint_is_named);
	tcase_add_test(tcase, hint_and_context_are_kept);
	tcase_add_test(tcase, a_lost_connection_has_no_sqlstate);
	tcase_add_test(tcase, no_result_is_an_error);
	tcase_add_test(tcase, no_memory_still_makes_an_error);
	return suite_run(suite);
}
