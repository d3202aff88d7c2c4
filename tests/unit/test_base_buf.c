/* SPDX-License-Identifier: PostgreSQL */
/* The growing buffer: content, caps, sticky errors, budgets, and what growing costs. */
#include "base/budget.h"
#include "base/buf.h"
#include "base/mem.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static struct buf buf;
static struct budget budget;

static void set_up(void)
{
	budget_init(&budget, 0, NULL);
	buf_init(&buf, 0, &budget);
}

static void tear_down(void)
{
	mem_set_fail_hook(NULL, NULL);
	buf_free(&buf);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static void assert_content(const char *wanted)
{
	ck_assert_msg(str_is(buf_str(&buf), wanted), "\"%.*s\", not \"%s\"", (int)buf_len(&buf),
		      buf_str(&buf).data, wanted);
}

START_TEST(starts_without_memory)
{
	ck_assert_uint_eq(mem_live_blocks(), 0);
	ck_assert_uint_eq(buf_len(&buf), 0);
	ck_assert_ptr_null(buf_data(&buf));
	ck_assert_ptr_nonnull(buf_str(&buf).data);
	buf_consume(&buf, 0);
	buf_truncate(&buf, 0);
	buf_reset(&buf);
	buf_append(&buf, NULL, 0);
	buf_append_str(&buf, (struct str){NULL, 0});
	buf_puts(&buf, "");
	buf_printf(&buf, "%s", "");
	ck_assert_int_eq(buf_error(&buf), 0);
	ck_assert_uint_eq(buf_len(&buf), 0);
}
END_TEST

START_TEST(a_zeroed_one_can_be_freed)
{
	struct buf zeroed = {.mem = NULL};

	buf_free(&zeroed);
	buf_free(&zeroed);
}
END_TEST

START_TEST(appends_in_every_way)
{
	buf_puts(&buf, "ab");
	buf_putc(&buf, 'c');
	buf_append(&buf, "d\0e", 3);
	buf_append_str(&buf, STR("f"));
	buf_printf(&buf, "%d-%s", 12, "x");
	ck_assert_uint_eq(buf_len(&buf), 11);
	ck_assert_mem_eq(buf_data(&buf), "abcd\0ef12-x", 11);
}
END_TEST

START_TEST(reserved_bytes_count_when_committed)
{
	char *at = buf_reserve(&buf, 5);

	memcpy(at, "abcde", 5);
	ck_assert_uint_eq(buf_len(&buf), 0);
	buf_commit(&buf, 3);
	assert_content("abc");
}
END_TEST

START_TEST(reserving_nothing_is_no_error)
{
	ck_assert_ptr_nonnull(buf_reserve(&buf, 0));
	ck_assert_int_eq(buf_error(&buf), 0);
}
END_TEST

START_TEST(consumes_at_the_front)
{
	buf_puts(&buf, "abcdef");
	buf_consume(&buf, 2);
	assert_content("cdef");
	buf_puts(&buf, "gh");
	assert_content("cdefgh");
	buf_consume(&buf, 6);
	ck_assert_uint_eq(buf_len(&buf), 0);
	ck_assert_uint_eq(buf.head, 0); /* all of the memory is free again */
	buf_puts(&buf, "i");
	assert_content("i");
}
END_TEST

START_TEST(truncates_at_the_end)
{
	buf_puts(&buf, "abcdef");
	buf_consume(&buf, 1);
	buf_truncate(&buf, 3);
	assert_content("bcd");
	buf_truncate(&buf, 0);
	assert_content("");
}
END_TEST

START_TEST(cstr_terminates_without_counting)
{
	ck_assert_str_eq(buf_cstr(&buf), "");
	buf_puts(&buf, "abc");
	ck_assert_str_eq(buf_cstr(&buf), "abc");
	ck_assert_uint_eq(buf_len(&buf), 3);
	buf_puts(&buf, "d");
	ck_assert_str_eq(buf_cstr(&buf), "abcd");
}
END_TEST

START_TEST(cstr_when_memory_is_exactly_full)
{
	for (int i = 0; i < 3000; i++) {
		buf_putc(&buf, 'x');
		ck_assert_uint_eq(strlen(buf_cstr(&buf)), (size_t)i + 1);
	}
}
END_TEST

START_TEST(printf_of_every_length)
{
	char text[1201];

	for (int len = 0; len < 1200; len++) {
		memset(text, 'y', sizeof(text));
		text[len] = '\0';
		buf_reset(&buf);
		buf_printf(&buf, "%s", text);
		ck_assert_uint_eq(buf_len(&buf), (size_t)len);
		ck_assert(str_is(buf_str(&buf), text));
	}
}
END_TEST

START_TEST(cap_is_on_the_content)
{
	buf.max_bytes = 5;
	buf_puts(&buf, "abc");
	buf_puts(&buf, "de");
	ck_assert_int_eq(buf_error(&buf), 0);
	buf_putc(&buf, 'f');
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	assert_content("abcde");
}
END_TEST

START_TEST(what_was_consumed_does_not_count_for_the_cap)
{
	buf.max_bytes = 5;
	for (int i = 0; i < 1000; i++) {
		buf_puts(&buf, "abcde");
		buf_consume(&buf, 5);
	}
	buf_puts(&buf, "abcde");
	buf_consume(&buf, 2);
	buf_puts(&buf, "fg");
	ck_assert_int_eq(buf_error(&buf), 0);
	assert_content("cdefg");
	buf_putc(&buf, 'h');
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
}
END_TEST

START_TEST(printf_may_fill_the_cap)
{
	buf.max_bytes = 5;
	buf_printf(&buf, "%s", "abcde");
	ck_assert_int_eq(buf_error(&buf), 0);
	assert_content("abcde");
	buf_printf(&buf, "%s", "");
	ck_assert_int_eq(buf_error(&buf), 0);
	buf_printf(&buf, "%d", 1);
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
}
END_TEST

START_TEST(errors_stick_until_cut_back)
{
	buf.max_bytes = 5;
	buf_puts(&buf, "abc");
	buf_puts(&buf, "too long");
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	buf_putc(&buf, 'x');
	buf_puts(&buf, "");
	buf_printf(&buf, "x");
	ck_assert_ptr_null(buf_reserve(&buf, 1));
	ck_assert_ptr_null(buf_cstr(&buf));
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	assert_content("abc");
	buf_truncate(&buf, 2);
	ck_assert_int_eq(buf_error(&buf), 0);
	buf_putc(&buf, 'x');
	assert_content("abx");
	buf_puts(&buf, "too long");
	buf_reset(&buf);
	ck_assert_int_eq(buf_error(&buf), 0);
	assert_content("");
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
	buf_puts(&buf, "abc");
	ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX));
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	buf_truncate(&buf, 3);
	ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX / 2));
	ck_assert_int_lt(buf_error(&buf), 0);
	buf_truncate(&buf, 3);
	assert_content("abc");
}
END_TEST

