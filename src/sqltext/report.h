/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reads a report file: a head of "-- report:", "-- title:", "-- param: NAME TYPE [= DEFAULT
 * EXPRESSION]" and
 * "-- snapshot: yes|no" lines, then queries with "-- name:" (and "-- title:") before each, each
 * ended by a semicolon. Other comments may stand anywhere. Pure: the caller reads the file.
 *
 * A parameter is written :NAME in the queries (named.h says where that is one). One that the client
 * does not give takes its default expression: the report's queries then hold (EXPRESSION) in its
 * place; a parameter with neither is an error. TYPE is cast to in both cases, so that text from a
 * command line works.
 */
#ifndef SQLTEXT_REPORT_H
#define SQLTEXT_REPORT_H

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct report_param {
	struct str name;	       /* sql_param_name_valid() */
	struct str type;	       /* "date", "numeric(10,2)", "text[]" */
	struct str default_expression; /* absent: must be given */
};

struct report_query {
	struct str name;
	struct str title; /* absent: none */
	struct str sql;	  /* one statement, without its semicolon */
	unsigned line;
};

struct report {
	struct str name;
	struct str title; /* absent: none */
	bool snapshot;
	struct report_param *params;
	size_t param_count;
	struct report_query *queries;
	size_t query_count;
};

/* Told each mistake: the line (from 1) and what is wrong. The text lives for the call. */
typedef void report_error_fn(void *arg, unsigned line, const char *text);

/*
 * Everything in *ret_report points into `text` or the arena; `name` is the file's name without
 * .sql, and a "-- report:" line that says another one is a mistake. 0, -EINVAL (every mistake was
 * reported), -ENOMEM.
 */
int report_parse(struct arena *arena, struct str name, struct str text, struct report *ret_report,
		 report_error_fn *error, void *arg) MUST_CHECK;
/*
 * The query's text for one run: `given[i]` says whether the client gave params[i]. A given one
 * stays as CAST(:name AS type), for sql_params_rewrite with the names of the given ones; another
 * becomes CAST((default) AS type). Terminated; NULL on no memory. A parameter without either is the
 * caller's to refuse, it stays as it is.
 */
const char *report_query_text(struct arena *arena, const struct report *report, size_t query,
			      const bool *given);
/* The index of a parameter; param_count if the report has none of this name. */
size_t report_find_param(const struct report *report, struct str name);

#endif
