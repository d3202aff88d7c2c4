/* SPDX-License-Identifier: PostgreSQL */
/*
 * What an error of the server is about, in the terms of who wrote the query: the server says $1,
 * also where :day was written, and a place in the text that it was sent.
 */
#ifndef DAEMON_CULPRIT_H
#define DAEMON_CULPRIT_H

#include <stddef.h>

struct arena;
struct err;
struct request_query;
struct sql_params;

/* Its number, from 1; 0 where the error is about none, or says nothing of it. */
size_t culprit_number(const struct err *err);
/* Names the parameter, and says the place in the client's text, or the line in the report's file.
 * `named` is how the names were rewritten, zeroed where there are none. */
void culprit_tell(struct err *err, const struct request_query *request,
		  const struct sql_params *named, struct arena *arena);

#endif
