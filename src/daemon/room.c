/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/room.h"

#include "base/buf.h"
#include "base/err.h"
#include "daemon/gather.h"
#include "daemon/item.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "wire/reply.h"

/* What an item's brackets, times and command tag take. */
#define FRAME_BYTES 192
/* An error that is no longer is part of the frame. */
#define ERROR_FREE_BYTES 512

static const char answer_full[] = "the combined answer would exceed max_answer; use stream";
static const char memory_full[] = "the daemon's memory_limit is reached";

static size_t limit_of(const struct gather *gather)
{
	return gather->session->server->config->max_answer_bytes;
}

void room_begin(struct gather *gather)
{
	const struct request_gather *request = &gather->request.gather;
	size_t bytes = gather->request.id.len;

	for (size_t i = 0; i < request->item_count; i++)
		bytes += request->items[i].name.len +
			 (request->items[i].step_count + 1) * FRAME_BYTES;
	/* Rows have half of it in any case: the frames of a thousand items are more than a very
	 * small limit. */
	gather->answer_bytes = MIN(bytes, limit_of(gather) / 2);
}

void room_give_back(struct gather *gather, size_t bytes)
{
	gather->answer_bytes -= MIN(bytes, gather->answer_bytes);
}

static size_t bytes_in_answer(const struct item *item)
{
	size_t bytes = 0;

	for (size_t i = 0; i < item->request->step_count; i++)
		bytes += step_bytes(&item->steps[i]);
	return bytes;
}

static size_t bytes_in_memory(const struct item *item)
{
	size_t bytes = 0;

	for (size_t i = 0; i < item->request->step_count; i++)
		bytes += buf_charged(&item->steps[i].rows);
	return bytes;
}

/* By this measure, of the gather's items and the one that is largest so far. */
static void find_larger(struct gather *gather, size_t (*measure)(const struct item *),
			struct item **largest, size_t *most_bytes)
{
	for (size_t i = 0; i < gather->item_count; i++) {
		size_t bytes = measure(&gather->items[i]);

		if (bytes > *most_bytes) {
			*largest = &gather->items[i];
			*most_bytes = bytes;
		}
	}
}

bool room_take(struct step *step, size_t bytes)
{
	struct gather *gather = step->item->gather;

	gather->answer_bytes += bytes;
	while (gather->answer_bytes > limit_of(gather) && step->stop_message == NULL) {
		struct item *largest = step->item;
		size_t most_bytes = bytes_in_answer(largest);

		find_larger(gather, bytes_in_answer, &largest, &most_bytes);
		item_drop_rows(largest, answer_full);
	}
	return step->stop_message == NULL;
}

void room_take_error(struct gather *gather, struct err *err)
{
	struct buf text;
	size_t bytes;
	bool failed;

	buf_init(&text, 0, &gather->session->server->rows);
	reply_write_error(&text, err);
	bytes = buf_len(&text);
	failed = buf_error(&text) != 0;
	buf_free(&text);
	if (!failed && bytes <= ERROR_FREE_BYTES)
		return;
	if (!failed && bytes <= limit_of(gather) - MIN(gather->answer_bytes, limit_of(gather))) {
		gather->answer_bytes += bytes;
		return;
	}
	err->message = "the error's text is left out: the answer has no room for it";
	err->detail = err->hint = err->context = NULL;
	err->schema = err->table = err->column = err->constraint = err->parameter = NULL;
}

bool room_make(struct step *step, size_t bytes)
{
	struct item *largest = step->item;
	size_t most_bytes = bytes_in_memory(largest) + bytes;

	list_for_each (node, &largest->gather->session->server->sessions) {
		struct session *session = LIST_ENTRY(node, struct session, node);

		list_for_each (request, &session->requests) {
			struct gather *gather = LIST_ENTRY(request, struct gather, node);

			if (!gather->request.options.stream)
				find_larger(gather, bytes_in_memory, &largest, &most_bytes);
		}
	}
	if (largest == step->item)
		step_drop_rows(step, memory_full);
	else
		item_drop_rows(largest, memory_full);
	return largest != step->item;
}
