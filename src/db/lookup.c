/* SPDX-License-Identifier: PostgreSQL */
#include "db/lookup.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What nsswitch modules need; DNS alone is content with a quarter of it. */
#define THREAD_STACK_BYTES (256 * 1024)

struct exchange {
	pthread_mutex_t lock;
	int event_fd; /* raised when `done` gets an entry; written to under the lock */
	/* all of these under the lock */
	struct list done; /* struct lookup.done */
	size_t holders;	  /* the loop's side and each thread */
	bool closed;	  /* the loop's side has gone: a thread frees its own lookup */
};

void lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	if (lookup->addresses != NULL)
		freeaddrinfo(lookup->addresses);
	mem_free(lookup);
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

int exchange_new(struct exchange **ret_exchange)
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
		/* It fails only where the count is at its maximum: then it is readable already. */
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

int lookup_start(struct exchange *exchange, resolve_lookup_fn *fn, const char *host,
		 const char *port, void *owner, struct lookup **ret_lookup)
{
	size_t host_bytes = strlen(host) + 1, port_bytes = strlen(port) + 1;
	struct lookup *lookup = mem_calloc(1, sizeof(*lookup) + host_bytes + port_bytes);
	int rc;

	if (lookup == NULL)
		return -ENOMEM;
	lookup->owner = owner;
	lookup->exchange = exchange;
	lookup->fn = fn;
	list_init(&lookup->done);
	memcpy(lookup->host, host, host_bytes);
	lookup->port = lookup->host + host_bytes;
	memcpy(lookup->port, port, port_bytes);
	rc = thread_start(lookup);
	if (rc < 0) {
		mem_free(lookup);
		return rc;
	}
	*ret_lookup = lookup;
	return 0;
}

int exchange_fd(const struct exchange *exchange)
{
	return exchange->event_fd;
}

void exchange_take(struct exchange *exchange, struct list *ret_done)
{
	uint64_t count;

	list_init(ret_done);
	pthread_mutex_lock(&exchange->lock);
	/* Nothing to read is fine: who came in between was taken the last time. */
	if (read(exchange->event_fd, &count, sizeof(count)) < 0)
		assert(errno == EAGAIN);
	list_splice_back(ret_done, &exchange->done);
	pthread_mutex_unlock(&exchange->lock);
}

void exchange_close(struct exchange *exchange)
{
	struct list done;

	list_init(&done);
	pthread_mutex_lock(&exchange->lock);
	list_splice_back(&done, &exchange->done);
	exchange->closed = true;
	close(exchange->event_fd);
	exchange_release_locked(exchange);
	list_for_each_safe (node, &done)
		lookup_free(LIST_ENTRY(node, struct lookup, done));
}
