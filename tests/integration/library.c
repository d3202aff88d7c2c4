/* SPDX-License-Identifier: PostgreSQL */
/* A program as a user of libgather would write it: test_library.py builds it against an installed
 * tree. */
#include <gather.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s (%s)\n", __FILE__, __LINE__,          \
				#condition, gather_message(g));                                    \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int combined(struct gather *g)
{
	struct gather_request *request = gather_request_new();
	const struct gather_result *result;
	const struct gather_error *error;
	struct gather_answer *answer;
	int64_t number;

	gather_request_add(request, "sum", "select $1::int8 + $2::int8, null");
	gather_request_param_int64(request, NULL, INT64_MAX - 1);
	gather_request_param_int64(request, NULL, 1);
	gather_request_add(request, "text", "select :word || ' world'");
	gather_request_param_text(request, "word", "it's a \"wörld\"");
	gather_request_add(request, NULL, "select nonsense");
	CHECK(gather_run(g, request, -1, &answer) == GATHER_OK);
	CHECK(gather_answer_count(answer) == 3 && gather_answer_failed(answer) == 1);

	result = gather_answer_find(answer, "sum");
	CHECK(gather_value_int64(result, 0, 0, &number) == GATHER_OK && number == INT64_MAX);
	CHECK(gather_value_is_null(result, 0, 1));
	result = gather_answer_find(answer, "text");
	CHECK(strcmp(gather_value_text(result, 0, 0), "it's a \"wörld\" world") == 0);
	error = gather_result_error(gather_answer_result(answer, 2));
	CHECK(error && strcmp(gather_error_sqlstate(error), "42703") == 0);
	CHECK(gather_error_effects(error) == GATHER_EFFECTS_NONE && !gather_error_may_retry(error));
	gather_answer_free(answer);
	gather_request_free(request);
	return 0;
}

static int steps(struct gather *g)
{
	struct gather_request *request = gather_request_new();
	const struct gather_result *result;
	struct gather_answer *answer;
	int64_t number;

	gather_request_add(request, "ids", "select n as id from generate_series(1, 100) n");
	gather_request_query_max_rows(request, 3);
	gather_request_add(request, "one", "select $1::int8");
	gather_request_param_reference(request, NULL, "ids", "id", 2);
	gather_request_transaction(request, "good");
	gather_request_transaction_modes(request, GATHER_ISOLATION_SERIALIZABLE, true, false);
	gather_request_step(request, "level", "select current_setting('transaction_isolation')");
	gather_request_step(request, NULL, "select sum(v) from unnest(:ids::int[]) v");
	gather_request_param_reference(request, "ids", "ids", "id", GATHER_WHOLE_COLUMN);
	gather_request_transaction(request, "bad");
	gather_request_step(request, NULL, "select 1");
	gather_request_step(request, NULL, "select 1/0");
	gather_request_step(request, NULL, "select 2");
	gather_request_sequence(request, "seq");
	gather_request_step(request, NULL, "create temp table seq_t (n int)");
	gather_request_step(request, NULL, "select count(*) from seq_t");
	CHECK(gather_run(g, request, -1, &answer) == GATHER_OK);
	CHECK(gather_answer_failed(answer) == 1 && !gather_answer_snapshot(answer));

	result = gather_answer_find(answer, "ids");
	CHECK(gather_result_truncated(result) && gather_result_rows(result) == 3);
	CHECK(!gather_value_int64(gather_answer_find(answer, "one"), 0, 0, &number) && number == 3);
	result = gather_answer_find(answer, "good");
	CHECK(gather_result_outcome(result) == GATHER_OUTCOME_COMMITTED);
	CHECK(gather_result_steps(result) == 2 && !gather_result_error(result));
	CHECK(strcmp(gather_result_name(gather_result_step(result, 0)), "level") == 0);
	CHECK(strcmp(gather_value_text(gather_result_step(result, 0), 0, 0), "serializable") == 0);
	CHECK(!gather_value_int64(gather_result_step(result, 1), 0, 0, &number) && number == 6);
	result = gather_answer_find(answer, "bad");
	CHECK(gather_result_outcome(result) == GATHER_OUTCOME_ROLLED_BACK);
	CHECK(strcmp(gather_error_sqlstate(gather_result_error(result)), "22012") == 0);
	result = gather_result_step(result, 2);
	CHECK(strcmp(gather_error_code(gather_result_error(result)), "skipped") == 0);
	result = gather_answer_find(answer, "seq");
	CHECK(gather_result_steps(result) == 2 && !gather_result_error(result));
	CHECK(gather_result_outcome(result) == GATHER_OUTCOME_NONE);
	gather_answer_free(answer);
	gather_request_free(request);
	return 0;
}

