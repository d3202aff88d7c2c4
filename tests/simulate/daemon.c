/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/daemon.h"

#include "base/mem.h"
#include "daemon/database.h"
#include "daemon/server.h"
#include "db/channels_parts.h"
#include "db/conn.h"
#include "db/pool.h"
#include "simulate/kernel.h"
#include "simulate/ledger.h"
#include "simulate/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world *installed;
static struct {
	co_signal_fn *fn;
	void *arg;
} taken;

void daemon_install(struct world *world)
{
	installed = world;
}

/* ---- what the linker puts in the place of the daemon's own (--wrap) ---- */

int __real_co_loop_new(struct co_loop **ret_loop, const struct co_loop_options *options);
int __wrap_co_loop_new(struct co_loop **ret_loop, const struct co_loop_options *options);
void __real_co_loop_free(struct co_loop *loop);
void __wrap_co_loop_free(struct co_loop *loop);
int __wrap_co_signal_start(struct co_signal *signal, struct co_loop *loop, int number,
			   co_signal_fn *fn, void *arg);
int __wrap_listener_open(struct listener *listener, const struct config *config);
int __wrap_config_load(const char *path, struct config **ret_config, config_error_fn *report,
		       void *arg);

int __wrap_co_loop_new(struct co_loop **ret_loop, const struct co_loop_options *options)
{
	struct co_loop_options own = *options;
	int rc;

	own.virtual_clock = &installed->clock;
	rc = __real_co_loop_new(ret_loop, &own);
	if (rc == 0)
		world_attach(installed, *ret_loop);
	return rc;
}

void __wrap_co_loop_free(struct co_loop *loop)
{
	installed->daemon = NULL;
	world_detach(installed);
	__real_co_loop_free(loop);
}

int __wrap_co_signal_start(struct co_signal *signal, struct co_loop *loop, int number,
			   co_signal_fn *fn, void *arg)
{
	*signal = (struct co_signal){.loop = loop, .number = number};
	taken.fn = fn;
	taken.arg = arg;
	installed->daemon = arg;
	return 0;
}

int __wrap_listener_open(struct listener *listener, const struct config *config)
{
	struct kernel_socket *socket = kernel_open(installed->kernel, KERNEL_LISTENER);

	(void)config;
	*listener = (struct listener){.fd = socket->fd, .activated = true};
	return 0;
}

int __wrap_config_load(const char *path, struct config **ret_config, config_error_fn *report,
		       void *arg)
{
	const char *text = scenario_config(installed->scenario);
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int rc;

	if (file == NULL)
		world_fail(installed, "the simulation itself is out of memory");
	rc = config_load_stream(file, path, ret_config, report, arg);
	fclose(file);
	return rc;
}

void daemon_signal(struct world *world, int number)
{
	unsigned inside = world->inside;

	if (world->daemon == NULL)
		return;
	/* What it does now is its own. */
	world->inside = 0;
	taken.fn(taken.arg, number);
	world->inside = inside;
}

/* ---- what must hold ---- */

static size_t list_length(const struct list *list)
{
	size_t length = 0;

	list_for_each (node, list)
		length++;
	return length;
}

static void check_pool(struct world *world, const struct pool *pool)
{
	if (pool->connecting_count + pool_open(pool) > pool->conf->pool_max)
		world_fail(world, "more connections than pool_max");
	if (list_length(&pool->connecting) != pool->connecting_count ||
	    list_length(&pool->idle) != pool->idle_count ||
	    list_length(&pool->busy) != pool->busy_count ||
	    list_length(&pool->shared) != pool->shared_count ||
	    list_length(&pool->closing) != pool->closing_count)
		world_fail(world, "the pool's lists and counts differ");
	list_for_each (node, &pool->idle) {
		const struct conn *conn = LIST_ENTRY(node, struct conn, node);

		if (!results_empty(&conn->results) || !list_empty(&conn->unsent) ||
		    conn->lease != NULL || conn->cancelling)
			world_fail(world, "an idle connection has something to do");
	}
}

static void check_channels(struct world *world, const struct channels *channels)
{
	size_t listed = list_length(&channels->waiting) + list_length(&channels->established);

	if (listed != channels->listener_count)
		world_fail(world, "%zu listeners are in lists, %zu counted", listed,
			   channels->listener_count);
	if (channels->synced && channels->driver == NULL)
		world_fail(world, "listeners hear what comes, and there is no session");
}

void daemon_check(struct world *world)
{
	struct server *server = world->daemon;

	if (server == NULL || server->state == SERVER_STARTING)
		return;
	list_for_each (node, &server->databases) {
		check_pool(world, LIST_ENTRY(node, struct database, node)->pool);
		check_channels(world, LIST_ENTRY(node, struct database, node)->channels);
	}
	if (server->memory.limit_bytes != 0 &&
	    server->memory.used_bytes > server->memory.limit_bytes)
		world_fail(world, "more memory than memory_limit");
}

void daemon_check_rest(struct world *world)
{
	struct server *server = world->daemon;
	unsigned sessions = 0, open = 0;

	if (server->session_count > 0 || server->requests_running > 0)
		world_fail(world, "at rest, and %zu clients and %zu requests are there",
			   server->session_count, server->requests_running);
	if (server->memory.used_bytes != 0)
		world_fail(world, "at rest, and %zu bytes are charged", server->memory.used_bytes);
	list_for_each (node, &server->databases) {
		const struct database *database = LIST_ENTRY(node, struct database, node);
		const struct pool *pool = database->pool;

		if (database->pending > 0 || lanes_queued(&pool->lanes) > 0)
			world_fail(world, "at rest, and queries wait");
		if (pool->busy_count + pool->shared_count > 0 || pool->closing_count > 0 ||
		    pool->cancels.running > 0)
			world_fail(world,
				   "at rest, and %zu connections are busy, %zu closing, %zu "
				   "cancels under way",
				   pool->busy_count + pool->shared_count, pool->closing_count,
				   pool->cancels.running);
		if (channels_stats(database->channels).channels > 0 || database->channels->driven)
			world_fail(world, "at rest, and somebody listens");
		open += (unsigned)(pool_open(pool) + pool->connecting_count);
	}
	for (size_t i = 0; i < POSTGRES_SERVERS; i++)
		sessions += postmaster_sessions(&world->scenario->postgres->postmasters[i]);
	if (sessions > open)
		world_fail(world, "at rest, and the servers have %u sessions, the pools %u",
			   sessions, open);
}

/* ---- its run ---- */

static void on_mistake(void *arg, const char *text)
{
	world_fail(arg, "the configuration: %s", text);
}

void daemon_run(struct world *world)
{
	size_t blocks = mem_live_blocks();
	struct config *config;

	if (__wrap_config_load("gatherd.ini", &config, on_mistake, world) < 0)
		world_fail(world, "the configuration was not read");
	if (server_run("gatherd.ini", config) != EXIT_SUCCESS)
		world_fail(world, "the daemon has failed");
	if (mem_live_blocks() != blocks)
		world_fail(world, "%zu blocks of memory are left", mem_live_blocks() - blocks);
	if (world->kernel->open_count > 0)
		world_fail(world, "%zu descriptors are left", world->kernel->open_count);
}
