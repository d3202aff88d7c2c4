/* SPDX-License-Identifier: PostgreSQL */
/*
 * The configuration as the daemon uses it. Durations are nanoseconds, sizes bytes; 0 has the
 * meaning that the key's help gives it. A loaded configuration never changes; SIGHUP loads another
 * one.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include "base/log.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_session_reset { CONFIG_RESET_AUTO, CONFIG_RESET_ALWAYS };
enum config_access_sql { CONFIG_SQL_ANY, CONFIG_SQL_REPORTS };

struct config_database {
	const char *name;
	const char *conninfo;
	const char *conninfo_masked; /* without its passwords: what may be shown and logged */
	unsigned pool_min, pool_max;
	unsigned pipeline_depth;
	unsigned pipeline_connections;
	int64_t pipeline_threshold_ns;
	int64_t unavailable_after_ns;
	unsigned queue_limit;
	int64_t statement_timeout_ns;
	int64_t server_connect_timeout_ns;
	int64_t server_idle_timeout_ns;
	int64_t server_lifetime_ns;
	unsigned prepared_statements;
	bool read_only;
	enum config_session_reset session_reset;
	unsigned line;		/* of the section's head in the file */
	unsigned conninfo_line; /* for what only libpq can find wrong with it */
};

/*
 * [access NAME]: who may do what. Sections are tried in the order of the file; the first that both
 * users and groups fit counts. Without any section, whoever can open the socket may do everything;
 * with some, a client whom none fits may do nothing.
 */
struct config_access {
	const char *name;
	const char *const *users;     /* NULL-terminated Unix names or numbers; empty: any user */
	const char *const *groups;    /* a member of one of them; empty: any group */
	const char *const *databases; /* that it may use; empty: all */
	enum config_access_sql sql;
	bool read_only;
	unsigned max_requests; /* 0: as [gatherd] says */
	unsigned pool_max;     /* 0: as the database's says */
	unsigned line;
	bool empty; /* no key stands in it */
};

struct config {
	const char *path;
	const char *socket;
	unsigned socket_mode;
	const char *socket_group; /* NULL: the daemon's own */
	/* The only database where the file names none; NULL when it names none of several: then
	 * requests must say. */
	const char *default_database;
	const char *report_dir;
	enum log_level log_level;
	unsigned max_clients;
	size_t max_request_bytes;
	unsigned max_requests;
	unsigned max_queries;
	size_t max_answer_bytes;
	int64_t request_timeout_ns;
	int64_t max_request_timeout_ns;
	int64_t client_read_timeout_ns;
	int64_t client_write_timeout_ns;
	size_t item_buffer_bytes;
	size_t memory_limit_bytes;
	int64_t shutdown_timeout_ns;
	int64_t slow_query_ns;

	/* Of keys whose values may be wrong for this system only; 0: not in the file. */
	unsigned socket_line, socket_group_line, report_dir_line;

	struct config_database *databases;
	size_t database_count;
	struct config_access *accesses;
	size_t access_count;

	struct config_private *private; /* what owns the text */
};

/*
 * Told every mistake of a file, in the file's order, as "FILE:LINE: what is wrong" ("FILE: …" where
 * the file itself cannot be read). No text of a conninfo, and so no password, is in it.
 */
typedef void config_error_fn(void *arg, const char *text);

/*
 * 0, or a negative errno: -EINVAL when there were mistakes (all reported), why the file cannot be
 * read (reported too), or -ENOMEM (nothing is reported).
 */
int config_load(const char *path, struct config **ret_config, config_error_fn *report,
		void *arg) MUST_CHECK;
/* The same from an open stream; `path` is what messages say. */
int config_load_stream(FILE *stream, const char *path, struct config **ret_config,
		       config_error_fn *report, void *arg) MUST_CHECK;
void config_free(struct config *config);
const struct config_database *config_find_database(const struct config *config, const char *name);
/* The whole configuration, defaults included, as a file that loads to the same; passwords inside
 * conninfo are replaced by ****. */
void config_print(const struct config *config, FILE *stream);

#endif
