/* SPDX-License-Identifier: PostgreSQL */
/*
 * One request line as a struct. Strict: whatever the protocol does not know is an error that names
 * the key. Judges shape only; databases, access and statement text are judged by others.
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "wire/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_verb {
	REQUEST_NONE, /* not readable */
	REQUEST_GATHER,
	REQUEST_REPORT,
	REQUEST_REPORTS,
	REQUEST_LISTEN,
	REQUEST_CANCEL,
	REQUEST_PING,
	REQUEST_STATS
};

enum request_params { REQUEST_PARAMS_NONE, REQUEST_PARAMS_POSITIONAL, REQUEST_PARAMS_NAMED };

/* {"from": item, "column": name, "row": 0} */
struct request_reference {
	size_t item; /* whose rows: its index, a REQUEST_QUERY of the same gather */
	struct str column;
	int64_t row; /* from 0; -1: the whole column as an array */
};

struct request_param {
	struct str name;			   /* NAMED only */
	const struct json *value;		   /* never NULL (a JSON null has type JSON_NULL) */
	const struct request_reference *reference; /* NULL: `value` is the value */
};

/* One statement: a step of an item. */
struct request_query {
	struct str name;  /* absent: none. The item's name; of a step in a sequence a label only */
	struct str sql;	  /* may be empty */
	unsigned line;	  /* of a report: where in its file the text begins; 0: the client's own */
	bool sql_has_nul; /* PostgreSQL cannot take it: to be answered in its place */
	int64_t timeout_ns; /* 0: none of its own */
	uint64_t max_rows;  /* 0: no limit */
	enum request_params params_kind;
	struct request_param
		*params; /* values with \u0000 are here too: value_param_text() refuses them */
	size_t param_count;
};

enum request_item_kind { REQUEST_QUERY, REQUEST_SEQUENCE, REQUEST_TRANSACTION };

enum request_isolation {
	REQUEST_ISOLATION_DEFAULT, /* the server's */
	REQUEST_READ_COMMITTED,
	REQUEST_REPEATABLE_READ,
	REQUEST_SERIALIZABLE
};

struct request_item {
	enum request_item_kind kind;
	struct str name;    /* absent: none. In an object gather: its key */
	struct str db;	    /* absent: the request's */
	int64_t timeout_ns; /* 0: none of its own */
	/* In the order in which they run. QUERY: exactly one, which has the item's name and
	 * timeout as well; else at least one. */
	struct request_query *steps;
	size_t step_count;
	enum request_isolation isolation; /* TRANSACTION */
	bool read_only, deferrable;	  /* TRANSACTION */
	/* Indexes of the items whose values its steps take: each once, never itself, no cycle. */
	size_t *depends;
	size_t depend_count;
};

struct request_gather {
	struct request_item *items;
	size_t item_count;
	bool by_name; /* the gather was an object: results is one too */
};

/* Of one request, and of one channel's name: PostgreSQL cuts longer ones. */
#define REQUEST_MAX_CHANNELS	  100
#define REQUEST_CHANNEL_MAX_BYTES 63

/* gather's options; report has the same, listen `db` alone */
struct request_options {
	struct str db;	    /* absent: the configuration's default */
	int64_t timeout_ns; /* 0: none asked for */
	bool cancel_on_error;
	bool stream;
	bool row_objects;
	bool values_text;
	bool snapshot;
	size_t concurrency; /* 0: none asked for */
};

/* Not to be copied: without memory `id` is kept inside. */
struct request {
	/* The id as JSON text, as the client wrote it; the line's number where it wrote none. Two
	 * ids are the same if this text is, with strings compared after decoding: so it is kept
	 * normalised (strings re-encoded). */
	struct str id;
	enum request_verb verb;
	struct request_gather gather; /* GATHER */
	struct str report;	      /* REPORT: its name */
	struct request_param *report_params;
	size_t report_param_count;
	const char **channels; /* LISTEN: terminated, different, at least one */
	size_t channel_count;
	struct str cancel_id;		/* CANCEL: normalised like id */
	struct request_options options; /* GATHER, REPORT and LISTEN */
	char line_number[24];		/* what `id` may point to */
};

struct request_limits {
	size_t max_queries;
};

/* Makes the number of its line the id, which then points into the request itself: for one that is
 * refused unread. */
void request_number(struct request *request, uint64_t line_number);
/*
 * Reads one line (without its newline). The request points into `line` and the arena. 0, or
 * -EINVAL: *ret_err is what to answer, and of *ret_request only the id is set (from the line if it
 * could be read, else line_number). -ENOMEM: so too, with an err that says so. Messages count items
 * from 0, as events do, and bytes of the line from 1.
 */
int request_parse(struct arena *arena, struct str line, uint64_t line_number,
		  const struct request_limits *limits, struct request *ret_request,
		  struct err *ret_err) MUST_CHECK;

#endif
