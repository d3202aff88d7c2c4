/* SPDX-License-Identifier: PostgreSQL */
/* Handing on what was printed: to the descriptor as far as it takes it, else to the spool. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUMP_BYTES (64 * 1024)
/* More than this is kept on disk while the reader does not read. */
#define KEEP_BYTES (256 * 1024)
/* A terminal says that it is ready when it takes a little. */
#define TERMINAL_STEP 256
/* As much as anybody may ask for, and for each of these a reader is woken and waited for once. */
#define PIPE_BYTES (1024 * 1024)
/* A signal that comes just before a wait is noticed after this time. */
#define WAIT_MS 250

void output_use(struct output *output, int fd)
{
	struct stat file;

	output->fd = fd;
	output->step = 0;
	output->pipe = OUTPUT_NO_PIPE;
	if (fstat(fd, &file) < 0 || S_ISREG(file.st_mode) || S_ISBLK(file.st_mode))
		return;
	/* Of a pipe that is promised. */
	output->step = isatty(fd) ? TERMINAL_STEP : PIPE_BUF;
	if (S_ISFIFO(file.st_mode))
		output->pipe = OUTPUT_PIPE;
}

/*
 * What is shared with others (standard output with a whole shell script) must not be made
 * non-blocking, for it would be so for them too. A pipe can be opened a second time: that end is
 * ours alone, and takes as much at once as there is room for. Where that cannot be (no /proc,
 * somebody else's pipe) it is written to in small pieces.
 */
static void open_pipe_anew(struct output *output)
{
	char path[64];
	int fd;

	output->pipe = OUTPUT_NO_PIPE;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", output->fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (output->fd != STDOUT_FILENO)
		close(output->fd);
	output->fd = fd;
	output->step = 0;
	output->pipe = OUTPUT_PIPE_OF_OURS;
}

/* Once a pipe is full: true, it is so no longer. */
static bool enlarge_pipe(struct output *output)
{
	if (output->pipe != OUTPUT_PIPE_OF_OURS)
		return false;
	output->pipe = OUTPUT_NO_PIPE;
	return fcntl(output->fd, F_GETPIPE_SZ) < PIPE_BYTES &&
	       fcntl(output->fd, F_SETPIPE_SZ, PIPE_BYTES) > 0;
}

/* 1: the descriptor takes something, if only to tell an error; 0: it does not; -EINTR: stopped. */
static int await_ready(const struct output *output, bool wait)
{
	for (;;) {
		struct pollfd poller = {.fd = output->fd, .events = POLLOUT};

		if (poll(&poller, 1, wait ? WAIT_MS : 0) > 0)
			return 1;
		if (!wait)
			return 0;
		if (output->stop != NULL && *output->stop != 0)
			return -EINTR;
	}
}

/* Takes off the buffer what is written. 0, with something left: it would have to wait. */
static int write_from(struct output *output, struct buf *from, bool wait)
{
	while (buf_len(from) > 0) {
		size_t len = buf_len(from);
		ssize_t n;
		int rc;

		if (output->pipe == OUTPUT_PIPE && len > output->step)
			open_pipe_anew(output);
		if (output->step > 0) {
			rc = await_ready(output, wait);
			if (rc <= 0)
				return rc;
			len = MIN(len, output->step);
		}
		n = write(output->fd, buf_data(from), len);
		if (n >= 0) {
			if (n > 0)
				output->within_line = buf_data(from)[n - 1] != '\n';
			buf_consume(from, (size_t)n);
			output->written += (size_t)n;
			if (from == &output->buf)
				output->taken += (size_t)n;
		} else if (errno == EAGAIN && !enlarge_pipe(output)) {
			rc = await_ready(output, wait);
			if (rc <= 0)
				return rc;
		} else if (errno != EINTR && errno != EAGAIN) {
			return -errno;
		}
	}
	return 0;
}

/* What waits in the spool. 0, with something left in `chunk`: it would have to wait. */
static int write_backlog(struct output *output, bool wait)
{
	int rc;

	do {
		rc = write_from(output, &output->chunk, wait);
		if (rc < 0 || buf_len(&output->chunk) > 0)
			return rc;
		rc = spool_get(output->spool, &output->backlog, &output->chunk);
	} while (rc > 0);
	return rc < 0 ? rc : spool_drop(output->spool, &output->backlog);
}

static int write_all(struct output *output, bool wait)
{
	int rc = buf_error(&output->buf);

	if (rc == 0 && output->backlog.written > 0)
		rc = write_backlog(output, wait);
	if (rc == 0 && output->backlog.written == 0)
		rc = write_from(output, &output->buf, wait);
	if (rc == 0 && buf_len(&output->buf) >= KEEP_BYTES) {
		rc = spool_put(output->spool, &output->backlog, buf_str(&output->buf));
		output->taken += buf_len(&output->buf);
		buf_reset(&output->buf);
	}
	return rc;
}

static int hand_on(struct output *output, bool wait)
{
	if (output->error == 0 && output->fd >= 0)
		output_fail(output, write_all(output, wait));
	if (output->error < 0)
		buf_reset(&output->buf);
	return output->error;
}

int output_flush(struct output *output)
{
	return hand_on(output, false);
}

int output_finish(struct output *output)
{
	return hand_on(output, true);
}

bool output_blocked(const struct output *output)
{
	return output->error == 0 && (buf_len(&output->buf) > 0 || output->backlog.written > 0);
}

void output_pump(struct output *output)
{
	if (buf_len(&output->buf) >= PUMP_BYTES || buf_error(&output->buf) < 0 || output->error < 0)
		output_flush(output);
}
