/* SPDX-License-Identifier: PostgreSQL */
/* Queries and reports: from the command line to the exit status. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/options.h"

#define EXIT_ALL_WELL	    0
#define EXIT_FAILED	    1 /* some query did, or the output; nothing is left in doubt */
#define EXIT_NOTHING	    2 /* nothing ran */
#define EXIT_DOUBT	    3 /* some query may have taken effect without an answer, or has */
#define EXIT_USAGE	    64
#define EXIT_SIGNAL(number) (128 + (number))

/* VERB_QUERIES and VERB_REPORT; returns the exit status. Waits. */
int run_queries(struct arena *arena, const struct options *options);

#endif
