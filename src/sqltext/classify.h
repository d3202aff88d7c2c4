/* SPDX-License-Identifier: PostgreSQL */
/*
 * What can be told of a statement from its text alone, for dispatch and session hygiene. On doubt it says the
 * cautious thing.
 */
#ifndef SQLTEXT_CLASSIFY_H
#define SQLTEXT_CLASSIFY_H

#include "base/str.h"

#include <stdbool.h>

enum sql_refusal { /* what the daemon cannot run, found by its first words */
	SQL_RUNS,
	SQL_EMPTY,	   /* nothing but spaces and comments */
	SQL_COPY_STREAM,   /* COPY … FROM STDIN / TO STDOUT */
	SQL_TRANSACTION_CONTROL, /* BEGIN, START, COMMIT, END, ROLLBACK, ABORT, SAVEPOINT, RELEASE, PREPARE TRANSACTION,
				    COMMIT/ROLLBACK PREPARED excepted */
	SQL_SEVERAL	   /* more than one statement */
};

struct sql_class {
	enum sql_refusal refusal;
	bool plain_read;   /* SELECT, VALUES, TABLE, WITH … SELECT, SHOW; not INTO, not FOR UPDATE/SHARE: may be pipelined */
	bool plain_write;  /* INSERT, UPDATE, DELETE, MERGE, and WITH that has one of them */
	bool dirties;	   /* may leave session state: no plain read or write, or names a function such as set_config,
			      pg_advisory_lock*, dblink*, nextval, setval, lo_*; also SELECT INTO */
	bool outside_transaction; /* CALL, DO, VACUUM, CREATE DATABASE …: what it did may stay after an error */
	bool may_rerun;	   /* a plain read that names none of those functions */
};

struct sql_class sql_classify(struct str sql);

#endif
