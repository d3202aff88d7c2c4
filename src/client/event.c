/* SPDX-License-Identifier: PostgreSQL */
#include "client/event.h"

#include <errno.h>

/* More than any daemon takes in one request; guards those who index by item or step. */
#define ITEM_MAX 1000000

static bool columns_valid(const struct json *columns)
{
	if (columns->type != JSON_ARRAY)
		return false;
	for (size_t i = 0; i < columns->count; i++) {
		const struct json *name = document_member(&columns->items[i], "name");

		if (name == NULL || name->type != JSON_STRING)
			return false;
	}
	return true;
}

static bool rows_valid(const struct json *rows)
{
	if (rows->type != JSON_ARRAY)
		return false;
	/* Those that are raw have been judged by the reader. */
	for (size_t i = 0; rows->items != NULL && i < rows->count; i++)
		if (rows->items[i].type != JSON_ARRAY && rows->items[i].type != JSON_OBJECT)
			return false;
	return true;
}

/* Fills the result from a step, from an item without steps or from an event. */
static int plain_result_read(struct document *document, const struct json *object,
			     struct gather_result *ret_result)
{
	struct gather_result result = {.document = document, .object = object};
	const struct json *error = document_member(object, "error");

	if (object->type != JSON_OBJECT)
		return -EINVAL;
	result.columns = document_member(object, "columns");
	result.rows = document_member(object, "rows");
	result.name = document_member_text(document, object, "name");
	if ((result.columns != NULL && !columns_valid(result.columns)) ||
	    (result.rows != NULL && !rows_valid(result.rows)))
		return -EINVAL;
	if (error != NULL) {
		if (error->type != JSON_OBJECT)
			return -EINVAL;
		result.error = (struct gather_error){document, error};
	}
	*ret_result = result;
	return 0;
}

/* The same from a combined answer's item. */
static int result_read(struct document *document, const struct json *object,
		       struct gather_result *ret_result)
{
	const struct json *steps = document_member(object, "steps");
	struct gather_result result;
	int rc;

	rc = plain_result_read(document, object, &result);
	if (rc == 0 && steps != NULL) {
		if (steps->type != JSON_ARRAY)
			return -EINVAL;
		result.step_count = steps->count;
		result.steps =
			arena_calloc(&document->arena, steps->count + 1, sizeof(*result.steps));
		if (result.steps == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < steps->count && rc == 0; i++)
			rc = plain_result_read(document, &steps->items[i], &result.steps[i]);
	}
	if (rc < 0)
		return rc;
	*ret_result = result;
	return 0;
}

/* Of the answer or the end of a stream. */
static struct gather_snapshot snapshot_of(struct document *document)
{
	const struct json *object = document_member(&document->root, "snapshot");

	if (object != NULL && object->type != JSON_OBJECT)
		object = NULL;
	return (struct gather_snapshot){document, object};
}

static int answer_read(struct document *document, const struct json *results,
		       struct gather_answer *ret_answer)
{
	struct gather_answer answer = {
		.document = document, .count = results->count, .snapshot = snapshot_of(document)};
	int rc;

	if (results->type != JSON_ARRAY && results->type != JSON_OBJECT)
		return -EINVAL;
	answer.results = arena_calloc(&document->arena, answer.count + 1, sizeof(*answer.results));
	if (answer.results == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < answer.count; i++) {
		const struct json_member *member = &results->members[i];

		if (results->type == JSON_ARRAY) {
			rc = result_read(document, &results->items[i], &answer.results[i]);
		} else {
			rc = result_read(document, &member->value, &answer.results[i]);
			answer.results[i].name =
				arena_strndup(&document->arena, member->key.data, member->key.len);
			if (rc == 0 && answer.results[i].name == NULL)
				rc = -ENOMEM;
		}
		if (rc < 0)
			return rc;
	}
	*ret_answer = answer;
	return 0;
}

