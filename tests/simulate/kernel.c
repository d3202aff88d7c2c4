/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/kernel.h"

#include "simulate/world.h"

#include <errno.h>
#include <string.h>

/* So many polls without a step of time are a busy loop. */
#define POLLS_AT_ONE_TIME 20000

void kernel_init(struct kernel *kernel, struct world *world)
{
	*kernel = (struct kernel){.world = world, .open_max = KERNEL_FDS};
	world->kernel = kernel;
}

void bytes_add(struct world *world, struct kernel_bytes *bytes, const char *data, size_t len)
{
	if (bytes->begin == bytes->end)
		bytes->begin = bytes->end = 0;
	if (bytes->room - bytes->end < len) {
		size_t held = bytes_len(bytes), room = MAX(2 * (held + len), (size_t)1024);
		char *grown = bytes->room >= held + len && bytes->begin >= held
				      ? bytes->data
				      : world_alloc(world, room);

		if (held > 0)
			memmove(grown, bytes_data(bytes), held);
		if (grown != bytes->data)
			bytes->room = room;
		bytes->data = grown;
		bytes->begin = 0;
		bytes->end = held;
	}
	if (len > 0)
		memcpy(bytes->data + bytes->end, data, len);
	bytes->end += len;
}

/* ---- descriptors ---- */

static void put(struct kernel *kernel, struct kernel_socket *socket, int fd)
{
	kernel->sockets[fd - KERNEL_FIRST_FD] = socket;
	kernel->open_count++;
	socket->descriptors++;
	socket->fd = fd;
}

static int lowest_fd(struct kernel *kernel)
{
	for (int i = 0; i < KERNEL_FDS && kernel->open_count < kernel->open_max; i++)
		if (kernel->sockets[i] == NULL)
			return KERNEL_FIRST_FD + i;
	kernel->world->counts[COUNT_REFUSED_DESCRIPTORS]++;
	errno = EMFILE;
	return -1;
}

int kernel_give_fd(struct kernel *kernel, struct kernel_socket *socket)
{
	int fd = lowest_fd(kernel);

	if (fd >= 0)
		put(kernel, socket, fd);
	return fd;
}

int kernel_name_again(struct kernel *kernel, struct kernel_socket *socket)
{
	int own = socket->fd, fd = kernel_give_fd(kernel, socket);

	socket->fd = own;
	return fd;
}

static struct kernel_socket *socket_new(struct kernel *kernel, enum kernel_kind kind)
{
	struct kernel_socket *socket = world_alloc(kernel->world, sizeof(*socket));

	socket->world = kernel->world;
	socket->kind = kind;
	socket->fd = -1;
	socket->in_room = socket->out_room = (size_t)64 * 1024;
	return socket;
}

struct kernel_socket *kernel_open(struct kernel *kernel, enum kernel_kind kind)
{
	struct kernel_socket *socket = socket_new(kernel, kind);

	if (kind == KERNEL_LISTENER)
		kernel->listener = socket;
	return kernel_give_fd(kernel, socket) < 0 ? NULL : socket;
}

struct kernel_socket *kernel_find(struct kernel *kernel, int fd)
{
	if (kernel == NULL || fd < KERNEL_FIRST_FD || fd >= KERNEL_FIRST_FD + KERNEL_FDS)
		return NULL;
	return kernel->sockets[fd - KERNEL_FIRST_FD];
}

static void unwatch(struct kernel *kernel, struct kernel_socket *socket)
{
	for (size_t i = 0; i < kernel->watched_count; i++) {
		if (kernel->watched[i] != socket->fd)
			continue;
		memmove(&kernel->watched[i], &kernel->watched[i + 1],
			(kernel->watched_count - i - 1) * sizeof(int));
		kernel->watched_count--;
		break;
	}
	socket->watched = false;
}

void kernel_close(struct kernel *kernel, int fd)
{
	struct kernel_socket *socket = kernel_find(kernel, fd);

	if (socket == NULL)
		return;
	kernel->sockets[fd - KERNEL_FIRST_FD] = NULL;
	kernel->open_count--;
	if (--socket->descriptors > 0)
		return;
	if (socket->watched)
		unwatch(kernel, socket);
	socket->fd = -1;
	if (socket == kernel->listener) {
		kernel->listener = NULL;
		for (size_t i = 0; i < socket->backlog_count; i++)
			socket->backlog[i]->peer->closed(socket->backlog[i]->peer_ctx);
	}
	if (socket->kind == KERNEL_STREAM)
		socket->peer->closed(socket->peer_ctx);
	socket->kind = KERNEL_FREE;
}

static void pair_sent(void *ctx, const char *bytes, size_t len)
{
	struct kernel_socket *other = ctx;

	bytes_add(other->world, &other->in, bytes, len);
	other->edge = true;
}

static void pair_read(void *ctx)
{
	(void)ctx;
}

static void pair_closed(void *ctx)
{
	struct kernel_socket *other = ctx;

	if (other != NULL) /* NULL: there was no descriptor for it */
		kernel_break(other->world->kernel, other, false);
}

int kernel_pair(struct kernel *kernel, int fds[2])
{
	static const struct kernel_peer peer = {pair_sent, pair_read, pair_closed};
	struct kernel_socket *ends[2];

	for (size_t i = 0; i < 2; i++) {
		ends[i] = kernel_open(kernel, KERNEL_STREAM);
		if (ends[i] == NULL) {
			if (i > 0)
				kernel_close(kernel, fds[0]);
			return -1;
		}
		ends[i]->peer = &peer;
		fds[i] = ends[i]->fd;
	}
	ends[0]->peer_ctx = ends[0]->other = ends[1];
	ends[1]->peer_ctx = ends[1]->other = ends[0];
	return 0;
}

