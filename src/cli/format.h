/* SPDX-License-Identifier: PostgreSQL */
/*
 * How results are shown: one table of functions a format. A format is told the events of one query
 * after another; it appends to the output and remembers errors there. It knows nothing of where
 * events come from or wait.
 */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "base/arena.h"
#include "cli/options.h"
#include "cli/output.h"
#include "client/event.h"

#include <stdbool.h>
#include <stddef.h>

struct format_item {
	const char *name;  /* NULL: none */
	const char *title; /* NULL: none */
};

struct format {
	const struct format_ops *ops;
	struct output *output;
	bool by_name;	    /* json: results is an object */
	bool stepped;	    /* json: what is shown as queries are the steps of one item */
	bool unordered;	    /* jsonl: events as they come, whatever query they belong to */
	size_t shown;	    /* results that something was shown of */
	struct arena arena; /* for the query that is being shown */
	struct format_table *table;
	struct buf scratch; /* table: a line of a value */
	bool opened;	    /* json: the answer has begun */
	size_t row_count;   /* json: of the query, shown so far */
	bool in_rows;	    /* json: between the brackets */
};

struct format_ops {
	bool raw_rows;	  /* shows rows as they stand in the line */
	bool values_text; /* wants PostgreSQL's own text of values */
	bool whole; /* no result is of any use before end() has been there, but in a file of its own
		     */
	/* Every event of a query, before event() gets them again; NULL: it shows rows as they come.
	 */
	void (*measure)(struct format *format, const struct gather_event *event);
	/* COLUMNS, ROWS, then DONE or ERROR; of a query that is known to have failed before
	 * anything of it is shown only ERROR. */
	void (*event)(struct format *format, const struct format_item *item,
		      const struct gather_event *event);
	/* The event that closes the item whose steps the queries are, before end(); may be NULL. */
	void (*close)(struct format *format, const struct gather_event *event);
	/* Behind the last query; may be NULL. */
	void (*end)(struct format *format, const struct gather_event *end);
};

extern const struct format_ops format_table;
extern const struct format_ops format_raw;
extern const struct format_ops format_csv;
extern const struct format_ops format_json;
extern const struct format_ops format_jsonl;

void format_init(struct format *format, enum options_format which, struct output *output);
/* Between two queries: forgets what the last one needed. */
void format_next_item(struct format *format);
void format_free(struct format *format);

#endif
