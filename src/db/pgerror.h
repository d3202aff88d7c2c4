/* SPDX-License-Identifier: PostgreSQL */
/* libpq's errors as the daemon's. Everything is copied to the arena, so that the PGresult may go.
 */
#ifndef DB_PGERROR_H
#define DB_PGERROR_H

#include "base/err.h"

#include <libpq-fe.h>

struct arena;

/*
 * ERR_SQL with all fields that the server sent. An error that libpq made up itself has no SQLSTATE:
 * its code is ERR_CONNECTION_LOST. A NULL result (libpq found no memory for one): ERR_INTERNAL.
 */
void pgerror_from_result(struct err *err, struct arena *arena, const PGresult *result,
			 enum err_effects effects);
/* What libpq last said about the connection, trimmed and on one line. `code` is the caller's
 * judgement. */
void pgerror_from_connection(struct err *err, struct arena *arena, enum err_code code,
			     enum err_effects effects, const PGconn *pg);
/* `text` in `arena` without white space at its ends, line breaks inside become "; "; never NULL. */
const char *pgerror_tidy(struct arena *arena, const char *text) MUST_CHECK;

#endif
