/* SPDX-License-Identifier: PostgreSQL */
#include "db/resolve.h"

#include "base/arena.h"
#include "base/mem.h"
#include "co/co.h"
#include "db/lookup.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>

/*
 * A lookup that has run for so long may be stuck for ever: then a second one for the same name is
 * let in, and no third.
 */
#define JOIN_WITHIN_NS	 (30 * CLOCK_SECOND)
#define LOOKUPS_PER_NAME 2
/* More addresses of one name are not tried. */
#define MAX_ADDRESSES 64

/* A lookup as the loop sees it: who waits for it. */
struct pending {
	struct list running; /* in resolver.running until the lookup has come back */
	struct co_waitq waiters;
	struct lookup *lookup; /* ours once `finished`, the thread's before */
	int64_t started_ns;
	size_t holders; /* each waiter, and resolver.running */
	bool finished;
};

struct resolver {
	struct co_loop *loop;
	struct exchange *exchange;
	resolve_lookup_fn *lookup;
	struct co_watch watch;
	struct list running; /* struct pending.running, the latest first */
	size_t running_count;
	struct co_waitq slots; /* who waits for running_count to sink */
};

static void pending_release(struct pending *pending)
{
	assert(pending->holders > 0);
	if (--pending->holders > 0)
		return;
	if (pending->finished)
		lookup_free(pending->lookup);
	mem_free(pending);
}

/* Finds one of the same name that is worth waiting for. */
static struct pending *pending_find(struct resolver *resolver, const char *host, const char *port)
{
	struct pending *latest = NULL;
	size_t matches = 0;

	list_for_each (node, &resolver->running) {
		struct pending *pending = LIST_ENTRY(node, struct pending, running);

		if (strcmp(pending->lookup->host, host) != 0 ||
		    strcmp(pending->lookup->port, port) != 0)
			continue;
		matches++;
		if (latest == NULL)
			latest = pending;
	}
	if (latest == NULL || matches >= LOOKUPS_PER_NAME)
		return latest;
	return co_loop_now_ns(resolver->loop) - latest->started_ns < JOIN_WITHIN_NS ? latest : NULL;
}

static int pending_start(struct resolver *resolver, const char *host, const char *port,
			 struct pending **ret_pending)
{
	struct pending *pending = mem_calloc(1, sizeof(*pending));
	int rc;

	if (pending == NULL)
		return -ENOMEM;
	co_waitq_init(&pending->waiters);
	pending->started_ns = co_loop_now_ns(resolver->loop);
	pending->holders = 1;
	rc = lookup_start(resolver->exchange, resolver->lookup, host, port, pending,
			  &pending->lookup);
	if (rc < 0) {
		mem_free(pending);
		return rc;
	}
	list_push_front(&resolver->running, &pending->running);
	resolver->running_count++;
	*ret_pending = pending;
	return 0;
}

static void on_event(void *arg, unsigned events)
{
	struct resolver *resolver = arg;
	struct list done;

	(void)events;
	exchange_take(resolver->exchange, &done);
	list_for_each_safe (node, &done) {
		struct pending *pending = LIST_ENTRY(node, struct lookup, done)->owner;

		list_remove(&pending->running);
		resolver->running_count--;
		pending->finished = true;
		co_waitq_wake_all(&pending->waiters);
		pending_release(pending);
	}
	co_waitq_wake_all(&resolver->slots);
}

int resolver_new(struct resolver **ret_resolver, struct co_loop *loop)
{
	struct resolver *resolver = mem_calloc(1, sizeof(*resolver));
	int rc;

	if (resolver == NULL)
		return -ENOMEM;
	resolver->loop = loop;
	resolver->lookup = getaddrinfo;
	list_init(&resolver->running);
	co_waitq_init(&resolver->slots);
	rc = exchange_new(&resolver->exchange);
	if (rc < 0)
		goto fail;
	rc = co_watch_start(&resolver->watch, loop, exchange_fd(resolver->exchange), CO_READ,
			    on_event, resolver);
	if (rc == 0) {
		*ret_resolver = resolver;
		return 0;
	}
	exchange_close(resolver->exchange);
fail:
	mem_free(resolver);
	return rc;
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	assert(co_waitq_empty(&resolver->slots));
	co_watch_stop(&resolver->watch);
	list_for_each_safe (node, &resolver->running) {
		struct pending *pending = LIST_ENTRY(node, struct pending, running);

		list_remove(node);
		assert(pending->holders == 1);
		pending_release(pending);
	}
	exchange_close(resolver->exchange);
	mem_free(resolver);
}

void resolver_set_lookup(struct resolver *resolver, resolve_lookup_fn *lookup)
{
	resolver->lookup = lookup;
}

static int copy_addresses(const struct lookup *lookup, struct arena *arena,
			  struct resolve_address **ret_addresses, size_t *ret_count,
			  const char **ret_why)
{
	struct resolve_address *addresses;
	size_t count = 0, room = 0;

	for (const struct addrinfo *info = lookup->addresses; info != NULL; info = info->ai_next)
		room++;
	room = MIN(room, MAX_ADDRESSES);
	addresses = arena_calloc(arena, MAX(room, 1), sizeof(*addresses));
	if (addresses == NULL)
		return -ENOMEM;
	for (const struct addrinfo *info = lookup->addresses; info != NULL && count < room;
	     info = info->ai_next) {
		struct resolve_address *address = &addresses[count];

		if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
			continue;
		if (getnameinfo(info->ai_addr, info->ai_addrlen, address->text,
				sizeof(address->text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		address->family = info->ai_family;
		count++;
	}
	if (count == 0) {
		*ret_why = "the name has no address";
		return -ENOENT;
	}
	*ret_addresses = addresses;
	*ret_count = count;
	return 0;
}

static int copy_failure(const struct lookup *lookup, struct arena *arena, const char **ret_why)
{
	const char *why = gai_strerror(lookup->rc);

	if (lookup->rc == EAI_MEMORY)
		return -ENOMEM;
	if (lookup->rc == EAI_SYSTEM)
		why = arena_strdup(arena, strerror(lookup->system_errno));
	if (why == NULL)
		return -ENOMEM;
	*ret_why = why;
	return -ENOENT;
}

/* Waits for a slot. 0 and one that runs. */
static int find_or_start(struct resolver *resolver, const char *host, const char *port,
			 int64_t deadline_ns, struct pending **ret_pending)
{
	for (;;) {
		struct pending *pending = pending_find(resolver, host, port);
		int rc;

		if (pending != NULL) {
			*ret_pending = pending;
			return 0;
		}
		if (resolver->running_count < RESOLVE_MAX_LOOKUPS)
			return pending_start(resolver, host, port, ret_pending);
		rc = co_waitq_wait(&resolver->slots, deadline_ns);
		if (rc < 0)
			return rc;
	}
}

int resolve_host(struct resolver *resolver, const char *host, const char *port, struct arena *arena,
		 int64_t deadline_ns, struct resolve_address **ret_addresses, size_t *ret_count,
		 const char **ret_why)
{
	struct pending *pending;
	int rc;

	rc = find_or_start(resolver, host, port, deadline_ns, &pending);
	if (rc < 0)
		return rc;
	pending->holders++;
	while (!pending->finished && rc == 0)
		rc = co_waitq_wait(&pending->waiters, deadline_ns);
	if (rc == 0 && pending->lookup->rc == 0)
		rc = copy_addresses(pending->lookup, arena, ret_addresses, ret_count, ret_why);
	else if (rc == 0)
		rc = copy_failure(pending->lookup, arena, ret_why);
	pending_release(pending);
	return rc;
}
