/* SPDX-License-Identifier: PostgreSQL */
/* What the configuration makes of the server, at its start and at each reload. */
#include "base/log.h"
#include "daemon/access.h"
#include "daemon/database.h"
#include "daemon/server.h"
#include "db/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* None of them takes all of memory_limit: a small answer always finds room. */
#define MEMORY_ROWS_PART(limit)	 ((limit) / 8 * 5)
#define MEMORY_INPUT_PART(limit) ((limit) / 4)
#define MEMORY_HELD_PART(limit)	 ((limit) / 8)

void server_limit_memory(struct server *server, size_t limit_bytes)
{
	server->memory.limit_bytes = limit_bytes;
	server->rows.parent = server->input.parent = server->held.parent = &server->memory;
	server->rows.limit_bytes = MEMORY_ROWS_PART(limit_bytes);
	server->input.limit_bytes = MEMORY_INPUT_PART(limit_bytes);
	server->held.limit_bytes = MEMORY_HELD_PART(limit_bytes);
}

/* Besides its connections: names that are looked up, cancels, listening, files. */
#define RESERVE_DESCRIPTORS 16

static size_t reserved_descriptors(const struct config *config)
{
	size_t count = RESERVE_DESCRIPTORS;

	for (size_t i = 0; i < config->database_count; i++)
		count += config->databases[i].pool_max;
	return count;
}

static void retire(struct server *server, struct database *database)
{
	list_remove(&database->node);
	server->database_count--;
	database_retire(database);
}

void server_retire_databases(struct server *server)
{
	list_for_each_safe (node, &server->databases)
		retire(server, LIST_ENTRY(node, struct database, node));
}

static struct database *find_same(struct server *server, const struct config_database *conf)
{
	struct database *database = server_find_database(server, str_from(conf->name));

	return database != NULL && database_same_conf(database, conf) ? database : NULL;
}

/* Those that did not change stay, with their connections; the others end when their requests have.
 */
static int set_databases(struct server *server, const struct config *config)
{
	struct list fresh;

	list_init(&fresh);
	for (size_t i = 0; i < config->database_count; i++) {
		const struct config_database *conf = &config->databases[i];
		struct database *database;
		int rc;

		if (find_same(server, conf) != NULL)
			continue;
		rc = database_new(&database, server->loop, &server->group, server->resolver, conf);
		if (rc < 0) {
			while (!list_empty(&fresh)) {
				database = LIST_ENTRY(fresh.next, struct database, node);
				list_remove(&database->node);
				database_unref(database);
			}
			return rc;
		}
		database->pool->held = &server->held;
		list_push_back(&fresh, &database->node);
	}
	list_for_each_safe (node, &server->databases) {
		struct database *database = LIST_ENTRY(node, struct database, node);
		const struct config_database *conf =
			config_find_database(config, database->conf.name);

		if (conf == NULL || !database_same_conf(database, conf))
			retire(server, database);
	}
	list_for_each (node, &fresh)
		server->database_count++;
	list_splice_back(&server->databases, &fresh);
	return 0;
}

static void on_mistake(void *arg, const char *text)
{
	(void)arg;
	log_error("%s", text);
}

static void on_unknown_name(void *arg, const char *text)
{
	(void)arg;
	log_warning("%s", text);
}

/* Either may be absent. */
static bool same_text(const char *one, const char *other)
{
	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static void warn_of_fixed(const struct config *old, const struct config *new)
{
	if (strcmp(old->socket, new->socket) != 0 || old->socket_mode != new->socket_mode ||
	    !same_text(old->socket_group, new->socket_group))
		log_warning("socket, socket_mode and socket_group change with a restart only");
}

int server_configure(struct server *server, struct config *config)
{
	struct access_table *access = NULL;
	int rc = access_table_new(&access, config, on_unknown_name, NULL);

	if (rc == 0)
		rc = set_databases(server, config);
	if (rc < 0) {
		access_table_unref(access);
		return rc;
	}
	access_table_unref(server->access);
	server->access = access;
	server_limit_memory(server, config->memory_limit_bytes);
	listener_set_reserve(&server->listener, reserved_descriptors(config));
	log_set_level(config->log_level);
	if (server->config != NULL)
		warn_of_fixed(server->config, config);
	config_free(server->config);
	server->config = config;
	return 0;
}

void server_reload(struct server *server)
{
	struct config *config;
	int rc;

	notify_send(&server->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		    clock_now_ns(&clock_system) / CLOCK_US);
	rc = config_load(server->config_path, &config, on_mistake, NULL);
	if (rc == 0) {
		rc = database_check_conninfos(config, on_mistake, NULL);
		if (rc == 0)
			rc = server_configure(server, config);
		if (rc < 0)
			config_free(config);
	}
	if (rc < 0)
		log_error("%s was not loaded (%s); the old configuration stays",
			  server->config_path, rc == -EINVAL ? "it has mistakes" : strerror(-rc));
	else
		log_info("loaded %s", server->config_path);
	notify_send(&server->notify, "READY=1\nSTATUS=%s",
		    rc < 0 ? "reload failed, old configuration kept" : "serving");
	if (server->session_count < server->config->max_clients)
		listener_resume(&server->listener);
}
