/* SPDX-License-Identifier: PostgreSQL */
/*
 * What is still to be written to one client: a list of chunks. Small text goes to the chunk at the
 * end, large buffers are taken over whole, so that no answer is copied twice. Knows the socket,
 * nothing of requests.
 */
#ifndef DAEMON_OUTPUT_H
#define DAEMON_OUTPUT_H

#include "base/buf.h"
#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	struct list chunks; /* struct output_chunk, oldest first */
	struct budget *budget;
	size_t sealed_bytes;	/* of the chunks but the last, which is still appended to */
	uint64_t written_bytes; /* since the beginning */
	bool failed; /* something could not be appended: what would follow makes no sense */
};

void output_init(struct output *output, struct budget *budget);
void output_free(struct output *output);

/* The buffer to append small text to; NULL when there is no memory (the output has then failed). It
 * is valid until the next call on this output. After appending call output_check(). */
struct buf *output_tail(struct output *output);
/* Whether what was appended to the tail is whole; if not the output has failed. */
int output_check(struct output *output);
/* Takes over the content of `from`, which is empty afterwards (its memory too, for large ones). 0
 * or -ENOMEM. */
int output_take(struct output *output, struct buf *from);

/* Bytes that wait. */
size_t output_backlog(const struct output *output);
static inline bool output_empty(const struct output *output)
{
	return output_backlog(output) == 0;
}
/* Writes what the socket takes: 0 when nothing is left, -EAGAIN, or another negative errno. Never
 * waits. */
int output_write(struct output *output, int fd) MUST_CHECK;

#endif
