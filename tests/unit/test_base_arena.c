/* SPDX-License-Identifier: PostgreSQL */
/* Arenas: pieces that do not overlap, caps, budgets, and freeing all at once. */
#include "base/arena.h"
#include "base/budget.h"
#include "base/mem.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

static struct arena arena;
static struct budget budget;

static void set_up(void)
{
	budget_init(&budget, 0, NULL);
	arena_init(&arena, 0, &budget);
}

static void tear_down(void)
{
	mem_set_fail_hook(NULL, NULL);
	arena_free(&arena);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

START_TEST(starts_without_memory)
{
	ck_assert_uint_eq(mem_live_blocks(), 0);
	arena_free(&arena);
	arena_free(&arena);
}
END_TEST

/* Sizes from nothing to far beyond a block, each piece filled with its own byte: none may lie in
 * another. */
START_TEST(pieces_do_not_overlap)
{
	enum { COUNT = 2000 };
	static unsigned char *pieces[COUNT];
	static size_t sizes[COUNT];
	unsigned seed = 3;

	for (int i = 0; i < COUNT; i++) {
		unsigned shape = (unsigned)rand_r(&seed) % 10;

		sizes[i] = (unsigned)rand_r(&seed) % (shape == 0 ? 20000 : shape < 3 ? 3000 : 100);
		pieces[i] = arena_alloc(&arena, sizes[i]);
		if (pieces[i] == NULL || (uintptr_t)pieces[i] % alignof(max_align_t) != 0)
			ck_abort_msg("piece %d", i);
		memset(pieces[i], i & 0xff, sizes[i]);
	}
	for (int i = 0; i < COUNT; i++)
		for (size_t at = 0; at < sizes[i]; at++)
			if (pieces[i][at] != (i & 0xff))
				ck_abort_msg("piece %d was written over", i);
	ck_assert_uint_eq(budget.used_bytes, arena.total_bytes);
}
END_TEST

START_TEST(small_pieces_share_blocks)
{
	for (int i = 0; i < 200; i++)
		ck_assert_ptr_nonnull(arena_alloc(&arena, 16));
	ck_assert_uint_eq(mem_live_blocks(), 1);
}
END_TEST

START_TEST(a_large_piece_leaves_the_current_block_in_use)
{
	char *a = arena_alloc(&arena, 16), *large = arena_alloc(&arena, 100000),
	     *b = arena_alloc(&arena, 16);

	ck_assert_ptr_nonnull(large);
	ck_assert_ptr_eq(b, a + 16);
	ck_assert_uint_eq(mem_live_blocks(), 2);
}
END_TEST

START_TEST(can_be_used_again)
{
	arena_init(&arena, 50000, &budget);
	for (int round = 0; round < 100; round++) {
		ck_assert_ptr_nonnull(arena_alloc(&arena, 40000));
		ck_assert_ptr_null(arena_alloc(&arena, 40000));
		arena_free(&arena);
		ck_assert_uint_eq(arena.total_bytes, 0);
		ck_assert_uint_eq(budget.used_bytes, 0);
	}
}
END_TEST

START_TEST(calloc_zeroes_and_refuses_overflow)
{
	static const char zeroes[4000];
	char *piece = arena_alloc(&arena, 4000);

	memset(piece, 'x', 4000);
	arena_free(&arena);
	piece = arena_calloc(&arena, 40, 100);
	ck_assert_mem_eq(piece, zeroes, 4000);
	ck_assert_ptr_nonnull(arena_calloc(&arena, 0, 8));
	ck_assert_ptr_nonnull(arena_calloc(&arena, 8, 0));
	ck_assert_ptr_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(arena_calloc(&arena, 3, SIZE_MAX / 2));
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX / 2 + 1};

	arena_init(&arena, 100000, &budget);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ck_assert_ptr_null(arena_alloc(&arena, sizes[i]));
	ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX / 2));
	ck_assert_ptr_null(arena_strndup(&arena, "x", SIZE_MAX));
	ck_assert_ptr_nonnull(arena_alloc(&arena, 1));
}
END_TEST

START_TEST(copies_are_terminated)
{
	ck_assert_str_eq(arena_strdup(&arena, "abc"), "abc");
	ck_assert_str_eq(arena_strndup(&arena, "abcdef", 3), "abc");
	ck_assert_str_eq(arena_strndup(&arena, NULL, 0), "");
	ck_assert_str_eq(arena_printf(&arena, "%s-%d", "x", 42), "x-42");
	ck_assert_uint_eq(strlen(arena_printf(&arena, "%10000d", 1)), 10000);
}
END_TEST

