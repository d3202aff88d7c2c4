/* SPDX-License-Identifier: PostgreSQL */
/* Making and opening a connection, and the small questions one may ask it. */
#include "client/connection.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/un.h>

#define DEFAULT_PATH	 "/run/gatherd/gatherd.sock"
#define MAX_LINE_DEFAULT (256 * 1024 * 1024)

struct gather *gather_new(void)
{
	struct gather *g = mem_calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->fd = -1;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->document = document_new();
	if (g->wake_fd < 0 || g->document == NULL) {
		if (g->wake_fd >= 0)
			sys.close(g->wake_fd);
		document_free(g->document);
		mem_free(g);
		return NULL;
	}
	g->max_line = MAX_LINE_DEFAULT;
	atomic_init(&g->interrupted, false);
	buf_init(&g->in, 0, NULL);
	buf_init(&g->out, 0, NULL);
	return g;
}

void gather_free(struct gather *g)
{
	if (g == NULL)
		return;
	if (g->fd >= 0)
		sys.close(g->fd);
	sys.close(g->wake_fd);
	document_free(g->document);
	buf_free(&g->in);
	buf_free(&g->out);
	mem_free(g->pending);
	mem_free(g);
}

/* Forgets the old connection, but not what the user set. */
static void reset(struct gather *g)
{
	if (g->fd >= 0)
		sys.close(g->fd);
	g->fd = -1;
	buf_reset(&g->in);
	buf_reset(&g->out);
	g->scanned = g->line_len = 0;
	g->eof = g->write_failed = g->finish = g->finished = false;
	g->queued_bytes = g->sent_bytes = g->raw_end = 0;
	g->line_count = 0;
	g->pending_count = 0;
	g->event_held = false;
	g->broken = 0;
	g->effects = GATHER_EFFECTS_NONE;
	g->message[0] = '\0';
}

/* How long the kernel lets connect() wait for room in the listener's queue; 0 would mean for ever.
 */
static void limit_wait(int fd, int64_t deadline_ns)
{
	struct timeval limit = {0};
	int64_t left_ns;

	if (deadline_ns == CLOCK_NEVER)
		return;
	left_ns = MAX(deadline_ns - clock_now_ns(&clock_system), CLOCK_US);
	limit.tv_sec = left_ns / CLOCK_SECOND;
	limit.tv_usec = left_ns % CLOCK_SECOND / CLOCK_US;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int connect_to(struct gather *g, const struct sockaddr_un *address, int64_t deadline_ns)
{
	int rc;

	g->fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (g->fd < 0)
		return connection_fail(g, GATHER_SYSTEM, "cannot make a socket: %s",
				       strerror(errno));
	do {
		limit_wait(g->fd, deadline_ns);
		rc = sys.connect(g->fd, (const struct sockaddr *)address, sizeof(*address));
	} while (rc < 0 && errno == EINTR && clock_now_ns(&clock_system) < deadline_ns);
	if (rc == 0)
		return 0;
	rc = errno;
	sys.close(g->fd);
	g->fd = -1;
	if (rc == EAGAIN || rc == EINTR)
		return connection_fail(g, GATHER_TIMED_OUT, "%s: gatherd accepts no connection",
				       address->sun_path);
	return connection_fail(
		g, GATHER_UNREACHABLE, "no gatherd at %s: %s%s", address->sun_path, strerror(rc),
		rc == EACCES ? " (who may connect is a matter of the socket's group)" : "");
}

int gather_connect(struct gather *g, const char *path, int64_t timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	reset(g);
	if (path == NULL) {
		path = secure_getenv("GATHERD_SOCKET");
		if (path == NULL || path[0] == '\0')
			path = DEFAULT_PATH;
	}
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return connection_fail(g, GATHER_INVALID,
				       "%s: not a path for a socket (at most %zu bytes)", path,
				       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	return connect_to(g, &address, connection_deadline_ns(timeout_ms));
}

const char *gather_message(const struct gather *g)
{
	return g->message;
}

enum gather_effects gather_effects(const struct gather *g)
{
	return g->effects;
}

const struct gather_error *gather_refusal(const struct gather *g)
{
	return g->event_held ? &g->event.error : NULL;
}

void gather_set_max_line(struct gather *g, size_t size_bytes)
{
	g->max_line = size_bytes;
}

int gather_fd(const struct gather *g)
{
	return g->fd;
}

bool gather_wants_write(const struct gather *g)
{
	return g->fd >= 0 && buf_len(&g->out) > 0 && !g->write_failed;
}

size_t gather_unanswered(const struct gather *g)
{
	size_t count = 0;

	for (size_t i = 0; i < g->pending_count; i++)
		count += g->pending[i].kind <= PENDING_LISTEN;
	return count;
}
