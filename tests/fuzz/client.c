/* SPDX-License-Identifier: PostgreSQL */
/*
 * libgather against a peer that says anything. Each event belongs to a request that waits, none
 * comes behind a request's last one, the end comes and is told as one, and whatever the accessors
 * hand out can be read to its end. Rows that are not looked into are those that are.
 */
#include "client/gather.h"

#include "client/connection.h"
#include "client/skip.h"
#include "fuzz.h"
#include "strict.h"

#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS 3
#define MAX_LINE 100000

/* What the accessors gave, read by the sanitizer. */
static size_t read_text(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

static void read_error(const struct gather_error *error)
{
	static const char *const fields[] = {"severity",   "detail",   "hint",	 "context",
					     "schema",	   "table",    "column", "key",
					     "constraint", "parameter"};

	FUZZ_CHECK(gather_error_code(error) != NULL && gather_error_message(error) != NULL);
	(void)read_text(gather_error_code(error));
	(void)read_text(gather_error_message(error));
	(void)read_text(gather_error_sqlstate(error));
	FUZZ_CHECK(gather_error_effects(error) <= GATHER_EFFECTS_UNKNOWN);
	FUZZ_CHECK(!gather_error_may_retry(error) ||
		   gather_error_effects(error) == GATHER_EFFECTS_NONE);
	(void)gather_error_position(error);
	(void)gather_error_line(error);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)read_text(gather_error_field(error, fields[i]));
}

static void read_cell(const struct gather_result *result, size_t row, size_t column)
{
	const char *text = gather_value_text(result, row, column);
	int64_t integer = 7;
	double number = 7;
	bool flag;

	FUZZ_CHECK((text == NULL) == gather_value_is_null(result, row, column));
	if (text == NULL)
		return;
	FUZZ_CHECK(text[gather_value_length(result, row, column)] == '\0');
	FUZZ_CHECK(strlen(text) <= gather_value_length(result, row, column));
	/* Asked twice it is the same text. */
	FUZZ_CHECK(gather_value_text(result, row, column) == text);
	if (gather_value_int64(result, row, column, &integer) < 0)
		FUZZ_CHECK(integer == 7);
	if (gather_value_double(result, row, column, &number) < 0)
		FUZZ_CHECK(number == 7);
	FUZZ_CHECK(gather_value_bool(result, row, column, &flag) <= 0);
}

static void read_result(const struct gather_result *result, unsigned depth)
{
	const size_t columns = gather_result_columns(result), rows = gather_result_rows(result);

	(void)read_text(gather_result_name(result));
	(void)read_text(gather_result_command(result));
	(void)gather_result_count(result);
	(void)gather_result_queued_s(result);
	(void)gather_result_elapsed_s(result);
	(void)gather_result_outcome(result);
	(void)gather_result_truncated(result);
	if (gather_result_error(result) != NULL)
		read_error(gather_result_error(result));
	for (size_t i = 0; i <= columns; i++) {
		(void)read_text(gather_result_column_name(result, i));
		(void)read_text(gather_result_column_type(result, i));
		(void)gather_result_column_oid(result, i);
	}
	FUZZ_CHECK(gather_result_column_name(result, columns) == NULL);
	for (size_t row = 0; row <= rows && row < 50; row++)
		for (size_t column = 0; column < 8; column++)
			read_cell(result, row, column);
	FUZZ_CHECK(gather_value_is_null(result, rows, 0));
	FUZZ_CHECK(depth < 2 || gather_result_steps(result) == 0);
	for (size_t i = 0; i < gather_result_steps(result); i++)
		read_result(gather_result_step(result, i), depth + 1);
	FUZZ_CHECK(gather_result_step(result, gather_result_steps(result)) == NULL);
}

static void read_snapshot(const struct gather_snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	(void)read_text(gather_snapshot_field(snapshot, "id"));
	(void)read_text(gather_snapshot_field(snapshot, "lsn"));
	(void)gather_snapshot_in_recovery(snapshot);
}

static void read_answer(const struct gather_answer *answer)
{
	FUZZ_CHECK(gather_answer_result(answer, gather_answer_count(answer)) == NULL);
	(void)gather_answer_failed(answer);
	(void)gather_answer_elapsed_s(answer);
	read_snapshot(gather_answer_snapshot(answer));
	for (size_t i = 0; i < gather_answer_count(answer); i++) {
		const struct gather_result *result = gather_answer_result(answer, i);
		const char *name = gather_result_name(result);

		FUZZ_CHECK(result != NULL);
		if (name != NULL)
			FUZZ_CHECK(gather_answer_find(answer, name) != NULL);
		read_result(result, 0);
	}
}

