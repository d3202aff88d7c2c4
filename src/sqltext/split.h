/* SPDX-License-Identifier: PostgreSQL */
/*
 * Cuts a text into statements at semicolons, as psql does: not inside quotes, comments, dollar quotes, parentheses
 * and the BEGIN ATOMIC … END bodies of SQL functions. Statements without any solid token are left out.
 */
#ifndef SQLTEXT_SPLIT_H
#define SQLTEXT_SPLIT_H

#include "base/str.h"

#include <stdbool.h>

struct sql_splitter {
	struct str text;
	size_t at;
	unsigned line; /* of `at`, from 1 */
};

struct sql_statement_text {
	struct str sql;	 /* without its semicolon and without outer space and comments before it */
	struct str name; /* from a "-- name: X" comment line before it; else absent */
	struct str title; /* from a "-- title: X" comment line before it; else absent */
	unsigned line;	 /* where sql begins, from 1 */
	bool unclosed;	 /* a quote, comment or parenthesis runs to the end of the text */
};

void sql_split_init(struct sql_splitter *splitter, struct str text);
/* false at the end. */
bool sql_split_next(struct sql_splitter *splitter, struct sql_statement_text *ret_statement);

#endif
