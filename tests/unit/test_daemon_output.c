/* SPDX-License-Identifier: PostgreSQL */
/* What waits to be written to a client: chunks, and a socket that takes as much as it likes. */
#include "base/budget.h"
#include "base/sys.h"
#include "daemon/output.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <string.h>

static struct budget budget;
static struct output output;
static size_t blocks_before;

/* ---- the other end ---- */

static char taken[1 << 20];
static size_t taken_len, take_at_once, calls;
static int fail_with, fail_at; /* errno of the call number fail_at, from 1 */

static ssize_t fake_sendmsg(int fd, const struct msghdr *message, int flags)
{
	size_t room = take_at_once, sent = 0;

	ck_assert_int_eq(fd, 7);
	ck_assert_int_ne(flags & MSG_NOSIGNAL, 0);
	ck_assert_int_ne(flags & MSG_DONTWAIT, 0);
	ck_assert_uint_gt(message->msg_iovlen, 0);
	if (++calls == (size_t)fail_at) {
		errno = fail_with;
		return -1;
	}
	for (size_t i = 0; i < message->msg_iovlen && room > 0; i++) {
		size_t part = MIN(room, message->msg_iov[i].iov_len);

		ck_assert_uint_gt(message->msg_iov[i].iov_len, 0);
		ck_assert_uint_le(taken_len + part, sizeof(taken));
		memcpy(taken + taken_len, message->msg_iov[i].iov_base, part);
		taken_len += part;
		sent += part;
		room -= part;
	}
	return (ssize_t)sent;
}

static void set_up(void)
{
	blocks_before = mem_live_blocks();
	budget_init(&budget, 0, NULL);
	output_init(&output, &budget);
	sys.sendmsg = fake_sendmsg;
	taken_len = calls = 0;
	take_at_once = sizeof(taken);
	fail_at = 0;
}

static void tear_down(void)
{
	output_free(&output);
	output_free(&output);
	ck_assert_uint_eq(budget.used_bytes, 0);
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
	sys = sys_real;
}

/* ---- what is put in ---- */

static char expected[1 << 20];
static size_t expected_len;

static void expect(const char *text, size_t len)
{
	memcpy(expected + expected_len, text, len);
	expected_len += len;
}

static void put_small(const char *text)
{
	struct buf *tail = output_tail(&output);

	ck_assert_ptr_nonnull(tail);
	buf_puts(tail, text);
	ck_assert_int_eq(output_check(&output), 0);
	expect(text, strlen(text));
}

static struct buf make_buf(size_t len, char letter)
{
	struct buf buf;

	buf_init(&buf, 0, &budget);
	for (size_t i = 0; i < len; i++)
		buf_putc(&buf, (char)(letter + i % 7));
	ck_assert_int_eq(buf_error(&buf), 0);
	return buf;
}

static void put_buf(size_t len, char letter)
{
	struct buf buf = make_buf(len, letter);

	expect(buf_data(&buf), len);
	ck_assert_int_eq(output_take(&output, &buf), 0);
	ck_assert_uint_eq(buf_len(&buf), 0);
	buf_free(&buf);
}

/* Small and large in turn, more chunks than one sendmsg takes. */
static void put_mixture(void)
{
	expected_len = 0;
	for (int i = 0; i < 25; i++) {
		put_small("{\"id\":1,");
		put_buf(10, 'a');
		put_small("x");
		put_buf(5000 + (size_t)i * 100, 'h');
	}
	ck_assert_uint_eq(output_backlog(&output), expected_len);
}

static void ck_all_taken(void)
{
	ck_assert_uint_eq(taken_len, expected_len);
	ck_assert_mem_eq(taken, expected, expected_len);
	ck_assert_uint_eq(output.written_bytes, expected_len);
	ck_assert(output_empty(&output));
	ck_assert_uint_eq(budget.used_bytes, 0);
}

START_TEST(all_at_once)
{
	put_mixture();
	ck_assert_int_eq(output_write(&output, 7), 0);
	ck_all_taken();
}
END_TEST

static const size_t portions[] = {1, 2, 7, 8, 9, 17, 4095, 4096, 5000, 65536};

START_TEST(in_portions)
{
	put_mixture();
	take_at_once = portions[_i];
	ck_assert_int_eq(output_write(&output, 7), 0);
	ck_all_taken();
}
END_TEST

