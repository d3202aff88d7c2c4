/* SPDX-License-Identifier: PostgreSQL */
#include "db/scram.h"

#include "co/co.h"
#include "db/transport.h"

#include <dlfcn.h>
#include <errno.h>

/* As many as the loop is held up by: about a millisecond. */
#define ROUNDS_PER_TURN 512

struct scram {
	PGconn *pg;
	struct transport *transport;
	int64_t deadline_ns;
	unsigned rounds;
	int rc;
};

/* OpenSSL's; no type of it is needed here. */
typedef int hmac_init_fn(void *context, const void *key, int len, const void *digest, void *engine);

/* Of the thread, while the task that it belongs to runs in PQconnectPoll. */
static _Thread_local struct scram *current;

int scram_hmac_init(void *context, const void *key, int len, const void *digest,
		    void *engine) __asm__("HMAC_Init_ex")
	__attribute__((visibility("default"), used));

static int real_hmac_init(void *context, const void *key, int len, const void *digest, void *engine)
{
	static _Thread_local hmac_init_fn *real;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "HMAC_Init_ex");
	return real != NULL ? real(context, key, len, digest, engine) : 0;
}

static void enter(struct scram *scram)
{
	transport_begin_connect(scram->transport, scram->pg);
	current = scram;
}

static void leave(struct scram *scram)
{
	current = NULL;
	transport_end_connect(scram->transport);
}

/* Waits. Other tasks may connect meanwhile. */
static int take_turns(struct scram *scram)
{
	int rc;

	leave(scram);
	rc = co_yield();
	enter(scram);
	if (rc == 0 && co_now_ns() >= scram->deadline_ns)
		rc = -ETIMEDOUT;
	return rc;
}

int scram_hmac_init(void *context, const void *key, int len, const void *digest, void *engine)
{
	struct scram *scram = current;

	if (scram == NULL)
		return real_hmac_init(context, key, len, digest, engine);
	scram->rounds++;
	if (scram->rc == 0 && scram->rounds > SCRAM_ROUNDS_MAX)
		scram->rc = -E2BIG;
	if (scram->rc == 0 && scram->rounds % ROUNDS_PER_TURN == 0)
		scram->rc = take_turns(scram);
	/* libpq gives up then. */
	return scram->rc == 0 ? real_hmac_init(context, key, len, digest, engine) : 0;
}

int scram_connect_poll(PGconn *pg, struct transport *transport, int64_t deadline_ns,
		       PostgresPollingStatusType *ret_status)
{
	struct scram scram = {.pg = pg, .transport = transport, .deadline_ns = deadline_ns};

	enter(&scram);
	*ret_status = PQconnectPoll(pg);
	leave(&scram);
	return scram.rc;
}
