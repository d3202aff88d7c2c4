/* SPDX-License-Identifier: PostgreSQL */
/* The service: what all clients share, from start to the last answer. */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "base/budget.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/str.h"
#include "co/co.h"
#include "conf/config.h"
#include "daemon/listener.h"
#include "daemon/notify.h"
#include "daemon/texts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access_table;
struct database;
struct resolver;

enum server_state { SERVER_STARTING, SERVER_RUNNING, SERVER_DRAINING, SERVER_STOPPING };

struct server {
	struct co_loop *loop;
	struct co_task *main;
	const char *config_path;
	struct config *config;
	struct resolver *resolver;
	struct listener listener;
	struct notify notify;
	struct co_group group; /* requests, and the ends of databases */
	struct texts texts;
	struct access_table *access;
	enum server_state state;
	struct co_signal signals[4];

	struct list databases; /* struct database.node */
	size_t database_count;
	struct list sessions; /* struct session.node */
	size_t session_count;
	size_t requests_running;
	struct budget memory; /* buffers and arenas of all clients: memory_limit */
	struct budget rows;   /* of it: rows, until they are written */
	struct budget input;  /* of it: what clients have sent and is not read yet */
	struct budget held;   /* of it: rows that libpq has given, and that nobody takes yet */

	/* since the start */
	int64_t started_ns;
	uint64_t clients_accepted, clients_dropped;
	uint64_t requests;
	uint64_t errors[ERR_CODE_COUNT]; /* of items, and of requests that were refused whole */
	uint64_t queries;		 /* steps that ended, however */
	struct histogram request_latency;
};

/* Runs the service until it is told to stop: the process's exit status. */
int server_run(const char *config_path, struct config *config);

/* Takes the configuration over, all of it: 0; or none, which stays the caller's: negative errno. */
int server_configure(struct server *server, struct config *config) MUST_CHECK;
/* Loads the configuration again: all of the new one is in force then, or the old one stays. */
void server_reload(struct server *server);
/* None is there any more for new requests. */
void server_retire_databases(struct server *server);
/* Sets memory_limit, and what of it is for what. */
void server_limit_memory(struct server *server, size_t limit_bytes);
/* `name` absent: the default one. NULL when there is none. */
struct database *server_find_database(struct server *server, struct str name);
void server_count_error(struct server *server, enum err_code code);
/* Why no new request is taken now; false when there is no reason. */
bool server_refuses(const struct server *server, struct err *ret_err);
/* A session has ended; a descriptor is free again. */
void server_session_ended(struct server *server);

#endif
