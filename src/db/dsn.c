/* SPDX-License-Identifier: PostgreSQL */
/*
 * libpq tells what a string comes to only of a connection that it has begun. So we begin one that
 * it refuses to take any further, by a value that no server ever sees: before the network is
 * touched, but after services, environment and defaults have been looked at.
 */
#include "db/dsn.h"

#include "base/arena.h"
#include "base/clock.h"
#include "db/connect.h"
#include "db/pgerror.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* What libpq stumbles over. It names it in its message, and that is how we know that all before it
 * was good. */
#define STUMBLE "no-such-value-probe"

static bool stumbled(const PGconn *probe)
{
	return strstr(PQerrorMessage(probe), STUMBLE) != NULL;
}

static int refusal(struct arena *arena, const char *message, const char **ret_why)
{
	if (strncmp(message, "out of memory", 13) == 0)
		return -ENOMEM;
	*ret_why = pgerror_tidy(arena, message);
	return -EINVAL;
}

static void options_free(PQconninfoOption *options)
{
	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
	     option++) {
		if (option->val != NULL && option->dispchar[0] == '*')
			explicit_bzero(option->val, strlen(option->val));
	}
	PQconninfoFree(options);
}

static const PQconninfoOption *option_find(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++) {
		if (strcmp(options->keyword, keyword) == 0)
			return options;
	}
	return NULL; /* younger than this libpq */
}

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
	const PQconninfoOption *option = option_find(options, keyword);

	return option != NULL && option->val != NULL ? option->val : "";
}

static bool option_given(const PQconninfoOption *options, const char *keyword)
{
	return option_value(options, keyword)[0] != '\0';
}

/* The syntax alone; *ret_options is what the string itself says, without services and defaults. */
static int parse(const char *text, struct arena *arena, PQconninfoOption **ret_options,
		 const char **ret_why)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &message);
	int rc;

	if (options != NULL) {
		*ret_options = options;
		return 0;
	}
	rc = message != NULL ? refusal(arena, message, ret_why) : -ENOMEM;
	PQfreemem(message);
	return rc;
}

const char *connect_check_conninfo(const char *conninfo, struct arena *arena)
{
	PQconninfoOption *options;
	const char *why;
	int rc = parse(conninfo, arena, &options, &why);

	if (rc == -EINVAL)
		return why;
	if (rc < 0)
		return "out of memory";
	options_free(options);
	return NULL;
}

/* The directory that libpq was built with, for list elements that name no host. */
static int default_directory(struct arena *arena, const char **ret_directory)
{
	/* Lists of two empty elements, so that no environment variable comes in. */
	static const char *const keywords[] = {"host",	   "hostaddr", "port",
					       "password", "sslmode",  NULL};
	static const char *const values[] = {",", ",", "1", STUMBLE, STUMBLE, NULL};
	PGconn *probe = PQconnectStartParams(keywords, values, 0);
	const char *directory = probe != NULL && stumbled(probe) ? PQhost(probe) : NULL;
	int rc = -ENOMEM;

	if (directory != NULL) {
		directory = arena_strdup(arena, *directory != '\0' ? directory : "localhost");
		if (directory != NULL) {
			*ret_directory = directory;
			rc = 0;
		}
	}
	PQfinish(probe);
	return rc;
}

