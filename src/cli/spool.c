/* SPDX-License-Identifier: PostgreSQL */
#include "cli/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK_BYTES   (64 * 1024)
#define LINK_BYTES    sizeof(uint64_t)
#define CONTENT_BYTES (BLOCK_BYTES - LINK_BYTES)

void spool_init(struct spool *spool)
{
	*spool = (struct spool){.fd = -1, .free = SPOOL_NONE};
}

void spool_close(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	spool_init(spool);
}

static int open_in(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system has files without a name. */
	if (snprintf(path, sizeof(path), "%s/gather.XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int open_file(struct spool *spool)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (spool->fd >= 0)
		return 0;
	spool->dir_given = dir != NULL && dir[0] != '\0';
	/* /tmp is often memory, which is what this is to save. */
	spool->dir = spool->dir_given ? dir : "/var/tmp";
	fd = open_in(spool->dir);
	if (fd < 0 && !spool->dir_given) {
		spool->dir = "/tmp";
		fd = open_in(spool->dir);
	}
	if (fd < 0)
		return fd;
	spool->fd = fd;
	return 0;
}

static int write_at(int fd, const void *bytes, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int read_at(int fd, void *bytes, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes = (char *)bytes + n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int take_block(struct spool *spool, uint64_t *ret_block)
{
	uint64_t block = spool->free;
	int rc;

	if (block == SPOOL_NONE) {
		*ret_block = spool->end;
		spool->end += BLOCK_BYTES;
		return 0;
	}
	rc = read_at(spool->fd, &spool->free, LINK_BYTES, block);
	if (rc == 0)
		*ret_block = block;
	return rc;
}

/* The place for the next byte's block: the last one, or a new one behind it. */
static int room(struct spool *spool, struct spool_queue *queue)
{
	uint64_t block;
	int rc;

	if (queue->written % CONTENT_BYTES != 0)
		return 0;
	rc = take_block(spool, &block);
	if (rc != 0)
		return rc;
	if (queue->written == 0) {
		queue->first = queue->read_block = block;
	} else {
		rc = write_at(spool->fd, &block, LINK_BYTES, queue->last);
		if (rc < 0)
			return rc;
	}
	queue->last = block;
	return 0;
}

static int put_bytes(struct spool *spool, struct spool_queue *queue, const char *bytes, size_t len)
{
	while (len > 0) {
		int rc = room(spool, queue);
		size_t offset = (size_t)(queue->written % CONTENT_BYTES);
		size_t piece = MIN(len, CONTENT_BYTES - offset);

		if (rc == 0)
			rc = write_at(spool->fd, bytes, piece, queue->last + LINK_BYTES + offset);
		if (rc < 0)
			return rc;
		queue->written += piece;
		bytes += piece;
		len -= piece;
	}
	return 0;
}

/* What has come of a call: what failed once stays so. */
static int conclude(struct spool *spool, int rc)
{
	if (rc < 0)
		spool->error = rc;
	return rc;
}

int spool_put(struct spool *spool, struct spool_queue *queue, struct str line)
{
	const uint64_t len = line.len;
	int rc = spool->error;

	if (rc == 0)
		rc = open_file(spool);
	if (rc == 0)
		rc = put_bytes(spool, queue, (const char *)&len, sizeof(len));
	if (rc == 0)
		rc = put_bytes(spool, queue, line.data, line.len);
	return conclude(spool, rc);
}

static int get_bytes(struct spool *spool, struct spool_queue *queue, char *bytes, size_t len)
{
	while (len > 0) {
		size_t offset = (size_t)(queue->read % CONTENT_BYTES);
		size_t piece = MIN(len, CONTENT_BYTES - offset);
		int rc = 0;

		if (offset == 0 && queue->read > 0)
			rc = read_at(spool->fd, &queue->read_block, LINK_BYTES, queue->read_block);
		if (rc == 0)
			rc = read_at(spool->fd, bytes, piece,
				     queue->read_block + LINK_BYTES + offset);
		if (rc < 0)
			return rc;
		queue->read += piece;
		bytes += piece;
		len -= piece;
	}
	return 0;
}

static int get_line(struct spool *spool, struct spool_queue *queue, struct buf *line)
{
	uint64_t len = 0;
	int rc = get_bytes(spool, queue, (char *)&len, sizeof(len));
	char *at;

	if (rc < 0)
		return rc;
	buf_reset(line);
	at = buf_reserve(line, (size_t)len);
	if (at == NULL)
		return buf_error(line);
	rc = get_bytes(spool, queue, at, (size_t)len);
	if (rc < 0)
		return rc;
	buf_commit(line, (size_t)len);
	return 1;
}

int spool_get(struct spool *spool, struct spool_queue *queue, struct buf *line)
{
	if (spool->error < 0)
		return spool->error;
	return queue->read == queue->written ? 0 : conclude(spool, get_line(spool, queue, line));
}

void spool_describe(const struct spool *spool, struct buf *out)
{
	buf_puts(out, "temporary file");
	if (spool->dir != NULL)
		buf_printf(out, " in %s%s", spool->dir, spool->dir_given ? " (TMPDIR)" : "");
}

void spool_rewind(struct spool_queue *queue)
{
	queue->read = 0;
	queue->read_block = queue->first;
}

int spool_drop(struct spool *spool, struct spool_queue *queue)
{
	int rc;

	if (spool->error < 0 || queue->written == 0)
		return spool->error;
	rc = write_at(spool->fd, &spool->free, LINK_BYTES, queue->last);
	if (rc == 0)
		spool->free = queue->first;
	*queue = (struct spool_queue){0};
	return conclude(spool, rc);
}
