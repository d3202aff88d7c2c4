/* SPDX-License-Identifier: PostgreSQL */
/* uthash as we set it up: memory through base/mem, and inserts that fail leave all as it was. */
#include "base/hash.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <string.h>

enum { COUNT = 2000 };

struct element {
	int key;
	UT_hash_handle hh;
};

static struct element elements[COUNT];
static struct element *table;

static void tear_down(void)
{
	mem_set_fail_hook(NULL, NULL);
	HASH_CLEAR(hh, table);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static bool insert(int key)
{
	struct element *element = &elements[key];

	element->key = key;
	HASH_ADD_INT(table, key, element);
	return HASH_ADDED(hh, element);
}

static struct element *find(int key)
{
	struct element *element;

	HASH_FIND_INT(table, &key, element);
	return element;
}

START_TEST(its_memory_is_counted)
{
	ck_assert(insert(1));
	ck_assert_uint_gt(mem_live_blocks(), 0);
	HASH_DEL(table, &elements[1]);
	ck_assert_ptr_null(table);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

START_TEST(the_first_insert_can_fail)
{
	mem_set_fail_hook(mem_failure_always, NULL);
	ck_assert(!insert(1));
	ck_assert_ptr_null(table);
	ck_assert_uint_eq(mem_live_blocks(), 0);
	mem_set_fail_hook(NULL, NULL);
	ck_assert(insert(1));
	ck_assert_ptr_eq(find(1), &elements[1]);
}
END_TEST

START_TEST(every_allocation_of_the_first_insert_can_fail)
{
	int nth = 0;

	for (;;) {
		struct mem_failure failure = {.countdown = nth};
		bool added;

		mem_set_fail_hook(mem_failure_hook, &failure);
		added = insert(1);
		mem_set_fail_hook(NULL, NULL);
		if (added)
			break;
		ck_assert_ptr_null(table);
		ck_assert_uint_eq(mem_live_blocks(), 0);
		nth++;
		ck_assert_int_lt(nth, 100);
	}
	ck_assert_int_gt(nth, 0);
}
END_TEST

/* Without memory for more buckets an insert fails; then the table is as before, and later ones
 * succeed. */
START_TEST(growing_can_fail)
{
	unsigned failures = 0, held = 0;

	ck_assert(insert(0));
	for (int key = 1; key < COUNT; key++) {
		bool added;

		mem_set_fail_hook(mem_failure_always, NULL);
		added = insert(key);
		mem_set_fail_hook(NULL, NULL);
		if (!added) {
			failures++;
			if (find(key) != NULL || HASH_COUNT(table) != (unsigned)key)
				ck_abort_msg("key %d left something behind", key);
			if (!insert(key))
				ck_abort_msg("key %d is refused with memory", key);
		}
	}
	ck_assert_uint_gt(failures, 0);
	for (int key = 0; key < COUNT; key++)
		held += find(key) == &elements[key];
	ck_assert_uint_eq(held, COUNT);
	ck_assert_uint_eq(HASH_COUNT(table), COUNT);
}
END_TEST

START_TEST(walks_in_order_of_insertion)
{
	struct element *element, *next;
	int key = 0;

	for (int i = 0; i < 100; i++)
		ck_assert(insert(i));
	HASH_ITER (hh, table, element, next) {
		ck_assert_int_eq(element->key, key++);
		HASH_DEL(table, element);
	}
	ck_assert_int_eq(key, 100);
	ck_assert_ptr_null(table);
}
END_TEST

START_TEST(keys_of_every_length_are_told_apart)
{
	static char text[64];
	static unsigned hashes[64 * 9];
	size_t count = 0;

	/* 64 lengths, and each with one bit changed in eight places */
	for (size_t len = 0; len < sizeof(text); len++) {
		hashes[count++] = hash_bytes(text, len);
		for (size_t i = 0; i < 8 && len > 0; i++) {
			text[len * i / 8] ^= 1;
			if (i == 0 || len * i / 8 != len * (i - 1) / 8)
				hashes[count++] = hash_bytes(text, len);
			text[len * i / 8] ^= 1;
		}
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (hashes[i] == hashes[j])
				ck_abort_msg("%zu and %zu", i, j);
}
END_TEST

START_TEST(keys_in_a_row_spread_over_the_buckets)
{
	unsigned buckets[64] = {0};

	for (int key = 0; key < 6400; key++)
		buckets[hash_bytes(&key, sizeof(key)) % 64]++;
	for (int i = 0; i < 64; i++) {
		ck_assert_uint_gt(buckets[i], 50);
		ck_assert_uint_lt(buckets[i], 200);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/hash");
	TCase *tcase = suite_case(suite, "hash", 20);

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, its_memory_is_counted);
	tcase_add_test(tcase, the_first_insert_can_fail);
	tcase_add_test(tcase, every_allocation_of_the_first_insert_can_fail);
	tcase_add_test(tcase, growing_can_fail);
	tcase_add_test(tcase, keys_of_every_length_are_told_apart);
	tcase_add_test(tcase, keys_in_a_row_spread_over_the_buckets);
	tcase_add_test(tcase, walks_in_order_of_insertion);
	return suite_run(suite);
}
