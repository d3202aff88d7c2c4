/* SPDX-License-Identifier: PostgreSQL */
/* From a PGresult to a query: its columns, rows, command tag, parameter types, error. No PGresult
 * goes beyond this. */
#ifndef DB_ROWS_H
#define DB_ROWS_H

#include "base/macros.h"

#include <libpq-fe.h>

struct db_query;

/*
 * Hands a result with one or more rows to the query's sink, its columns first where they are new.
 * 0, DB_SINK_PAUSE or a negative errno. May wait (types_learn), so only the driver calls it.
 */
int rows_give(struct db_query *query, const PGresult *result) MUST_CHECK;
/* The final result of the query's command: tag and count, an empty row set's columns, or the error.
 * As rows_give. */
int rows_end(struct db_query *query, const PGresult *result) MUST_CHECK;
/* Its command tag; "" where it has none. */
const char *rows_tag(const PGresult *result);
/* The parameter types of a Describe: 0 or -ENOMEM. */
int rows_describe(struct db_query *query, const PGresult *result) MUST_CHECK;

#endif