/* Each call fails in turn; nothing is lost or sent twice. */
START_TEST(interrupted_or_full)
{
	static const int errors[] = {EINTR, EAGAIN};

	for (fail_at = 1; fail_at < 40; fail_at += 3) {
		int rc;

		taken_len = calls = 0;
		output.written_bytes = 0;
		put_mixture();
		take_at_once = 3000;
		fail_with = errors[_i];
		ck_assert_uint_eq(output_backlog(&output), expected_len);
		rc = output_write(&output, 7);
		ck_assert_int_eq(rc, fail_with == EINTR ? 0 : -EAGAIN);
		if (rc == -EAGAIN) {
			ck_assert_uint_eq(output_backlog(&output), expected_len - taken_len);
			put_small("more");
			ck_assert_int_eq(output_write(&output, 7), 0);
		}
		ck_all_taken();
	}
}
END_TEST

START_TEST(a_client_that_is_gone)
{
	static const int errors[] = {EPIPE, ECONNRESET, ENOTCONN};

	put_mixture();
	take_at_once = 100;
	fail_at = 2;
	fail_with = errors[_i];
	ck_assert_int_eq(output_write(&output, 7), -errors[_i]);
	ck_assert_uint_eq(output.written_bytes, 100);
}
END_TEST

START_TEST(nothing_to_write_is_no_call)
{
	struct buf empty;

	ck_assert(output_empty(&output));
	ck_assert_int_eq(output_write(&output, 7), 0);
	ck_assert_ptr_nonnull(output_tail(&output)); /* a chunk with nothing in it */
	buf_init(&empty, 0, &budget);
	ck_assert_int_eq(output_take(&output, &empty), 0);
	ck_assert_int_eq(output_write(&output, 7), 0);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(large_buffers_are_handed_over)
{
	struct buf buf = make_buf(100000, 'a');

	ck_assert_int_eq(output_take(&output, &buf), 0);
	ck_assert_ptr_null(buf.mem);
	ck_assert_uint_ge(budget.used_bytes, 100000);
	ck_assert_uint_lt(budget.used_bytes, 300000);
	ck_assert_int_eq(output_write(&output, 7), 0);
	ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

/* The end of the list is not what a large answer was put in: it would have to be moved to grow. */
START_TEST(small_text_gets_a_chunk_of_its_own)
{
	struct buf buf = make_buf(100000, 'a');
	const char *memory = buf_data(&buf);

	ck_assert_int_eq(output_take(&output, &buf), 0);
	ck_assert_ptr_ne(buf_data(output_tail(&output)), memory);
}
END_TEST

/* What cannot be appended spoils the output: nothing may follow a piece that is not whole. */
START_TEST(a_budget_that_ends)
{
	struct buf *tail;

	budget.limit_bytes = 10000;
	tail = output_tail(&output);
	ck_assert_ptr_nonnull(tail);
	for (int i = 0; i < 10000; i++)
		buf_puts(tail, "ten bytes.");
	ck_assert_int_eq(output_check(&output), -ENOMEM);
	ck_assert(output.failed);
	ck_assert_ptr_null(output_tail(&output));
	ck_assert_int_eq(output_check(&output), -ENOMEM);
	ck_assert_uint_le(budget.used_bytes, 10000);
}
END_TEST

START_TEST(no_memory_for_a_chunk)
{
	struct mem_failure failure = {.countdown = 0};
	struct buf large = make_buf(10000, 'a'), small = make_buf(10, 'a');

	mem_set_fail_hook(mem_failure_hook, &failure);
	if (_i == 0)
		ck_assert_ptr_null(output_tail(&output));
	else
		ck_assert_int_eq(output_take(&output, _i == 1 ? &small : &large), -ENOMEM);
	mem_set_fail_hook(NULL, NULL);
	ck_assert(output.failed);
	ck_assert_int_eq(output_take(&output, &large), -ENOMEM);
	ck_assert_int_eq(output_take(&output, &small), -ENOMEM);
	/* They are still their owner's. */
	ck_assert_uint_eq(buf_len(&large), 10000);
	ck_assert_uint_eq(buf_len(&small), 10);
	buf_free(&large);
	buf_free(&small);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon output");
	TCase *tcase = suite_case(suite, "output", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, all_at_once);
	tcase_add_loop_test(tcase, in_portions, 0, ARRAY_SIZE(portions));
	tcase_add_loop_test(tcase, interrupted_or_full, 0, 2);
	tcase_add_loop_test(tcase, a_client_that_is_gone, 0, 3);
	tcase_add_test(tcase, nothing_to_write_is_no_call);
	tcase_add_test(tcase, large_buffers_are_handed_over);
	tcase_add_test(tcase, small_text_gets_a_chunk_of_its_own);
	tcase_add_test(tcase, a_budget_that_ends);
	tcase_add_loop_test(tcase, no_memory_for_a_chunk, 0, 3);
	return suite_run(suite);
}