START_TEST(no_memory)
{
	static const char more[1000];

	buf_puts(&buf, "abc");
	mem_set_fail_hook(mem_failure_always, NULL);
	buf_append(&buf, more, sizeof(more));
	ck_assert_int_eq(buf_error(&buf), -ENOMEM);
	ck_assert_uint_eq(budget.used_bytes, buf.cap);
	assert_content("abc");
	mem_set_fail_hook(NULL, NULL);
	buf_truncate(&buf, 3);
	buf_append(&buf, more, sizeof(more));
	ck_assert_int_eq(buf_error(&buf), 0);
}
END_TEST

START_TEST(memory_is_charged_to_the_budget)
{
	static const char more[10000];

	buf_puts(&buf, "abc");
	ck_assert_uint_eq(budget.used_bytes, buf.cap);
	buf_append(&buf, more, sizeof(more));
	ck_assert_uint_eq(budget.used_bytes, buf.cap);
	buf_free(&buf);
	ck_assert_uint_eq(budget.used_bytes, 0);
	buf_puts(&buf, "again");
	assert_content("again");
}
END_TEST

START_TEST(a_tight_budget_is_used_up_to_its_end)
{
	size_t taken = 0;

	budget.limit_bytes = 1000; /* 256, 512, then what is needed */
	while (buf_error(&buf) == 0 && taken < 2000) {
		buf_putc(&buf, 'x');
		taken += buf_error(&buf) == 0;
	}
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	ck_assert_uint_eq(taken, 1000);
	ck_assert_uint_le(budget.peak_bytes, 1000);
	/* Without room for the terminating NUL there is no C string. */
	buf_truncate(&buf, 1000);
	ck_assert_ptr_null(buf_cstr(&buf));
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	buf_truncate(&buf, 990);
	buf_printf(&buf, "%s", "0123456789");
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
}
END_TEST

