/* SPDX-License-Identifier: PostgreSQL */
/* What is known of each query while its answer comes: by its place in the request, or in the
 * sequence that the request is. */
#ifndef CLI_ITEM_H
#define CLI_ITEM_H

#include "base/macros.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/spool.h"
#include "client/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item {
	const struct query *query; /* NULL in reports */
	char *name;		   /* NULL: none; ours */
	struct spool_queue queue;  /* its events that wait */
	bool has_columns;	   /* COLUMNS has come: rows may */
	bool closed, failed;	   /* DONE or ERROR has come; it was ERROR */
	bool wrote;		   /* ended well, and may have done more than read */
	bool printed;		   /* ended well, and was handed to the output up to `end` */
	struct output_place end;
	uint64_t row_count;
};

struct items {
	struct item *all;
	size_t count, capacity;
	bool fixed; /* no more come: not a report */
	size_t closed_count;
	uint64_t row_count;
};

/* One for each query of the input, which may be none. 0 or -ENOMEM. */
int items_init(struct items *items, const struct input *input) MUST_CHECK;
void items_free(struct items *items);
/* The item with what the event says of it; reports' items appear with their first event. NULL: no
 * memory. */
struct item *items_note(struct items *items, size_t index, const struct gather_event *event);

#endif
