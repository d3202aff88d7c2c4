/* SPDX-License-Identifier: PostgreSQL */
/* The `gather` command: reads the command line and hands over to what it asks for. */
#include "cli/complain.h"
#include "cli/lines.h"
#include "cli/listing.h"
#include "cli/options.h"
#include "cli/run.h"

#include <errno.h>
#include <stdio.h>

static int print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_ALL_WELL;
}

static int run(struct arena *arena, const struct options *options)
{
	switch (options->verb) {
	case VERB_HELP:
		return print(options_help());
	case VERB_VERSION:
		return print("gather (gatherd) " PACKAGE_VERSION "\n");
	case VERB_LINES:
		return run_lines(options);
	case VERB_REPORTS:
	case VERB_PING:
	case VERB_STATS:
		return run_listing(options);
	default:
		return run_queries(arena, options);
	}
}

int main(int argc, char **argv)
{
	struct options options;
	struct arena arena;
	int status;
	int rc;

	arena_init(&arena, 0, NULL);
	rc = options_parse(&arena, argc, argv, &options);
	if (rc == 0) {
		status = run(&arena, &options);
	} else {
		if (rc == -ENOMEM)
			complain("out of memory");
		status = rc == -ENOMEM ? EXIT_NOTHING : EXIT_USAGE;
	}
	arena_free(&arena);
	return status;
}
