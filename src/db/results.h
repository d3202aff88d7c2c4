/* SPDX-License-Identifier: PostgreSQL */
/*
 * The queue of results that a connection expects, in the order in which it sent: the reason why no
 * row can reach another's query. A segment is what stands between two Syncs: one or more commands,
 * each with its own results. Whatever comes that the head does not expect makes the connection
 * unusable; nothing is ever resynchronised.
 */
#ifndef DB_RESULTS_H
#define DB_RESULTS_H

#include "base/list.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct db_query;

enum segment_kind {
	SEGMENT_EXECUTE,  /* the query is the last command; before it what it needs (PREPARE) */
	SEGMENT_BATCH,	  /* each command a query: an error of one skips the rest */
	SEGMENT_READS,	  /* BEGIN, queries with what each needs, COMMIT: db/batch.h */
	SEGMENT_DESCRIBE, /* Parse, then Describe */
	SEGMENT_SESSION	  /* the connection's own: set-up or reset; any number of commands */
};

struct segment {
	struct list node; /* results.segments */
	enum segment_kind kind;
	struct db_query *query; /* whose results come now; NULL: SESSION */
	struct db_query *first; /* BATCH: the others follow in its `batch` */
	unsigned own_command;	/* READS: which of them is `query` itself */
	unsigned commands;	/* sent */
	uint64_t sends_before;	/* of the transport: none of them had anything of it */
	unsigned ended;		/* of them, those whose results have all come */
	bool command_answered;	/* the current one has had its final result */
	unsigned failed_at;	/* which command failed; `commands` while none has */
	bool failed; /* the server reported an error: the commands after it are skipped */
};

struct results {
	struct list segments; /* head: whose results come next */
};

void results_init(struct results *results);
static inline bool results_empty(const struct results *results)
{
	return list_empty(&results->segments);
}
struct segment *results_head(const struct results *results);
void results_push(struct results *results, struct segment *segment, enum segment_kind kind,
		  struct db_query *query, unsigned commands);
/* All of `first` and its batch, in order. */
void results_push_batch(struct results *results, struct segment *segment, struct db_query *first);
struct segment *results_pop(struct results *results);
/* The place of one query in the queue becomes another's. */
void results_replace(struct segment *from, struct segment *to, struct db_query *query);
/* Whether there is nothing behind the head. */
bool results_single(const struct results *results);

/* Whether the command whose results come next is a query itself. */
static inline bool results_at_query(const struct segment *segment)
{
	switch (segment->kind) {
	case SEGMENT_EXECUTE:
		return segment->ended + 1 == segment->commands;
	case SEGMENT_BATCH:
		return segment->ended < segment->commands;
	case SEGMENT_READS:
		return segment->ended == segment->own_command;
	default:
		return false;
	}
}

/* Whether what stands before the query has failed. */
static inline bool results_failed_early(const struct segment *segment)
{
	return segment->failed_at + 1 < segment->commands;
}

enum results_step {
	RESULTS_ROW, /* one row, or a chunk, of the head's current command */
	RESULTS_END, /* its final result: rows' end, command tag, parameter types, or an error */
	RESULTS_COMMAND, /* the current command's results are all there */
	RESULTS_SYNC,	 /* the head's segment is over: pop it */
	RESULTS_MISMATCH /* not what is expected */
};

/* Whether the command whose results come next is the COMMIT of READS. */
static inline bool results_at_commit(const struct segment *segment)
{
	return segment->kind == SEGMENT_READS && segment->ended + 1 == segment->commands;
}

/* Takes account of what PQgetResult returned (NULL: the end of a command's results). */
enum results_step results_take(struct results *results, const PGresult *result);

#endif
