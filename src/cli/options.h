/* SPDX-License-Identifier: PostgreSQL */
/* The command line as a struct. Reads no file and asks nobody. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/arena.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum options_verb {
	VERB_QUERIES,
	VERB_REPORT,
	VERB_REPORTS,
	VERB_PING,
	VERB_STATS,
	VERB_LINES, /* -J */
	VERB_HELP,
	VERB_VERSION
};

/* How queries go together. */
enum options_together {
	TOGETHER_NOT,	     /* all at once, each on its own */
	TOGETHER_SEQUENCE,   /* -s */
	TOGETHER_TRANSACTION /* -1, also with -s */
};

enum options_format { FORMAT_TABLE, FORMAT_RAW, FORMAT_CSV, FORMAT_JSON, FORMAT_JSONL };

/* Queries, in the order of the command line. */
struct options_source {
	bool file; /* text is a path, "-" for standard input; else SQL */
	const char *text;
};

struct options_setting {
	const char *name, *value;
};

struct options {
	enum options_verb verb;
	enum options_format format;
	struct options_source *sources;
	size_t source_count;
	struct options_setting *
		settings; /* -v, and a report's parameters; each name once, the last value counts */
	size_t setting_count;
	const char *report;
	const char *lines_path;		  /* of -J */
	const char *db, *socket, *output; /* NULL: not given */
	int64_t max_time_ms;		  /* 0: none */
	unsigned jobs;			  /* 0: not given */
	enum options_together together;
	bool snapshot, exit_on_error, quiet, row_objects;
};

/* 0; -EINVAL: a usage error, told on stderr; -ENOMEM. Everything lives in the arena or in argv. */
int options_parse(struct arena *arena, int argc, char **argv,
		  struct options *ret_options) MUST_CHECK;
/* The text of --help. */
const char *options_help(void);

#endif
