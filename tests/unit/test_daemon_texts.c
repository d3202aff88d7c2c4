/* SPDX-License-Identifier: PostgreSQL */
/* What is known of texts: the same whether one is read or remembered, and never too much. */
#include "base/mem.h"
#include "daemon/texts.h"
#include "unit/suite.h"

#include <stdio.h>
#include <string.h>

static struct texts texts;
static size_t blocks_before;
static bool no_memory;

static bool fails(void *ctx)
{
	(void)ctx;
	return no_memory;
}

static void set_up(void)
{
	no_memory = false;
	mem_set_fail_hook(fails, NULL);
	blocks_before = mem_live_blocks();
	texts_init(&texts);
}

static void tear_down(void)
{
	texts_free(&texts);
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
	ck_assert_uint_eq(texts.bytes, 0);
	mem_set_fail_hook(NULL, NULL);
}

static void ck_class(const char *data, size_t len)
{
	struct str sql = {data, len};
	struct sql_class found = texts_classify(&texts, sql), read = sql_classify(sql);

	ck_assert_int_eq(found.refusal, read.refusal);
	ck_assert_int_eq(found.plain_read, read.plain_read);
	ck_assert_int_eq(found.plain_write, read.plain_write);
	ck_assert_int_eq(found.dirties, read.dirties);
	ck_assert_int_eq(found.outside_transaction, read.outside_transaction);
	ck_assert_int_eq(found.maintains, read.maintains);
	ck_assert_int_eq(found.ends_transactions, read.ends_transactions);
	ck_assert_int_eq(found.defines, read.defines);
	ck_assert_int_eq(found.may_rerun, read.may_rerun);
}

static const char *const various[] = {
	"select 1",
	"select 1;select 2",
	"begin",
	"insert into t values (1)",
	"",
	"call p()",
	"select",
	"create table t ()",
	"select 1 for",
	"select 1 for update",
	"copy t to stdout",
};

static void classify_various(void)
{
	for (size_t i = 0; i < 2 * ARRAY_SIZE(various); i++)
		ck_class(various[i / 2], strlen(various[i / 2]));
	for (size_t i = 0; i < ARRAY_SIZE(various); i++)
		ck_class(various[i], strlen(various[i]));
}

START_TEST(remembers_what_it_has_read)
{
	size_t blocks;

	classify_various();
	blocks = mem_live_blocks();
	ck_assert_uint_gt(blocks, blocks_before);
	classify_various();
	ck_assert_uint_eq(mem_live_blocks(), blocks);
}
END_TEST

START_TEST(needs_no_memory)
{
	no_memory = true;
	classify_various();
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
	no_memory = false;
	classify_various();
	no_memory = true;
	classify_various();
}
END_TEST

START_TEST(looks_at_the_length)
{
	ck_class("select 1; select 2", 9);
	ck_class("select 1; select 2", 18);
	ck_class("select 1; select 2", 9);
}
END_TEST

START_TEST(holds_a_number_of_bytes)
{
	static char sql[TEXTS_MAX_TEXT_BYTES + 2];
	size_t blocks;

	for (unsigned i = 0; i < 3000; i++) {
		int len = snprintf(sql, sizeof(sql), "select %u", i);

		memset(sql + len, ' ', sizeof(sql) - (size_t)len);
		ck_class(sql, (size_t)len + (i * 37) % (TEXTS_MAX_TEXT_BYTES - 20));
		ck_assert_uint_le(texts.bytes, TEXTS_MAX_BYTES);
	}
	ck_assert_uint_gt(texts.bytes, TEXTS_MAX_BYTES / 2);
	blocks = mem_live_blocks();
	ck_class(sql, TEXTS_MAX_TEXT_BYTES + 1); /* is not held */
	ck_assert_uint_eq(mem_live_blocks(), blocks);
}
END_TEST

START_TEST(forgets_the_one_used_longest_ago)
{
	static char filler[TEXTS_MAX_TEXT_BYTES];
	size_t bytes;

	memset(filler, ' ', sizeof(filler));
	memcpy(filler, "select 1", 8);
	ck_class("select 'old'", 12);
	ck_class("select 'kept'", 13);
	/* Each is of another length, so each is another text; "kept" is used all the time. */
	for (size_t i = 0; i < 2 * TEXTS_MAX_BYTES / sizeof(filler); i++) {
		ck_class(filler, sizeof(filler) - i);
		ck_class("select 'kept'", 13);
	}
	bytes = texts.bytes;
	ck_class("select 'kept'", 13);
	ck_assert_uint_eq(texts.bytes, bytes);
	ck_class("select 'old'", 12);
	ck_assert_uint_ne(texts.bytes, bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon_texts");
	TCase *tcase = suite_case(suite, "texts", 60);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, remembers_what_it_has_read);
	tcase_add_test(tcase, needs_no_memory);
	tcase_add_test(tcase, looks_at_the_length);
	tcase_add_test(tcase, holds_a_number_of_bytes);
	tcase_add_test(tcase, forgets_the_one_used_longest_ago);
	return suite_run(suite);
}