static void read_event(const struct gather_event *event)
{
	if (gather_event_answer(event) != NULL)
		read_answer(gather_event_answer(event));
	if (gather_event_result(event) != NULL)
		read_result(gather_event_result(event), 0);
	if (gather_event_error(event) != NULL)
		read_error(gather_event_error(event));
	read_snapshot(gather_event_snapshot(event));
	(void)gather_event_item(event);
	(void)gather_event_step(event);
	(void)gather_event_failed(event);
	(void)gather_event_elapsed_s(event);
}

/* A connection whose peer has said all this, and says no more. */
static struct gather *connected(struct str said, int *ret_peer)
{
	const int room_bytes = 1 << 20;
	struct gather *gather = gather_new();
	int pair[2];

	FUZZ_CHECK(gather != NULL);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room_bytes, sizeof(room_bytes));
	(void)send(pair[1], said.data, said.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(pair[1], SHUT_WR);
	gather->fd = pair[0];
	gather->max_line = MAX_LINE;
	*ret_peer = pair[1];
	return gather;
}

static void ask(struct gather *gather, bool waits[REQUESTS + 1])
{
	struct gather_request *request = gather_request_new();
	int64_t id;

	FUZZ_CHECK(request != NULL);
	FUZZ_CHECK(gather_request_add(request, "a", "select 1") == 0);
	for (int i = 0; i < REQUESTS; i++) {
		FUZZ_CHECK(gather_request_set_stream(request, i > 0) == 0);
		if (gather_send(gather, request, &id) < 0)
			continue;
		FUZZ_CHECK(id >= 1 && id <= REQUESTS);
		waits[id] = true;
	}
	gather_request_free(request);
}

/* A line whose rows are only passed on: of JSON, what is read is found without reading it, too. */
static void pass_on(struct str line)
{
	struct document *document = document_new();
	struct gather_event event;
	struct str rows = {0};
	size_t count = 0, again = 0;

	FUZZ_CHECK(document != NULL);
	if (document_read(document, line) == 0 && event_read(document, &event) == 0 &&
	    event.kind == GATHER_EVENT_ROWS && strict_json(line, NULL)) {
		rows = event.result.rows->raw;
		count = event.result.rows->count;
	}
	document->raw_rows = true;
	if (document_read(document, line) == 0 && event_read(document, &event) == 0 &&
	    event.kind == GATHER_EVENT_ROWS) {
		struct str raw = event.result.rows->raw;

		FUZZ_CHECK(raw.len >= 2 && raw.data[0] == '[' && raw.data[raw.len - 1] == ']');
		FUZZ_CHECK(skip_rows_scalar(raw, &again) == raw.len);
		FUZZ_CHECK(again == event.result.rows->count);
		FUZZ_CHECK(rows.len == 0 || (raw.data == rows.data && raw.len == rows.len));
		FUZZ_CHECK(rows.len == 0 || again == count);
	} else {
		FUZZ_CHECK(rows.len == 0);
	}
	document_free(document);
}

static void pass_on_all(struct str said)
{
	while (said.len > 0) {
		const char *newline = memchr(said.data, '\n', said.len);
		size_t len = newline != NULL ? (size_t)(newline - said.data) : said.len;

		pass_on((struct str){said.data, len});
		len = MIN(len + 1, said.len);
		said = (struct str){said.data + len, said.len - len};
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	bool waits[REQUESTS + 1] = {false}, unanswered = false;
	const struct gather_event *event;
	struct gather *gather;
	int peer, rc;

	gather = connected(fuzz_rest(&input), &peer);
	ask(gather, waits);
	while ((rc = gather_next(gather, 0, &event)) == 0) {
		const int64_t id = gather_event_id(event);
		const enum gather_event_kind kind = gather_event_kind(event);

		FUZZ_CHECK(id >= 1 && id <= REQUESTS && waits[id]);
		if (kind == GATHER_EVENT_ANSWER || kind == GATHER_EVENT_REFUSED ||
		    kind == GATHER_EVENT_END)
			waits[id] = false;
		read_event(event);
	}
	for (int i = 1; i <= REQUESTS; i++)
		unanswered |= waits[i];
	FUZZ_CHECK(rc != GATHER_TIMED_OUT && rc != GATHER_INTERRUPTED && rc != GATHER_INVALID);
	FUZZ_CHECK(unanswered ? rc != GATHER_CLOSED : rc != GATHER_LOST);
	FUZZ_CHECK(gather_message(gather)[0] != '\0');
	/* Once broken it stays so. */
	FUZZ_CHECK(gather_next(gather, 0, &event) < 0);
	gather_free(gather);
	close(peer);
	pass_on_all((struct str){(const char *)data, size_bytes});
	return 0;
}
