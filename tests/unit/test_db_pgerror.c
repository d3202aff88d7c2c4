/* SPDX-License-Identifier: PostgreSQL */
/* A server's errors with all that they carry, and libpq's own. */
#include "base/arena.h"
#include "base/err.h"
#include "base/utf8.h"
#include "db/pgerror.h"
#include "unit/postgres.h"
#include "unit/suite.h"

#include <signal.h>
#include <stdio.h>
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

/* Each text that a function can make long. */
static const char *const long_texts[] = {
	"message = repeat('é', 5000000)",
	"message = 'm', detail = repeat('é', 5000000)",
	"message = 'm', hint = repeat('é', 5000000)",
	"message = 'm', constraint = repeat('é', 5000000)",
};

START_TEST(long_texts_are_cut)
{
	static const char cut[] = "… [cut: 9991808 bytes of 10000000]";
	char sql[256];
	struct err err;
	const char *text;

	snprintf(sql, sizeof(sql), "do $$ begin raise exception using %s; end $$", long_texts[_i]);
	err = err_of(sql);
	text = _i == 0 ? err.message : _i == 1 ? err.detail : _i == 2 ? err.hint : err.constraint;
	ck_assert_uint_eq(strlen(text), 8192 + strlen(cut));
	ck_assert_str_eq(text + 8192, cut);
	ck_assert(utf8_valid(text, strlen(text)));
	ck_assert_uint_lt(arena.total_bytes, 64 * 1024);
}
END_TEST

/* At any place of a character. */
START_TEST(no_character_is_cut)
{
	char sql[256];
	struct err err;

	snprintf(sql, sizeof(sql),
		 "do $$ begin raise exception using message = repeat('x', %d) || "
		 "repeat(U&'\\+01f600', 5000); end $$",
		 _i);
	err = err_of(sql);
	ck_assert(utf8_valid(err.message, strlen(err.message)));
	ck_assert_ptr_nonnull(strstr(err.message, "… [cut: "));
}
END_TEST

START_TEST(what_is_not_too_long_stays)
{
	struct err err = err_of("do $$ begin raise exception using message = repeat('x', 8192); "
				"end $$");

	ck_assert_uint_eq(strlen(err.message), 8192);
	ck_assert_ptr_null(strstr(err.message, "cut"));
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
	tcase_add_loop_test(tcase, long_texts_are_cut, 0, ARRAY_SIZE(long_texts));
	tcase_add_loop_test(tcase, no_character_is_cut, 0, 8);
	tcase_add_test(tcase, what_is_not_too_long_stays);
	tcase_add_test(tcase, a_lost_connection_has_no_sqlstate);
	tcase_add_test(tcase, no_result_is_an_error);
	tcase_add_test(tcase, no_memory_still_makes_an_error);
	return suite_run(suite);
}
