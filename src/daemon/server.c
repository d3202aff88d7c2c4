/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/server.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "daemon/access.h"
#include "daemon/database.h"
#include "daemon/gather.h"
#include "daemon/session.h"
#include "db/resolve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* New requests are refused from this part of a limit on, so that those that run have the rest. */
#define MEMORY_REFUSE_PART(limit) ((limit) / 4 * 3)
/* What is left of the time to stop when everything has been cancelled. PostgreSQL has to confirm:
 * at the worst a cancel, then a rollback, then the cancel of that, and none of them does it. */
#define STOP_GRACE_NS (12 * CLOCK_SECOND)

/* ---- what clients ask of it ---- */

struct database *server_find_database(struct server *server, struct str name)
{
	if (name.data == NULL && server->config->default_database == NULL)
		return NULL;
	if (name.data == NULL)
		name = str_from(server->config->default_database);
	list_for_each (node, &server->databases) {
		struct database *database = LIST_ENTRY(node, struct database, node);

		if (str_is(name, database->conf.name))
			return database;
	}
	return NULL;
}

void server_count_error(struct server *server, enum err_code code)
{
	server->errors[code]++;
}

static bool is_nearly_full(const struct budget *budget)
{
	return budget->limit_bytes != 0 &&
	       budget->used_bytes > MEMORY_REFUSE_PART(budget->limit_bytes);
}

bool server_refuses(const struct server *server, struct err *ret_err)
{
	if (server->state >= SERVER_DRAINING) {
		err_set_static(ret_err, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE,
			       "gatherd is shutting down");
		return true;
	}
	if (is_nearly_full(&server->memory) || is_nearly_full(&server->rows)) {
		err_set_static(ret_err, ERR_QUEUE_FULL, ERR_EFFECTS_NONE,
			       "the daemon's buffers are near memory_limit; try again later");
		return true;
	}
	return false;
}

/* ---- clients ---- */

static void on_accept(void *arg, int fd)
{
	struct server *server = arg;
	int rc = session_new(server, fd);

	if (rc < 0) {
		log_warning("a client was turned away: %s", strerror(-rc));
		sys.close(fd);
	}
	if (server->session_count >= server->config->max_clients) {
		log_warning("max_clients (%u) reached: new clients wait",
			    server->config->max_clients);
		listener_pause(&server->listener);
	}
}

void server_session_ended(struct server *server)
{
	server->session_count--;
	if (server->state == SERVER_RUNNING && server->session_count < server->config->max_clients)
		listener_resume(&server->listener);
	if (server->state >= SERVER_DRAINING && server->session_count == 0)
		co_unpark(server->main);
}

/* ---- signals ---- */

static void log_task(void *arg, const char *line)
{
	(void)arg;
	log_info("%s", line);
}

static void on_signal(void *arg, int number)
{
	struct server *server = arg;

	switch (number) {
	case SIGHUP:
		if (server->state == SERVER_RUNNING)
			server_reload(server);
		break;
	case SIGUSR1:
		co_loop_dump(server->loop, log_task, NULL);
		break;
	default:
		if (server->state < SERVER_DRAINING)
			server->state = SERVER_DRAINING;
		else
			server->state = SERVER_STOPPING;
		co_unpark(server->main);
	}
}

static int catch_signals(struct server *server)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int rc = co_signal_start(&server->signals[i], server->loop, numbers[i], on_signal,
					 server);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- start and end ---- */

/* Each client is a descriptor: as many as the hard limit allows. */
static void raise_descriptor_limit(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < (rlim_t)config->max_clients + 256)
		log_warning("the limit of %llu descriptors is low for max_clients = %u",
			    (unsigned long long)limit.rlim_max, config->max_clients);
}

static int start(struct server *server, struct config *config)
{
	int rc;

	raise_descriptor_limit(config);
	rc = resolver_new(&server->resolver, server->loop);
	if (rc == 0)
		rc = catch_signals(server);
	if (rc == 0) {
		rc = listener_open(&server->listener, config);
		if (rc < 0)
			return rc; /* it has said why */
		rc = server_configure(server, config);
	}
	if (rc == 0)
		rc = listener_start(&server->listener, server->loop, on_accept, server);
	if (rc < 0) {
		log_error("cannot start: %s", strerror(-rc));
		return rc;
	}
	server->state = SERVER_RUNNING;
	notify_send(&server->notify, "READY=1\nSTATUS=serving");
	log_info("gatherd %s serves %s", PACKAGE_VERSION,
		 server->listener.activated ? "the service manager's socket"
					    : server->config->socket);
	return 0;
}

