/* SPDX-License-Identifier: PostgreSQL */
/* The public accessors of events, answers and results; values and errors have files of their own.
 */
#include "base/mem.h"
#include "client/event.h"

enum gather_event_kind gather_event_kind(const struct gather_event *event)
{
	return event->kind;
}

int64_t gather_event_id(const struct gather_event *event)
{
	return event->id;
}

size_t gather_event_item(const struct gather_event *event)
{
	return event->item;
}

int64_t gather_event_step(const struct gather_event *event)
{
	return event->has_step ? (int64_t)event->step : -1;
}

const struct gather_result *gather_event_result(const struct gather_event *event)
{
	return event->result.object != NULL ? &event->result : NULL;
}

const struct gather_error *gather_event_error(const struct gather_event *event)
{
	return event->error.object != NULL ? &event->error : NULL;
}

const char *gather_event_channel(const struct gather_event *event)
{
	return event->channel;
}

const char *gather_event_payload(const struct gather_event *event)
{
	return event->payload;
}

int gather_event_pid(const struct gather_event *event)
{
	return event->kind == GATHER_EVENT_NOTIFICATION
		       ? (int)document_member_int64(&event->document->root, "pid", 0)
		       : 0;
}

const struct gather_answer *gather_event_answer(const struct gather_event *event)
{
	return event->kind == GATHER_EVENT_ANSWER ? &event->answer : NULL;
}

const struct gather_snapshot *gather_event_snapshot(const struct gather_event *event)
{
	return gather_answer_snapshot(&event->answer);
}

static size_t failed_count(const struct document *document)
{
	int64_t failed = document_member_int64(&document->root, "failed", 0);

	return failed > 0 ? (size_t)failed : 0;
}

size_t gather_event_failed(const struct gather_event *event)
{
	return failed_count(event->document);
}

double gather_event_elapsed_s(const struct gather_event *event)
{
	return document_member_double(&event->document->root, "elapsed", 0);
}

void gather_answer_free(struct gather_answer *answer)
{
	if (answer == NULL)
		return;
	document_free(answer->document);
	mem_free(answer);
}

size_t gather_answer_count(const struct gather_answer *answer)
{
	return answer->count;
}

size_t gather_answer_failed(const struct gather_answer *answer)
{
	return failed_count(answer->document);
}

double gather_answer_elapsed_s(const struct gather_answer *answer)
{
	return document_member_double(&answer->document->root, "elapsed", 0);
}

const struct gather_result *gather_answer_result(const struct gather_answer *answer, size_t index)
{
	return index < answer->count ? &answer->results[index] : NULL;
}

const struct gather_result *gather_answer_find(const struct gather_answer *answer, const char *name)
{
	for (size_t i = 0; name != NULL && i < answer->count; i++)
		if (answer->results[i].name != NULL && strcmp(answer->results[i].name, name) == 0)
			return &answer->results[i];
	return NULL;
}

const struct gather_snapshot *gather_answer_snapshot(const struct gather_answer *answer)
{
	return answer->snapshot.object != NULL ? &answer->snapshot : NULL;
}

const char *gather_snapshot_field(const struct gather_snapshot *snapshot, const char *field)
{
	return document_member_text(snapshot->document, snapshot->object, field);
}

bool gather_snapshot_in_recovery(const struct gather_snapshot *snapshot)
{
	return document_member_true(snapshot->object, "in_recovery");
}

const char *gather_result_name(const struct gather_result *result)
{
	return result != NULL ? result->name : NULL;
}

const struct gather_error *gather_result_error(const struct gather_result *result)
{
	return result != NULL && result->error.object != NULL ? &result->error : NULL;
}

size_t gather_result_steps(const struct gather_result *result)
{
	return result != NULL ? result->step_count : 0;
}

const struct gather_result *gather_result_step(const struct gather_result *result, size_t index)
{
	return index < gather_result_steps(result) ? &result->steps[index] : NULL;
}

enum gather_outcome gather_result_outcome(const struct gather_result *result)
{
	const struct json *outcome =
		result != NULL ? document_member(result->object, "outcome") : NULL;

	if (outcome == NULL || outcome->type == JSON_NULL)
		return GATHER_OUTCOME_NONE;
	if (outcome->type == JSON_STRING && str_is(outcome->text, "committed"))
		return GATHER_OUTCOME_COMMITTED;
	if (outcome->type == JSON_STRING && str_is(outcome->text, "rolled_back"))
		return GATHER_OUTCOME_ROLLED_BACK;
	return GATHER_OUTCOME_UNKNOWN;
}

bool gather_result_truncated(const struct gather_result *result)
{
	return result != NULL && document_member_true(result->object, "truncated");
}

size_t gather_result_columns(const struct gather_result *result)
{
	return result != NULL && result->columns != NULL ? result->columns->count : 0;
}

static const struct json *column_at(const struct gather_result *result, size_t column)
{
	return column < gather_result_columns(result) ? &result->columns->items[column] : NULL;
}

const char *gather_result_column_name(const struct gather_result *result, size_t column)
{
	const struct json *object = column_at(result, column);

	return object != NULL ? document_member_text(result->document, object, "name") : NULL;
}

const char *gather_result_column_type(const struct gather_result *result, size_t column)
{
	const struct json *object = column_at(result, column);

	return object != NULL ? document_member_text(result->document, object, "type") : NULL;
}

uint32_t gather_result_column_oid(const struct gather_result *result, size_t column)
{
	int64_t oid = document_member_int64(column_at(result, column), "oid", 0);

	return oid > 0 && oid <= UINT32_MAX ? (uint32_t)oid : 0;
}

size_t gather_result_rows(const struct gather_result *result)
{
	return result != NULL && result->rows != NULL ? result->rows->count : 0;
}

int64_t gather_result_count(const struct gather_result *result)
{
	return result != NULL ? document_member_int64(result->object, "count", -1) : -1;
}

const char *gather_result_command(const struct gather_result *result)
{
	return result != NULL ? document_member_text(result->document, result->object, "command")
			      : NULL;
}

double gather_result_queued_s(const struct gather_result *result)
{
	return result != NULL ? document_member_double(result->object, "queued", 0) : 0;
}

double gather_result_elapsed_s(const struct gather_result *result)
{
	return result != NULL ? document_member_double(result->object, "elapsed", 0) : 0;
}