START_TEST(the_cap_is_on_all_blocks)
{
	size_t taken = 0;

	arena_init(&arena, 20000, &budget);
	while (taken < 100000 && arena_alloc(&arena, 1000) != NULL)
		taken += 1000;
	ck_assert_uint_ge(taken, 16000);
	ck_assert_uint_le(taken, 20000);
	ck_assert_uint_le(arena.total_bytes, 20000);
	ck_assert_ptr_null(arena_alloc(&arena, 5000));
}
END_TEST

START_TEST(a_cap_below_a_block_still_serves)
{
	arena_init(&arena, 1000, &budget);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 400));
	ck_assert_ptr_nonnull(arena_alloc(&arena, 400));
	ck_assert_ptr_null(arena_alloc(&arena, 400));
	ck_assert_uint_le(arena.total_bytes, 1000);
}
END_TEST

START_TEST(the_budget_is_asked_first)
{
	budget.limit_bytes = 10000;
	ck_assert_ptr_nonnull(arena_alloc(&arena, 3000));
	ck_assert_ptr_null(arena_alloc(&arena, 9000));
	ck_assert_uint_eq(budget.used_bytes, arena.total_bytes);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 5000));
	ck_assert_uint_le(budget.peak_bytes, 10000);
}
END_TEST

START_TEST(a_tight_budget_serves_a_piece_where_a_block_is_too_much)
{
	budget.limit_bytes = 5000;
	ck_assert_ptr_nonnull(arena_alloc(&arena, 3500)); /* takes a whole block */
	ck_assert_ptr_nonnull(arena_alloc(&arena, 700));  /* another block would not fit */
	ck_assert_uint_eq(budget.used_bytes, arena.total_bytes);
}
END_TEST

START_TEST(no_memory_gives_the_charge_back)
{
	size_t used;

	ck_assert_ptr_nonnull(arena_alloc(&arena, 10));
	used = budget.used_bytes;
	mem_set_fail_hook(mem_failure_always, NULL);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 10)); /* the block has room */
	ck_assert_ptr_null(arena_alloc(&arena, 10000));
	ck_assert_ptr_null(arena_calloc(&arena, 100, 100));
	ck_assert_ptr_null(arena_printf(&arena, "%10000d", 1));
	ck_assert_uint_eq(budget.used_bytes, used);
}
END_TEST

/* A large request takes few blocks, and no block is much larger than what it is for. */
START_TEST(blocks_grow_with_the_arena)
{
	size_t used = 0, blocks;

	while (used < 60000) {
		ck_assert_ptr_nonnull(arena_alloc(&arena, 16));
		used += 16;
		ck_assert_uint_le(arena.total_bytes, 2 * used + 4096);
	}
	ck_assert_uint_le(mem_live_blocks(), 6);
	blocks = mem_live_blocks();
	for (used = 0; used < 320000; used += 16)
		ck_assert_ptr_nonnull(arena_alloc(&arena, 16));
	ck_assert_uint_ge(mem_live_blocks() - blocks, 9);
}
END_TEST

/* Whatever their size, pieces take hardly more than twice of what they are. */
START_TEST(no_block_is_left_almost_empty)
{
	static const size_t sizes[] = {500, 1100, 2500, 5000, 9000, 17000, 40000};
	size_t used = 0;

	ck_assert_ptr_nonnull(arena_alloc(&arena, 3500));
	while (used < 1000000) {
		ck_assert_ptr_nonnull(arena_alloc(&arena, sizes[_i]));
		used += sizes[_i];
	}
	ck_assert_uint_le(arena.total_bytes, 2 * used + 65536);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/arena");
	TCase *tcase = suite_case(suite, "arena", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, starts_without_memory);
	tcase_add_test(tcase, pieces_do_not_overlap);
	tcase_add_test(tcase, small_pieces_share_blocks);
	tcase_add_test(tcase, a_large_piece_leaves_the_current_block_in_use);
	tcase_add_test(tcase, blocks_grow_with_the_arena);
	tcase_add_loop_test(tcase, no_block_is_left_almost_empty, 0, 7);
	tcase_add_test(tcase, can_be_used_again);
	tcase_add_test(tcase, calloc_zeroes_and_refuses_overflow);
	tcase_add_test(tcase, absurd_sizes_are_refused);
	tcase_add_test(tcase, copies_are_terminated);
	tcase_add_test(tcase, the_cap_is_on_all_blocks);
	tcase_add_test(tcase, a_cap_below_a_block_still_serves);
	tcase_add_test(tcase, the_budget_is_asked_first);
	tcase_add_test(tcase, a_tight_budget_serves_a_piece_where_a_block_is_too_much);
	tcase_add_test(tcase, no_memory_gives_the_charge_back);
	return suite_run(suite);
}
