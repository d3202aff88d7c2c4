/* SPDX-License-Identifier: PostgreSQL */
/* The queue of expected results: every order in which a server may answer, and many in which it may
 * not. */
#include "base/mem.h"
#include "db/batch.h"
#include "db/query.h"
#include "db/results.h"
#include "db/statements.h"
#include "unit/suite.h"

#include <string.h>

/*
 * What PQgetResult returns, a letter each: r a row, k several, t the end of rows, c a command tag,
 * e the empty query, F an error, A a command that was skipped, 0 NULL, S the Sync; i o b COPY, n a
 * non-fatal error, B a bad response. A word of the outcome for each: row, end, cmd, sync, BAD.
 */
static const struct {
	char letter;
	ExecStatusType status;
} statuses[] = {
	{'r', PGRES_SINGLE_TUPLE},  {'t', PGRES_TUPLES_OK},	 {'c', PGRES_COMMAND_OK},
	{'e', PGRES_EMPTY_QUERY},   {'F', PGRES_FATAL_ERROR},	 {'A', PGRES_PIPELINE_ABORTED},
	{'S', PGRES_PIPELINE_SYNC}, {'i', PGRES_COPY_IN},	 {'o', PGRES_COPY_OUT},
#ifdef HAVE_PQSETCHUNKEDROWSMODE
	{'k', PGRES_TUPLES_CHUNK},
#endif
	{'b', PGRES_COPY_BOTH},	    {'n', PGRES_NONFATAL_ERROR}, {'B', PGRES_BAD_RESPONSE},
};

static enum results_step take(struct results *results, char letter)
{
	enum results_step step;
	PGresult *result = NULL;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].letter == letter) {
			result = PQmakeEmptyPGresult(NULL, statuses[i].status);
			ck_assert_ptr_nonnull(result);
		}
	}
	ck_assert(result != NULL || letter == '0');
	step = results_take(results, result);
	PQclear(result);
	return step;
}

static char step_letter(enum results_step step)
{
	static const char letters[] = {[RESULTS_ROW] = 'r',
				       [RESULTS_END] = 'e',
				       [RESULTS_COMMAND] = 'c',
				       [RESULTS_SYNC] = 's',
				       [RESULTS_MISMATCH] = '!'};

	return letters[step];
}