static size_t list_count(const char *list)
{
	size_t count = 1;

	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* The nth element of a comma-separated list, "" where it is empty; NULL without memory. */
static const char *list_get(struct arena *arena, const char *list, size_t index)
{
	while (index-- > 0)
		list = strchr(list, ',') + 1;
	return arena_strndup(arena, list, strcspn(list, ","));
}

static int target_fill(struct dsn_target *target, size_t index, const PQconninfoOption *options,
		       struct arena *arena)
{
	const char *host = option_value(options, "host"),
		   *hostaddr = option_value(options, "hostaddr");
	const PQconninfoOption *port = option_find(options, "port");
	const char *ports = option_value(options, "port");

	host = *host != '\0' ? list_get(arena, host, index) : "";
	hostaddr = *hostaddr != '\0' ? list_get(arena, hostaddr, index) : "";
	ports = list_get(arena, ports, list_count(ports) > 1 ? index : 0);
	if (host == NULL || hostaddr == NULL || ports == NULL)
		return -ENOMEM;
	if (*ports == '\0')
		ports = port != NULL && port->compiled != NULL ? arena_strdup(arena, port->compiled)
							       : "5432";
	if (ports == NULL)
		return -ENOMEM;
	target->port = ports;
	target->hostaddr = *hostaddr != '\0' ? hostaddr : NULL;
	/* libpq, too, takes the address for the name where there is none. */
	target->host = *host != '\0' ? host : target->hostaddr;
	return target->host != NULL ? 0 : default_directory(arena, &target->host);
}

static int targets_fill(struct dsn *dsn, const PQconninfoOption *options, struct arena *arena)
{
	const char *hosts = option_value(options, "host");
	int rc = 0;

	dsn->has_hostaddr = option_given(options, "hostaddr");
	/* libpq has seen to it that the lists agree. */
	dsn->target_count =
		list_count(dsn->has_hostaddr ? option_value(options, "hostaddr") : hosts);
	dsn->targets = arena_calloc(arena, dsn->target_count, sizeof(*dsn->targets));
	if (dsn->targets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < dsn->target_count && rc == 0; i++)
		rc = target_fill(&dsn->targets[i], i, options, arena);
	return rc;
}

/* As libpq's blocking connect reads it: whole seconds, at least two, none if not positive. */
static int64_t connect_timeout_ns(const PQconninfoOption *options)
{
	long seconds = strtol(option_value(options, "connect_timeout"), NULL, 10);

	if (seconds <= 0 || seconds > CLOCK_NEVER / CLOCK_SECOND)
		return CLOCK_NEVER;
	return MAX(seconds, 2) * CLOCK_SECOND;
}

static bool says_keepalive(const PQconninfoOption *options)
{
	static const char *const keywords[] = {"keepalives", "keepalives_idle",
					       "keepalives_interval", "keepalives_count",
					       "tcp_user_timeout"};

	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (option_given(options, keywords[i]))
			return true;
	}
	return false;
}

/* A service that spells out libpq's own default looks like one that says nothing. */
static bool says_gssencmode(const PQconninfoOption *own, const PQconninfoOption *all)
{
	const PQconninfoOption *option = option_find(all, "gssencmode");

	return option == NULL || option_given(own, "gssencmode") ||
	       getenv("PGGSSENCMODE") != NULL ||
	       (option->val != NULL && option->compiled != NULL &&
		strcmp(option->val, option->compiled) != 0);
}

static int dsn_fill(struct dsn *dsn, const PQconninfoOption *own, const PQconninfoOption *all,
		    struct arena *arena)
{
	const char *attrs = option_value(all, "target_session_attrs");

	dsn->target_session_attrs = arena_strdup(arena, *attrs != '\0' ? attrs : "any");
	dsn->server_options = arena_strdup(arena, option_value(all, "options"));
	if (dsn->target_session_attrs == NULL || dsn->server_options == NULL)
		return -ENOMEM;
	dsn->connect_timeout_ns = connect_timeout_ns(all);
	dsn->balance = strcmp(option_value(all, "load_balance_hosts"), "random") == 0;
	dsn->says_gssencmode = says_gssencmode(own, all);
	dsn->says_keepalive = says_keepalive(all);
	return targets_fill(dsn, all, arena);
}

int dsn_expand(const char *text, struct arena *arena, struct dsn *ret_dsn, const char **ret_why)
{
	const char *const keywords[] = {"dbname", "password", "sslmode", NULL};
	const char *const values[] = {text, STUMBLE, STUMBLE, NULL};
	struct dsn dsn = {0};
	PQconninfoOption *own, *all = NULL;
	PGconn *probe;
	int rc;

	rc = parse(text, arena, &own, ret_why);
	if (rc < 0)
		return rc;
	probe = PQconnectStartParams(keywords, values, 1);
	if (probe == NULL) {
		rc = -ENOMEM;
	} else if (!stumbled(probe)) {
		rc = refusal(arena, PQerrorMessage(probe), ret_why);
	} else {
		all = PQconninfo(probe);
		rc = all != NULL ? dsn_fill(&dsn, own, all, arena) : -ENOMEM;
	}
	PQfinish(probe);
	options_free(all);
	options_free(own);
	if (rc == 0)
		*ret_dsn = dsn;
	return rc;
}

int dsn_validate(const char *text, const char *port, struct arena *arena, const char **ret_why)
{
	/* An address is parsed last of all. */
	const char *const keywords[] = {"dbname", "password", "host", "hostaddr", "port", NULL};
	const char *const values[] = {text, STUMBLE, STUMBLE, STUMBLE, port, NULL};
	PGconn *probe = PQconnectStartParams(keywords, values, 1);
	int rc = 0;

	if (probe == NULL)
		return -ENOMEM;
	if (!stumbled(probe))
		rc = refusal(arena, PQerrorMessage(probe), ret_why);
	PQfinish(probe);
	return rc;
}
