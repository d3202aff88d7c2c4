/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/output.h"

#include "base/mem.h"
#include "base/sys.h"

#include <errno.h>

/* Below this a copy is cheaper than a chunk of its own. */
#define OUTPUT_COPY_BYTES 4096
/* A tail that holds this much is left alone, so that its growth never copies much. */
#define OUTPUT_CHUNK_BYTES 65536
#define OUTPUT_IOVECS	   16

struct output_chunk {
	struct list node;
	struct buf buf;
};

void output_init(struct output *output, struct budget *budget)
{
	*output = (struct output){.budget = budget};
	list_init(&output->chunks);
}

static struct output_chunk *entry(struct list *node)
{
	return LIST_ENTRY(node, struct output_chunk, node);
}

static void drop(struct output_chunk *chunk)
{
	list_remove(&chunk->node);
	buf_free(&chunk->buf);
	mem_free(chunk);
}

void output_free(struct output *output)
{
	while (!list_empty(&output->chunks))
		drop(entry(output->chunks.next));
}

static struct output_chunk *add(struct output *output)
{
	struct output_chunk *chunk = mem_alloc(sizeof(*chunk));

	if (chunk == NULL) {
		output->failed = true;
		return NULL;
	}
	buf_init(&chunk->buf, 0, output->budget);
	if (!list_empty(&output->chunks))
		output->sealed_bytes += buf_len(&entry(output->chunks.prev)->buf);
	list_push_back(&output->chunks, &chunk->node);
	return chunk;
}

struct buf *output_tail(struct output *output)
{
	struct output_chunk *chunk = NULL;

	if (output->failed)
		return NULL;
	if (!list_empty(&output->chunks))
		chunk = entry(output->chunks.prev);
	if (chunk == NULL || buf_len(&chunk->buf) >= OUTPUT_CHUNK_BYTES)
		chunk = add(output);
	return chunk == NULL ? NULL : &chunk->buf;
}

int output_check(struct output *output)
{
	if (!output->failed && !list_empty(&output->chunks) &&
	    buf_error(&entry(output->chunks.prev)->buf) != 0)
		output->failed = true;
	return output->failed ? -ENOMEM : 0;
}

int output_take(struct output *output, struct buf *from)
{
	struct output_chunk *chunk;

	if (buf_len(from) < OUTPUT_COPY_BYTES) {
		struct buf *tail = output_tail(output);

		if (tail == NULL)
			return -ENOMEM;
		buf_append_str(tail, buf_str(from));
		buf_reset(from);
		return output_check(output);
	}
	if (output->failed)
		return -ENOMEM;
	chunk = add(output);
	if (chunk == NULL)
		return -ENOMEM;
	chunk->buf = *from; /* it stays charged to its own budget */
	buf_init(from, from->max_bytes, from->budget);
	return 0;
}

size_t output_backlog(const struct output *output)
{
	if (list_empty(&output->chunks))
		return 0;
	return output->sealed_bytes + buf_len(&entry(output->chunks.prev)->buf);
}

static void consume(struct output *output, size_t bytes)
{
	output->written_bytes += bytes;
	while (!list_empty(&output->chunks)) {
		struct output_chunk *chunk = entry(output->chunks.next);
		size_t part = MIN(bytes, buf_len(&chunk->buf));

		buf_consume(&chunk->buf, part);
		if (chunk->node.next != &output->chunks)
			output->sealed_bytes -= part;
		bytes -= part;
		if (buf_len(&chunk->buf) > 0)
			return;
		drop(chunk);
	}
}

int output_write(struct output *output, int fd)
{
	while (!list_empty(&output->chunks)) {
		struct iovec vecs[OUTPUT_IOVECS];
		struct msghdr message = {.msg_iov = vecs};
		ssize_t sent;

		list_for_each (node, &output->chunks) {
			struct buf *buf = &entry(node)->buf;

			if (buf_len(buf) > 0)
				vecs[message.msg_iovlen++] = (struct iovec){
					.iov_base = buf_data(buf), .iov_len = buf_len(buf)};
			if (message.msg_iovlen == OUTPUT_IOVECS)
				break;
		}
		if (message.msg_iovlen == 0) {
			consume(output, 0);
			continue;
		}
		sent = sys.sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		consume(output, (size_t)sent);
	}
	return 0;
}