static const struct {
	enum segment_kind kind;
	unsigned commands;
	const char *results, *steps;
} orders[] = {
	/* a query */
	{SEGMENT_EXECUTE, 1, "c0S", "ecs"},
	{SEGMENT_EXECUTE, 1, "t0S", "ecs"},
	{SEGMENT_EXECUTE, 1, "e0S", "ecs"},
	{SEGMENT_EXECUTE, 1, "rrrt0S", "rrrecs"},
	{SEGMENT_EXECUTE, 1, "F0S", "ecs"},
	{SEGMENT_EXECUTE, 1, "rrF0S", "rrecs"},
#ifdef HAVE_PQSETCHUNKEDROWSMODE
	{SEGMENT_EXECUTE, 1, "kkt0S", "rrecs"},
	{SEGMENT_EXECUTE, 1, "kF0S", "recs"},
	{SEGMENT_EXECUTE, 1, "k0", "r!"},
	{SEGMENT_EXECUTE, 1, "tk", "e!"},
	{SEGMENT_SESSION, 3, "k", "!"},
#endif
	/* a deferred constraint: between the success and the Sync */
	{SEGMENT_EXECUTE, 1, "c0F0S", "ececs"},
	{SEGMENT_EXECUTE, 1, "rt0F0S", "rececs"},
	/* what must not be */
	{SEGMENT_EXECUTE, 1, "S", "!"},
	{SEGMENT_EXECUTE, 1, "0", "!"},
	{SEGMENT_EXECUTE, 1, "rS", "r!"},
	{SEGMENT_EXECUTE, 1, "r0", "r!"},
	{SEGMENT_EXECUTE, 1, "cS", "e!"},
	{SEGMENT_EXECUTE, 1, "cc", "e!"},
	{SEGMENT_EXECUTE, 1, "cr", "e!"},
	{SEGMENT_EXECUTE, 1, "tr", "e!"},
	{SEGMENT_EXECUTE, 1, "c0c", "ec!"},
	{SEGMENT_EXECUTE, 1, "c0t", "ec!"},
	{SEGMENT_EXECUTE, 1, "c0r", "ec!"},
	{SEGMENT_EXECUTE, 1, "c00", "ec!"},
	{SEGMENT_EXECUTE, 1, "A", "!"},
	{SEGMENT_EXECUTE, 1, "F0r", "ec!"},
	{SEGMENT_EXECUTE, 1, "F0A", "ec!"},
	{SEGMENT_EXECUTE, 1, "c0Fr", "ece!"},
	{SEGMENT_EXECUTE, 1, "c0FS", "ece!"},
	{SEGMENT_EXECUTE, 1, "i", "!"},
	{SEGMENT_EXECUTE, 1, "o", "!"},
	{SEGMENT_EXECUTE, 1, "b", "!"},
	{SEGMENT_EXECUTE, 1, "n", "!"},
	{SEGMENT_EXECUTE, 1, "B", "!"},
	/* Parse, then Describe */
	{SEGMENT_DESCRIBE, 2, "c0c0S", "ececs"},
	{SEGMENT_DESCRIBE, 2, "F0A0S", "ececs"},
	{SEGMENT_DESCRIBE, 2, "c0F0S", "ececs"},
	{SEGMENT_DESCRIBE, 2, "r", "!"},
	{SEGMENT_DESCRIBE, 2, "c0r", "ec!"},
	{SEGMENT_DESCRIBE, 2, "c0S", "ec!"},
	{SEGMENT_DESCRIBE, 2, "c0A", "ec!"},
	{SEGMENT_DESCRIBE, 2, "c0c0c", "ecec!"},
	/* set-up or reset */
	{SEGMENT_SESSION, 3, "c0t0c0S", "ecececs"},
	{SEGMENT_SESSION, 3, "c0F0A0S", "ecececs"},
	{SEGMENT_SESSION, 3, "r", "!"},
	{SEGMENT_SESSION, 3, "c0c0S", "ecec!"},
	{SEGMENT_SESSION, 3, "c0A", "ec!"},
};

START_TEST(orders_of_results)
{
	struct results results;
	struct segment segment;
	struct db_query *query = (struct db_query *)(void *)&results; /* only its identity counts */

	results_init(&results);
	results_push(&results, &segment, orders[_i].kind, query, orders[_i].commands);
	for (size_t i = 0; orders[_i].results[i] != '\0'; i++) {
		char got = step_letter(take(&results, orders[_i].results[i]));

		ck_assert_msg(got == orders[_i].steps[i], "%s: place %zu: %c, not %c",
			      orders[_i].results, i, got, orders[_i].steps[i]);
	}
	ck_assert_uint_eq(strlen(orders[_i].results), strlen(orders[_i].steps));
	ck_assert_ptr_eq(results_pop(&results), &segment);
	ck_assert_ptr_eq(segment.query, query);
	ck_assert(results_empty(&results));
}
END_TEST

/*
 * BEGIN, the first query, the second one's PREPARE and itself, COMMIT: whose results come, 1 or 2,
 * after each; where it failed.
 */
static const struct {
	const char *results, *steps, *whose;
	unsigned failed_at;
} batches[] = {
	{"c0rt0c0rrt0c0S", "ecrececrrececs", "11112222222222", 5},
	{"c0t0c0t0c0S", "ecececececs", "11122222222", 5},
	/* refused behind a batch that has failed */
	{"F0A0A0A0A0S", "ecececececs", "11122222222", 0},
	/* a query fails, or what is prepared for it */
	{"c0F0A0A0A0S", "ecececececs", "11122222222", 1},
	{"c0rF0A0A0A0S", "ecrececececs", "111122222222", 1},
	{"c0t0F0A0A0S", "ecececececs", "11122222222", 2},
	{"c0t0c0rF0A0S", "ecececrececs", "111222222222", 3},
	/* the COMMIT does */
	{"c0t0c0t0F0S", "ecececececs", "11122222222", 4},
	/* what must not be */
	{"r", "!", "1", 5},
	{"c0t0r", "ecec!", "11122", 5},
	{"c0t0c0t0r", "ecececec!", "111222222", 5},
	{"c0t0c0t0S", "ecececec!", "111222222", 5},
	{"c0t0S", "ecec!", "11122", 5},
	{"c0A", "ec!", "111", 5},
	{"c0t0c0t0c0F", "ececececec!", "11122222222", 5},
	{"c0t0c0t0c0c", "ececececec!", "11122222222", 5},
};

