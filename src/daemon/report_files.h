/* SPDX-License-Identifier: PostgreSQL */
/*
 * The files of report_dir, NAME.sql each: their names, and reading one of them. Knows nothing of
 * requests.
 */
#ifndef DAEMON_REPORT_FILES_H
#define DAEMON_REPORT_FILES_H

#include "base/macros.h"
#include "base/str.h"

#include <dirent.h>

struct arena;
struct report;

/* 0, or negative and *ret_why says what is wrong; -ENOENT: there is no such report. */
int report_files_load(const char *dir, struct str name, struct arena *arena,
		      struct report *ret_report, const char **ret_why) MUST_CHECK;
/* scandir()'s count and entries, in the order of names; the caller frees each and all. Each has a
 * name that report_files_load() takes, and .sql behind it. */
int report_files_list(const char *dir, struct dirent ***ret_entries) MUST_CHECK;

/* Told of a file's mistake: its line, or 0 for the file as a whole. */
typedef void report_files_mistake_fn(void *arg, const char *path, unsigned line, const char *text);
/* Reads every report and tells each mistake of it. What may not be read is none: the daemon may be
 * another user. 0 or -ENOMEM. */
int report_files_check(const char *dir, report_files_mistake_fn *mistake, void *arg) MUST_CHECK;

#endif
