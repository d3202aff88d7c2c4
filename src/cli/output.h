/* SPDX-License-Identifier: PostgreSQL */
/*
 * Where results are written: standard output, one file, or a file for each query. A file appears
 * under its name only in output_commit(): until then it is a temporary one in the same directory.
 * What exists and is no regular file (a device, a pipe) is written to directly.
 *
 * A reader that does not read, such as a pager, holds nobody up: what a pipe or terminal does not
 * take waits in the spool, so that the daemon's answers can be read on. Only output_finish() and
 * output_commit() wait for it.
 *
 * Errors are sticky: writers append to `buf` and call output_pump(), and somebody looks at `error`
 * now and then.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/buf.h"
#include "base/macros.h"
#include "cli/spool.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct output_file; /* complete, waits for the commit */

/* How far something goes that was printed. */
struct output_place {
	uint64_t position; /* of all bytes that were ever appended */
	size_t file;	   /* from 1: which of the files that the commit makes appear; 0: of none */
};

enum output_pipe {
	OUTPUT_NO_PIPE,	    /* or nothing more to be done about it */
	OUTPUT_PIPE,	    /* to be opened anew for more than a step at once */
	OUTPUT_PIPE_OF_OURS /* that was done; to be made larger when it is full */
};

struct output {
	struct buf buf;
	int fd;	     /* -1: no file is open */
	size_t step; /* bytes that the descriptor takes at once when it is ready; 0: it never keeps
			one waiting */
	enum output_pipe pipe;
	struct spool *spool;
	struct spool_queue backlog;	   /* what comes before `buf` and was not taken yet */
	struct buf chunk;		   /* and what of it has been read back */
	uint64_t taken, written;	   /* bytes: off `buf`, and to the descriptor */
	bool within_line;		   /* what was written last ends no line */
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
 * template: NULL is standard output; else what template.h knows. What can be known to go wrong is
 * told now: 0 or negative errno. `template`, `spool` and `stop` must live as long.
 */
int output_open(struct output *output, const char *template, struct spool *spool,
		const volatile sig_atomic_t *stop) MUST_CHECK;
/* Why output_open has failed with it. */
const char *output_why_not(int rc);
/* per_query only: what follows goes to this query's file, until output_end_file(). */
int output_begin_file(struct output *output, const char *name) MUST_CHECK;
int output_end_file(struct output *output) MUST_CHECK;
/* Hands on what has gathered, if it is much. Does not wait for a reader. */
void output_pump(struct output *output);
/* Hands on all that is taken without waiting. 0 or the sticky error. */
int output_flush(struct output *output);
/* Something waits for the reader: the descriptor may be polled for writing. */
bool output_blocked(const struct output *output);
/* Writes all; may wait. 0 or the sticky error. */
int output_finish(struct output *output);
/* Behind what was appended last. */
struct output_place output_place(const struct output *output);
/* What was printed up to there has been written; where that is a file, it has appeared. */
bool output_has_reached(const struct output *output, struct output_place place);
/* All went well: writes all, and the files appear. May wait. 0 or negative errno. */
int output_commit(struct output *output) MUST_CHECK;
/* Between the parts of this module: keeps the first error and what it was about; returns it. */
int output_fail(struct output *output, int error);
/* What follows is written to this descriptor. */
void output_use(struct output *output, int fd);
/* Says on stderr what its error is, and of what: of a file, of standard output, or of the spool. */
void output_complain(const struct output *output);
/* Frees; files that were not committed are removed. */
void output_close(struct output *output);

#endif
