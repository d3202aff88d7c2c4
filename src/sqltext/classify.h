/* SPDX-License-Identifier: PostgreSQL */
/*
 * What can be told of a statement from its text alone, for dispatch and session hygiene. On doubt
 * it says the cautious thing. What a user's own function or view does inside is not seen here.
 */
#ifndef SQLTEXT_CLASSIFY_H
#define SQLTEXT_CLASSIFY_H

#include "base/str.h"

#include <stdbool.h>

enum sql_refusal { /* what the daemon cannot run, found by its first words */
		   SQL_RUNS,
		   SQL_EMPTY,		    /* nothing but spaces, comments and semicolons */
		   SQL_COPY_STREAM,	    /* COPY … FROM STDIN / TO STDOUT */
		   SQL_TRANSACTION_CONTROL, /* BEGIN, START, COMMIT, END, ROLLBACK, ABORT,
					       SAVEPOINT, RELEASE, PREPARE TRANSACTION; not COMMIT
					       PREPARED and ROLLBACK PREPARED, which run */
		   SQL_LISTEN,		    /* LISTEN: its session is not the client's to keep */
		   SQL_SEVERAL		    /* more than one statement */
};

struct sql_class {
	enum sql_refusal refusal; /* if not SQL_RUNS, all below is the most cautious */
	/*
	 * SELECT, VALUES, TABLE, WITH … SELECT, SHOW: may be pipelined. Not INTO, not FOR UPDATE or
	 * SHARE, and none that calls a function of the list in functions.h.
	 */
	bool plain_read;
	bool plain_write; /* INSERT, UPDATE, DELETE, MERGE, and WITH that has one of them */
	/*
	 * May leave session state. False for plain reads and for plain writes, SELECT … FOR UPDATE
	 * and EXPLAIN that call no function which leaves any (set_config, nextval,
	 * pg_advisory_lock, …); true for SELECT INTO and all others.
	 */
	bool dirties;
	/*
	 * What it did may stay after an error: CALL, DO, VACUUM, CREATE DATABASE, COPY to a file,
	 * …, and calls of functions that act outside the transaction (setval, dblink,
	 * pg_terminate_backend, …).
	 */
	bool outside_transaction;
	bool maintains;		/* VACUUM, ANALYZE, REINDEX, CLUSTER: it finds all that it names
				   before it begins */
	bool ends_transactions; /* CALL and DO: what they run may COMMIT and begin the next one */
	bool defines;		/* CREATE, ALTER, DROP, and CALL and DO, which may: what a name or a
				   parameter of other texts stands for may be another */
	/*
	 * Calls a function by name that is not known for leaving nothing behind in its transaction:
	 * it may set a parameter or take a lock until the end of that.
	 */
	bool calls_unknown;
	bool may_rerun; /* running it twice is as good as once, as far as the text tells */
};

struct sql_class sql_classify(struct str sql);

#endif