void kernel_duplicate(struct kernel *kernel, struct kernel_socket *socket, int fd)
{
	kernel_close(kernel, fd);
	put(kernel, socket, fd);
}

/* ---- epoll ---- */

unsigned kernel_ready(const struct kernel_socket *socket)
{
	unsigned ready = 0;

	switch (socket->kind) {
	case KERNEL_LISTENER:
		return socket->backlog_count > 0 ? EPOLLIN : 0;
	case KERNEL_NEW:
		return EPOLLOUT | EPOLLHUP;
	case KERNEL_STREAM:
		if (bytes_len(&socket->in) > 0 || socket->in_ended || socket->error != 0)
			ready |= EPOLLIN;
		if (socket->in_ended)
			ready |= EPOLLRDHUP;
		if (socket->out_room > 0 || socket->broken || socket->error != 0)
			ready |= EPOLLOUT;
		if (socket->broken)
			ready |= EPOLLHUP;
		if (socket->error != 0)
			ready |= EPOLLERR;
		return ready;
	case KERNEL_FREE:
	case KERNEL_INERT:
		break;
	}
	return 0;
}

int kernel_control(struct kernel *kernel, int op, int fd, const struct epoll_event *event)
{
	struct kernel_socket *socket = kernel_find(kernel, fd);

	if (socket == NULL) {
		errno = EBADF;
		return -1;
	}
	if ((op == EPOLL_CTL_ADD) == socket->watched) {
		errno = socket->watched ? EEXIST : ENOENT;
		return -1;
	}
	if (op == EPOLL_CTL_DEL) {
		unwatch(kernel, socket);
		return 0;
	}
	if (op == EPOLL_CTL_ADD)
		kernel->watched[kernel->watched_count++] = fd;
	socket->watched = socket->edge = true;
	socket->interest = *event;
	return 0;
}

static unsigned reported(const struct kernel_socket *socket)
{
	unsigned wanted = socket->interest.events & (EPOLLIN | EPOLLOUT | EPOLLRDHUP);

	if ((socket->interest.events & EPOLLET) != 0 && !socket->edge)
		return 0;
	return kernel_ready(socket) & (wanted | EPOLLHUP | EPOLLERR);
}

/* Nothing will ever happen again, or all happens at once for ever. */
static void check_progress(struct kernel *kernel, int timeout)
{
	struct world *world = kernel->world;

	if (timeout != 0 && world->event_count == 0)
		world_fail(world, "the daemon sleeps for ever");
	if (world->last_poll_ns != world_now_ns(world))
		world->polls_at_this_time = 0;
	world->last_poll_ns = world_now_ns(world);
	if (++world->polls_at_this_time > POLLS_AT_ONE_TIME)
		world_fail(world, "the daemon polls and polls, and no time passes");
}

/* In any order, and not always all of them. */
int kernel_wait(struct kernel *kernel, struct epoll_event *events, int max, int timeout)
{
	size_t start = 0;
	int count = 0;

	if (kernel->watched_count > 0)
		start = world_random(kernel->world, kernel->watched_count);
	for (size_t i = 0; i < kernel->watched_count && count < max; i++) {
		int fd = kernel->watched[(start + i) % kernel->watched_count];
		struct kernel_socket *socket = kernel_find(kernel, fd);
		unsigned ready = socket != NULL ? reported(socket) : 0;

		if (ready == 0 || (count > 0 && world_chance(kernel->world, 16)))
			continue;
		socket->edge = false;
		events[count].events = ready;
		events[count].data = socket->interest.data;
		count++;
	}
	if (count == 0)
		check_progress(kernel, timeout);
	return count;
}

/* ---- the other ends ---- */

struct kernel_socket *kernel_connect_daemon(struct kernel *kernel, const struct kernel_peer *peer,
					    void *peer_ctx, unsigned uid)
{
	struct kernel_socket *listener = kernel->listener, *socket;

	if (listener == NULL || listener->backlog_count == ARRAY_SIZE(listener->backlog))
		return NULL;
	socket = socket_new(kernel, KERNEL_STREAM);
	socket->peer = peer;
	socket->peer_ctx = peer_ctx;
	socket->uid = uid;
	listener->backlog[listener->backlog_count++] = socket;
	listener->edge = true;
	return socket;
}

size_t kernel_room(const struct kernel_socket *socket)
{
	size_t held = bytes_len(&socket->in);

	return held < socket->in_room ? socket->in_room - held : 0;
}

void kernel_deliver(struct kernel *kernel, struct kernel_socket *socket, const char *bytes,
		    size_t len)
{
	bytes_add(kernel->world, &socket->in, bytes, len);
	socket->edge = true;
}

void kernel_end(struct kernel *kernel, struct kernel_socket *socket)
{
	(void)kernel;
	socket->in_ended = socket->edge = true;
}

void kernel_break(struct kernel *kernel, struct kernel_socket *socket, bool reset)
{
	(void)kernel;
	if (reset) {
		socket->in.begin = socket->in.end;
		socket->error = ECONNRESET;
	}
	socket->in_ended = socket->broken = socket->edge = true;
}

void kernel_took(struct kernel *kernel, struct kernel_socket *socket, size_t bytes)
{
	(void)kernel;
	if (socket->out_room == 0)
		socket->edge = true;
	socket->out_room += bytes;
}
