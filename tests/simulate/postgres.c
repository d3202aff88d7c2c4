/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/postgres.h"

#include "simulate/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_REQUEST_CODE 80877102

/* A connection whose first packet is not here yet: a session's or a cancel's. */
struct caller {
	struct postmaster *postmaster;
	struct kernel_socket *socket; /* NULL: it has hung up */
	struct kernel_bytes in;
	struct backend *backend;
	int32_t pid, secret;
};

static void caller_close(void *arg)
{
	struct caller *caller = arg;

	if (caller->socket != NULL)
		kernel_break(caller->postmaster->world->kernel, caller->socket, false);
}

/* The signal goes out first; then the connection is closed, which is all of the answer. */
static void caller_cancels(void *arg)
{
	struct caller *caller = arg;
	struct postmaster *postmaster = caller->postmaster;
	struct world *world = postmaster->world;

	if (postmaster->state == POSTMASTER_FROZEN) {
		world_after(world, 500 * CLOCK_MS, caller_cancels, caller);
		return;
	}
	world_trace(world, "cancel arrives", (uint64_t)caller->pid, 0, 0);
	if (postmaster->state != POSTMASTER_AWAY)
		for (unsigned i = 0; i < postmaster->backend_count; i++)
			if (backend_is(postmaster->backends[i], caller->pid, caller->secret))
				backend_cancel(postmaster->backends[i]);
	world_after(world, world_delay_ns(world), caller_close, caller);
}

static void caller_sent(void *ctx, const char *bytes, size_t len)
{
	struct caller *caller = ctx;
	struct world *world = caller->postmaster->world;
	uint32_t words[4];

	bytes_add(world, &caller->in, bytes, len);
	kernel_took(world->kernel, caller->socket, len);
	if (bytes_len(&caller->in) != sizeof(words))
		return;
	memcpy(words, bytes_data(&caller->in), sizeof(words));
	if (ntohl(words[1]) != CANCEL_REQUEST_CODE)
		return;
	caller->pid = (int32_t)ntohl(words[2]);
	caller->secret = (int32_t)ntohl(words[3]);
	world->counts[COUNT_CANCELS]++;
	world_after(
		world,
		caller->postmaster->cancel_late_ns > 0 && world_chance(world, 2)
			? (int64_t)world_random(world, (uint64_t)caller->postmaster->cancel_late_ns)
			: world_delay_ns(world),
		caller_cancels, caller);
}

static void caller_read(void *ctx)
{
	(void)ctx;
}

static void caller_closed(void *ctx)
{
	struct caller *caller = ctx;

	caller->socket = NULL;
}

static const struct kernel_peer caller_peer = {caller_sent, caller_read, caller_closed};

/*
 * A start-up packet is longer than a cancel request, and arrives in one piece: so who calls is
 * known by the first bytes that come.
 */
static void first_sent(void *ctx, const char *bytes, size_t len)
{
	struct caller *caller = ctx;
	struct kernel_socket *socket = caller->socket;
	uint32_t words[2] = {0, 0};

	if (len >= sizeof(words))
		memcpy(words, bytes, sizeof(words));
	if (ntohl(words[1]) == CANCEL_REQUEST_CODE) {
		socket->peer = &caller_peer;
	} else {
		caller->backend = backend_new(caller->postmaster, socket);
		if (caller->backend == NULL) {
			kernel_break(caller->postmaster->world->kernel, socket, false);
			return;
		}
	}
	socket->peer->sent(socket->peer_ctx, bytes, len);
}

static const struct kernel_peer first_peer = {first_sent, caller_read, caller_closed};

struct postgres *postgres_new(struct world *world)
{
	struct postgres *postgres = world_alloc(world, sizeof(*postgres));

	for (unsigned i = 0; i < POSTGRES_SERVERS; i++) {
		postgres->postmasters[i].world = world;
		postgres->postmasters[i].number = i;
		postgres->postmasters[i].version = 1;
	}
	return postgres;
}

/* /sim/NUMBER/.s.PGSQL.5432 */
int postgres_connect(void *ctx, struct kernel_socket *socket, const char *path)
{
	struct postgres *postgres = ctx;
	unsigned number = (unsigned)atoi(path + strlen("/sim/"));
	struct postmaster *postmaster;
	struct caller *caller;

	if (strncmp(path, "/sim/", 5) != 0 || number >= POSTGRES_SERVERS)
		return -ENOENT;
	postmaster = &postgres->postmasters[number];
	if (postmaster->state == POSTMASTER_AWAY)
		return -ECONNREFUSED;
	caller = world_alloc(postmaster->world, sizeof(*caller));
	caller->postmaster = postmaster;
	caller->socket = socket;
	socket->peer = &first_peer;
	socket->peer_ctx = caller;
	return 0;
}

void postmaster_set_state(struct postmaster *postmaster, enum postmaster_state state)
{
	world_trace(postmaster->world, "postmaster", postmaster->number, state, 0);
	postmaster->state = state;
	if (state != POSTMASTER_UP)
		postmaster->world->ledger->faults = true;
}

bool postmaster_notify(struct postmaster *postmaster, const char *channel, const char *payload)
{
	if (postmaster->state != POSTMASTER_UP)
		return false;
	for (unsigned i = 0; i < postmaster->backend_count; i++)
		backend_notify(postmaster->backends[i], channel, payload);
	return true;
}

unsigned postmaster_sessions(const struct postmaster *postmaster)
{
	unsigned open = 0;

	for (unsigned i = 0; i < postmaster->backend_count; i++)
		open += backend_is_open(postmaster->backends[i]);
	return open;
}

struct backend *postmaster_any_backend(struct postmaster *postmaster)
{
	unsigned open = postmaster_sessions(postmaster), chosen;

	if (open == 0)
		return NULL;
	chosen = (unsigned)world_random(postmaster->world, open);
	for (unsigned i = 0;; i++)
		if (backend_is_open(postmaster->backends[i]) && chosen-- == 0)
			return postmaster->backends[i];
}

struct backend *postmaster_listening_backend(struct postmaster *postmaster)
{
	for (unsigned i = 0; i < postmaster->backend_count; i++)
		if (backend_is_open(postmaster->backends[i]) &&
		    postmaster->backends[i]->channels != 0)
			return postmaster->backends[i];
	return NULL;
}
