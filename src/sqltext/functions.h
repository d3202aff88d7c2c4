/* SPDX-License-Identifier: PostgreSQL */
/* The functions of PostgreSQL and its common extensions whose call does more than to compute a
 * value. */
#ifndef SQLTEXT_FUNCTIONS_H
#define SQLTEXT_FUNCTIONS_H

#include "base/str.h"

enum sql_function_flag {
	SQL_FUNCTION_ACTS = 1, /* not to be run twice, nor beside others; every one of the list */
	SQL_FUNCTION_DIRTIES = 2, /* leaves session state, or runs SQL that it is given as text */
	SQL_FUNCTION_STAYS = 4,	  /* what it did stays when the statement fails */
	SQL_FUNCTION_ANY = 7
};

/* The flags of a function's name without schema and quotes, whatever its case; 0 for all others. */
unsigned sql_function_flags(struct str name);

#endif
