/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/database.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "co/co.h"
#include "daemon/access.h"
#include "daemon/params.h"
#include "daemon/server.h"
#include "db/channels.h"
#include "db/connect.h"
#include "db/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How long the connections of a database that left the configuration may take to end in order. */
#define DATABASE_CLOSE_NS (5 * CLOCK_SECOND)

static void database_free(struct database *database)
{
	channels_free(database->channels);
	params_cache_free(database->params);
	mem_free((void *)(uintptr_t)database->conf.name);
	mem_free((void *)(uintptr_t)database->conf.conninfo);
	mem_free(database);
}

/* Starts with the database, not at its end: then there might be no memory for it. */
static int close_main(void *arg)
{
	struct database *database = arg;

	database->closer = co_task_current();
	co_shield();
	while (database->refs > 0)
		if (co_park(CLOCK_NEVER) < 0)
			break;
	co_unshield();
	if (database->pool != NULL)
		pool_free(database->pool, clock_after_ns(co_now_ns(), DATABASE_CLOSE_NS));
	database_free(database);
	return 0;
}

int database_new(struct database **ret_database, struct co_loop *loop, struct co_group *group,
		 struct resolver *resolver, const struct config_database *conf)
{
	struct database *database = mem_calloc(1, sizeof(*database));
	int rc = -ENOMEM;

	if (database == NULL)
		return -ENOMEM;
	list_init(&database->node);
	list_init(&database->shares);
	database->refs = 1;
	database->conf = *conf;
	database->conf.conninfo_masked = NULL;
	database->conf.name = mem_strdup(conf->name);
	database->conf.conninfo = mem_strdup(conf->conninfo);
	if (database->conf.name != NULL && database->conf.conninfo != NULL)
		rc = params_cache_new(&database->params);
	if (rc == 0)
		rc = channels_new(&database->channels, loop, resolver, &database->conf);
	if (rc == 0)
		rc = co_group_go(group, close_main, database, "database");
	if (rc < 0) {
		database_free(database);
		return rc;
	}
	rc = pool_new(&database->pool, loop, resolver, &database->conf);
	if (rc < 0) {
		database_unref(database);
		return rc;
	}
	*ret_database = database;
	return 0;
}

struct database *database_ref(struct database *database)
{
	database->refs++;
	return database;
}

void database_unref(struct database *database)
{
	/* Until its first turn the task finds by itself that nobody needs it. */
	if (database != NULL && --database->refs == 0 && database->closer != NULL)
		co_unpark(database->closer);
}

void database_retire(struct database *database)
{
	channels_stop(database->channels);
	database_unref(database);
}

/* With the one that may be meant, if it is one that the client may use. */
static void tell_unknown(const struct server *server, const struct access *access, struct str name,
			 struct arena *arena, struct err *ret_err)
{
	const char *typed = arena_strndup(arena, name.data, name.len);
	struct nearest nearest = nearest_to(typed != NULL ? typed : "");
	char question[NEAREST_QUESTION_BYTES];

	list_for_each (node, &server->databases) {
		const char *candidate = LIST_ENTRY(node, struct database, node)->conf.name;

		if (access_allows_database(access, candidate))
			nearest_try(&nearest, candidate);
	}
	err_set(ret_err, arena, ERR_UNKNOWN_DATABASE, ERR_EFFECTS_NONE,
		"no database \"%.*s\" is configured%s", (int)MIN(name.len, (size_t)100), name.data,
		nearest_question(&nearest, question));
}

int database_choose(struct server *server, const struct access *access, struct str name,
		    struct arena *arena, struct database **ret_database, struct err *ret_err)
{
	struct database *database = server_find_database(server, name);

	if (database == NULL && name.data == NULL) {
		err_set_static(ret_err, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			       "which database? The configuration names no default_database; give "
			       "one with gather -d, or as \"db\" in a request");
		ret_err->key = "db";
		return -EINVAL;
	}
	if (database == NULL) {
		tell_unknown(server, access, name, arena, ret_err);
		return -EINVAL;
	}
	if (!access_allows_database(access, database->conf.name)) {
		err_set(ret_err, arena, ERR_DENIED, ERR_EFFECTS_NONE,
			"you may not use database \"%s\"", database->conf.name);
		return -EINVAL;
	}
	*ret_database = database;
	return 0;
}

bool database_same_conf(const struct database *database, const struct config_database *conf)
{
	const struct config_database *own = &database->conf;

	return strcmp(own->name, conf->name) == 0 && strcmp(own->conninfo, conf->conninfo) == 0 &&
	       own->pool_min == conf->pool_min && own->pool_max == conf->pool_max &&
	       own->pipeline_depth == conf->pipeline_depth &&
	       own->pipeline_connections == conf->pipeline_connections &&
	       own->pipeline_threshold_ns == conf->pipeline_threshold_ns &&
	       own->unavailable_after_ns == conf->unavailable_after_ns &&
	       own->queue_limit == conf->queue_limit &&
	       own->statement_timeout_ns == conf->statement_timeout_ns &&
	       own->server_connect_timeout_ns == conf->server_connect_timeout_ns &&
	       own->server_idle_timeout_ns == conf->server_idle_timeout_ns &&
	       own->server_lifetime_ns == conf->server_lifetime_ns &&
	       own->prepared_statements == conf->prepared_statements &&
	       own->read_only == conf->read_only && own->session_reset == conf->session_reset;
}

int database_check_conninfos(const struct config *config, config_error_fn *report, void *arg)
{
	int rc = 0;

	for (size_t i = 0; i < config->database_count; i++) {
		const struct config_database *database = &config->databases[i];
		struct arena arena;
		const char *why;
		char text[512], shown[PRINTABLE_GROWTH * sizeof(text) + PRINTABLE_ROOM_BYTES];

		arena_init(&arena, 0, NULL);
		why = connect_check_conninfo(database->conninfo, &arena);
		if (why != NULL) {
			snprintf(text, sizeof(text), "%s:%u: [database %s] conninfo: %s",
				 config->path, database->conninfo_line, database->name, why);
			printable_line(shown, sizeof(shown), text);
			report(arg, shown);
			rc = -EINVAL;
		}
		arena_free(&arena);
	}
	return rc;
}
