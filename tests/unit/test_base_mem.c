/* SPDX-License-Identifier: PostgreSQL */
/* The allocator: counting, and failing where a test says so. */
#include "base/mem.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <stdint.h>
#include <string.h>

static void tear_down(void)
{
	mem_set_fail_hook(NULL, NULL);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

START_TEST(counts_live_blocks)
{
	void *a = mem_alloc(10), *b = mem_calloc(3, 5), *c = mem_realloc(NULL, 7);
	char *d = mem_strdup("text");

	ck_assert_uint_eq(mem_live_blocks(), 4);
	c = mem_realloc(c, 7000);
	ck_assert_uint_eq(mem_live_blocks(), 4);
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(d);
	mem_free(NULL);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

START_TEST(empty_blocks_are_blocks)
{
	void *a = mem_alloc(0), *b = mem_calloc(0, 0), *c = mem_realloc(mem_alloc(5), 0);

	ck_assert(a != NULL && b != NULL && c != NULL);
	ck_assert_uint_eq(mem_live_blocks(), 3);
	mem_free(a);
	mem_free(b);
	mem_free(c);
}
END_TEST

START_TEST(calloc_zeroes_and_refuses_overflow)
{
	static const char zeroes[64];
	char *block = mem_calloc(8, 8);

	ck_assert_mem_eq(block, zeroes, 64);
	mem_free(block);
	ck_assert_ptr_null(mem_calloc(SIZE_MAX / 2, 3));
}
END_TEST

START_TEST(copies_are_terminated)
{
	char *copy = mem_strndup("abcdef", 3);

	ck_assert_str_eq(copy, "abc");
	mem_free(copy);
	copy = mem_strndup(NULL, 0);
	ck_assert_str_eq(copy, "");
	mem_free(copy);
	ck_assert_ptr_null(mem_strndup("x", SIZE_MAX));
}
END_TEST

START_TEST(fails_at_the_nth)
{
	struct mem_failure failure = {.countdown = 2};
	void *a, *b, *c, *d;

	mem_set_fail_hook(mem_failure_hook, &failure);
	a = mem_alloc(1);
	b = mem_calloc(1, 1);
	c = mem_alloc(1);
	d = mem_strdup("x");
	ck_assert(a != NULL && b != NULL && c == NULL && d != NULL);
	ck_assert_uint_eq(mem_live_blocks(), 3);
	mem_free(a);
	mem_free(b);
	mem_free(d);
}
END_TEST

START_TEST(every_way_to_allocate_can_fail)
{
	char *block = mem_strdup("old"), *bigger;
	struct mem_failure failure = {.more = 5};

	mem_set_fail_hook(mem_failure_hook, &failure);
	ck_assert_ptr_null(mem_alloc(1));
	ck_assert_ptr_null(mem_calloc(1, 1));
	ck_assert_ptr_null(mem_realloc(NULL, 1));
	ck_assert_ptr_null(mem_strdup("x"));
	ck_assert_ptr_null(mem_strndup("x", 1));
	bigger = mem_realloc(block, 100);
	ck_assert_ptr_null(bigger);
	ck_assert_str_eq(block, "old");
	ck_assert_uint_eq(mem_live_blocks(), 1);
	mem_free(block);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/mem");
	TCase *tcase = suite_case(suite, "mem", 10);

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, counts_live_blocks);
	tcase_add_test(tcase, empty_blocks_are_blocks);
	tcase_add_test(tcase, calloc_zeroes_and_refuses_overflow);
	tcase_add_test(tcase, copies_are_terminated);
	tcase_add_test(tcase, fails_at_the_nth);
	tcase_add_test(tcase, every_way_to_allocate_can_fail);
	return suite_run(suite);
}
