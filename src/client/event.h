/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a line from the daemon says: its kind, whose it is, and the results in it. Judges the shape,
 * so that the accessors need not. Knows nothing of connections.
 */
#ifndef CLIENT_EVENT_H
#define CLIENT_EVENT_H

#include "client/document.h"
#include "client/gather.h"

/* Kinds that never reach the library's user. */
#define EVENT_CANCELLED ((enum gather_event_kind)100) /* the answer to a cancel */
#define EVENT_UNKNOWN                                                                              \
	((enum gather_event_kind)101) /* of another verb, or of a later protocol: to be ignored */

struct gather_error {
	struct document *document;
	const struct json *object; /* NULL: no error */
};

struct gather_result {
	struct document *document;
	const char *name;
	const struct json *object;  /* the result, or the whole event */
	const struct json *columns; /* an array of objects, or NULL */
	const struct json *rows;    /* an array of arrays or objects, or NULL */
	struct gather_error error;
	struct gather_result *steps; /* of a combined answer, in the document's arena */
	size_t step_count;
};

struct gather_snapshot {
	struct document *document;
	const struct json *object; /* NULL: none */
};

struct gather_answer {
	struct document *document;
	struct gather_result *results; /* in the document's arena */
	size_t count;
	struct gather_snapshot snapshot;
};

struct gather_event {
	struct document *document;
	enum gather_event_kind kind;
	bool has_id;
	int64_t id;
	size_t item;
	bool has_step; /* of a step, else of the item itself */
	size_t step;
	struct gather_result result;   /* COLUMNS, ROWS, DONE, ERROR */
	struct gather_error error;     /* ERROR, REFUSED; END of a listen */
	const char *channel, *payload; /* NOTIFICATION */
	struct gather_answer answer;   /* ANSWER; of END the snapshot alone */
};

/*
 * Reads what document_read() made. 0; -EINVAL: a shape that the protocol does not know; -ENOMEM.
 * The event lives as long as the document's content.
 */
int event_read(struct document *document, struct gather_event *ret_event) MUST_CHECK;
/* It is the last one of its request. */
bool event_is_final(const struct gather_event *event);
/* The cell, or NULL when out of range. */
struct json *result_cell(const struct gather_result *result, size_t row, size_t column);

#endif