/* What all queries see, in a combined answer and at the end of a stream. */
static int snapshot(struct gather *g)
{
	struct gather_request *request = gather_request_new();
	const struct gather_snapshot *seen;
	const struct gather_event *event;
	struct gather_answer *answer;

	gather_request_add(request, NULL, "select 1");
	gather_request_set_snapshot(request, true);
	CHECK(gather_run(g, request, -1, &answer) == GATHER_OK);
	seen = gather_answer_snapshot(answer);
	CHECK(seen && gather_snapshot_field(seen, "id") && !gather_snapshot_in_recovery(seen));
	gather_answer_free(answer);
	gather_request_set_stream(request, true);
	CHECK(gather_send(g, request, NULL) == GATHER_OK);
	do
		CHECK(gather_next(g, -1, &event) == GATHER_OK);
	while (gather_event_kind(event) != GATHER_EVENT_END);
	seen = gather_event_snapshot(event);
	CHECK(seen && gather_snapshot_field(seen, "time"));
	gather_request_free(request);
	return 0;
}

static int streamed(struct gather *g)
{
	struct gather_request *request = gather_request_new();
	const struct gather_event *event;
	int64_t id, expected = 1, number;

	gather_request_add(request, NULL, "select n from generate_series(1, 10000) n");
	gather_request_set_stream(request, true);
	CHECK(gather_send(g, request, &id) == GATHER_OK);
	do {
		CHECK(gather_next(g, -1, &event) == GATHER_OK && gather_event_id(event) == id);
		if (gather_event_kind(event) != GATHER_EVENT_ROWS)
			continue;
		const struct gather_result *rows = gather_event_result(event);

		for (size_t row = 0; row < gather_result_rows(rows); row++) {
			CHECK(gather_value_int64(rows, row, 0, &number) == GATHER_OK);
			CHECK(number == expected++);
		}
	} while (gather_event_kind(event) != GATHER_EVENT_END);
	CHECK(expected == 10001 && gather_event_failed(event) == 0);
	gather_request_free(request);
	return 0;
}

static int notified(struct gather *g)
{
	static const char *const channels[] = {"library", "a \"quoted\" one"};
	struct gather_request *request = gather_request_new();
	const struct gather_event *event;
	int64_t id;

	CHECK(gather_listen(g, channels, 2, NULL, &id) == GATHER_OK);
	CHECK(gather_next(g, -1, &event) == GATHER_OK && gather_event_id(event) == id);
	CHECK(gather_event_kind(event) == GATHER_EVENT_LISTENING && !gather_event_channel(event));
	gather_request_add(request, NULL, "select pg_notify($1, $2)");
	gather_request_param_text(request, NULL, channels[1]);
	gather_request_param_text(request, NULL, "wörld");
	CHECK(gather_send(g, request, NULL) == GATHER_OK && gather_unanswered(g) == 2);
	do
		CHECK(gather_next(g, -1, &event) == GATHER_OK);
	while (gather_event_kind(event) != GATHER_EVENT_NOTIFICATION);
	CHECK(gather_event_id(event) == id && gather_event_pid(event) > 0);
	CHECK(strcmp(gather_event_channel(event), channels[1]) == 0);
	CHECK(strcmp(gather_event_payload(event), "wörld") == 0);
	CHECK(gather_cancel(g, id) == GATHER_OK);
	do
		CHECK(gather_next(g, -1, &event) == GATHER_OK);
	while (gather_event_kind(event) != GATHER_EVENT_END);
	CHECK(!gather_event_error(event));
	while (gather_unanswered(g) > 0)
		CHECK(gather_next(g, -1, &event) == GATHER_OK);
	CHECK(gather_listen(g, NULL, 0, NULL, NULL) == GATHER_INVALID);
	gather_request_free(request);
	return 0;
}

static int refused(struct gather *g)
{
	struct gather_request *request = gather_request_new();
	struct gather_answer *answer = NULL;

	gather_request_add(request, NULL, "select 1");
	gather_request_set_db(request, "nowhere");
	CHECK(gather_run(g, request, -1, &answer) == GATHER_REFUSED && !answer);
	CHECK(strcmp(gather_error_code(gather_refusal(g)), "unknown_database") == 0);
	gather_request_free(request);
	return 0;
}

int main(void)
{
	struct gather *g = gather_new();
	int failed;

	CHECK(gather_connect(g, NULL, 5000) == GATHER_OK);
	failed = combined(g) || steps(g) || snapshot(g) || streamed(g) || notified(g) || refused(g);
	gather_free(g);
	if (!failed)
		puts("well");
	return failed;
}
