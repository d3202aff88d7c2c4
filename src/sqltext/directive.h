/* SPDX-License-Identifier: PostgreSQL */
/*
 * Directives: line comments such as "-- name: revenue" that have their line to themselves, in the
 * convention of aiosql, yesql and HugSQL. Knows neither the keys nor what their values mean.
 */
#ifndef SQLTEXT_DIRECTIVE_H
#define SQLTEXT_DIRECTIVE_H

#include "base/str.h"
#include "sqltext/scan.h"

#include <stdbool.h>

struct sql_directive {
	struct str key;	  /* lower-case letters */
	struct str value; /* without outer spaces; may be empty */
};

/* Follows the tokens of a text; zeroed for one that begins with a line. */
struct sql_line {
	bool in_text;	   /* something other than spaces stands before, on this line */
	unsigned newlines; /* so far */
};

/* To be told every token, in order. True if it is a comment that has its line to itself and reads
 * "-- key: value". */
bool sql_directive_read(struct sql_line *line, const struct sql_token *token,
			struct sql_directive *ret_directive);
/* A byte order mark, which editors put before a text, is not part of it. */
struct str sql_skip_byte_order_mark(struct str text);
/* What a query may be called: [A-Za-z_][A-Za-z0-9_.-]* */
bool sql_name_valid(struct str name);
/* Cuts the ASCII white space off both ends. */
struct str sql_trim(struct str text);

#endif
