/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/backend.h"

#include <arpa/inet.h>
#include <string.h>

/* What PostgreSQL keeps before it sends without being asked to. */
#define SEND_BUFFER_BYTES 8192

static void work(void *arg);
static void deliver(void *arg);

/* ---- what it says ---- */

void backend_say(struct backend *backend, char type, const char *body, size_t len)
{
	char head[5];
	uint32_t size = htonl((uint32_t)len + 4);

	if (backend->state == BACKEND_CLOSED)
		return;
	head[0] = type;
	memcpy(head + 1, &size, sizeof(size));
	bytes_add(backend->world, &backend->out, head, sizeof(head));
	bytes_add(backend->world, &backend->out, body, len);
	if (bytes_len(&backend->out) - backend->flushed >= SEND_BUFFER_BYTES)
		backend_flush(backend);
}

static void schedule_delivery(struct backend *backend, int64_t delay_ns)
{
	int64_t at_ns = world_now_ns(backend->world) + delay_ns;

	if (backend->deliver_scheduled)
		return;
	backend->deliver_scheduled = true;
	world_at(backend->world, at_ns, deliver, backend);
}

void backend_flush(struct backend *backend)
{
	backend->flushed = bytes_len(&backend->out);
	if (backend->flushed > 0 && backend->socket != NULL)
		schedule_delivery(backend, world_delay_ns(backend->world));
}

bool backend_is_blocked(const struct backend *backend)
{
	return bytes_len(&backend->out) >= (size_t)2 * SEND_BUFFER_BYTES;
}

static void deliver(void *arg)
{
	struct backend *backend = arg;
	struct world *world = backend->world;
	size_t len;

	backend->deliver_scheduled = false;
	if (backend->socket == NULL || backend->socket->in_ended)
		return;
	if (backend->frozen_until_ns > world_now_ns(world)) {
		schedule_delivery(backend, backend->frozen_until_ns - world_now_ns(world));
		return;
	}
	len = MIN(backend->flushed, kernel_room(backend->socket));
	if (len > 1 && backend->postmaster->bytewise)
		len = 1 + world_random(world, MIN(len, (size_t)64));
	if (len > 0) {
		kernel_deliver(world->kernel, backend->socket, bytes_data(&backend->out), len);
		bytes_take(&backend->out, len);
		backend->flushed -= len;
		backend_wake(backend, world_now_ns(world));
	}
	if (backend->flushed > 0 && kernel_room(backend->socket) > 0)
		schedule_delivery(backend, backend->postmaster->bytewise
						   ? (int64_t)world_random(world, 200) * CLOCK_US
						   : 0);
	else if (backend->flushed == 0 && backend->hang_up)
		kernel_break(world->kernel, backend->socket, false);
}

/* ---- what it hears ---- */

static void backend_sent(void *ctx, const char *bytes, size_t len)
{
	struct backend *backend = ctx;
	struct world *world = backend->world;

	bytes_add(world, &backend->inbox, bytes, len);
	kernel_took(world->kernel, backend->socket, len);
	backend->arrive_ns = MAX(backend->arrive_ns, world_now_ns(world) + world_delay_ns(world));
	backend_wake(backend, backend->arrive_ns);
}

static void backend_was_read(void *ctx)
{
	struct backend *backend = ctx;

	if (backend->flushed > 0)
		schedule_delivery(backend, 0);
}

static void backend_socket_closed(void *ctx)
{
	struct backend *backend = ctx;

	backend->socket = NULL;
	/* It finds out when it reads or writes next; what runs runs on. */
	backend_wake(backend, world_now_ns(backend->world) + world_delay_ns(backend->world));
}

static const struct kernel_peer backend_peer = {backend_sent, backend_was_read,
						backend_socket_closed};

/* ---- its life ---- */

struct backend *backend_new(struct postmaster *postmaster, struct kernel_socket *socket)
{
	struct world *world = postmaster->world;
	struct backend *backend;

