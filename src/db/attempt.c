/* SPDX-License-Identifier: PostgreSQL */
#include "db/attempt.h"

#include "base/arena.h"
#include "co/co.h"
#include "db/dsn.h"
#include "db/keycatch.h"
#include "db/refusal.h"
#include "db/scram.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As much as a server may say before the session begins: libpq takes in all of a message. */
#define GREETING_BYTES_MAX ((size_t)1024 * 1024)

/* libpq's arguments. */
struct params {
	const char *keywords[24];
	const char *values[24];
	size_t count;
};

/* What is seen while libpq connects. */
struct progress {
	PGconn *pg;
	struct transport transport;
	const char *whereto; /* how libpq begins its account, which is lost on the way */
	bool heard; /* the last thing that happened was an answer, not silence or a hang-up */
};

static void params_add(struct params *params, const char *keyword, const char *value)
{
	assert(params->count + 1 < ARRAY_SIZE(params->keywords));
	params->keywords[params->count] = keyword;
	params->values[params->count] = value;
	params->count++;
}

/*
 * A silent drop is noticed after 3 to 4 s. In flight, tcp_user_timeout says so; on an idle
 * connection probes go out after 1, 2 and 3 s, and the third finds that tcp_user_timeout has
 * passed. keepalives_count gives the same where there is no tcp_user_timeout. One without the
 * others leaves a case open, so they are set together or not at all. The price: a server that
 * answers probes but takes no data for 3 s, while more waits for it than its window holds, is taken
 * for dead, too.
 */
static void params_add_keepalive(struct params *params)
{
	params_add(params, "keepalives", "1");
	params_add(params, "keepalives_idle", "1");
	params_add(params, "keepalives_interval", "1");
	params_add(params, "keepalives_count", "3");
	params_add(params, "tcp_user_timeout", "3000");
}

static int params_add_host(struct params *params, const struct attempt *attempt,
			   struct arena *arena)
{
	const struct dsn_target *target = attempt->target;
	const char *host = target->host;

	if (attempt->address != NULL) {
		params_add(params, "hostaddr", attempt->address);
	} else if (attempt->dsn->has_hostaddr) {
		/*
		 * Somewhere the string has an address, and an empty value would not override it. A
		 * list of two empty ones does.
		 */
		host = arena_printf(arena, "%s,%s", target->host, target->host);
		if (host == NULL)
			return -ENOMEM;
		params_add(params, "hostaddr", ",");
	}
	params_add(params, "host", host); /* beside an address: for TLS and the password file */
	params_add(params, "port", target->port);
	return 0;
}

static int params_fill(struct params *params, const struct attempt *attempt, struct arena *arena)
{
	const struct connect_options *options = attempt->options;
	const struct dsn *dsn = attempt->dsn;
	int rc;

	/* What comes before the string gives way to it, what comes after does not. */
	if (options->application_name != NULL)
		params_add(params, "fallback_application_name", options->application_name);
	params_add(params, "dbname", options->conninfo);
	rc = params_add_host(params, attempt, arena);
	if (rc < 0)
		return rc;
	params_add(params, "target_session_attrs", attempt->target_session_attrs);
	params_add(params, "client_encoding", "UTF8");
	if (!dsn->says_gssencmode)
		params_add(params, "gssencmode", "disable");
	if (!dsn->says_keepalive)
		params_add_keepalive(params);
	if (options->read_only) {
		/* Said at the start it is the session's default: RESET ALL comes back to it. */
		const char *all = arena_printf(arena, "%s -c default_transaction_read_only=on",
					       dsn->server_options);

		if (all == NULL)
			return -ENOMEM;
		params_add(params, "options", all);
	}
	return 0;
}

/* At the very start nothing was heard; either an option is wrong or the system did not let us. */
static int judge_start(const struct attempt *attempt, struct arena *arena, struct refusal *refusal)
{
	const char *why;
	int rc = dsn_validate(attempt->options->conninfo, attempt->target->port, arena, &why);

	if (rc != -EINVAL)
		return rc;
	refusal->kind = CONNECT_FAILURE_REFUSED;
	refusal->bad_conninfo = true;
	return 0;
}

static int describe(const struct attempt *attempt, const struct progress *progress, bool at_start,
		    struct arena *arena, struct refusal *ret_refusal)
{
	struct refusal refusal;
	const char *account =
		arena_printf(arena, "%s%s", progress->whereto, PQerrorMessage(progress->pg));
	int rc = account != NULL ? refusal_parse(account, arena, &refusal) : -ENOMEM;

	if (rc < 0)
		return rc;
	if (at_start) {
		rc = judge_start(attempt, arena, &refusal);
		if (rc < 0)
			return rc;
	} else if (refusal.sqlstate[0] != '\0') {
		/* the server has said it */
	} else if (PQparameterStatus(progress->pg, "server_version") != NULL) {
		/* it had let us in */
		refusal.wrong_role = progress->heard;
	} else if (progress->heard || PQconnectionNeedsPassword(progress->pg)) {
		/* libpq did not like the answer: TLS, a certificate, a password that it has not got
		 */
		refusal.kind = CONNECT_FAILURE_REFUSED;
	}
	*ret_refusal = refusal;
	return -ECONNREFUSED;
}

