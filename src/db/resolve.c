/* SPDX-License-Identifier: PostgreSQL */
#include "db/resolve.h"

#include "base/arena.h"
#include "base/mem.h"
#include "co/co.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What nsswitch modules need; DNS alone is content with a quarter of it. */
#define THREAD_STACK_BYTES (256 * 1024)
/*
 * A lookup that has run for so long may be stuck for ever: then a second one for the same name is
 * let in, and no third.
 */
#define JOIN_WITHIN_NS	 (30 * CLOCK_SECOND)
#define LOOKUPS_PER_NAME 2
/* More addresses of one name are not tried. */
#define MAX_ADDRESSES 64

/* What the threads share with the resolver, and all that they may touch of it. */
struct exchange {
	pthread_mutex_t lock;
	/* all of these under the lock */
	struct list done; /* struct lookup.done */
	size_t holders;	  /* the resolver and each thread */
	int event_fd;	  /* raised when `done` gets an entry */
	bool closed;	  /* the resolver has gone: a thread frees its own lookup */
};

struct lookup {
	struct exchange *exchange;
	resolve_lookup_fn *fn;
	/* of the loop */
	struct list running; /* in resolver.running until the thread is done */
	struct co_waitq waiters;
	int64_t started_ns;
	size_t holders; /* each waiter, and `running` */
	bool finished;
	/* the thread's until it hands the lookup over through exchange.done */
	struct list done;
	int rc; /* of getaddrinfo */
	int system_errno;
	struct addrinfo *addresses;
	char *port; /* behind host */
	char host[];
};

struct resolver {
	struct co_loop *loop;
	struct exchange *exchange;
	resolve_lookup_fn *lookup;
	struct co_watch watch;
	struct list running; /* struct lookup.running, the latest first */
	size_t running_count;
	struct co_waitq slots; /* who waits for running_count to sink */
};

static void lookup_free(struct lookup *lookup)
{
	if (lookup->addresses != NULL)
		freeaddrinfo(lookup->addresses);
	mem_free(lookup);
}

static void lookup_release(struct lookup *lookup)
{
	assert(lookup->holders > 0);
	if (--lookup->holders == 0)
		lookup_free(lookup);
}

/* Leaves with the lock released. */
static void exchange_release_locked(struct exchange *exchange)
{
	bool last = --exchange->holders == 0;

	pthread_mutex_unlock(&exchange->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&exchange->lock);
	mem_free(exchange);
}

static int exchange_new(struct exchange **ret_exchange)
{
	struct exchange *exchange = mem_calloc(1, sizeof(*exchange));
	int rc;

	if (exchange == NULL)
		return -ENOMEM;
	list_init(&exchange->done);
	exchange->holders = 1;
	exchange->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (exchange->event_fd < 0) {
		rc = -errno;
		goto fail;
	}
	rc = -pthread_mutex_init(&exchange->lock, NULL);
	if (rc == 0) {
		*ret_exchange = exchange;
		return 0;
	}
	close(exchange->event_fd);
fail:
	mem_free(exchange);
	return rc;
}

static void *thread_main(void *arg)
{
	struct lookup *lookup = arg;
	struct exchange *exchange = lookup->exchange;
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};

	lookup->rc = lookup->fn(lookup->host, lookup->port, &hints, &lookup->addresses);
	lookup->system_errno = errno;
	if (lookup->rc != 0)
		lookup->addresses = NULL; /* whatever the name service left there */

	pthread_mutex_lock(&exchange->lock);
	if (exchange->closed) {
		lookup_free(lookup);
	} else {
		const uint64_t one = 1;

		list_push_back(&exchange->done, &lookup->done);
		/* It fails only where the count is at its maximum, and then the loop is awake
		 * anyway. */
		if (write(exchange->event_fd, &one, sizeof(one)) < 0)
			assert(errno == EAGAIN);
	}
	exchange_release_locked(exchange);
	return NULL;
}

static int thread_start(struct lookup *lookup)
{
	struct exchange *exchange = lookup->exchange;
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc != 0)
		return -rc;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);

	pthread_mutex_lock(&exchange->lock);
	exchange->holders++;
	pthread_mutex_unlock(&exchange->lock);
	/* Signals are the loop's; a thread inherits the mask of its creator. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, thread_main, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		pthread_mutex_lock(&exchange->lock);
		exchange_release_locked(exchange);
	}
	pthread_attr_destroy(&attr);
	return -rc;
}

/* Finds a lookup of the same name that is worth waiting for. */
static struct lookup *lookup_find(struct resolver *resolver, const char *host, const char *port)
{
	struct lookup *latest = NULL;
	size_t matches = 0;

