/* SPDX-License-Identifier: PostgreSQL */
#include "db/session.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const reported[SESSION_REPORTED] = {
	"TimeZone",
	"DateStyle",
	"IntervalStyle",
	"application_name",
	"client_encoding",
	"session_authorization",
	"standard_conforming_strings",
	"default_transaction_read_only",
	/* A standby that was promoted is not what target_session_attrs chose. */
	"in_hot_standby",
};

int session_baseline_take(struct session_baseline *baseline, const PGconn *pg)
{
	*baseline = (struct session_baseline){{NULL}};
	for (size_t i = 0; i < SESSION_REPORTED; i++) {
		const char *value = PQparameterStatus(pg, reported[i]);

		if (value == NULL)
			continue;
		baseline->values[i] = mem_strdup(value);
		if (baseline->values[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

void session_baseline_free(struct session_baseline *baseline)
{
	for (size_t i = 0; i < SESSION_REPORTED; i++)
		mem_free(baseline->values[i]);
	*baseline = (struct session_baseline){{NULL}};
}

bool session_baseline_holds(const struct session_baseline *baseline, const PGconn *pg)
{
	for (size_t i = 0; i < SESSION_REPORTED; i++) {
		const char *value = PQparameterStatus(pg, reported[i]);

		if ((value == NULL) != (baseline->values[i] == NULL) ||
		    (value != NULL && strcmp(value, baseline->values[i]) != 0))
			return false;
	}
	return true;
}

static int send(PGconn *pg, const char *sql)
{
	return PQsendQueryParams(pg, sql, 0, NULL, NULL, NULL, NULL, 0) == 1 ? 0 : -EIO;
}

/*
 * The forms of values that the protocol promises. A timeout is only ever lowered. Twenty sessions
 * that open at once wait for each other's set-up, so it asks for what costs little: pg_settings
 * would take three times as long as all the rest.
 */
int session_send_setup(PGconn *pg, int64_t statement_timeout_ns)
{
	char sql[1536], lower[512] = "";
	int64_t timeout_ms = statement_timeout_ns / CLOCK_MS;

	if (statement_timeout_ns > 0)
		snprintf(lower, sizeof(lower),
			 ", case when not pg_catalog.current_setting('statement_timeout')"
			 "::pg_catalog.interval between '1 us' and '%" PRId64 " ms'"
			 " then pg_catalog.set_config('statement_timeout', '%" PRId64 "', false)"
			 " end",
			 MAX(timeout_ms, INT64_C(1)), MAX(timeout_ms, INT64_C(1)));
	snprintf(sql, sizeof(sql),
		 "select pg_catalog.set_config('DateStyle', 'ISO', false),"
		 " pg_catalog.set_config('IntervalStyle', 'postgres', false),"
		 " pg_catalog.set_config('bytea_output', 'hex', false),"
		 " pg_catalog.set_config('extra_float_digits', '1', false),"
		 " pg_catalog.set_config('standard_conforming_strings', 'on', false),"
		 /* A database without an encoding holds any bytes; asked for UTF8 it would refuse
		    them. */
		 " case when pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'"
		 " then pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) end,"
		 /* So that a query ends when we do, were it by kill -9. Since PostgreSQL 14, and
		    not on every system. */
		 " case when pg_catalog.current_setting('client_connection_check_interval', true)"
		 " = '0' and pg_catalog.strpos(pg_catalog.version(), 'linux') > 0"
		 " then pg_catalog.set_config('client_connection_check_interval', '5s', false) end,"
		 " pg_catalog.current_setting('statement_timeout') as statement_timeout%s",
		 lower);
	return send(pg, sql) < 0 ? -EIO : 1;
}

/* As the server writes a time, in its largest unit: "90s", or "0". -1: not like that. */
static int64_t read_ms(const char *text)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"", 1},	     {"ms", 1},	     {"s", 1000},
		     {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *end;
	int64_t value;

	value = strtoll(text, &end, 10);
	if (end == text || value < 0 || value > INT32_MAX)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].name) == 0)
			return value * units[i].ms;
	return -1;
}

int64_t session_timeout_ms(const PGresult *result, int64_t known_ms, int64_t statement_timeout_ns)
{
	int column = PQresultStatus(result) == PGRES_TUPLES_OK
			     ? PQfnumber(result, "statement_timeout")
			     : -1;
	int64_t own_ms, bound_ms = (statement_timeout_ns + CLOCK_MS - 1) / CLOCK_MS;

	if (column < 0 || PQntuples(result) != 1)
		return known_ms;
	own_ms = read_ms(PQgetvalue(result, 0, column));
	if (own_ms <= 0 || (bound_ms > 0 && bound_ms < own_ms))
		own_ms = bound_ms;
	return own_ms;
}

/*
 * What DISCARD ALL does, but inside a transaction block. The role is last reset because a session
 * authorization may carry one.
 */
int session_send_reset(PGconn *pg, int64_t statement_timeout_ns)
{
	static const char *const commands[] = {
		"reset session authorization",
		"reset role",
		"reset all",
		"deallocate all",
		"close all",
		"unlisten *",
		"select pg_catalog.pg_advisory_unlock_all()",
		"discard sequences",
		"discard temp",
	};
	int setup;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (send(pg, commands[i]) < 0)
			return -EIO;
	setup = session_send_setup(pg, statement_timeout_ns);
	return setup < 0 ? setup : (int)ARRAY_SIZE(commands) + setup;
}
