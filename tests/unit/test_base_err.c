/* SPDX-License-Identifier: PostgreSQL */
/* Errors as the protocol shows them. */
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <errno.h>
#include <string.h>

START_TEST(codes_have_the_protocols_names)
{
	static const char *const names[ERR_CODE_COUNT] = {
		"none",
		"sql",
		"timeout",
		"cancelled",
		"skipped",
		"bad_request",
		"too_large",
		"denied",
		"unknown_database",
		"unknown_report",
		"queue_full",
		"unavailable",
		"connection_lost",
		"shutting_down",
		"internal",
	};

	for (int i = 0; i < ERR_CODE_COUNT; i++)
		ck_assert_str_eq(err_code_name((enum err_code)i), names[i]);
}
END_TEST

START_TEST(effects_have_the_protocols_names)
{
	ck_assert_str_eq(err_effects_name(ERR_EFFECTS_NONE), "none");
	ck_assert_str_eq(err_effects_name(ERR_EFFECTS_DONE), "done");
	ck_assert_str_eq(err_effects_name(ERR_EFFECTS_UNKNOWN), "unknown");
}
END_TEST

START_TEST(without_memory_there_is_a_message)
{
	struct err err;

	memset(&err, 0x5a, sizeof(err));
	ck_assert_int_eq(err_no_memory(&err), -ENOMEM);
	ck_assert_int_eq(err.code, ERR_INTERNAL);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_NONE);
	ck_assert_str_eq(err.message, "out of memory");
	ck_assert_ptr_null(err.key);
}
END_TEST

START_TEST(sets_all_of_it)
{
	struct arena arena;
	struct err err;

	arena_init(&arena, 0, NULL);
	memset(&err, 0x5a, sizeof(err));
	err_set(&err, &arena, ERR_TIMEOUT, ERR_EFFECTS_UNKNOWN, "after %d s of %s", 5, "waiting");
	ck_assert_int_eq(err.code, ERR_TIMEOUT);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_UNKNOWN);
	ck_assert_str_eq(err.message, "after 5 s of waiting");
	ck_assert(err.key == NULL && err.severity == NULL && err.detail == NULL &&
		  err.hint == NULL && err.context == NULL && err.schema == NULL &&
		  err.table == NULL && err.column == NULL && err.constraint == NULL);
	ck_assert_str_eq(err.sqlstate, "");
	ck_assert_int_eq(err.position, 0);
	arena_free(&arena);
}
END_TEST

START_TEST(without_an_arena_the_format_is_the_message)
{
	static const char message[] = "no memory for the request";
	struct err err;

	err_set(&err, NULL, ERR_INTERNAL, ERR_EFFECTS_NONE, message);
	ck_assert_ptr_eq(err.message, message);
}
END_TEST

START_TEST(a_static_message_is_taken_as_it_is)
{
	static const char message[] = "100%s sure";
	struct err err;

	err_set_static(&err, ERR_DENIED, ERR_EFFECTS_NONE, message);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_ptr_eq(err.message, message);
}
END_TEST

START_TEST(without_memory_there_is_still_a_message)
{
	struct arena arena;
	struct err err;

	arena_init(&arena, 0, NULL);
	mem_set_fail_hook(mem_failure_always, NULL);
	err_set(&err, &arena, ERR_SQL, ERR_EFFECTS_DONE, "%s", "text");
	mem_set_fail_hook(NULL, NULL);
	ck_assert_int_eq(err.code, ERR_SQL);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_DONE);
	ck_assert_uint_gt(strlen(err.message), 0);
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/err");
	TCase *tcase = suite_case(suite, "err", 10);

	tcase_add_test(tcase, codes_have_the_protocols_names);
	tcase_add_test(tcase, effects_have_the_protocols_names);
	tcase_add_test(tcase, without_memory_there_is_a_message);
	tcase_add_test(tcase, sets_all_of_it);
	tcase_add_test(tcase, without_an_arena_the_format_is_the_message);
	tcase_add_test(tcase, a_static_message_is_taken_as_it_is);
	tcase_add_test(tcase, without_memory_there_is_still_a_message);
	return suite_run(suite);
}