static enum gather_event_kind kind_of_event(const struct json *event)
{
	static const struct {
		const char *name;
		enum gather_event_kind kind;
	} kinds[] = {{"columns", GATHER_EVENT_COLUMNS},
		     {"rows", GATHER_EVENT_ROWS},
		     {"done", GATHER_EVENT_DONE},
		     {"error", GATHER_EVENT_ERROR},
		     {"end", GATHER_EVENT_END},
		     {"listening", GATHER_EVENT_LISTENING},
		     {"notification", GATHER_EVENT_NOTIFICATION},
		     {"resync", GATHER_EVENT_RESYNC}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (event->type == JSON_STRING && str_is(event->text, kinds[i].name))
			return kinds[i].kind;
	return EVENT_UNKNOWN;
}

static int item_event_read(struct document *document, struct gather_event *event)
{
	const struct json *root = &document->root;
	int64_t item = document_member_int64(root, "item", -1), step = 0;
	int rc;

	event->has_step = document_member(root, "step") != NULL;
	if (event->has_step)
		step = document_member_int64(root, "step", -1);
	if (item < 0 || item >= ITEM_MAX || step < 0 || step >= ITEM_MAX)
		return -EINVAL;
	event->item = (size_t)item;
	event->step = (size_t)step;
	rc = plain_result_read(document, root, &event->result);
	if (rc < 0)
		return rc;
	event->error = event->result.error;
	if ((event->kind == GATHER_EVENT_ERROR) != (event->error.object != NULL) ||
	    (event->kind == GATHER_EVENT_COLUMNS && event->result.columns == NULL) ||
	    (event->kind == GATHER_EVENT_ROWS && event->result.rows == NULL))
		return -EINVAL;
	return 0;
}

static bool is_text(const struct json *value)
{
	return value != NULL && value->type == JSON_STRING;
}

static int notification_read(struct document *document, struct gather_event *event)
{
	const struct json *root = &document->root;

	if (!is_text(document_member(root, "channel")) ||
	    !is_text(document_member(root, "payload")))
		return -EINVAL;
	event->channel = document_member_text(document, root, "channel");
	event->payload = document_member_text(document, root, "payload");
	return event->channel != NULL && event->payload != NULL ? 0 : -ENOMEM;
}

static int end_read(struct document *document, struct gather_event *event)
{
	const struct json *error = document_member(&document->root, "error");

	event->answer.snapshot = snapshot_of(document);
	event->error = (struct gather_error){document, error};
	return error == NULL || error->type == JSON_OBJECT ? 0 : -EINVAL;
}

static int stream_event_read(struct document *document, struct gather_event *event)
{
	switch (event->kind) {
	case GATHER_EVENT_END:
		return end_read(document, event);
	case GATHER_EVENT_NOTIFICATION:
		return notification_read(document, event);
	case GATHER_EVENT_LISTENING:
	case GATHER_EVENT_RESYNC:
		return 0;
	default:
		return event->kind == EVENT_UNKNOWN ? 0 : item_event_read(document, event);
	}
}

int event_read(struct document *document, struct gather_event *ret_event)
{
	struct gather_event event = {.document = document, .kind = EVENT_UNKNOWN};
	const struct json *root = &document->root;
	const struct json *id = document_member(root, "id");
	const struct json *member;
	int rc = 0;

	event.has_id = id != NULL && id->type == JSON_NUMBER && json_int64(id, &event.id);
	member = document_member(root, "event");
	if (member != NULL) {
		event.kind = kind_of_event(member);
		rc = stream_event_read(document, &event);
	} else if ((member = document_member(root, "results")) != NULL) {
		event.kind = GATHER_EVENT_ANSWER;
		rc = answer_read(document, member, &event.answer);
	} else if ((member = document_member(root, "error")) != NULL) {
		event.kind = GATHER_EVENT_REFUSED;
		event.error = (struct gather_error){document, member};
		if (member->type != JSON_OBJECT)
			rc = -EINVAL;
	} else if (document_member(root, "cancelled") != NULL) {
		event.kind = EVENT_CANCELLED;
	}
	if (rc < 0)
		return rc;
	*ret_event = event;
	return 0;
}

bool event_is_final(const struct gather_event *event)
{
	return event->kind == GATHER_EVENT_ANSWER || event->kind == GATHER_EVENT_REFUSED ||
	       event->kind == GATHER_EVENT_END || event->kind == EVENT_CANCELLED;
}

struct json *result_cell(const struct gather_result *result, size_t row, size_t column)
{
	const struct json *cells;

	if (result == NULL || result->rows == NULL || result->rows->items == NULL ||
	    row >= result->rows->count)
		return NULL;
	cells = &result->rows->items[row];
	if (column >= cells->count)
		return NULL;
	return cells->type == JSON_ARRAY ? &cells->items[column] : &cells->members[column].value;
}
