/* SPDX-License-Identifier: PostgreSQL */
#include "client/connection.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)
#define KEEP_BYTES (1024 * 1024) /* more than this is given back once a large line is done */

PRINTF_LIKE(2, 0)
static void set_message(struct gather *g, const char *fmt, va_list args)
{
	vsnprintf(g->message, sizeof(g->message), fmt, args);
}

int connection_fail(struct gather *g, int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_message(g, fmt, args);
	va_end(args);
	return status;
}

static enum gather_effects effects_now(const struct gather *g)
{
	for (size_t i = 0; i < g->pending_count; i++)
		if (g->pending[i].kind == PENDING_REQUEST && g->pending[i].end <= g->sent_bytes)
			return GATHER_EFFECTS_UNKNOWN;
	return g->raw_end != 0 && g->sent_bytes > 0 ? GATHER_EFFECTS_UNKNOWN : GATHER_EFFECTS_NONE;
}

int connection_break(struct gather *g, int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_message(g, fmt, args);
	va_end(args);
	g->effects = effects_now(g);
	sys.close(g->fd);
	g->fd = -1;
	g->broken = status;
	return status;
}

void connection_begin_call(struct gather *g)
{
	g->message[0] = '\0';
	g->event_held = false;
	if (g->line_len > 0) {
		buf_consume(&g->in, g->line_len);
		g->line_len = 0;
		g->scanned = 0;
		if (buf_len(&g->in) == 0 && g->in.cap > KEEP_BYTES)
			buf_free(&g->in);
	}
}

int64_t connection_deadline_ns(int64_t timeout_ms)
{
	int64_t duration_ns;

	if (timeout_ms < 0 || __builtin_mul_overflow(timeout_ms, CLOCK_MS, &duration_ns))
		return CLOCK_NEVER;
	return clock_after_ns(clock_now_ns(&clock_system), duration_ns);
}

int connection_flush(struct gather *g)
{
	while (buf_len(&g->out) > 0 && !g->write_failed) {
		ssize_t n = sys.send(g->fd, buf_data(&g->out), buf_len(&g->out),
				     MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			buf_consume(&g->out, (size_t)n);
			g->sent_bytes += (uint64_t)n;
		} else if (errno == EAGAIN) {
			return 0;
		} else if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
			g->write_failed = true;
		} else if (errno != EINTR) {
			return connection_break(g, GATHER_SYSTEM, "cannot send to gatherd: %s",
						strerror(errno));
		}
	}
	if (g->out.cap > KEEP_BYTES && buf_len(&g->out) == 0)
		buf_free(&g->out);
	if (g->finish && !g->finished && buf_len(&g->out) == 0) {
		shutdown(g->fd, SHUT_WR);
		g->finished = true;
	}
	return 0;
}

static int add_pending(struct gather *g, const struct pending *pending)
{
	size_t capacity = g->pending_capacity;
	struct pending *all;

	if (g->pending_count == capacity) {
		capacity = capacity == 0 ? 4 : capacity * 2;
		all = mem_realloc(g->pending, capacity * sizeof(*all));
		if (all == NULL)
			return GATHER_NO_MEMORY;
		g->pending = all;
		g->pending_capacity = capacity;
	}
	g->pending[g->pending_count++] = *pending;
	return 0;
}

int connection_queue(struct gather *g, size_t begin, const struct pending *pending)
{
	uint64_t end = g->queued_bytes + (buf_len(&g->out) - begin);
	struct pending entry;

	if (buf_error(&g->out) < 0)
		goto no_memory;
	if (pending != NULL) {
		entry = *pending;
		entry.end = end - 1;
		if (add_pending(g, &entry) < 0)
			goto no_memory;
	} else {
		g->raw_end = end - 1;
	}
	g->line_count++;
	g->queued_bytes = end;
	/* A failure is told by the wait for the answer, which will come upon it too. */
	(void)connection_flush(g);
	return 0;

no_memory:
	buf_truncate(&g->out, begin);
	return connection_fail(g, GATHER_NO_MEMORY, "out of memory");
}

struct pending *connection_find(struct gather *g, int64_t id)
{
	for (size_t i = 0; i < g->pending_count; i++)
		if (g->pending[i].id == id)
			return &g->pending[i];
	return NULL;
}

void connection_answered(struct gather *g, struct pending *pending)
{
	size_t at = (size_t)(pending - g->pending);

	memmove(pending, pending + 1, (--g->pending_count - at) * sizeof(*pending));
}

