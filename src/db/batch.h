/* SPDX-License-Identifier: PostgreSQL */
/*
 * Fast reads of a read-only database that travel together: BEGIN READ ONLY, the queries, COMMIT, up
 * to one Sync. None of them is answered before the COMMIT has gone well; a batch that fails answers
 * nobody, but has each query run again by itself. Knows no connection: conn_batch.c sends it and
 * judges its end.
 */
#ifndef DB_BATCH_H
#define DB_BATCH_H

#include "base/list.h"
#include "base/macros.h"
#include "db/results.h"

#include <stdbool.h>
#include <stddef.h>

struct db_query;

/* What all results of a batch together are expected to take at most, by their histories. */
#define BATCH_BYTES_MAX ((size_t)1024 * 1024)

struct batch {
	struct segment segment;	 /* `query` is never NULL: at BEGIN the first, at COMMIT the last */
	struct list queries;	 /* db_query.batch_node, in the order in which they were sent */
	unsigned count;		 /* of them */
	unsigned begin_commands; /* before the first: BEGIN, and what it needs */
	unsigned commit_first;	 /* of its commands, that which is for COMMIT */
	bool prepares_own;	 /* BEGIN or COMMIT was to be prepared, or another dropped for it */
	size_t expected_bytes;
};

/* NULL: no memory. Freed with mem_free when it holds no query any more. */
struct batch *batch_new(void);
/* BEGIN is sent, in so many commands. */
void batch_begin(struct batch *batch, unsigned commands);
/* Whether the query may be the next one in it. */
bool batch_has_room(const struct batch *batch, const struct db_query *query, unsigned count_max);
/* `commands`: how many were sent for it; the last of them is the query itself. */
void batch_add(struct batch *batch, struct db_query *query, unsigned commands);
/* With its COMMIT sent, in so many commands: its results come next after all others. */
void batch_expect(struct batch *batch, struct results *results, unsigned commit_commands);
/* Another takes the query's place. */
void batch_replace(struct db_query *query, struct db_query *with);
/* The first query, which is then no part of it any more; NULL: none is left. */
struct db_query *batch_take(struct batch *batch);
/* The one behind `query`, or with NULL the first; NULL: none. */
struct db_query *batch_next(const struct batch *batch, const struct db_query *query);

/* A command's results are all there: on with the query that the next ones are for. */
void batch_advance(struct batch *batch);

static inline struct batch *batch_of(struct segment *segment)
{
	return CONTAINER_OF(segment, struct batch, segment);
}

/* Whether it was the query that failed, or what was sent for it alone. */
bool batch_failed_at(const struct batch *batch, const struct db_query *query);
/* Whether it failed before the query itself: what was to be prepared for it is not. */
bool batch_failed_before(const struct batch *batch, const struct db_query *query);
/* Whether nothing of it was run, since there was no BEGIN. */
bool batch_was_refused(const struct batch *batch);
/* Whether it failed after its last query. */
bool batch_failed_to_commit(const struct batch *batch);

#endif
