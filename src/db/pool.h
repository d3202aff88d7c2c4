/* SPDX-License-Identifier: PostgreSQL */
/*
 * The connections of one database and the queue in front of them. Decides when to connect, which
 * query goes where, and what happens while the server is away. Everything runs in one loop.
 */
#ifndef DB_POOL_H
#define DB_POOL_H

#include "base/budget.h"
#include "base/histogram.h"
#include "base/list.h"
#include "base/macros.h"
#include "co/co.h"
#include "conf/config.h"
#include "db/connect.h"
#include "db/lanes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct db_query;
struct err;
struct resolver;
struct statements;
struct types;

struct pool_stats {
	uint64_t queries; /* ended, however */
	uint64_t errors;  /* of them, with an error */
	uint64_t connects, connect_failures;
	uint64_t cancels;
	uint64_t resets;
	uint64_t shared;   /* queries that were sent behind, or could be followed by, another's */
	uint64_t batches;  /* read-only transactions of several queries, or of one */
	uint64_t batched;  /* queries sent in them */
	uint64_t repeated; /* of those, sent again since their batch failed */
	uint64_t lost;	   /* sessions that ended without our doing */
	struct histogram queued, elapsed;
};

struct pool {
	const struct config_database *conf; /* the caller keeps it alive */
	struct co_loop *loop;
	struct resolver *resolver;
	struct co_group group; /* drivers */
	struct lanes lanes;
	int64_t round_trip_ns; /* to the server and back; 0: not known */

	struct list connecting, idle /* last used first */, shared, busy, closing;
	size_t connecting_count, idle_count, shared_count, busy_count, closing_count;

	/* While the server is away. */
	unsigned failures; /* connects failed in a row; 0 when all is well */
	unsigned
		connect_window; /* connects at once; 1 after an outage, doubles with each success */
	int64_t retry_ns;	/* no connect before this */
	struct co_timer retry;
	int64_t without_since_ns; /* no working session since then */
	bool refused;		  /* the server will not have us: only configuration cures it */
	char error[512];	  /* why the last connect failed */

	struct {
		size_t running;
		struct co_waitq waiters;
	} cancels;

	struct types *types;
	struct statements *statements;
	struct budget
		*held; /* for rows that wait for sinks or a COMMIT; set by the owner, or NULL */
	uint64_t random;
	bool stopping;
	struct pool_stats stats;
};

/* Starts pool_min connections. 0 or -ENOMEM. */
int pool_new(struct pool **ret_pool, struct co_loop *loop, struct resolver *resolver,
	     const struct config_database *conf) MUST_CHECK;
/*
 * Waits. Refuses what is queued, lets running queries end until the deadline, then closes
 * everything and frees the pool. Nobody may be in db_execute afterwards.
 */
void pool_free(struct pool *pool, int64_t deadline_ns);

/* Sessions that are established. */
static inline size_t pool_open(const struct pool *pool)
{
	return pool->idle_count + pool->shared_count + pool->busy_count;
}

/* ---- for the other files of db/ ---- */

/* 0: queued or assigned; negative: query->err says why not. */
int pool_submit(struct pool *pool, struct db_query *query) MUST_CHECK;
/* When a query that waits now is to give up for want of any connection; CLOCK_NEVER while there is
 * one. */
int64_t pool_give_up_ns(const struct pool *pool, const struct db_query *query);
void pool_set_unavailable(const struct pool *pool, struct db_query *query);

/* A connection comes into the pool's lists (as connecting), and goes. */
void pool_conn_add(struct pool *pool, struct conn *conn);
void pool_conn_remove(struct pool *pool, struct conn *conn);

/* An idle one is to be one query's, or shared. */
void pool_conn_takes(struct pool *pool, struct conn *conn, bool shared);

/* What drivers report. Each may dispatch waiting queries. */
void pool_conn_ready(struct pool *pool, struct conn *conn); /* set up, or free again */
void pool_conn_failed(struct pool *pool, struct conn *conn, int rc,
		      const struct err *err);		      /* never got ready */
void pool_conn_closing(struct pool *pool, struct conn *conn); /* was ready, takes nothing more */
void pool_requeue(struct pool *pool, struct db_query *query); /* was never sent */
/* A shared one may take more. */
void pool_conn_has_room(struct pool *pool);
/* Whether an idle connection of this age should go. */
bool pool_has_spare(const struct pool *pool);
/* A number in [0, bound). */
uint64_t pool_random(struct pool *pool, uint64_t bound);

#endif
