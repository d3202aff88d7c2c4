/* SPDX-License-Identifier: PostgreSQL */
/* Lines on disk: each queue's come back in order, whatever their length, and room is used again. */
#include "base/mem.h"
#include "cli/spool.h"
#include "unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct spool spool;
static struct buf line;

static void set_up(void)
{
	spool_init(&spool);
	buf_init(&line, 0, NULL);
}

static void tear_down(void)
{
	spool_close(&spool);
	buf_free(&line);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

/* The nth line of a queue: its length and content follow from both numbers. */
static void make(struct buf *out, unsigned queue, unsigned n)
{
	size_t len = (n * 7919 + queue * 104729) % 9000;

	if (n == 3)
		len = 200000;
	buf_reset(out);
	buf_printf(out, "%u.%u.", queue, n);
	for (size_t i = 0; i < len; i++)
		buf_putc(out, (char)('a' + (i + n) % 26));
}

static void put_all(struct spool_queue *queues, unsigned queue_count, unsigned line_count)
{
	for (unsigned n = 0; n < line_count; n++)
		for (unsigned i = 0; i < queue_count; i++) {
			make(&line, i, n);
			ck_assert_int_eq(spool_put(&spool, &queues[i], buf_str(&line)), 0);
		}
}

static void get_all(struct spool_queue *queue, unsigned index, unsigned line_count)
{
	struct buf expected;

	buf_init(&expected, 0, NULL);
	for (unsigned n = 0; n < line_count; n++) {
		ck_assert_int_eq(spool_get(&spool, queue, &line), 1);
		make(&expected, index, n);
		ck_assert(str_equal(buf_str(&line), buf_str(&expected)));
	}
	ck_assert_int_eq(spool_get(&spool, queue, &line), 0);
	buf_free(&expected);
}

START_TEST(queues_do_not_mix)
{
	struct spool_queue queues[5] = {0};

	put_all(queues, 5, 40);
	for (unsigned i = 5; i-- > 0;)
		get_all(&queues[i], i, 40);
}
END_TEST

START_TEST(twice)
{
	struct spool_queue queue = {0};

	put_all(&queue, 1, 40);
	get_all(&queue, 0, 40);
	spool_rewind(&queue);
	get_all(&queue, 0, 40);
}
END_TEST

START_TEST(read_while_it_grows)
{
	struct spool_queue queue = {0};

	for (unsigned n = 0; n < 100; n++) {
		ck_assert_int_eq(spool_put(&spool, &queue, STR("one line, some time")), 0);
		ck_assert_int_eq(spool_get(&spool, &queue, &line), 1);
		ck_assert(str_is(buf_str(&line), "one line, some time"));
		ck_assert_int_eq(spool_get(&spool, &queue, &line), 0);
	}
}
END_TEST

START_TEST(empty_line)
{
	struct spool_queue queue = {0};

	ck_assert_int_eq(spool_put(&spool, &queue, STR("")), 0);
	ck_assert_int_eq(spool_get(&spool, &queue, &line), 1);
	ck_assert_uint_eq(buf_len(&line), 0);
}
END_TEST

/* What was read makes room: the file does not grow with the number of rounds. */
START_TEST(blocks_are_used_again)
{
	struct spool_queue queues[3] = {0};
	uint64_t end = 0;

	for (int round = 0; round < 10; round++) {
		put_all(queues, 3, 20);
		for (unsigned i = 0; i < 3; i++) {
			get_all(&queues[i], i, 20);
			ck_assert_int_eq(spool_drop(&spool, &queues[i]), 0);
		}
		if (round == 0)
			end = spool.end;
		ck_assert_uint_eq(spool.end, end);
	}
}
END_TEST

START_TEST(the_file_has_no_name)
{
	struct spool_queue queue = {0};
	struct stat file;

	ck_assert_int_eq(spool.fd, -1);
	ck_assert_int_eq(spool_put(&spool, &queue, STR("x")), 0);
	ck_assert_int_eq(fstat(spool.fd, &file), 0);
	ck_assert_uint_eq(file.st_nlink, 0);
}
END_TEST

/* A line of which a part has come is not gone on with. */
START_TEST(what_failed_once_stays_so)
{
	struct spool_queue queues[2] = {{0}};
	int file, nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(nothing, 0);
	put_all(queues, 1, 2);
	file = dup(spool.fd);
	ck_assert_int_ge(dup2(nothing, spool.fd), 0);
	ck_assert_int_eq(spool_get(&spool, &queues[0], &line), -EIO);
	ck_assert_int_ge(dup2(file, spool.fd), 0);
	ck_assert_int_eq(spool_get(&spool, &queues[0], &line), -EIO);
	ck_assert_int_eq(spool_put(&spool, &queues[1], (struct str){"x", 1}), -EIO);
	ck_assert_int_eq(spool_get(&spool, &queues[1], &line), -EIO);
	ck_assert_int_eq(spool_drop(&spool, &queues[0]), -EIO);
	close(file);
	close(nothing);
}
END_TEST

START_TEST(no_directory)
{
	struct spool_queue queue = {0};

	setenv("TMPDIR", "/nonexistent", 1);
	ck_assert_int_lt(spool_put(&spool, &queue, STR("x")), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_spool");
	TCase *tcase = suite_case(suite, "spool", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, queues_do_not_mix);
	tcase_add_test(tcase, twice);
	tcase_add_test(tcase, read_while_it_grows);
	tcase_add_test(tcase, empty_line);
	tcase_add_test(tcase, blocks_are_used_again);
	tcase_add_test(tcase, the_file_has_no_name);
	tcase_add_test(tcase, what_failed_once_stays_so);
	tcase_add_test(tcase, no_directory);
	return suite_run(suite);
}