/* Whether gather_interrupt() was called since the last time; then takes it back. */
static bool take_interrupt(struct gather *g)
{
	uint64_t count;
	ssize_t n;

	atomic_store(&g->interrupted, false);
	do {
		n = read(g->wake_fd, &count, sizeof(count));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

void gather_interrupt(struct gather *g)
{
	const uint64_t one = 1;
	int saved_errno = errno;

	while (write(g->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	atomic_store(&g->interrupted, true);
	errno = saved_errno;
}

/* true: a whole line is in `in`. */
static bool find_line(struct gather *g, struct str *ret_line)
{
	size_t len = buf_len(&g->in);
	char *data = len > 0 ? buf_data(&g->in) : NULL;
	char *newline = len > g->scanned ? memchr(data + g->scanned, '\n', len - g->scanned) : NULL;

	if (newline == NULL) {
		g->scanned = len;
		return false;
	}
	*newline = '\0';
	g->line_len = (size_t)(newline - data) + 1;
	*ret_line = (struct str){data, g->line_len - 1};
	return true;
}

void connection_unread(struct gather *g)
{
	if (g->line_len == 0)
		return;
	buf_data(&g->in)[g->line_len - 1] = '\n';
	g->line_len = 0;
	g->scanned = 0;
}

static int ended(struct gather *g, const char *why)
{
	/* A line that was cut short is an answer to a line of the caller's own, or to nothing. */
	bool nothing_open =
		g->pending_count == 0 && (g->raw_end == 0 || (g->finished && buf_len(&g->in) == 0));

	if (nothing_open)
		return connection_break(g, GATHER_CLOSED, "gatherd closed the connection%s", why);
	return connection_break(g, GATHER_LOST, "gatherd went away before the answer%s%s", why,
				effects_now(g) == GATHER_EFFECTS_NONE
					? "; nothing had been sent"
					: "; whether the queries had an effect is not known");
}

/* 1: something came, or the end; 0: nothing there. */
static int read_some(struct gather *g)
{
	size_t want = READ_BYTES;
	char *at;
	ssize_t n;

	if (g->eof)
		return ended(g, "");
	at = buf_reserve(&g->in, want);
	if (at == NULL) {
		/* What is there stays: the wait may be repeated. */
		g->in.error = 0;
		return connection_fail(g, GATHER_NO_MEMORY, "out of memory");
	}
	n = sys.recv(g->fd, at, want, MSG_DONTWAIT);
	if (n > 0) {
		buf_commit(&g->in, (size_t)n);
		return 1;
	}
	if (n == 0) {
		g->eof = true;
		return 1;
	}
	if (errno == EINTR)
		return 1;
	if (errno == EAGAIN)
		return 0;
	if (errno == ECONNRESET || errno == EPIPE || errno == ENOTCONN)
		return ended(g, " (connection reset)");
	return connection_break(g, GATHER_SYSTEM, "cannot read from gatherd: %s", strerror(errno));
}

static int wait_ready(struct gather *g, int64_t deadline_ns)
{
	short events = POLLIN | (gather_wants_write(g) ? POLLOUT : 0);
	struct pollfd fds[] = {{g->fd, events, 0}, {g->wake_fd, POLLIN, 0}};
	int64_t left_ns = -1, left_ms = -1;

	if (deadline_ns != CLOCK_NEVER) {
		left_ns = deadline_ns - clock_now_ns(&clock_system);
		if (left_ns <= 0)
			return connection_fail(g, GATHER_TIMED_OUT, "no answer in time");
		left_ms = MIN((left_ns + CLOCK_MS - 1) / CLOCK_MS, (int64_t)INT32_MAX);
	}
	if (poll(fds, ARRAY_SIZE(fds), (int)left_ms) < 0 && errno != EINTR && errno != EAGAIN)
		return connection_fail(g, GATHER_SYSTEM, "cannot wait for gatherd: %s",
				       strerror(errno));
	return 0;
}

int connection_receive(struct gather *g, int64_t deadline_ns, struct str *ret_line)
{
	int rc;

	for (;;) {
		if (atomic_load(&g->interrupted) && take_interrupt(g))
			return connection_fail(g, GATHER_INTERRUPTED, "interrupted");
		if (g->fd < 0)
			return g->broken != 0 ? connection_fail(g, g->broken, "%s",
								gather_status_text(g->broken))
					      : connection_fail(g, GATHER_INVALID, "not connected");
		rc = connection_flush(g);
		if (rc < 0)
			return rc;
		if (find_line(g, ret_line))
			rc = g->max_line != 0 && ret_line->len > g->max_line ? -1 : 0;
		else
			rc = g->max_line != 0 && buf_len(&g->in) > g->max_line ? -1 : 1;
		if (rc < 0)
			return connection_break(g, GATHER_TOO_LARGE,
						"an answer is longer than the limit of %zu bytes",
						g->max_line);
		if (rc == 0)
			return 0;
		rc = read_some(g);
		if (rc == 0 && take_interrupt(g))
			return connection_fail(g, GATHER_INTERRUPTED, "interrupted");
		if (rc == 0)
			rc = wait_ready(g, deadline_ns);
		if (rc < 0)
			return rc;
	}
}