/* Waits until all sessions have ended, `state` is reached, or the deadline. */
static void await_sessions(struct server *server, int64_t deadline_ns, enum server_state until)
{
	while (server->session_count > 0 && server->state < until)
		if (co_park(deadline_ns) < 0)
			break;
}

static void cancel_requests(struct server *server)
{
	list_for_each (node, &server->sessions) {
		struct session *session = LIST_ENTRY(node, struct session, node);

		list_for_each (request, &session->requests)
			gather_cancel(LIST_ENTRY(request, struct gather, node), ERR_SHUTTING_DOWN);
	}
}

static void stop(struct server *server)
{
	int64_t now_ns = co_now_ns();

	log_info("shutting down: %zu requests to finish", server->requests_running);
	notify_send(&server->notify, "STOPPING=1\nSTATUS=finishing %zu requests",
		    server->requests_running);
	listener_close(&server->listener);
	list_for_each_safe (node, &server->sessions)
		session_drain(LIST_ENTRY(node, struct session, node));
	await_sessions(server, clock_after_ns(now_ns, server->config->shutdown_timeout_ns),
		       SERVER_STOPPING);
	if (server->requests_running > 0)
		log_warning("shutting down: %zu requests are cancelled", server->requests_running);
	server->state = SERVER_STOPPING;
	cancel_requests(server);
	await_sessions(server, clock_after_ns(co_now_ns(), STOP_GRACE_NS), SERVER_STOPPING + 1);
	list_for_each_safe (node, &server->sessions)
		session_close(LIST_ENTRY(node, struct session, node));
	await_sessions(server, CLOCK_NEVER, SERVER_STOPPING + 1);
}

static int server_main(void *arg)
{
	struct server *server = arg;
	struct config *config = server->config;
	int rc;

	server->main = co_task_current();
	server->config = NULL;
	rc = start(server, config);
	if (rc < 0) {
		if (server->config == NULL)
			config_free(config);
	} else {
		while (server->state == SERVER_RUNNING)
			if (co_park(CLOCK_NEVER) < 0)
				break;
		stop(server);
	}
	listener_close(&server->listener);
	server_retire_databases(server);
	co_group_wait(&server->group, CLOCK_NEVER);
	for (size_t i = 0; i < ARRAY_SIZE(server->signals); i++)
		co_signal_stop(&server->signals[i]);
	notify_close(&server->notify);
	resolver_free(server->resolver);
	access_table_unref(server->access);
	texts_free(&server->texts);
	config_free(server->config);
	return rc;
}

int server_run(const char *config_path, struct config *config)
{
	/* A gather of a thousand is nothing unusual; what is idle for a second gives its pages
	 * back. */
	const struct co_loop_options options = {.stacks_cached = 1024};
	struct server *server = mem_calloc(1, sizeof(*server));
	int rc;

	if (server == NULL || co_loop_new(&server->loop, &options) < 0) {
		log_error("cannot start: out of memory");
		mem_free(server);
		config_free(config);
		return EXIT_FAILURE;
	}
	server->config_path = config_path;
	server->config = config;
	server->listener.fd = -1;
	server->started_ns = co_loop_now_ns(server->loop);
	list_init(&server->databases);
	list_init(&server->sessions);
	texts_init(&server->texts);
	server_limit_memory(server, config->memory_limit_bytes);
	co_group_init(&server->group, server->loop, CO_KEEP_GOING);
	notify_open(&server->notify, server->loop);
	rc = co_loop_run(server->loop, server_main, server);
	if (server->main == NULL) { /* it never began */
		log_error("cannot start: %s", strerror(-rc));
		notify_close(&server->notify);
		config_free(config);
	}
	co_loop_free(server->loop);
	mem_free(server);
	if (rc == 0)
		log_info("stopped");
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