START_TEST(room_made_by_consuming_serves_where_the_budget_refuses)
{
	budget.limit_bytes = 256;
	for (int i = 0; i < 256; i++)
		buf_putc(&buf, 'x');
	buf_consume(&buf, 3);
	buf_puts(&buf, "yyy");
	ck_assert_int_eq(buf_error(&buf), 0);
	ck_assert_uint_eq(buf_len(&buf), 256);
	ck_assert_mem_eq(buf_data(&buf) + 252, "xyyy", 4);
	buf_putc(&buf, 'z');
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
}
END_TEST

START_TEST(room_made_by_consuming_serves_where_memory_ends)
{
	for (int i = 0; i < 256; i++)
		buf_putc(&buf, 'x');
	buf_consume(&buf, 1);
	mem_set_fail_hook(mem_failure_always, NULL);
	buf_putc(&buf, 'y');
	ck_assert_int_eq(buf_error(&buf), 0);
	ck_assert_uint_eq(buf_len(&buf), 256);
	buf_putc(&buf, 'z');
	ck_assert_int_eq(buf_error(&buf), -ENOMEM);
	ck_assert_uint_eq(budget.used_bytes, 256);
}
END_TEST

static unsigned allocations;

static bool count(void *ctx)
{
	(void)ctx;
	allocations++;
	return false;
}

START_TEST(appending_allocates_a_few_times)
{
	mem_set_fail_hook(count, NULL);
	for (int i = 0; i < 1000000; i++)
		buf_putc(&buf, 'x');
	ck_assert_uint_le(allocations, 16);
	ck_assert_uint_lt(buf.cap, 2100000);
}
END_TEST

/* Nearly full, a little in, a little out: were all of it moved each time, this would take hours. */
START_TEST(a_queue_that_stays_full_moves_little)
{
	enum { HELD = 1 << 20 };
	static char block[HELD];

	buf_append(&buf, block, HELD);
	mem_set_fail_hook(count, NULL);
	for (int i = 0; i < 4000000; i++) {
		buf_consume(&buf, 1);
		buf_append(&buf, "y", 1);
	}
	ck_assert_uint_eq(buf_len(&buf), HELD);
	ck_assert_uint_le(allocations, 2);
	ck_assert_uint_le(buf.cap, 4 * HELD);
}
END_TEST

/* Against a plain array that never moves. */
START_TEST(random_use_agrees_with_a_model)
{
	static char model[400000];
	size_t begin = 0, end = 0;
	unsigned seed = 42;

	while (end < sizeof(model) - 1000) {
		unsigned choice = (unsigned)rand_r(&seed) % 8, len = (unsigned)rand_r(&seed) % 700;

		if (choice < 4) {
			for (unsigned i = 0; i < len; i++)
				model[end + i] = (char)rand_r(&seed);
			buf_append(&buf, model + end, len);
			end += len;
		} else if (choice < 7) {
			len = MIN(len, (unsigned)(end - begin));
			buf_consume(&buf, len);
			begin += len;
		} else {
			len = (unsigned)MIN((size_t)len / 8, end - begin);
			buf_truncate(&buf, end - begin - len);
			end -= len;
		}
		ck_assert_uint_eq(buf_len(&buf), end - begin);
		ck_assert_uint_eq(budget.used_bytes, buf.cap);
		ck_assert(buf_len(&buf) == 0 ||
			  memcmp(buf_data(&buf), model + begin, end - begin) == 0);
	}
	ck_assert_int_eq(buf_error(&buf), 0);
}
END_TEST

