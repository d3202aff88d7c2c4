/* SPDX-License-Identifier: PostgreSQL */
/*
 * The titles of a report's queries, which the answer to a report does not have: they come with the
 * list of reports, asked for on the same connection in the same breath.
 */
#ifndef CLI_TITLES_H
#define CLI_TITLES_H

#include "base/arena.h"
#include "base/macros.h"

#include <stddef.h>

struct gather;

struct titles {
	struct arena *arena;
	const char *report;
	struct title *all;
	size_t count;
};

/* Of no queries, until titles_ask() is answered; `arena` must live as long. */
void titles_init(struct titles *titles, struct arena *arena, const char *report);
/* 0 or a gather_status; `titles` is filled by a later gather_next(), and must live as long. */
int titles_ask(struct titles *titles, struct gather *gather) MUST_CHECK;
/* NULL: none, or `name` is NULL. */
const char *titles_find(const struct titles *titles, const char *name);

#endif
