/* SPDX-License-Identifier: PostgreSQL */
/* The queue in front of a pool: whose turn it is, and what is left when memory ends. */
#include "db/query.h"
#include "db/queue.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUERIES_MAX 64

static struct queue queue;
static struct db_query queries[QUERIES_MAX];
static size_t blocks_before;

static void set_up(void)
{
	blocks_before = mem_live_blocks();
	memset(queries, 0, sizeof(queries));
	queue_init(&queue);
}

/* Whatever a test did: an empty queue holds nothing. */
static void tear_down(void)
{
	while (queue_pop(&queue) != NULL)
		;
	ck_assert_uint_eq(queue.length, 0);
	ck_assert_ptr_null(queue.users);
	ck_assert(list_empty(&queue.ring.places));
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
}

/* "11a": user 1, client 1, request a. A query's place in `queries` is its name. */
static int push(size_t index, const char *owner)
{
	queries[index].owner = (struct db_owner){.user = (uint64_t)owner[0],
						 .client = (uint64_t)owner[1],
						 .request = (uint64_t)owner[2]};
	return queue_push(&queue, &queries[index]);
}

static size_t push_all(const char *owners)
{
	size_t count = 0;

	for (; *owners != '\0'; owners += strspn(owners, " ")) {
		ck_assert_int_eq(push(count++, owners), 0);
		owners += 3;
	}
	ck_assert_uint_eq(queue.length, count);
	return count;
}

static const char *pop_all(void)
{
	static char order[256];
	struct db_query *query;

	order[0] = '\0';
	while ((query = queue_pop(&queue)) != NULL)
		snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s%d",
			 order[0] != '\0' ? " " : "", (int)(query - queries));
	return order;
}

/* Queries are numbered from 0 in the order in which they are pushed. */
static const struct {
	const char *owners, *order;
} turns[] = {
	{"", ""},
	{"11a 11a 11a", "0 1 2"},
	/* two requests of one client take turns */
	{"11a 11a 11a 11b 11b", "0 3 1 4 2"},
	/* so do two connections of one user, however many requests either has */
	{"11a 11b 11c 12d 12d", "0 3 1 4 2"},
	/* and users, however many connections either has */
	{"11a 12b 13c 24d 24d 24d", "0 3 1 4 2 5"},
	/* three levels at once */
	{"11a 11a 11b 12c 21d 21d", "0 4 3 5 2 1"},
	/* the same numbers under another parent are others */
	{"11a 21a 12a 22a", "0 1 2 3"},
};

START_TEST(turns_are_taken)
{
	push_all(turns[_i].owners);
	ck_assert_str_eq(pop_all(), turns[_i].order);
}
END_TEST

START_TEST(a_large_request_does_not_starve_a_small_one)
{
	for (size_t i = 0; i < QUERIES_MAX - 1; i++)
		ck_assert_int_eq(push(i, "11a"), 0);
	ck_assert_int_eq(push(QUERIES_MAX - 1, "11b"), 0);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[0]);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[QUERIES_MAX - 1]);
}
END_TEST

START_TEST(who_comes_back_stands_behind_the_others)
{
	push_all("11a 22b");
	ck_assert_ptr_eq(queue_pop(&queue), &queries[0]);
	ck_assert_int_eq(push(2, "11a"), 0); /* user 1 has had its turn, and was forgotten */
	ck_assert_ptr_eq(queue_pop(&queue), &queries[1]);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[2]);
}
END_TEST

START_TEST(the_turn_goes_on_after_a_pop)
{
	push_all("11a 11a 22b 22b 33c");
	ck_assert_ptr_eq(queue_pop(&queue), &queries[0]);
	ck_assert_int_eq(push(5, "11a"), 0);
	ck_assert_str_eq(pop_all(), "2 4 1 3 5");
}
END_TEST

/* Who comes alone waits for what runs, not for a second query of those who had their turn. */
static const struct {
	const char *waiting, *comes, *order;
} arrivals[] = {
	{"11a 11a 11a", "21a", "3 1 2"},       /* another user */
	{"11a 11a 11a", "12b", "3 1 2"},       /* another connection of the same one */
	{"11a 11a 11a", "11b", "3 1 2"},       /* another request of the same connection */
	{"11a 11a 21b 11a", "31c", "2 1 4 3"}, /* behind another who waited first */
};

START_TEST(who_comes_has_the_turn_before_who_had_the_last_one)
{
	size_t count = push_all(arrivals[_i].waiting);

	ck_assert_ptr_eq(queue_pop(&queue), &queries[0]);
	ck_assert_int_eq(push(count, arrivals[_i].comes), 0);
	ck_assert_str_eq(pop_all(), arrivals[_i].order);
}
END_TEST

