/* SPDX-License-Identifier: PostgreSQL */
#include "db/pgerror.h"

#include "base/arena.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "out of memory while describing the error";

/* Of each text of an error: a function may raise one of megabytes, and a gather may have a thousand
 * of them. */
#define TEXT_MAX_BYTES ((size_t)8 * 1024)

/* A copy, cut where it is longer than anybody reads; it then tells what is missing. */
static const char *copy_text(struct arena *arena, const char *text)
{
	size_t len = strlen(text), kept = TEXT_MAX_BYTES;

	if (len <= TEXT_MAX_BYTES)
		return arena_strdup(arena, text);
	/* Not in the middle of a character: behind the cut no byte goes on with one. */
	while (kept > TEXT_MAX_BYTES - 3 && ((unsigned char)text[kept] & 0xc0) == 0x80)
		kept--;
	return arena_printf(arena, "%.*s… [cut: %zu bytes of %zu]", (int)kept, text, len - kept,
			    len);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Where a line ends, libpq either goes on about the same thing (a hint, indented by a tab) or tells
 * of the next thing. A result longer than its source: one byte of line break becomes two.
 */
const char *pgerror_tidy(struct arena *arena, const char *text)
{
	size_t len = strlen(text);
	char *tidy, *out;

	while (len > 0 && is_space(text[len - 1]))
		len--;
	while (len > 0 && is_space(*text)) {
		text++;
		len--;
	}
	tidy = out = arena_alloc(arena, 2 * len + 1);
	if (tidy == NULL)
		return no_memory;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n') {
			if (text[i] != '\r')
				*out++ = text[i];
			continue;
		}
		if (text[i + 1] != '\t')
			*out++ = ';';
		else if (text[i + 2] < 'a' || text[i + 2] > 'z') /* not just a long line */
			*out++ = '.';
		*out++ = ' ';
		while (is_space(text[i + 1]))
			i++;
	}
	*out = '\0';
	return tidy;
}

static const char *tidy_or_default(struct arena *arena, const char *text)
{
	const char *cut = copy_text(arena, text != NULL ? text : "");
	const char *tidy = cut != NULL ? pgerror_tidy(arena, cut) : no_memory;

	return *tidy != '\0' ? tidy : "no reason was given";
}

/* NULL where there is none, or no memory: an error without its hint is still that error. */
static const char *field(struct arena *arena, const PGresult *result, int code)
{
	const char *value = PQresultErrorField(result, code);

	return value != NULL ? copy_text(arena, value) : NULL;
}

static int position(const PGresult *result)
{
	const char *value = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	long number = value != NULL ? strtol(value, NULL, 10) : 0;

	return number > 0 && number <= INT_MAX ? (int)number : 0;
}

static bool is_sqlstate(const char *text)
{
	return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && text[5] == '\0';
}

void pgerror_from_result(struct err *err, struct arena *arena, const PGresult *result,
			 enum err_effects effects)
{
	const char *sqlstate, *severity, *message;

	if (result == NULL) {
		err_set(err, NULL, ERR_INTERNAL, effects, "out of memory for a result");
		return;
	}
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (sqlstate == NULL || !is_sqlstate(sqlstate)) {
		*err = (struct err){.code = ERR_CONNECTION_LOST, .effects = effects};
		err->message = tidy_or_default(arena, PQresultErrorMessage(result));
		return;
	}
	*err = (struct err){.code = ERR_SQL, .effects = effects};
	memcpy(err->sqlstate, sqlstate, sizeof(err->sqlstate));
	/* The server's own text, line breaks and all: a function may have meant them. */
	err->message = message != NULL ? copy_text(arena, message) : "no reason was given";
	if (err->message == NULL)
		err->message = no_memory;
	/* PostgreSQL translates the one and not the other. */
	severity = field(arena, result, PG_DIAG_SEVERITY_NONLOCALIZED);
	err->severity = severity != NULL ? severity : field(arena, result, PG_DIAG_SEVERITY);
	err->detail = field(arena, result, PG_DIAG_MESSAGE_DETAIL);
	err->hint = field(arena, result, PG_DIAG_MESSAGE_HINT);
	err->context = field(arena, result, PG_DIAG_CONTEXT);
	err->schema = field(arena, result, PG_DIAG_SCHEMA_NAME);
	err->table = field(arena, result, PG_DIAG_TABLE_NAME);
	err->column = field(arena, result, PG_DIAG_COLUMN_NAME);
	err->constraint = field(arena, result, PG_DIAG_CONSTRAINT_NAME);
	err->position = position(result);
}

void pgerror_from_connection(struct err *err, struct arena *arena, enum err_code code,
			     enum err_effects effects, const PGconn *pg)
{
	*err = (struct err){.code = code, .effects = effects};
	err->message = tidy_or_default(arena, PQerrorMessage(pg));
}
