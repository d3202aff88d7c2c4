/* SPDX-License-Identifier: PostgreSQL */
/* One line on a terminal's stderr that says how far things are, while they take their time. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_TICK_MS 250

struct progress {
	bool on, visible;
	int64_t start_ns, next_ns;
};

/* Off when stderr is no terminal, or when `quiet`. */
void progress_start(struct progress *progress, bool quiet);
/* Shows at most a few times a second, and nothing in the first second. */
void progress_show(struct progress *progress, size_t done, size_t total, uint64_t rows);
/* Before anything else is written to the terminal. */
void progress_hide(struct progress *progress);

#endif