	if (postmaster->backend_count == POSTGRES_BACKENDS)
		world_fail(world, "more than %d sessions", POSTGRES_BACKENDS);
	backend = world_alloc(world, sizeof(*backend));
	backend->postmaster = postmaster;
	backend->world = world;
	backend->socket = socket;
	backend->number = postmaster->number * POSTGRES_BACKENDS + postmaster->backend_count + 1;
	backend->pid = (int32_t)backend->number + 1000;
	backend->secret = (int32_t)world_random(world, 1 << 30);
	backend->snapshot = -1;
	backend->end_after = BACKEND_ENDS;
	socket->peer = &backend_peer;
	socket->peer_ctx = backend;
	postmaster->backends[postmaster->backend_count++] = backend;
	return backend;
}

bool backend_is_open(const struct backend *backend)
{
	return backend->state == BACKEND_OPEN && backend->socket != NULL;
}

bool backend_is(const struct backend *backend, int32_t pid, int32_t secret)
{
	return backend->pid == pid && backend->secret == secret && backend->state == BACKEND_OPEN;
}

static void gone(struct backend *backend)
{
	if (backend->state == BACKEND_CLOSED)
		return;
	world_trace(backend->world, "backend ends", backend->number, 0, 0);
	backend_roll_back(backend);
	backend->state = BACKEND_CLOSED;
	backend->running = false;
}

void backend_end(struct backend *backend, enum backend_end how)
{
	struct world *world = backend->world;

	if (backend->state != BACKEND_OPEN)
		return;
	world->ledger->faults = true;
	world_trace(world, "backend is ended", backend->number, how, 0);
	switch (how) {
	case BACKEND_FINISHED:
		backend_say_error(backend, "FATAL", "57P01",
				  "terminating connection due to administrator command", "");
		break;
	case BACKEND_CRASHED:
		backend_say_error(backend, "WARNING", "57P02",
				  "terminating connection because of crash of another server "
				  "process",
				  "");
		break;
	case BACKEND_BABBLES: {
		char noise[32];

		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (char)(128 + world_random(world, 128));
		bytes_add(world, &backend->out, noise, sizeof(noise));
		break;
	}
	case BACKEND_REPEATS:
		backend_say_ready(backend);
		backend_flush(backend);
		return;
	case BACKEND_HUNG_UP:
	case BACKEND_RESET:
	case BACKEND_ENDS:
		break;
	}
	gone(backend);
	backend->hang_up = true;
	if (backend->socket == NULL)
		return;
	if (how == BACKEND_RESET) {
		kernel_break(world->kernel, backend->socket, true);
		return;
	}
	/* Without a word: even what was to be said is lost. */
	if (how == BACKEND_HUNG_UP)
		backend->out.end = backend->out.begin + backend->flushed;
	backend->flushed = bytes_len(&backend->out);
	schedule_delivery(backend, world_delay_ns(world));
}

void backend_freeze(struct backend *backend, int64_t duration_ns)
{
	world_trace(backend->world, "backend freezes", backend->number, (uint64_t)duration_ns, 0);
	backend->world->ledger->faults = true;
	backend->frozen_until_ns = world_now_ns(backend->world) + duration_ns;
	backend_wake(backend, backend->frozen_until_ns);
}

/* A signal: what runs sees it; while nothing runs it means nothing. */
void backend_cancel(struct backend *backend)
{
	if (!backend->running)
		return;
	backend->cancel_pending = true;
	backend_wake(backend, world_now_ns(backend->world));
}

/* ---- what it does ---- */

void backend_wake(struct backend *backend, int64_t at_ns)
{
	world_at(backend->world, at_ns, work, backend);
}

static void work(void *arg)
{
	struct backend *backend = arg;
	int64_t now_ns = world_now_ns(backend->world);

	while (backend->state != BACKEND_CLOSED && backend->frozen_until_ns <= now_ns) {
		if (backend_is_blocked(backend)) {
			if (backend->socket == NULL) {
				gone(backend);
				return;
			}
			backend_flush(backend);
			return;
		}
		if (backend->running) {
			if (!backend->cancel_pending && backend->ready_ns > now_ns)
				return;
			backend_run(backend);
			continue;
		}
		/* What it has been sent it does not see before it has arrived. */
		if (backend->arrive_ns > now_ns)
			return;
		if (!backend_take_message(backend)) {
			if (backend->socket == NULL)
				gone(backend);
			return;
		}
	}
}
