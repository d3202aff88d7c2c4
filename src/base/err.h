/* SPDX-License-Identifier: PostgreSQL */
/*
 * The error that a query, an item or a whole request ends with, as the protocol shows it. Inside
 * the program functions return 0 or a negative errno; this is for what a client is told. All text
 * lives in the arena that was handed to the function that set it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/macros.h"

#include <errno.h>
#include <stdbool.h>

struct arena;

enum err_code { /* the protocol's closed list; names: err_code_name() */
		ERR_NONE,
		ERR_SQL, /* PostgreSQL's own, with sqlstate */
		ERR_TIMEOUT,
		ERR_CANCELLED,
		ERR_SKIPPED,
		ERR_BAD_REQUEST,
		ERR_TOO_LARGE,
		ERR_DENIED,
		ERR_UNKNOWN_DATABASE,
		ERR_UNKNOWN_REPORT,
		ERR_QUEUE_FULL,
		ERR_UNAVAILABLE,
		ERR_CONNECTION_LOST,
		ERR_SHUTTING_DOWN,
		ERR_INTERNAL,
		ERR_CODE_COUNT
};

enum err_effects {
	ERR_EFFECTS_NONE, /* certainly nothing of it remains */
	ERR_EFFECTS_DONE, /* it completed, only its answer is missing */
	ERR_EFFECTS_UNKNOWN
};

struct err {
	enum err_code code; /* ERR_NONE: no error, the rest is unset */
	enum err_effects effects;
	const char *message;
	const char *key; /* bad_request: the key at fault; else NULL */
	/* ERR_SQL only; NULL where PostgreSQL gave none */
	char sqlstate[6];
	const char *severity, *detail, *hint, *context;
	const char *schema, *table, *column, *constraint;
	int position;	       /* in characters, from 1; 0: none */
	int line;	       /* of a report's file, from 1; 0: none */
	const char *parameter; /* the client's name of the one that it is about; NULL: none */
};

const char *err_code_name(enum err_code code);
const char *err_effects_name(enum err_effects effects);

/*
 * Sets *err anew. Where the arena has no memory left the message is a fixed text. A NULL arena
 * takes `fmt` itself as the message (a literal without conversions).
 */
void err_set(struct err *err, struct arena *arena, enum err_code code, enum err_effects effects,
	     const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same with a message that outlives the error. */
void err_set_static(struct err *err, enum err_code code, enum err_effects effects,
		    const char *message);

static inline int err_no_memory(struct err *err)
{
	err_set_static(err, ERR_INTERNAL, ERR_EFFECTS_NONE, "out of memory");
	return -ENOMEM;
}

#endif
