/* SPDX-License-Identifier: PostgreSQL */
/*
 * Cuts a text into statements at semicolons, as psql does: not inside quotes, comments, dollar
 * quotes, parentheses and the BEGIN ATOMIC … END bodies of SQL functions. Statements without any
 * solid token are left out.
 *
 * psql's backslash commands are not known here: one is text like any other, for PostgreSQL to
 * refuse.
 */
#ifndef SQLTEXT_SPLIT_H
#define SQLTEXT_SPLIT_H

#include "base/str.h"
#include "sqltext/directive.h"

#include <stdbool.h>

enum sql_misnomer_why {
	SQL_NAME_INVALID, /* it is no name (sql_name_valid) */
	SQL_NAME_UNUSED,  /* no statement follows, or another name before it */
	SQL_NAME_INSIDE	  /* it stands inside a statement */
};

/* A "-- name: X" line that gives no statement its name. */
struct sql_misnomer {
	enum sql_misnomer_why why;
	struct str text; /* X */
	unsigned line;	 /* from 1 */
};

struct sql_splitter {
	struct sql_scanner scanner;
	struct sql_line line;
	struct sql_misnomer misnomer; /* the first so far; line 0: none */
	unsigned name_line;	      /* of the name of the statement that is being read */
};

struct sql_statement_text {
	/*
	 * Without its semicolon and without outer space and comments: but one that begins with a
	 * slash, a star and a plus (a hint for the planner) stays before it, and an unclosed one at
	 * the end, so that PostgreSQL refuses it.
	 */
	struct str sql;
	struct str name;  /* from a last "-- name: X" line before it; absent too if X is no name
			     (sql_name_valid) */
	struct str title; /* from a last "-- title: X" line before it; else absent */
	unsigned line;	  /* where sql begins, from 1 */
	bool unclosed; /* a quote, comment, parenthesis or function body runs to the end of the text
			*/
};

void sql_split_init(struct sql_splitter *splitter, struct str text);
/* false at the end. */
bool sql_split_next(struct sql_splitter *splitter, struct sql_statement_text *ret_statement);

#endif
