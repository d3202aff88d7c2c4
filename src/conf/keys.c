/* SPDX-License-Identifier: PostgreSQL */
/* The table, and finding a row in it. What a value's text means is values.c's. */
#include "conf/keys.h"

#include "base/clock.h"
#include "base/nearest.h"
#include "conf/config.h"

#include <assert.h>
#include <string.h>
#include <sys/un.h>

#ifndef GATHERD_SYSCONFDIR
#define GATHERD_SYSCONFDIR "/etc"
#endif

#define KIB    INT64_C(1024)
#define MIB    (KIB * 1024)
#define GIB    (MIB * 1024)
#define MINUTE (60 * CLOCK_SECOND)
#define HOUR   (60 * MINUTE)
/* PostgreSQL counts a time-out in milliseconds, in 32 bits. */
#define TIMEOUT_MAX (24 * 24 * HOUR)
#define AGE_MAX	    (365 * 24 * HOUR)
/* size_t has to hold it on any machine. */
#define SIZE_LIMIT ((int64_t)MIN((uint64_t)(1024 * GIB), (uint64_t)PTRDIFF_MAX))
#define TEXT_LIMIT MIN(1 * GIB, SIZE_LIMIT) /* what PostgreSQL takes in one message */
#define SOCKET_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static const char *const log_levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};
static const char *const session_resets[] = {
	[CONFIG_RESET_AUTO] = "auto",
	[CONFIG_RESET_ALWAYS] = "always",
	NULL,
};
static const char *const access_sqls[] = {
	[CONFIG_SQL_ANY] = "any",
	[CONFIG_SQL_REPORTS] = "reports",
	NULL,
};

#define IN_GATHERD(member) .section = KEY_GATHERD, .offset = offsetof(struct config, member)
#define IN_DATABASE(member)                                                                        \
	.section = KEY_DATABASE, .offset = offsetof(struct config_database, member)
#define IN_ACCESS(member) .section = KEY_ACCESS, .offset = offsetof(struct config_access, member)
#define BOUNDS(low, high) .min = (low), .max = (high)

