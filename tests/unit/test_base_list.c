/* SPDX-License-Identifier: PostgreSQL */
/* Intrusive lists. */
#include "base/list.h"
#include "unit/suite.h"

#include <string.h>

struct item {
	char letter;
	struct list node;
};

static struct list head, other;
static struct item items[] = {
	{'a', {NULL, NULL}}, {'b', {NULL, NULL}}, {'c', {NULL, NULL}}, {'d', {NULL, NULL}}};

static void set_up(void)
{
	list_init(&head);
	list_init(&other);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		list_init(&items[i].node);
}

/* The letters of a list, read both ways. */
static void assert_letters(struct list *list, const char *wanted)
{
	char forth[16] = "", back[16] = "";
	size_t len = 0, at;

	for (struct list *node = list->next; node != list; node = node->next)
		forth[len++] = LIST_ENTRY(node, struct item, node)->letter;
	at = len;
	for (struct list *node = list->prev; node != list; node = node->prev)
		back[--at] = LIST_ENTRY(node, struct item, node)->letter;
	ck_assert_str_eq(forth, wanted);
	ck_assert_str_eq(back, wanted);
	ck_assert_int_eq(list_empty(list), wanted[0] == '\0');
}

static void push(const char *letters)
{
	for (; *letters != '\0'; letters++)
		list_push_back(&head, &items[*letters - 'a'].node);
}

START_TEST(empty)
{
	assert_letters(&head, "");
	ck_assert_ptr_null(list_first(&head));
}
END_TEST

START_TEST(pushes_at_both_ends)
{
	list_push_back(&head, &items[1].node);
	list_push_back(&head, &items[2].node);
	list_push_front(&head, &items[0].node);
	assert_letters(&head, "abc");
	ck_assert_ptr_eq(list_first(&head), &items[0].node);
}
END_TEST

START_TEST(removes_anywhere_and_twice)
{
	push("abcd");
	list_remove(&items[1].node);
	assert_letters(&head, "acd");
	list_remove(&items[1].node);
	assert_letters(&head, "acd");
	list_remove(&items[0].node);
	list_remove(&items[3].node);
	assert_letters(&head, "c");
	list_remove(&items[2].node);
	assert_letters(&head, "");
	ck_assert(list_empty(&items[2].node));
}
END_TEST

START_TEST(a_removed_node_can_come_back)
{
	push("ab");
	list_remove(&items[0].node);
	list_push_back(&head, &items[0].node);
	assert_letters(&head, "ba");
}
END_TEST

START_TEST(splices_in_order)
{
	push("ab");
	list_push_back(&other, &items[2].node);
	list_push_back(&other, &items[3].node);
	list_splice_back(&head, &other);
	assert_letters(&head, "abcd");
	assert_letters(&other, "");
}
END_TEST

START_TEST(splices_empty_lists)
{
	list_splice_back(&head, &other);
	assert_letters(&head, "");
	push("a");
	list_splice_back(&head, &other);
	assert_letters(&head, "a");
	list_splice_back(&other, &head);
	assert_letters(&other, "a");
	assert_letters(&head, "");
}
END_TEST

START_TEST(walks)
{
	char seen[8] = "";
	size_t len = 0;

	push("abcd");
	list_for_each (node, &head)
		seen[len++] = LIST_ENTRY(node, struct item, node)->letter;
	ck_assert_str_eq(seen, "abcd");
}
END_TEST

START_TEST(walks_while_nodes_are_taken_out)
{
	char seen[8] = "";
	size_t len = 0;

	push("abcd");
	list_for_each_safe (node, &head) {
		struct item *item = LIST_ENTRY(node, struct item, node);

		seen[len++] = item->letter;
		list_remove(node);
		memset(node, 0x5a, sizeof(*node)); /* as if it had been freed */
	}
	ck_assert_str_eq(seen, "abcd");
	assert_letters(&head, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/list");
	TCase *tcase = suite_case(suite, "list", 10);

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, empty);
	tcase_add_test(tcase, pushes_at_both_ends);
	tcase_add_test(tcase, removes_anywhere_and_twice);
	tcase_add_test(tcase, a_removed_node_can_come_back);
	tcase_add_test(tcase, splices_in_order);
	tcase_add_test(tcase, splices_empty_lists);
	tcase_add_test(tcase, walks);
	tcase_add_test(tcase, walks_while_nodes_are_taken_out);
	return suite_run(suite);
}
