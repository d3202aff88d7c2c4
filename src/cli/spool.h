/* SPDX-License-Identifier: PostgreSQL */
/*
 * Lines that wait for their turn, on disk: one unlinked temporary file for any number of queues. A
 * queue's lines come out in the order they went in; what has come out makes room for others.
 * Nothing is created before the first line.
 */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct spool {
	int fd;		 /* -1: no file yet */
	uint64_t end;	 /* of the file's blocks */
	uint64_t free;	 /* the first block of those to use again, or SPOOL_NONE */
	const char *dir; /* where the file is, or should have been; NULL: not tried */
	bool dir_given;	 /* by TMPDIR */
	int error; /* the first failure, which every later call has too: a line may be there in part
		    */
};

#define SPOOL_NONE UINT64_MAX

/* Blocks in a chain: each begins with the place of the next one. Zeroed memory is an empty queue.
 */
struct spool_queue {
	uint64_t first, last;	/* blocks; meaningless while empty */
	uint64_t written, read; /* bytes */
	uint64_t read_block;
};

void spool_init(struct spool *spool);
void spool_close(struct spool *spool);
/* Appends a line (without its newline). 0 or negative errno, such as -ENOSPC. */
int spool_put(struct spool *spool, struct spool_queue *queue, struct str line) MUST_CHECK;
/* The next line, in `line` (emptied first). 1; 0: no more; or negative errno. */
int spool_get(struct spool *spool, struct spool_queue *queue, struct buf *line) MUST_CHECK;
/* What it is, and where: for messages. */
void spool_describe(const struct spool *spool, struct buf *out);
/* From the first line again. */
void spool_rewind(struct spool_queue *queue);
/* Gives the queue's blocks to others; it is empty then. 0 or negative errno. */
int spool_drop(struct spool *spool, struct spool_queue *queue) MUST_CHECK;

#endif
