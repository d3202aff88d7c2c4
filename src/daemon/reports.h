/* SPDX-License-Identifier: PostgreSQL */
/*
 * The reports of report_dir: NAME.sql files, read when they are asked for, so that what is in the
 * directory counts. The directory has to be local: reading it is not expected to wait.
 */
#ifndef DAEMON_REPORTS_H
#define DAEMON_REPORTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"

struct arena;
struct gather;

/* Turns a report request into the gather of its queries, by name. 0, or negative and *ret_err is
 * the answer. */
int reports_expand(struct gather *gather, const char *dir, struct err *ret_err) MUST_CHECK;
/* [{"name":…,"title":…,"params":[{"name":…,"type":…,"default":…}],"queries":[…]},…] in the order of
 * names; one with mistakes has "error" instead of what follows its name. */
void reports_write_list(struct buf *out, const char *dir, struct arena *arena);

#endif