/* clang-format off */
const struct key keys[] = {
	{IN_GATHERD(socket), "socket", KEY_PATH, "/run/gatherd/gatherd.sock", BOUNDS(1, SOCKET_MAX),
	 .help = "where clients connect; systemd's socket unit, where it is used, has its own"},
	{IN_GATHERD(socket_mode), "socket_mode", KEY_MODE, "0660", BOUNDS(0, 0777),
	 .help = "the socket's permissions, octal"},
	{IN_GATHERD(socket_group), "socket_group", KEY_NAME, NULL,
	 .help = "the socket's group, a name or a number; absent: the daemon's own group"},
	{IN_GATHERD(default_database), "default_database", KEY_NAME, NULL,
	 .help = "for requests that name no database; absent: the only one, or requests must name one"},
	{IN_GATHERD(report_dir), "report_dir", KEY_PATH, GATHERD_SYSCONFDIR "/gatherd/reports", BOUNDS(1, 4095),
	 .help = "directory of the reports, one NAME.sql each"},
	{IN_GATHERD(log_level), "log_level", KEY_CHOICE, "info", .choices = log_levels,
	 .help = "what is logged: error, warning, info or debug, each with those before it"},
	{IN_GATHERD(max_clients), "max_clients", KEY_COUNT, "10000", BOUNDS(1, 1000000),
	 .help = "clients connected at once"},
	{IN_GATHERD(max_request_bytes), "max_request", KEY_SIZE, "16M", BOUNDS(1 * KIB, TEXT_LIMIT),
	 .help = "bytes that a request line may have"},
	{IN_GATHERD(max_requests), "max_requests", KEY_COUNT, "64", BOUNDS(1, 65536),
	 .help = "requests in flight on one client's connection; above it nothing more is read"},
	{IN_GATHERD(max_queries), "max_queries", KEY_COUNT, "1000", BOUNDS(1, 1000000),
	 .help = "items and steps that one gather may have"},
	{IN_GATHERD(max_answer_bytes), "max_answer", KEY_SIZE, "16M", BOUNDS(1 * KIB, SIZE_LIMIT),
	 .help = "bytes of one combined answer; streamed answers have no limit"},
	{IN_GATHERD(request_timeout_ns), "request_timeout", KEY_DURATION, "0", BOUNDS(0, TIMEOUT_MAX),
	 .help = "how long a request that says nothing may take; 0: no limit"},
	{IN_GATHERD(max_request_timeout_ns), "max_request_timeout", KEY_DURATION, "0", BOUNDS(0, TIMEOUT_MAX),
	 .help = "the longest time that any request may take; 0: any"},
	{IN_GATHERD(client_read_timeout_ns), "client_read_timeout", KEY_DURATION, "60s", BOUNDS(0, TIMEOUT_MAX),
	 .help = "how long a client may take to send one request line; 0: no limit"},
	{IN_GATHERD(client_write_timeout_ns), "client_write_timeout", KEY_DURATION, "60s", BOUNDS(CLOCK_MS, TIMEOUT_MAX),
	 .help = "how long a client may not read its answer before it is dropped"},
	{IN_GATHERD(item_buffer_bytes), "item_buffer", KEY_SIZE, "256K", BOUNDS(1 * KIB, SIZE_LIMIT),
	 .help = "bytes that a streamed item may buffer before its query is paused"},
	{IN_GATHERD(memory_limit_bytes), "memory_limit", KEY_SIZE, "512M", BOUNDS(1 * MIB, SIZE_LIMIT),
	 .help = "bytes for all buffers together; above it new requests are refused"},
	{IN_GATHERD(shutdown_timeout_ns), "shutdown_timeout", KEY_DURATION, "30s", BOUNDS(0, TIMEOUT_MAX),
	 .help = "how long running requests may go on after SIGTERM; 0: not at all"},
	{IN_GATHERD(slow_query_ns), "slow_query", KEY_DURATION, "1s", BOUNDS(0, TIMEOUT_MAX),
	 .help = "queries that run longer are logged; 0: none"},

	{IN_DATABASE(conninfo), "conninfo", KEY_CONNINFO, NULL,
	 .help = "any libpq connection string; must be given"},
	{IN_DATABASE(pool_min), "pool_min", KEY_COUNT, "1", BOUNDS(0, 10000),
	 .help = "connections that are kept open"},
	{IN_DATABASE(pool_max), "pool_max", KEY_COUNT, "8", BOUNDS(1, 10000),
	 .help = "connections at most"},
	{IN_DATABASE(pipeline_depth), "pipeline_depth", KEY_COUNT, "16", BOUNDS(1, 1024),
	 .help = "fast queries in flight on one connection; 1: never pipeline"},
	{IN_DATABASE(pipeline_connections), "pipeline_connections", KEY_COUNT, "4", BOUNDS(1, 1000),
	 .help = "connections that fast queries share, at most; about twice the server's cores"},
	{IN_DATABASE(pipeline_threshold_ns), "pipeline_threshold", KEY_DURATION, "5ms", BOUNDS(0, HOUR),
	 .help = "statements whose history is faster than this are pipelined"},
	{IN_DATABASE(unavailable_after_ns), "unavailable_after", KEY_DURATION, "10s", BOUNDS(0, TIMEOUT_MAX),
	 .help = "queued queries fail after this long without any working connection"},
	{IN_DATABASE(queue_limit), "queue_limit", KEY_COUNT, "10000", BOUNDS(1, 10000000),
	 .help = "queries that may wait for a connection; above it requests are refused"},
	{IN_DATABASE(statement_timeout_ns), "statement_timeout", KEY_DURATION, "0", BOUNDS(0, TIMEOUT_MAX),
	 .help = "how long one statement may run; 0: as the server and the role say"},
	{IN_DATABASE(server_connect_timeout_ns), "server_connect_timeout", KEY_DURATION, "5s", BOUNDS(CLOCK_MS, HOUR),
	 .help = "how long connecting may take, for each address of the server"},
	{IN_DATABASE(server_idle_timeout_ns), "server_idle_timeout", KEY_DURATION, "10min", BOUNDS(0, AGE_MAX),
	 .help = "connections above pool_min that are idle for so long are closed; 0: never"},
	{IN_DATABASE(server_lifetime_ns), "server_lifetime", KEY_DURATION, "1h", BOUNDS(0, AGE_MAX),
	 .help = "connections older than this are replaced when they are free; 0: never"},
	{IN_DATABASE(prepared_statements), "prepared_statements", KEY_COUNT, "256", BOUNDS(0, 65536),
	 .help = "prepared statements kept on each connection; 0: none, for a transaction pooler"},
	{IN_DATABASE(read_only), "read_only", KEY_BOOL, "no",
	 .help = "every query in a read-only transaction, many of them in one, no CALL and DO"},
	{IN_DATABASE(session_reset), "session_reset", KEY_CHOICE, "auto", .choices = session_resets,
	 .help = "when a session is reset: auto, after what may have changed it; always, after each statement"},

	{IN_ACCESS(users), "users", KEY_LIST, NULL,
	 .help = "Unix users, names or numbers, whom the section is for; absent: any"},
	{IN_ACCESS(groups), "groups", KEY_LIST, NULL,
	 .help = "Unix groups, one of which the user must be a member of; absent: any"},
	{IN_ACCESS(databases), "databases", KEY_LIST, NULL,
	 .help = "databases that they may use; absent: all"},
	{IN_ACCESS(sql), "sql", KEY_CHOICE, "any", .choices = access_sqls,
	 .help = "any SQL, or reports only"},
	{IN_ACCESS(read_only), "read_only", KEY_BOOL, "no",
	 .help = "whether they may only read: every statement in a read-only transaction, no CALL and DO"},
	{IN_ACCESS(max_requests), "max_requests", KEY_COUNT, "0", BOUNDS(0, 65536),
	 .help = "requests in flight on one connection; 0: as [gatherd] says"},
	{IN_ACCESS(pool_max), "pool_max", KEY_COUNT, "0", BOUNDS(0, 10000),
	 .help = "connections to one database that all of them together may use at once; 0: any"},
};
/* clang-format on */
const size_t keys_count = ARRAY_SIZE(keys);
static_assert(ARRAY_SIZE(keys) <= KEYS_MAX, "KEYS_MAX is too small");

