/* SPDX-License-Identifier: PostgreSQL */
/*
 * The service without its process: sessions on socket pairs, in the test's own loop. All that a
 * test took has to be given back, and the daemon's budget has to be empty.
 */
#ifndef UNIT_DAEMON_SERVER_H
#define UNIT_DAEMON_SERVER_H

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "co/io.h"
#include "daemon/access.h"
#include "daemon/database.h"
#include "daemon/gather.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "db/pool.h"
#include "db/resolve.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct daemon_env {
	struct server server;
	struct clock_virtual clock;
};

static inline void daemon_env_mistake(void *arg, const char *text)
{
	(void)arg;
	ck_abort_msg("%s", text);
}

/* `ini` is what stands behind [gatherd]. */
static inline struct config *daemon_env_config(const char *ini)
{
	char text[4096];
	struct config *config;
	FILE *file;

	snprintf(text, sizeof(text), "[gatherd]\nsocket = /tmp/unused\n%s", ini);
	file = fmemopen(text, strlen(text), "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(config_load_stream(file, "test.ini", &config, daemon_env_mistake, NULL),
			 0);
	fclose(file);
	return config;
}

static inline void daemon_env_start(struct daemon_env *env, struct co_loop *loop, const char *ini)
{
	struct server *server = &env->server;

	*server = (struct server){.loop = loop, .main = co_task_current(), .state = SERVER_RUNNING};
	server->listener.fd = -1;
	server->notify.fd = -1;
	server->config = daemon_env_config(ini);
	server->started_ns = co_now_ns();
	list_init(&server->databases);
	list_init(&server->sessions);
	texts_init(&server->texts);
	server_limit_memory(server, server->config->memory_limit_bytes);
	co_group_init(&server->group, loop, CO_KEEP_GOING);
	ck_assert_int_eq(resolver_new(&server->resolver, loop), 0);
	ck_assert_int_eq(
		access_table_new(&server->access, server->config, daemon_env_mistake, NULL), 0);
	for (size_t i = 0; i < server->config->database_count; i++) {
		struct database *database;

		ck_assert_int_eq(database_new(&database, loop, &server->group, server->resolver,
					      &server->config->databases[i]),
				 0);
		database->pool->held = &server->held;
		list_push_back(&server->databases, &database->node);
		server->database_count++;
	}
}

/* Waits until the last session has ended by itself. */
static inline void daemon_env_stop(struct daemon_env *env)
{
	struct server *server = &env->server;

	while (server->session_count > 0)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
	ck_assert_uint_eq(server->requests_running, 0);
	ck_assert_uint_eq(server->memory.used_bytes, 0);
	while (!list_empty(&server->databases)) {
		struct database *database =
			LIST_ENTRY(server->databases.next, struct database, node);

		ck_assert_uint_eq(database->pending, 0);
		ck_assert_uint_eq(database->running, 0);
		ck_assert_uint_eq(database->refs, 1);
		list_remove(&database->node);
		database_unref(database);
	}
	co_group_wait(&server->group, CLOCK_NEVER);
	resolver_free(server->resolver);
	access_table_unref(server->access);
	texts_free(&server->texts);
	config_free(server->config);
}

struct daemon_env_task {
	struct daemon_env env;
	struct co_loop *loop;
	const char *ini;
	void (*task)(struct daemon_env *env);
};

static inline int daemon_env_main(void *arg)
{
	struct daemon_env_task *run = arg;

	daemon_env_start(&run->env, run->loop, run->ini);
	run->task(&run->env);
	daemon_env_stop(&run->env);
	return 0;
}

static inline void daemon_env_run(void (*task)(struct daemon_env *env), const char *ini,
				  bool virtual_time)
{
	struct daemon_env_task *run = calloc(1, sizeof(*run));
	size_t blocks = mem_live_blocks();
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), descriptors = open_descriptors();
	struct co_loop_options options = {.clock = NULL};

	ck_assert_ptr_nonnull(run);
	log_open(quiet, LOG_LEVEL_ERROR, false);
	run->task = task;
	run->ini = ini;
	clock_virtual_init(&run->env.clock, 1000 * CLOCK_SECOND);
	if (virtual_time)
		options.virtual_clock = &run->env.clock;
	ck_assert_int_eq(co_loop_new(&run->loop, &options), 0);
	ck_assert_int_eq(co_loop_run(run->loop, daemon_env_main, run), 0);
	co_loop_free(run->loop);
	ck_assert_uint_eq(mem_live_blocks(), blocks);
	ck_assert_int_eq(open_descriptors(), descriptors);
	free(run);
	close(quiet);
	sys = sys_real;
}

/* ---- clients ---- */

struct client {
	int fd;
	char bytes[1 << 21]; /* read and not yet given */
	size_t len;
	char line[1 << 21];
};

static inline struct client *client_new(struct daemon_env *env)
{
	struct client *client = calloc(1, sizeof(*client));
	int fds[2];

	ck_assert_ptr_nonnull(client);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	ck_assert_int_eq(session_new(&env->server, fds[0]), 0);
	client->fd = fds[1];
	return client;
}

static inline void client_close(struct client *client)
{
	close(client->fd);
	free(client);
}

static inline int client_try_send(struct client *client, const char *text)
{
	return co_io_send_all(client->fd, text, strlen(text), CLOCK_NEVER);
}

static inline void client_send(struct client *client, const char *text)
{
	ck_assert_int_eq(client_try_send(client, text), 0);
}

/* The next line, without its newline; NULL at the end of the stream. Waits. */
static inline const char *client_line(struct client *client)
{
	for (;;) {
		char *newline = memchr(client->bytes, '\n', client->len);
		ssize_t got;

		if (newline != NULL) {
			size_t len = (size_t)(newline - client->bytes);

			memcpy(client->line, client->bytes, len);
			client->line[len] = '\0';
			client->len -= len + 1;
			memmove(client->bytes, newline + 1, client->len);
			return client->line;
		}
		ck_assert_uint_lt(client->len, sizeof(client->bytes));
		got = co_io_recv(client->fd, client->bytes + client->len,
				 sizeof(client->bytes) - client->len, CLOCK_NEVER);
		if (got <= 0) {
			ck_assert_uint_eq(client->len, 0); /* a line that was cut off */
			return NULL;
		}
		client->len += (size_t)got;
	}
}

static inline void ck_line(struct client *client, const char *begin)
{
	const char *line = client_line(client);

	ck_assert_msg(line != NULL, "the end, not %s", begin);
	ck_assert_msg(strncmp(line, begin, strlen(begin)) == 0, "%s, not %s", line, begin);
}

static inline void ck_contains(const char *line, const char *part)
{
	ck_assert_msg(line != NULL && strstr(line, part) != NULL, "%.2000s, without %s", line,
		      part);
}

static inline void ck_end(struct client *client)
{
	const char *line = client_line(client);

	ck_assert_msg(line == NULL, "%s, not the end", line);
}

#endif
