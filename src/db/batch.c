/* SPDX-License-Identifier: PostgreSQL */
#include "db/batch.h"

#include "base/mem.h"
#include "db/query.h"
#include "db/statements.h"

#include <assert.h>

struct batch *batch_new(void)
{
	struct batch *batch = mem_calloc(1, sizeof(*batch));

	if (batch == NULL)
		return NULL;
	list_init(&batch->queries);
	return batch;
}

void batch_begin(struct batch *batch, unsigned commands)
{
	batch->begin_commands = batch->segment.commands = commands;
}

bool batch_has_room(const struct batch *batch, const struct db_query *query, unsigned count_max)
{
	const struct db_query *first = batch_next(batch, NULL);

	if (first == NULL)
		return true;
	/* Of what is in doubt it has to be seen how it behaves by itself. */
	return batch->count < count_max && first->statement->doubt == 0 &&
	       query->statement->doubt == 0 &&
	       batch->expected_bytes + query->statement->history.bytes <= BATCH_BYTES_MAX;
}

void batch_add(struct batch *batch, struct db_query *query, unsigned commands)
{
	query->batch_first = batch->segment.commands;
	batch->segment.commands += commands;
	query->batch_own = batch->segment.commands - 1;
	query->in_batch = batch;
	list_push_back(&batch->queries, &query->batch_node);
	batch->count++;
	batch->expected_bytes += query->statement->history.bytes;
}

void batch_expect(struct batch *batch, struct results *results, unsigned commit_commands)
{
	struct db_query *first = batch_next(batch, NULL);

	assert(first != NULL); /* an empty one is not sent */
	batch->commit_first = batch->segment.commands;
	results_push(results, &batch->segment, SEGMENT_READS, first,
		     batch->segment.commands + commit_commands);
	batch->segment.own_command = first->batch_own;
}

void batch_advance(struct batch *batch)
{
	struct segment *segment = &batch->segment;
	struct db_query *next = batch_next(batch, segment->query);

	if (segment->ended <= segment->own_command || next == NULL)
		return;
	segment->query = next;
	segment->own_command = next->batch_own;
}

struct db_query *batch_next(const struct batch *batch, const struct db_query *query)
{
	struct list *next = query == NULL ? batch->queries.next : query->batch_node.next;

	return next == &batch->queries ? NULL : LIST_ENTRY(next, struct db_query, batch_node);
}

void batch_replace(struct db_query *query, struct db_query *with)
{
	struct batch *batch = query->in_batch;
	struct list *before = query->batch_node.prev;

	list_remove(&query->batch_node);
	list_push_front(before, &with->batch_node);
	with->in_batch = batch;
	with->batch_first = query->batch_first;
	with->batch_own = query->batch_own;
	with->prepares = query->prepares;
	with->drops = query->drops;
	query->in_batch = NULL;
	if (batch->segment.query == query)
		batch->segment.query = with;
}

struct db_query *batch_take(struct batch *batch)
{
	struct db_query *query = batch_next(batch, NULL);

	if (query == NULL)
		return NULL;
	list_remove(&query->batch_node);
	query->in_batch = NULL;
	return query;
}

bool batch_failed_at(const struct batch *batch, const struct db_query *query)
{
	const struct segment *segment = &batch->segment;

	return segment->failed && segment->failed_at >= query->batch_first &&
	       segment->failed_at <= query->batch_own;
}

bool batch_failed_before(const struct batch *batch, const struct db_query *query)
{
	return batch->segment.failed && batch->segment.failed_at < query->batch_own;
}

bool batch_was_refused(const struct batch *batch)
{
	return batch->segment.failed && batch->segment.failed_at < batch->begin_commands;
}

bool batch_failed_to_commit(const struct batch *batch)
{
	return batch->segment.failed && batch->segment.failed_at >= batch->commit_first;
}
