/* SPDX-License-Identifier: PostgreSQL */
/*
 * A [database NAME] in service: its pool, with a configuration of its own, so that a reload can
 * bring another one while requests still run on this. Counted: the server's table holds it, and
 * each request that uses it.
 */
#ifndef DAEMON_DATABASE_H
#define DAEMON_DATABASE_H

#include "base/list.h"
#include "base/macros.h"
#include "base/str.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;
struct arena;
struct channels;
struct co_group;
struct co_loop;
struct err;
struct params_cache;
struct pool;
struct resolver;
struct server;

struct database {
	struct list node; /* server.databases; in no list once it is retired */
	struct config_database conf;
	struct pool *pool;
	struct channels *channels;   /* who listens; beside the pool */
	uint64_t overruns;	     /* listeners that missed something for want of reading */
	struct params_cache *params; /* parameter types by text */
	size_t pending;		     /* items admitted that have not ended */
	size_t running;		     /* those of them that have been started */
	struct list shares;	     /* struct share.node */
	unsigned refs;
	struct co_task *closer; /* waits for the last reference to go; NULL: has not run yet */
};

/* 0 or -ENOMEM; with one reference. A task of `group` is its own, up to its end. */
int database_new(struct database **ret_database, struct co_loop *loop, struct co_group *group,
		 struct resolver *resolver, const struct config_database *conf) MUST_CHECK;
struct database *database_ref(struct database *database);
/* The last one is the end of the pool, which takes its time. NULL is fine. */
void database_unref(struct database *database);
/* It leaves the table, and who listens on it has to do so anew; requests that run may end. */
void database_retire(struct database *database);
/* Whether a reload can keep this one. */
bool database_same_conf(const struct database *database, const struct config_database *conf);
/*
 * The one that a request names, or the default one where `name` is absent, if the client may use
 * it. 0, or -EINVAL and *ret_err, in `arena`.
 */
int database_choose(struct server *server, const struct access *access, struct str name,
		    struct arena *arena, struct database **ret_database,
		    struct err *ret_err) MUST_CHECK;
/* What only libpq can tell of a configuration: 0, or -EINVAL when every mistake has been reported.
 */
int database_check_conninfos(const struct config *config, config_error_fn *report,
			     void *arg) MUST_CHECK;

#endif