/* Nor can those who come and go keep out one who waits. */
START_TEST(who_comes_again_and_again_starves_nobody)
{
	ck_assert_int_eq(push(0, "11a"), 0);
	ck_assert_int_eq(push(1, "11a"), 0);
	ck_assert_int_eq(push(2, "11a"), 0);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[0]);
	for (size_t i = 3; i < 20; i++)
		ck_assert_int_eq(push(i, "21a"), 0);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[3]);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[1]);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[4]);
	for (size_t i = 5; i < 20; i++)
		queue_remove(&queue, &queries[i]); /* it is forgotten */
	ck_assert_int_eq(push(5, "21a"), 0);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[2]);
	ck_assert_ptr_eq(queue_pop(&queue), &queries[5]);
}
END_TEST

/* Removes the query in place _i of every shape. */
START_TEST(any_can_be_removed)
{
	for (size_t shape = 1; shape < ARRAY_SIZE(turns); shape++) {
		char expected[64] = "", name[24];
		size_t count = push_all(turns[shape].owners), removed = (size_t)_i % count;
		int left = 0;

		queue_remove(&queue, &queries[removed]);
		ck_assert_uint_eq(queue.length, count - 1);
		ck_assert_ptr_null(queries[removed].queue_request);
		snprintf(name, sizeof(name), "%zu", removed);
		/* Every other one comes, once. */
		strcpy(expected, pop_all());
		for (char *word = strtok(expected, " "); word != NULL; word = strtok(NULL, " ")) {
			ck_assert_str_ne(word, name);
			left++;
		}
		ck_assert_int_eq(left, (int)count - 1);
	}
}
END_TEST

START_TEST(within_a_request_a_removal_keeps_the_order)
{
	push_all("11a 11a 11a 11a");
	queue_remove(&queue, &queries[1]);
	ck_assert_str_eq(pop_all(), "0 2 3");
}
END_TEST

START_TEST(nothing_is_held_for_those_who_do_not_wait)
{
	push_all("11a 12b 21c");
	for (size_t i = 0; i < 3; i++)
		queue_remove(&queue, &queries[i]);
	ck_assert_ptr_null(queue.users);
	ck_assert_uint_eq(mem_live_blocks(), blocks_before);
}
END_TEST

/* The queue that an allocation fails in must be the one that it was, and work on. */
START_TEST(without_memory_it_stays_as_it_was)
{
	static const char *const owners[] = {"11b", "12c", "31d"};

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		struct mem_failure failure;
		int failures = 0, rc;

		queue_init(&queue); /* nobody has had a turn */
		push_all("11a 21e 11a");
		for (;;) {
			size_t blocks = mem_live_blocks();

			failure = (struct mem_failure){.countdown = failures};
			mem_set_fail_hook(mem_failure_hook, &failure);
			rc = push(3, owners[i]);
			mem_set_fail_hook(NULL, NULL);
			if (rc == 0)
				break;
			failures++;
			ck_assert_int_eq(rc, -ENOMEM);
			ck_assert_uint_eq(queue.length, 3);
			ck_assert_uint_eq(mem_live_blocks(), blocks);
		}
		ck_assert_int_gt(failures, 0);
		ck_assert_uint_eq(queue.length, 4);
		queue_remove(&queue, &queries[3]);
		ck_assert_str_eq(pop_all(), "0 1 2");
	}
}
END_TEST

/* uthash grows its table in the midst of a push. */
START_TEST(without_memory_to_grow_it_stays_as_it_was)
{
	static struct db_query many[1000];
	struct mem_failure failure;
	size_t pushed = 0;
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].owner.user = i;
		failure = (struct mem_failure){.countdown = (int)(i % 7)};
		mem_set_fail_hook(mem_failure_hook, &failure);
		if (queue_push(&queue, &many[i]) == 0)
			pushed++;
		else
			failed++;
		mem_set_fail_hook(NULL, NULL);
		ck_assert_uint_eq(queue.length, pushed);
	}
	ck_assert_int_gt(failed, 0);
	for (size_t i = 0; i < pushed; i++)
		ck_assert_ptr_nonnull(queue_pop(&queue));
	ck_assert_ptr_null(queue_pop(&queue));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db queue");
	TCase *tcase = suite_case(suite, "queue", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, turns_are_taken, 0, ARRAY_SIZE(turns));
	tcase_add_test(tcase, a_large_request_does_not_starve_a_small_one);
	tcase_add_test(tcase, who_comes_back_stands_behind_the_others);
	tcase_add_test(tcase, the_turn_goes_on_after_a_pop);
	tcase_add_loop_test(tcase, who_comes_has_the_turn_before_who_had_the_last_one, 0,
			    ARRAY_SIZE(arrivals));
	tcase_add_test(tcase, who_comes_again_and_again_starves_nobody);
	tcase_add_loop_test(tcase, any_can_be_removed, 0, 6);
	tcase_add_test(tcase, within_a_request_a_removal_keeps_the_order);
	tcase_add_test(tcase, nothing_is_held_for_those_who_do_not_wait);
	tcase_add_test(tcase, without_memory_it_stays_as_it_was);
	tcase_add_test(tcase, without_memory_to_grow_it_stays_as_it_was);
	return suite_run(suite);
}
