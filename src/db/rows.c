/* SPDX-License-Identifier: PostgreSQL */
#include "db/rows.h"

#include "base/arena.h"
#include "db/pgerror.h"
#include "db/pool.h"
#include "db/query.h"
#include "db/types.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of those that users make, how many of an answer are seen to at once. */
#define MADE_TYPES_MAX 64

static int give_columns(struct db_query *query, const PGresult *result)
{
	int count = PQnfields(result);
	struct db_column *columns = arena_calloc(query->arena, (size_t)count, sizeof(*columns));
	uint32_t made[MADE_TYPES_MAX];
	size_t made_count = 0;

	query->cells = arena_calloc(query->arena, (size_t)count, sizeof(*query->cells));
	if (columns == NULL || query->cells == NULL)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		columns[i].name = PQfname(result, i);
		columns[i].oid = PQftype(result, i);
		if (columns[i].oid < DB_TYPE_FIRST_OID)
			continue;
		columns[i].type = types_find(query->pool->types, columns[i].oid);
		if (made_count < MADE_TYPES_MAX)
			made[made_count++] = columns[i].oid;
	}
	types_refresh(query->pool, made, made_count);
	query->has_rows = true;
	query->column_count = (size_t)count;
	return query->sink.columns(query->sink.ctx, columns, (size_t)count);
}

/* For functions of libpq that read only, and do not say so. */
static PGresult *not_const(const PGresult *result)
{
	return (PGresult *)(void *)(uintptr_t)result;
}

const char *rows_tag(const PGresult *result)
{
	return PQcmdStatus(not_const(result));
}

/* "INSERT 0 5" → "INSERT", 5; "CREATE TABLE" → itself, none. */
static int take_tag(struct db_query *query, const PGresult *result)
{
	static const char select[] = "SELECT ";
	const char *tag = rows_tag(result), *tuples;
	size_t len;
	char *command;

	if (*tag == '\0' && query->command != NULL)
		return 0; /* it came with the last of the rows */
	if (LIKELY(strncmp(tag, select, sizeof(select) - 1) == 0)) {
		query->command = "SELECT";
		query->count = strtoll(tag + sizeof(select) - 1, NULL, 10);
		return 0;
	}
	len = strlen(tag);
	tuples = PQcmdTuples(not_const(result));
	while (len > 0 && (isdigit((unsigned char)tag[len - 1]) || tag[len - 1] == ' '))
		len--;
	command = arena_strndup(query->arena, tag, len);
	if (command == NULL)
		return -ENOMEM;
	query->command = command;
	if (*tuples != '\0')
		query->count = strtoll(tuples, NULL, 10);
	else
		query->count = query->has_rows ? query->rows_given : -1;
	return 0;
}

int rows_give(struct db_query *query, const PGresult *result)
{
	int rows = PQntuples(result), pause = 0;

#ifdef HAVE_PQSETCHUNKEDROWSMODE
	/* libpq 17 gives a chunk that is not full the tag, and the end that follows none. */
	if (PQresultStatus(result) == PGRES_TUPLES_CHUNK && *rows_tag(result) != '\0' &&
	    take_tag(query, result) < 0)
		return -ENOMEM;
#endif
	if (!query->has_rows) {
		int rc = give_columns(query, result);

		if (rc < 0)
			return rc;
	}
	for (int row = 0; row < rows; row++) {
		int rc;

		query->result_bytes += HOLD_ROW_BYTES;
		for (size_t i = 0; i < query->column_count; i++) {
			struct db_cell *cell = &query->cells[i];

			cell->len = (size_t)PQgetlength(result, row, (int)i);
			cell->text = cell->len == 0 && PQgetisnull(result, row, (int)i)
					     ? NULL
					     : PQgetvalue(result, row, (int)i);
			query->result_bytes += cell->len;
		}
		rc = query->sink.row(query->sink.ctx, query->cells, query->column_count);
		if (rc < 0)
			return rc;
		query->rows_given++;
		if (rc == DB_SINK_PAUSE)
			pause = DB_SINK_PAUSE;
	}
	return pause;
}

/* Errors of Bind that say that a prepared statement is gone, or would give another row type than it
 * was prepared with. */
static bool is_stale(const struct db_query *query, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);

	if (!query->named || query->has_rows || state == NULL ||
	    PQresultErrorField(result, PG_DIAG_CONTEXT) != NULL)
		return false;
	return strcmp(state, "26000") == 0 || (strcmp(state, "0A000") == 0 && function != NULL &&
					       strcmp(function, "RevalidateCachedQuery") == 0);
}

/*
 * Whether the error came before anything was executed: it did not parse, calls what there is not,
 * or may not run where it stands (25001). Told by the place in the server that raises such errors
 * and does nothing before; an sqlstate alone may be what a function of the user's gave. Where the
 * place is not of the statement itself but of one that it ran, there is a context, or the inner
 * statement's text.
 */
static bool is_refusal(const struct db_query *query, const PGresult *result)
{
	const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);

	if (function == NULL || PQresultErrorField(result, PG_DIAG_CONTEXT) != NULL ||
	    PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY) != NULL)
		return false;
	/* The analysis of the statement's own text, in which the error has a place. */
	if (strcmp(function, "ParseFuncOrColumn") == 0)
		return PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION) != NULL;
	/* Others may look up a table by name in the midst of what they do. */
	if (strcmp(function, "RangeVarGetRelidExtended") == 0 ||
	    strcmp(function, "get_namespace_oid") == 0)
		return query->class.maintains;
	return strcmp(function, "scanner_yyerror") == 0 ||
	       strcmp(function, "PreventInTransactionBlock") == 0;
}

static void take_error(struct db_query *query, const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	bool dying = severity != NULL && strcmp(severity, "ERROR") != 0;

	if (query->err.code != ERR_NONE)
		return; /* a FATAL after an ERROR says less */
	query->stale = is_stale(query, result);
	query->never_ran = !query->completed && is_refusal(query, result);
	pgerror_from_result(&query->err, query->arena, result, query_error_effects(query));
	/* An ERROR after the command's success (a deferred constraint) is a rollback; a session
	 * that dies there may have died before or after the commit. */
	if (query->completed && dying)
		query->err.effects = ERR_EFFECTS_UNKNOWN;
	query->completed = false;
}

int rows_end(struct db_query *query, const PGresult *result)
{
	int rc = 0;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		query->completed = true;
		if (!query->discard)
			rc = rows_give(query, result);
		else if (!query->has_rows || PQntuples(result) > 0)
			query->dropped = true;
		if (rc < 0)
			return rc;
		return take_tag(query, result) < 0 ? -ENOMEM : rc;
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		query->completed = true;
		return take_tag(query, result);
	case PGRES_PIPELINE_ABORTED:
		query->skipped = query->err.code == ERR_NONE;
		return 0;
	default:
		take_error(query, result);
		return 0;
	}
}

int rows_describe(struct db_query *query, const PGresult *result)
{
	int count;

	if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
		pgerror_from_result(&query->err, query->arena, result, ERR_EFFECTS_NONE);
		return 0;
	}
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return 0;
	count = PQnparams(result);
	if (count == 0)
		return 0;
	query->param_types = arena_calloc(query->arena, (size_t)count, sizeof(*query->param_types));
	if (query->param_types == NULL)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		query->param_types[i] = PQparamtype(result, i);
	query->param_count = (size_t)count;
	return 0;
}