static void drop_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static bool has_input(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Waits. 0 when libpq is done, -ECONNREFUSED when it gave up, -E2BIG when it would have to compute,
 * -EOVERFLOW when it would have to keep and -EMSGSIZE to read too much, or another errno. */
static int drive(struct progress *progress, int64_t deadline_ns)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK) {
		bool reading = status == PGRES_POLLING_READING;
		int fd = PQsocket(progress->pg); /* another one after a retry without TLS */
		int rc = co_fd_wait(fd, reading ? CO_READ : CO_WRITE, deadline_ns);

		if (rc < 0)
			return rc;
		progress->heard = reading && has_input(fd);
		rc = scram_connect_poll(progress->pg, &progress->transport, deadline_ns, &status);
		if (rc < 0)
			return rc;
		if (transport_reports_too_many(&progress->transport))
			return -EOVERFLOW;
		if (progress->transport.received_bytes > GREETING_BYTES_MAX)
			return -EMSGSIZE;
		if (status == PGRES_POLLING_FAILED)
			return -ECONNREFUSED;
	}
	return 0;
}

static int link_fill(struct connect_link *link, const struct progress *progress)
{
	int rc = keycatch_take(progress->pg, &link->key);

	if (rc < 0)
		return rc;
	PQsetErrorVerbosity(progress->pg, PQERRORS_DEFAULT);
	link->pg = progress->pg;
	link->transport = progress->transport;
	return 0;
}

/* A pooler may have dropped what we asked for. Servers before 14 do not tell. */
static bool starts_read_only(PGconn *pg)
{
	const char *value = PQparameterStatus(pg, "default_transaction_read_only");

	return value != NULL ? strcmp(value, "on") == 0 : PQserverVersion(pg) < 140000;
}

/* For a reason that libpq has no words for. Takes no memory for granted: `why` may be NULL. */
static int refuse(const struct attempt *attempt, const char *why, struct arena *arena,
		  struct refusal *ret_refusal)
{
	const char *message =
		why == NULL ? NULL
			    : arena_printf(arena, "connection to \"%s\", port %s: %s",
					   attempt->target->host, attempt->target->port, why);

	if (message == NULL)
		return -ENOMEM;
	*ret_refusal = (struct refusal){.kind = CONNECT_FAILURE_REFUSED, .message = message};
	return -ECONNREFUSED;
}

/* Waits. */
static int open_session(const struct attempt *attempt, struct progress *progress,
			struct arena *arena, int64_t deadline_ns, struct connect_link *ret_link,
			struct refusal *ret_refusal)
{
	int rc;

	if (PQstatus(progress->pg) == CONNECTION_BAD)
		return describe(attempt, progress, true, arena, ret_refusal);
	PQsetNoticeReceiver(progress->pg, drop_notice, NULL);
	PQsetErrorVerbosity(progress->pg, PQERRORS_VERBOSE);
	progress->whereto = arena_strdup(arena, PQerrorMessage(progress->pg));
	if (progress->whereto == NULL)
		return -ENOMEM;
	/*
	 * Now, not only once connected: otherwise a server that takes nothing could hold up a
	 * write. It clears the message.
	 */
	PQsetnonblocking(progress->pg, 1);
	rc = drive(progress, deadline_ns);
	if (rc == 0 && attempt->options->read_only && !starts_read_only(progress->pg))
		return refuse(attempt,
			      "the session is not read-only, for what is between drops its options",
			      arena, ret_refusal);
	if (rc == 0)
		rc = link_fill(ret_link, progress);
	else if (rc == -E2BIG)
		rc = refuse(attempt,
			    arena_printf(arena,
					 "the server asks for more than %u rounds of SCRAM "
					 "(scram_iterations)",
					 SCRAM_ROUNDS_MAX),
			    arena, ret_refusal);
	else if (rc == -EOVERFLOW)
		rc = refuse(attempt, TRANSPORT_PARAMETERS_TEXT, arena, ret_refusal);
	else if (rc == -EMSGSIZE)
		rc = refuse(attempt,
			    arena_printf(arena,
					 "the server says more than %zu bytes before the session "
					 "begins",
					 GREETING_BYTES_MAX),
			    arena, ret_refusal);
	else if (rc == -ECONNREFUSED)
		rc = describe(attempt, progress, false, arena, ret_refusal);
	return rc;
}

int attempt_run(const struct attempt *attempt, struct arena *arena, int64_t deadline_ns,
		struct connect_link *ret_link, struct refusal *ret_refusal)
{
	struct progress progress = {.whereto = ""};
	struct params params = {0};
	int rc;

	rc = params_fill(&params, attempt, arena);
	if (rc < 0)
		return rc;
	/* It may connect, and send, before there is a PGconn to be asked for its socket. */
	transport_begin_connect(&progress.transport, NULL);
	progress.pg = PQconnectStartParams(params.keywords, params.values, 1);
	transport_end_connect(&progress.transport);
	if (progress.pg == NULL)
		return -ENOMEM;
	rc = open_session(attempt, &progress, arena, deadline_ns, ret_link, ret_refusal);
	if (rc < 0)
		PQfinish(progress.pg);
	return rc;
}
