/* SPDX-License-Identifier: PostgreSQL */
/* -J: the protocol itself, from a file or standard input; answers as they come. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "cli/options.h"

/* Returns the exit status. Waits. */
int run_lines(const struct options *options);

#endif