START_TEST(lent_memory_is_neither_charged_nor_freed)
{
	char lent[16];

	buf_lend(&buf, lent, sizeof(lent));
	buf_puts(&buf, "0123456789abcdef");
	ck_assert_int_eq(buf_error(&buf), 0);
	ck_assert_ptr_eq(buf_data(&buf), lent);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(buf_charged(&buf), 0);
	ck_assert_uint_eq(mem_live_blocks(), 0);
	buf_free(&buf);
	buf_puts(&buf, "its own");
	ck_assert_ptr_ne(buf_data(&buf), lent);
	ck_assert_uint_eq(budget.used_bytes, buf.cap);
	/* It has memory. */
	buf_lend(&buf, lent, sizeof(lent));
	assert_content("its own");
}
END_TEST

START_TEST(lent_memory_that_is_too_small_is_left)
{
	char lent[16];

	buf_lend(&buf, lent, sizeof(lent));
	buf_puts(&buf, "0123456789");
	buf_consume(&buf, 4);
	buf_puts(&buf, "abcdefghijklmno");
	assert_content("456789abcdefghijklmno");
	ck_assert_ptr_ne(buf_data(&buf), lent);
	ck_assert_uint_eq(budget.used_bytes, buf.cap);
	ck_assert_uint_eq(buf_charged(&buf), buf.cap);
	ck_assert_uint_eq(mem_live_blocks(), 1);
}
END_TEST

START_TEST(lent_memory_serves_where_there_is_no_other)
{
	struct mem_failure failure = {.countdown = 0};
	char lent[16];

	buf_lend(&buf, NULL, 0);
	ck_assert_ptr_null(buf_data(&buf));
	buf_lend(&buf, lent, sizeof(lent));
	buf_puts(&buf, "0123456789");
	mem_set_fail_hook(mem_failure_hook, &failure);
	buf_puts(&buf, "more than there is room for");
	ck_assert_int_eq(buf_error(&buf), -ENOMEM);
	ck_assert_uint_eq(budget.used_bytes, 0);
	buf_truncate(&buf, 10);
	buf_puts(&buf, "abc");
	assert_content("0123456789abc");
	mem_set_fail_hook(NULL, NULL);
	budget.limit_bytes = 8;
	buf_puts(&buf, "more than the budget has");
	ck_assert_int_eq(buf_error(&buf), -ENOBUFS);
	buf_truncate(&buf, 13);
	assert_content("0123456789abc");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/buf");
	TCase *tcase = suite_case(suite, "buf", 30);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, starts_without_memory);
	tcase_add_test(tcase, a_zeroed_one_can_be_freed);
	tcase_add_test(tcase, appends_in_every_way);
	tcase_add_test(tcase, reserved_bytes_count_when_committed);
	tcase_add_test(tcase, reserving_nothing_is_no_error);
	tcase_add_test(tcase, consumes_at_the_front);
	tcase_add_test(tcase, truncates_at_the_end);
	tcase_add_test(tcase, cstr_terminates_without_counting);
	tcase_add_test(tcase, cstr_when_memory_is_exactly_full);
	tcase_add_test(tcase, printf_of_every_length);
	tcase_add_test(tcase, cap_is_on_the_content);
	tcase_add_test(tcase, what_was_consumed_does_not_count_for_the_cap);
	tcase_add_test(tcase, printf_may_fill_the_cap);
	tcase_add_test(tcase, errors_stick_until_cut_back);
	tcase_add_test(tcase, absurd_sizes_are_refused);
	tcase_add_test(tcase, no_memory);
	tcase_add_test(tcase, memory_is_charged_to_the_budget);
	tcase_add_test(tcase, a_tight_budget_is_used_up_to_its_end);
	tcase_add_test(tcase, room_made_by_consuming_serves_where_the_budget_refuses);
	tcase_add_test(tcase, room_made_by_consuming_serves_where_memory_ends);
	tcase_add_test(tcase, appending_allocates_a_few_times);
	tcase_add_test(tcase, a_queue_that_stays_full_moves_little);
	tcase_add_test(tcase, random_use_agrees_with_a_model);
	tcase_add_test(tcase, lent_memory_is_neither_charged_nor_freed);
	tcase_add_test(tcase, lent_memory_that_is_too_small_is_left);
	tcase_add_test(tcase, lent_memory_serves_where_there_is_no_other);
	return suite_run(suite);
}