	list_for_each (node, &resolver->running) {
		struct lookup *lookup = LIST_ENTRY(node, struct lookup, running);

		if (strcmp(lookup->host, host) != 0 || strcmp(lookup->port, port) != 0)
			continue;
		matches++;
		if (latest == NULL)
			latest = lookup;
	}
	if (latest == NULL || matches >= LOOKUPS_PER_NAME)
		return latest;
	return co_loop_now_ns(resolver->loop) - latest->started_ns < JOIN_WITHIN_NS ? latest : NULL;
}

static int lookup_start(struct resolver *resolver, const char *host, const char *port,
			struct lookup **ret_lookup)
{
	size_t host_bytes = strlen(host) + 1, port_bytes = strlen(port) + 1;
	struct lookup *lookup = mem_calloc(1, sizeof(*lookup) + host_bytes + port_bytes);
	int rc;

	if (lookup == NULL)
		return -ENOMEM;
	lookup->exchange = resolver->exchange;
	lookup->fn = resolver->lookup;
	lookup->started_ns = co_loop_now_ns(resolver->loop);
	lookup->holders = 1;
	co_waitq_init(&lookup->waiters);
	list_init(&lookup->running);
	list_init(&lookup->done);
	memcpy(lookup->host, host, host_bytes);
	lookup->port = lookup->host + host_bytes;
	memcpy(lookup->port, port, port_bytes);

	rc = thread_start(lookup);
	if (rc < 0) {
		mem_free(lookup);
		return rc;
	}
	list_push_front(&resolver->running, &lookup->running);
	resolver->running_count++;
	*ret_lookup = lookup;
	return 0;
}

static void take_done(struct exchange *exchange, struct list *ret_done)
{
	list_init(ret_done);
	pthread_mutex_lock(&exchange->lock);
	list_splice_back(ret_done, &exchange->done);
	pthread_mutex_unlock(&exchange->lock);
}

static void on_event(void *arg, unsigned events)
{
	struct resolver *resolver = arg;
	struct list done;
	uint64_t count;

	(void)events;
	/* Before the list is taken: an entry that comes later raises it again. */
	if (read(resolver->exchange->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	take_done(resolver->exchange, &done);
	list_for_each_safe (node, &done) {
		struct lookup *lookup = LIST_ENTRY(node, struct lookup, done);

		list_remove(&lookup->done);
		list_remove(&lookup->running);
		resolver->running_count--;
		lookup->finished = true;
		co_waitq_wake_all(&lookup->waiters);
		lookup_release(lookup);
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
	rc = co_watch_start(&resolver->watch, loop, resolver->exchange->event_fd, CO_READ, on_event,
			    resolver);
	if (rc == 0) {
		*ret_resolver = resolver;
		return 0;
	}
	close(resolver->exchange->event_fd);
	pthread_mutex_lock(&resolver->exchange->lock);
	exchange_release_locked(resolver->exchange);
fail:
	mem_free(resolver);
	return rc;
}

void resolver_free(struct resolver *resolver)
{
	struct exchange *exchange;
	struct list done;

	if (resolver == NULL)
		return;
	assert(co_waitq_empty(&resolver->slots));
	exchange = resolver->exchange;
	co_watch_stop(&resolver->watch);
	/* The node belongs to the loop's side; the threads never look at it. */
	list_for_each_safe (node, &resolver->running)
		list_remove(node);

	list_init(&done);
	pthread_mutex_lock(&exchange->lock);
	list_splice_back(&done, &exchange->done);
	exchange->closed = true;
	close(exchange->event_fd);
	exchange_release_locked(exchange);
	list_for_each_safe (node, &done)
		lookup_free(LIST_ENTRY(node, struct lookup, done));
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

/* Waits for a slot. 0 and a lookup that runs. */
static int find_or_start(struct resolver *resolver, const char *host, const char *port,
			 int64_t deadline_ns, struct lookup **ret_lookup)
{
	for (;;) {
		struct lookup *lookup = lookup_find(resolver, host, port);
		int rc;

		if (lookup != NULL) {
			*ret_lookup = lookup;
			return 0;
		}
		if (resolver->running_count < RESOLVE_MAX_LOOKUPS)
			return lookup_start(resolver, host, port, ret_lookup);
		rc = co_waitq_wait(&resolver->slots, deadline_ns);
		if (rc < 0)
			return rc;
	}
}

int resolve_host(struct resolver *resolver, const char *host, const char *port, struct arena *arena,
		 int64_t deadline_ns, struct resolve_address **ret_addresses, size_t *ret_count,
		 const char **ret_why)
{
	struct lookup *lookup;
	int rc;

	rc = find_or_start(resolver, host, port, deadline_ns, &lookup);
	if (rc < 0)
		return rc;
	lookup->holders++;
	while (!lookup->finished && rc == 0)
		rc = co_waitq_wait(&lookup->waiters, deadline_ns);
	if (rc == 0 && lookup->rc == 0)
		rc = copy_addresses(lookup, arena, ret_addresses, ret_count, ret_why);
	else if (rc == 0)
		rc = copy_failure(lookup, arena, ret_why);
	lookup_release(lookup);
	return rc;
}