START_TEST(orders_of_a_batch)
{
	struct statement statement = {.users = 1};
	struct db_query queries[2] = {{.statement = &statement}, {.statement = &statement}};
	struct batch *batch = batch_new();
	struct results results;

	ck_assert_ptr_nonnull(batch);
	results_init(&results);
	batch_begin(batch, 1);
	for (unsigned i = 0; i < 2; i++) {
		list_init(&queries[i].batch_node);
		ck_assert(batch_has_room(batch, &queries[i], 2));
		batch_add(batch, &queries[i], i + 1);
	}
	ck_assert(!batch_has_room(batch, &queries[0], 2));
	batch_expect(batch, &results, 1);
	ck_assert_uint_eq(batch->segment.commands, 5);
	for (size_t i = 0; batches[_i].results[i] != '\0'; i++) {
		char got = step_letter(take(&results, batches[_i].results[i]));

		ck_assert_msg(got == batches[_i].steps[i], "%s: place %zu: %c, not %c",
			      batches[_i].results, i, got, batches[_i].steps[i]);
		ck_assert_msg(batch->segment.query == &queries[batches[_i].whose[i] - '1'],
			      "%s: place %zu", batches[_i].results, i);
	}
	ck_assert_uint_eq(batch->segment.failed_at, batches[_i].failed_at);
	ck_assert(batch_was_refused(batch) == (batches[_i].failed_at == 0));
	ck_assert(batch_failed_to_commit(batch) == (batches[_i].failed_at == 4));
	ck_assert(batch_failed_at(batch, &queries[0]) == (batches[_i].failed_at == 1));
	ck_assert(batch_failed_at(batch, &queries[1]) ==
		  (batches[_i].failed_at == 2 || batches[_i].failed_at == 3));
	ck_assert(batch_failed_before(batch, &queries[1]) == (batches[_i].failed_at < 3));
	ck_assert_ptr_eq(batch_take(batch), &queries[0]);
	ck_assert_ptr_eq(batch_take(batch), &queries[1]);
	ck_assert_ptr_null(batch_take(batch));
	mem_free(batch);
}
END_TEST

/* In the middle, and where its results are coming. */
START_TEST(another_takes_a_place_in_a_batch)
{
	struct statement statement = {.users = 1};
	struct db_query queries[3] = {
		{.statement = &statement}, {.statement = &statement}, {.statement = &statement}};
	struct db_query other = {.statement = &statement};
	struct batch *batch = batch_new();
	struct results results;

	ck_assert_ptr_nonnull(batch);
	results_init(&results);
	list_init(&other.batch_node);
	batch_begin(batch, 1);
	for (unsigned i = 0; i < 3; i++) {
		list_init(&queries[i].batch_node);
		batch_add(batch, &queries[i], 1);
	}
	batch_expect(batch, &results, 1);
	for (const char *letter = "c0t0"; *letter != '\0'; letter++)
		ck_assert_int_ne(take(&results, *letter), RESULTS_MISMATCH);
	ck_assert_ptr_eq(batch->segment.query, &queries[1]);
	batch_replace(&queries[1], &other);
	ck_assert_ptr_eq(batch->segment.query, &other);
	ck_assert_ptr_null(queries[1].in_batch);
	ck_assert_int_eq(take(&results, 'r'), RESULTS_ROW);
	ck_assert_ptr_eq(batch_take(batch), &queries[0]);
	ck_assert_ptr_eq(batch_take(batch), &other);
	ck_assert_ptr_eq(batch_take(batch), &queries[2]);
	mem_free(batch);
}
END_TEST

