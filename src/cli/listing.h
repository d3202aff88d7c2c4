/* SPDX-License-Identifier: PostgreSQL */
/* ping, stats and reports: one question, one answer, made into rows that every format can show. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "base/arena.h"
#include "cli/options.h"
#include "wire/json.h"

/* Returns the exit status. Waits. */
int run_listing(const struct options *options);

/*
 * The events of a row set, a line each without newlines in it (columns, rows, done), as a stream
 * would have them: of a `reports` answer name, title (or what is wrong with a broken one) and
 * parameters; of a `stats` answer each number with its path.
 */
void listing_write_reports(struct buf *out, const struct json *answer);
void listing_write_stats(struct buf *out, const struct json *answer);

#endif
