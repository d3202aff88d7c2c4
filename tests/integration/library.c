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
	failed = combined(g) || streamed(g) || refused(g);
	gather_free(g);
	if (!failed)
		puts("well");
	return failed;
}
