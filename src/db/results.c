/* SPDX-License-Identifier: PostgreSQL */
#include "db/results.h"

#include "db/batch.h"
#include "db/query.h"

void results_init(struct results *results)
{
	list_init(&results->segments);
}

struct segment *results_head(const struct results *results)
{
	struct list *first = list_first(&results->segments);

	return first == NULL ? NULL : LIST_ENTRY(first, struct segment, node);
}

void results_push(struct results *results, struct segment *segment, enum segment_kind kind,
		  struct db_query *query, unsigned commands)
{
	*segment = (struct segment){
		.kind = kind, .query = query, .commands = commands, .failed_at = commands};
	list_push_back(&results->segments, &segment->node);
}

void results_push_batch(struct results *results, struct segment *segment, struct db_query *first)
{
	unsigned commands = 1;

	list_for_each (node, &first->batch)
		commands++;
	results_push(results, segment, SEGMENT_BATCH, first, commands);
	segment->first = first;
}

struct segment *results_pop(struct results *results)
{
	struct segment *head = results_head(results);

	if (head != NULL)
		list_remove(&head->node);
	return head;
}

void results_replace(struct segment *from, struct segment *to, struct db_query *query)
{
	struct list *before = from->node.prev;

	list_remove(&from->node);
	*to = *from;
	to->query = query;
	list_init(&to->node);
	list_push_front(before, &to->node);
}

bool results_single(const struct results *results)
{
	return !results_empty(results) && results->segments.next == results->segments.prev;
}

static enum results_step command_end(struct segment *segment)
{
	if (!segment->command_answered || segment->ended == segment->commands)
		return RESULTS_MISMATCH;
	segment->command_answered = false;
	segment->ended++;
	if (segment->kind == SEGMENT_BATCH && segment->ended < segment->commands)
		segment->query = query_next_in_batch(segment->first, segment->query);
	if (segment->kind == SEGMENT_READS)
		batch_advance(batch_of(segment));
	return RESULTS_COMMAND;
}

enum results_step results_take(struct results *results, const PGresult *result)
{
	struct segment *segment = results_head(results);

	if (segment == NULL)
		return RESULTS_MISMATCH;
	if (result == NULL)
		return command_end(segment);
	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC:
		return segment->ended == segment->commands ? RESULTS_SYNC : RESULTS_MISMATCH;
	case PGRES_SINGLE_TUPLE:
#ifdef HAVE_PQSETCHUNKEDROWSMODE
	case PGRES_TUPLES_CHUNK:
#endif
		if (!results_at_query(segment) || segment->command_answered)
			return RESULTS_MISMATCH;
		return RESULTS_ROW;
	case PGRES_FATAL_ERROR:
		/* A deferred constraint's error comes between the command's success and its Sync.
		 */
		if (segment->ended == segment->commands) {
			/* With others behind it may as well be the next one's, and the Sync lost:
			 * all that followed would then be given to the wrong query. */
			if (segment->command_answered || !results_single(results) ||
			    segment->kind == SEGMENT_READS) /* its COMMIT has gone well */
				return RESULTS_MISMATCH;
			segment->ended--;
		}
		if (!segment->failed)
			segment->failed_at = segment->ended;
		segment->failed = true;
		segment->command_answered = true;
		return RESULTS_END;
	case PGRES_PIPELINE_ABORTED:
		if (!segment->failed)
			return RESULTS_MISMATCH;
		FALLTHROUGH;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		if (segment->command_answered || segment->ended == segment->commands)
			return RESULTS_MISMATCH;
		segment->command_answered = true;
		return RESULTS_END;
	default: /* COPY in any form, and what later libpqs may add */
		return RESULTS_MISMATCH;
	}
}