const char *key_section_name(enum key_section section)
{
	static const char *const names[KEY_SECTIONS] = {
		[KEY_GATHERD] = "gatherd",
		[KEY_DATABASE] = "database",
		[KEY_ACCESS] = "access",
	};

	return names[section];
}

size_t key_section_size(enum key_section section)
{
	static const size_t sizes[KEY_SECTIONS] = {
		[KEY_GATHERD] = sizeof(struct config),
		[KEY_DATABASE] = sizeof(struct config_database),
		[KEY_ACCESS] = sizeof(struct config_access),
	};

	return sizes[section];
}

const struct key *key_find(enum key_section section, const char *name)
{
	for (size_t i = 0; i < keys_count; i++) {
		if (keys[i].section == section && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

const struct key *key_nearest(enum key_section section, const char *name)
{
	struct nearest nearest = nearest_to(name);
	const struct key *key = NULL;

	for (size_t i = 0; i < keys_count; i++) {
		if (keys[i].section == section && nearest_try(&nearest, keys[i].name))
			key = &keys[i];
	}
	return key;
}

bool key_begins(const char *text)
{
	size_t len = strcspn(text, " \t=");

	if (text[len + strspn(text + len, " \t")] != '=')
		return false;
	for (size_t i = 0; i < keys_count; i++) {
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, text, len) == 0)
			return true;
	}
	return false;
}
