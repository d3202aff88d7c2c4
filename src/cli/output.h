/* SPDX-License-Identifier: PostgreSQL */
/*
 * Where results are written: standard output, one file, or a file for each query. A file appears
 * under its name only in output_commit(): until then it is a temporary one in the same directory.
 * What exists and is no regular file (a device, a pipe) is written to directly.
 *
 * Errors are sticky: writers append to `buf` and call output_pump(), and somebody looks at `error`
 * now and then.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/buf.h"
#include "base/macros.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct output_file; /* complete, waits for the commit */

struct output {
	struct buf buf;
	int fd;				   /* -1: no file is open */
	int error;			   /* 0 or negative errno; -EINTR: stopped by *stop */
	const char *template;		   /* NULL: standard output */
	bool per_query;			   /* the template has a %n */
	const volatile sig_atomic_t *stop; /* may be NULL; non-zero ends a blocked write */
	char *temp_path, *path;		   /* of the open file; temp_path NULL: written directly */
	struct output_file *files;
	size_t file_count, file_capacity;
	const char *what; /* what an error was about, for the message; NULL: standard output */
	char *what_copy;
};

/*
 * template: NULL is standard output; else a path, in which %n stands for a query's name and %% for
 * %. What can be known to go wrong is told now: 0 or negative errno (-EINVAL: a % that is neither).
 * `template` must live as long.
 */
int output_open(struct output *output, const char *template,
		const volatile sig_atomic_t *stop) MUST_CHECK;
/* Whether the name can be part of a file's name. */
bool output_name_valid(const char *name);
/* per_query only: what follows goes to this query's file, until output_end_file(). */
int output_begin_file(struct output *output, const char *name) MUST_CHECK;
int output_end_file(struct output *output) MUST_CHECK;
/* Writes when enough has gathered; may block. */
void output_pump(struct output *output);
/* Writes all. 0 or the sticky error. */
int output_flush(struct output *output);
/* All went well: the files appear. 0 or negative errno. */
int output_commit(struct output *output) MUST_CHECK;
/* Frees; files that were not committed are removed. */
void output_close(struct output *output);

#endif