/* What is in doubt, or large, is by itself. */
START_TEST(room_in_a_batch)
{
	struct statement fast = {.users = 1}, doubted = {.users = 1, .doubt = 1},
			 large = {.users = 1, .history.bytes = BATCH_BYTES_MAX};
	struct db_query queries[] = {
		{.statement = &fast}, {.statement = &doubted}, {.statement = &large}};

	for (size_t first = 0; first < 3; first++) {
		struct batch *batch = batch_new();

		ck_assert_ptr_nonnull(batch);
		for (size_t i = 0; i < 3; i++)
			ck_assert(batch_has_room(batch, &queries[i], 1));
		list_init(&queries[first].batch_node);
		batch_add(batch, &queries[first], 1);
		ck_assert(!batch_has_room(batch, &queries[0], 1));
		ck_assert(batch_has_room(batch, &queries[0], 2) == (first != 1));
		ck_assert(!batch_has_room(batch, &queries[1], 2));
		ck_assert(batch_has_room(batch, &queries[2], 2) == (first == 0));
		ck_assert_ptr_eq(batch_take(batch), &queries[first]);
		mem_free(batch);
	}
}
END_TEST

/* Nobody asked. */
START_TEST(anything_without_a_segment_is_a_mismatch)
{
	struct results results;

	results_init(&results);
	ck_assert_ptr_null(results_head(&results));
	ck_assert_ptr_null(results_pop(&results));
	ck_assert_int_eq(take(&results, statuses[_i].letter), RESULTS_MISMATCH);
	ck_assert_int_eq(take(&results, '0'), RESULTS_MISMATCH);
}
END_TEST

/* A Sync that something between lost, and an error of the next: not to be told from a deferred
 * constraint's, so nobody gets it. */
START_TEST(late_error_before_others_is_a_mismatch)
{
	struct segment first, second;
	struct results results;

	results_init(&results);
	results_push(&results, &first, SEGMENT_EXECUTE, NULL, 1);
	results_push(&results, &second, SEGMENT_EXECUTE, NULL, 1);
	ck_assert_int_eq(take(&results, 'c'), RESULTS_END);
	ck_assert_int_eq(take(&results, '0'), RESULTS_COMMAND);
	ck_assert_int_eq(take(&results, 'F'), RESULTS_MISMATCH);
	ck_assert_ptr_eq(results_pop(&results), &first);
	ck_assert_ptr_eq(results_pop(&results), &second);
}
END_TEST

/* What comes counts for the head alone, until it is popped. */
START_TEST(segments_are_answered_in_order)
{
	struct segment first, second;
	struct results results;

	results_init(&results);
	results_push(&results, &first, SEGMENT_EXECUTE, NULL, 1);
	results_push(&results, &second, SEGMENT_EXECUTE, NULL, 1);
	for (const char *letter = "F0S"; *letter != '\0'; letter++)
		ck_assert_int_ne(take(&results, *letter), RESULTS_MISMATCH);
	ck_assert(first.failed && !second.failed);
	ck_assert_ptr_eq(results_pop(&results), &first);
	ck_assert_ptr_eq(results_head(&results), &second);
	/* The first one's error skips nothing of the second. */
	ck_assert_int_eq(take(&results, 'A'), RESULTS_MISMATCH);
	ck_assert_ptr_eq(results_pop(&results), &second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db results");
	TCase *tcase = suite_case(suite, "results", 10);

	tcase_add_loop_test(tcase, orders_of_results, 0, sizeof(orders) / sizeof(orders[0]));
	tcase_add_loop_test(tcase, anything_without_a_segment_is_a_mismatch, 0,
			    sizeof(statuses) / sizeof(statuses[0]));
	tcase_add_loop_test(tcase, orders_of_a_batch, 0, sizeof(batches) / sizeof(batches[0]));
	tcase_add_test(tcase, another_takes_a_place_in_a_batch);
	tcase_add_test(tcase, room_in_a_batch);
	tcase_add_test(tcase, segments_are_answered_in_order);
	tcase_add_test(tcase, late_error_before_others_is_a_mismatch);
	return suite_run(suite);
}
