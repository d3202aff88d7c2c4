/* SPDX-License-Identifier: PostgreSQL */
/*
 * One line on a terminal's stderr that says how far things are, while they take their time; and the
 * peace between messages and an output that goes to a terminal too.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_TICK_MS 250

struct output;

struct progress {
	bool on, visible;
	bool terminal;		     /* stderr is one */
	const struct output *output; /* NULL: it goes elsewhere */
	uint64_t broken_at;	     /* so much had been written when its line was broken */
	int64_t start_ns, next_ns;
};

/* Off when stderr is no terminal, or when `quiet`. */
void progress_start(struct progress *progress, bool quiet);
/* From now on, if the output goes to a terminal, nothing is shown while a line of it is unfinished.
 * It must live as long. */
void progress_share(struct progress *progress, const struct output *output);
/* Shows at most a few times a second, and nothing in the first second. */
void progress_show(struct progress *progress, size_t done, size_t total, uint64_t rows);
/* Before the output is written to. */
void progress_hide(struct progress *progress);
/* Before a message, which is to begin a line: hides, and breaks a line of the output that is
 * unfinished on the terminal. */
void progress_make_way(struct progress *progress);

#endif
