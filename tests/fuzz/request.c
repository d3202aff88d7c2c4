/* SPDX-License-Identifier: PostgreSQL */
/*
 * Request lines. The JSON reader takes exactly what is JSON; a request that is taken has the shape
 * that its header promises; how it is spaced and escaped changes nothing; what is refused is
 * answered with a line that is valid itself.
 */
#include "wire/request.h"
#include "base/arena.h"
#include "fuzz.h"
#include "strict.h"
#include "wire/json.h"
#include "wire/reply.h"

#include <errno.h>

#define MAX_QUERIES 50

/* The product's reader and the strict one must agree. */
static bool check_json(struct arena *arena, struct str line, struct json *ret_value)
{
	struct strict_facts facts;
	struct json_error error = {0};
	bool valid = strict_json(line, &facts);
	int rc = json_parse(arena, line, ret_value, &error);

	FUZZ_CHECK(rc == 0 || rc == -EINVAL);
	if (rc == 0) {
		FUZZ_CHECK(valid && facts.depth <= JSON_MAX_DEPTH && !facts.lone_surrogates);
		return true;
	}
	FUZZ_CHECK(error.offset <= line.len && error.message != NULL);
	FUZZ_CHECK(!valid || facts.depth > JSON_MAX_DEPTH || facts.lone_surrogates ||
		   error.key.data != NULL);
	return false;
}

/* Written again it is the same value. */
static struct str rewrite(struct arena *arena, const struct json *value, struct buf *out)
{
	struct json again;
	struct json_error error;
	struct buf twice;

	json_write_value(out, value);
	FUZZ_CHECK(buf_error(out) == 0 && strict_json_line(buf_str(out)));
	FUZZ_CHECK(json_parse(arena, buf_str(out), &again, &error) == 0);
	buf_init(&twice, 0, NULL);
	json_write_value(&twice, &again);
	FUZZ_CHECK_SAME(buf_str(&twice), buf_str(out));
	buf_free(&twice);
	return buf_str(out);
}

static void check_param(const struct request *request, const struct request_item *item,
			const struct request_query *step, const struct request_param *param)
{
	bool listed = false;

	FUZZ_CHECK(param->value != NULL);
	FUZZ_CHECK((param->name.data != NULL) == (step->params_kind == REQUEST_PARAMS_NAMED));
	if (param->reference == NULL)
		return;
	FUZZ_CHECK(param->reference->item < request->gather.item_count);
	FUZZ_CHECK(request->gather.items[param->reference->item].kind == REQUEST_QUERY);
	FUZZ_CHECK(param->reference->row >= -1);
	for (size_t i = 0; i < item->depend_count; i++)
		listed |= item->depends[i] == param->reference->item;
	FUZZ_CHECK(listed);
}

static void check_item(const struct request *request, size_t index)
{
	const struct request_item *item = &request->gather.items[index];

	FUZZ_CHECK(item->kind == REQUEST_QUERY ? item->step_count == 1 : item->step_count >= 1);
	FUZZ_CHECK(item->timeout_ns >= 0);
	FUZZ_CHECK(!request->gather.by_name || item->name.data != NULL);
	if (item->kind == REQUEST_QUERY) {
		FUZZ_CHECK_SAME(item->steps[0].name, item->name);
		FUZZ_CHECK(item->steps[0].timeout_ns == item->timeout_ns);
	}
	for (size_t i = 0; i < item->step_count; i++) {
		const struct request_query *step = &item->steps[i];

		FUZZ_CHECK(step->timeout_ns >= 0);
		FUZZ_CHECK(step->sql_has_nul ||
			   memchr(step->sql.data, '\0', step->sql.len) == NULL);
		FUZZ_CHECK(step->params_kind != REQUEST_PARAMS_NONE || step->param_count == 0);
		for (size_t k = 0; k < step->param_count; k++)
			check_param(request, item, step, &step->params[k]);
	}
	for (size_t i = 0; i < item->depend_count; i++) {
		FUZZ_CHECK(item->depends[i] < request->gather.item_count);
		FUZZ_CHECK(item->depends[i] != index);
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(item->depends[k] != item->depends[i]);
	}
}

/* Every item can be run: each after those that it takes values from. */
static void check_no_cycle(const struct request_gather *gather)
{
	bool *done = mem_calloc(gather->item_count + 1, sizeof(*done));
	size_t left = gather->item_count;
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < gather->item_count; i++) {
			const struct request_item *item = &gather->items[i];
			bool ready = !done[i];

			for (size_t k = 0; k < item->depend_count; k++)
				ready &= done[item->depends[k]];
			if (ready) {
				done[i] = moved = true;
				left--;
			}
		}
	}
	FUZZ_CHECK(left == 0);
	mem_free(done);
}

static void check_taken(const struct request *request)
{
	size_t steps = 0;

	FUZZ_CHECK(request->verb != REQUEST_NONE);
	FUZZ_CHECK(request->options.timeout_ns >= 0);
	switch (request->verb) {
	case REQUEST_GATHER:
		for (size_t i = 0; i < request->gather.item_count; i++) {
			check_item(request, i);
			steps += request->gather.items[i].step_count;
		}
		FUZZ_CHECK(steps <= MAX_QUERIES);
		check_no_cycle(&request->gather);
		break;
	case REQUEST_LISTEN:
		FUZZ_CHECK(request->channel_count >= 1);
		FUZZ_CHECK(request->channel_count <= REQUEST_MAX_CHANNELS);
		for (size_t i = 0; i < request->channel_count; i++)
			FUZZ_CHECK(strlen(request->channels[i]) <= REQUEST_CHANNEL_MAX_BYTES);
		break;
	case REQUEST_CANCEL:
		FUZZ_CHECK(strict_json_line(request->cancel_id));
		break;
	default:
		break;
	}
}

static int parse(struct arena *arena, struct str line, struct request *request, struct err *err)
{
	const struct request_limits limits = {.max_queries = MAX_QUERIES};
	int rc = request_parse(arena, line, 7, &limits, request, err);
	struct buf answer;

	FUZZ_CHECK(rc == 0 || rc == -EINVAL);
	FUZZ_CHECK(strict_json_line(request->id));
	if (rc == 0) {
		check_taken(request);
		return 0;
	}
	FUZZ_CHECK(err->code != ERR_NONE && err->effects == ERR_EFFECTS_NONE);
	FUZZ_CHECK(err->message != NULL);
	buf_init(&answer, 0, NULL);
	reply_write_error_line(&answer, request->id, err);
	FUZZ_CHECK(buf_len(&answer) > 0 && buf_data(&answer)[buf_len(&answer) - 1] == '\n');
	FUZZ_CHECK(strict_json_line((struct str){buf_data(&answer), buf_len(&answer) - 1}));
	buf_free(&answer);
	return rc;
}

static void check_same(const struct request *a, const struct request *b)
{
	FUZZ_CHECK(a->verb == b->verb);
	FUZZ_CHECK_SAME(a->id, b->id);
	FUZZ_CHECK_SAME(a->report, b->report);
	FUZZ_CHECK_SAME(a->options.db, b->options.db);
	FUZZ_CHECK(a->options.timeout_ns == b->options.timeout_ns);
	FUZZ_CHECK(a->report_param_count == b->report_param_count);
	FUZZ_CHECK(a->channel_count == b->channel_count);
	FUZZ_CHECK(a->gather.item_count == b->gather.item_count);
	for (size_t i = 0; a->verb == REQUEST_GATHER && i < a->gather.item_count; i++) {
		const struct request_item *x = &a->gather.items[i], *y = &b->gather.items[i];

		FUZZ_CHECK(x->kind == y->kind && x->step_count == y->step_count);
		FUZZ_CHECK_SAME(x->name, y->name);
		FUZZ_CHECK_SAME(x->steps[0].sql, y->steps[0].sql);
		FUZZ_CHECK(x->steps[0].param_count == y->steps[0].param_count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	struct str line = fuzz_rest(&input), compact;
	const char *newline = memchr(line.data, '\n', line.len);
	struct request *request = mem_calloc(2, sizeof(*request));
	struct err err, err_again;
	struct arena arena;
	struct json value;
	struct buf out;
	bool is_json;
	int rc;

	if (newline != NULL)
		line.len = (size_t)(newline - line.data);
	arena_init(&arena, 0, NULL);
	buf_init(&out, 0, NULL);
	is_json = check_json(&arena, line, &value);
	rc = parse(&arena, line, &request[0], &err);
	/* A line whose first byte is another one may be of another protocol. */
	FUZZ_CHECK((is_json && line.data[0] == '{') || rc == -EINVAL);
	if (is_json && line.data[0] == '{') {
		compact = rewrite(&arena, &value, &out);
		FUZZ_CHECK(parse(&arena, compact, &request[1], &err_again) == rc);
		if (rc == 0)
			check_same(&request[0], &request[1]);
		else
			FUZZ_CHECK(err.code == err_again.code);
	}
	buf_free(&out);
	arena_free(&arena);
	mem_free(request);
	return 0;
}
