/* SPDX-License-Identifier: PostgreSQL */
#include "cli/options.h"

#include "base/nearest.h"
#include "cli/complain.h"
#include "cli/duration.h"
#include "cli/template.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_CSV = 256, OPT_JSON, OPT_JSONL, OPT_OBJECTS, OPT_SNAPSHOT };

static const struct option long_options[] = {{"command", required_argument, NULL, 'c'},
					     {"file", required_argument, NULL, 'f'},
					     {"set", required_argument, NULL, 'v'},
					     {"sequence", no_argument, NULL, 's'},
					     {"single-transaction", no_argument, NULL, '1'},
					     {"snapshot", no_argument, NULL, OPT_SNAPSHOT},
					     {"request", required_argument, NULL, 'J'},
					     {"db", required_argument, NULL, 'd'},
					     {"socket", required_argument, NULL, 'S'},
					     {"max-time", required_argument, NULL, 'm'},
					     {"jobs", required_argument, NULL, 'j'},
					     {"exit-on-error", no_argument, NULL, 'e'},
					     {"raw", no_argument, NULL, 'r'},
					     {"csv", no_argument, NULL, OPT_CSV},
					     {"json", no_argument, NULL, OPT_JSON},
					     {"jsonl", no_argument, NULL, OPT_JSONL},
					     {"objects", no_argument, NULL, OPT_OBJECTS},
					     {"output", required_argument, NULL, 'o'},
					     {"quiet", no_argument, NULL, 'q'},
					     {"help", no_argument, NULL, 'h'},
					     {"version", no_argument, NULL, 'V'},
					     {NULL, 0, NULL, 0}};

/* The parse under way. */
struct parser {
	struct options *options;
	struct arena *arena;
	size_t words; /* arguments that are no options */
	bool format_given, help, version;
};

static int try_help(void)
{
	complain("try 'gather --help'");
	return -EINVAL;
}

static int usage(const char *text, const char *detail)
{
	complain("%s%s", text, detail);
	return try_help();
}

static bool is_bare_word(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '_' && *text != '-')
			return false;
	return true;
}

static void add_source(struct parser *p, bool file, const char *text)
{
	p->options->sources[p->options->source_count++] = (struct options_source){file, text};
}

static int add_setting(struct parser *p, const char *text)
{
	const char *equals = strchr(text, '=');
	struct options *options = p->options;
	struct options_setting setting;

	if (equals == NULL || equals == text)
		return usage("not NAME=VALUE: ", text);
	setting = (struct options_setting){arena_strndup(p->arena, text, (size_t)(equals - text)),
					   equals + 1};
	if (setting.name == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < options->setting_count; i++) {
		if (strcmp(options->settings[i].name, setting.name) == 0) {
			options->settings[i] = setting;
			return 0;
		}
	}
	options->settings[options->setting_count++] = setting;
	return 0;
}

static int set_jobs(struct parser *p, const char *text)
{
	char *end;
	unsigned long count;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || count == 0 ||
	    count > INT_MAX)
		return usage("-j takes a number of queries from 1, not ", text);
	p->options->jobs = (unsigned)count;
	return 0;
}

static void set_format(struct parser *p, enum options_format format)
{
	p->options->format = format;
	p->format_given = true;
}

/* The first word says what to do, unless it is SQL. */
static int take_first_word(struct parser *p, const char *word)
{
	static const struct {
		const char *name;
		enum options_verb verb;
	} commands[] = {{"report", VERB_REPORT},
			{"reports", VERB_REPORTS},
			{"ping", VERB_PING},
			{"stats", VERB_STATS}};

	struct nearest nearest = nearest_to(word);
	char question[NEAREST_QUESTION_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(word, commands[i].name) == 0) {
			p->options->verb = commands[i].verb;
			return 0;
		}
		nearest_try(&nearest, commands[i].name);
	}
	if (!is_bare_word(word)) {
		add_source(p, false, word);
		return 0;
	}
	complain("no such command: %s%s "
		 "(SQL is one argument in quotes; a single word of it needs -c)",
		 word, nearest_question(&nearest, question));
	return try_help();
}

static int take_word(struct parser *p, const char *word)
{
	if (p->words++ == 0)
		return take_first_word(p, word);
	switch (p->options->verb) {
	case VERB_QUERIES:
		if (is_bare_word(word))
			return usage("one-word SQL needs -c: ", word);
		add_source(p, false, word);
		return 0;
	case VERB_REPORT:
		if (p->options->report != NULL)
			return add_setting(p, word);
		p->options->report = word;
		return 0;
	default:
		return usage("too many arguments: ", word);
	}
}

static int take_option(struct parser *p, int option, const char *value)
{
	struct options *options = p->options;

	switch (option) {
	case 1:
		return take_word(p, value);
	case 'c':
		add_source(p, false, value);
		return 0;
	case 'f':
		add_source(p, true, value);
		return 0;
	case 'v':
		return add_setting(p, value);
	case 's':
		/* -1 says the same and more, in either order. */
		options->together = MAX(options->together, TOGETHER_SEQUENCE);
		return 0;
	case '1':
		options->together = TOGETHER_TRANSACTION;
		return 0;
	case OPT_SNAPSHOT:
		options->snapshot = true;
		return 0;
	case 'J':
		options->lines_path = value;
		return 0;
	case 'd':
		options->db = value;
		return 0;
	case 'S':
		options->socket = value;
		return 0;
	case 'm':
		return duration_parse_ms(value, &options->max_time_ms) < 0
			       ? usage("-m takes a time above 0 such as 5, 500ms or 2min, not ",
				       value)
			       : 0;
	case 'j':
		return set_jobs(p, value);
	case 'e':
		options->exit_on_error = true;
		return 0;
	case 'r':
		set_format(p, FORMAT_RAW);
		return 0;
	case OPT_CSV:
		set_format(p, FORMAT_CSV);
		return 0;
	case OPT_JSON:
		set_format(p, FORMAT_JSON);
		return 0;
	case OPT_JSONL:
		set_format(p, FORMAT_JSONL);
		return 0;
	case OPT_OBJECTS:
		options->row_objects = true;
		return 0;
	case 'o':
		options->output = value;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'h':
		p->help = true;
		return 0;
	case 'V':
		p->version = true;
		return 0;
	default: /* getopt has told what is wrong */
		return try_help();
	}
}

static int check_lines(const struct parser *p)
{
	const struct options *options = p->options;

	if (p->words > 0 || options->source_count > 0 || options->setting_count > 0)
		return usage("-J goes without SQL, files and -v", "");
	if (options->db != NULL || options->jobs > 0 || options->exit_on_error || p->format_given ||
	    options->row_objects || options->together != TOGETHER_NOT || options->snapshot)
		return usage("-J takes what to do and how from the requests themselves", "");
	return 0;
}

/* "-" is standard output, as for other files standard input. */
static int check_output(struct options *options)
{
	bool per_query;
	int rc;

	if (options->output == NULL)
		return 0;
	if (strcmp(options->output, "-") == 0) {
		options->output = NULL;
		return 0;
	}
	rc = template_check(options->output, &per_query);
	if (rc == -ENOENT)
		return usage("-o takes the name of a file", "");
	if (rc < 0)
		return usage("-o knows of % only %n and %%: ", options->output);
	if (per_query && (options->lines_path != NULL ||
			  (options->verb != VERB_QUERIES && options->verb != VERB_REPORT)))
		return usage("%n needs queries with names: -o ", options->output);
	return 0;
}

/* reports, ping and stats: questions to the daemon alone. */
static int check_listing(const struct parser *p)
{
	const struct options *options = p->options;

	if (options->setting_count > 0)
		return usage("only queries and reports have parameters", "");
	if (options->db != NULL || options->jobs > 0 || options->exit_on_error ||
	    options->snapshot || options->row_objects)
		return usage("reports, ping and stats run no query: they go without -d, -j, -e, "
			     "--snapshot and --objects",
			     "");
	if (options->verb == VERB_PING &&
	    (options->format == FORMAT_RAW || options->format == FORMAT_CSV))
		return usage("ping has no rows: it goes without -r and --csv", "");
	return 0;
}

/* What does not go together. */
static int check(struct parser *p)
{
	struct options *options = p->options;
	int rc = check_output(options);

	if (rc < 0)
		return rc;
	if (options->lines_path != NULL) {
		options->verb = VERB_LINES;
		return check_lines(p);
	}
	if (options->row_objects && !p->format_given)
		options->format = FORMAT_JSON;
	if (options->row_objects && options->format != FORMAT_JSON &&
	    options->format != FORMAT_JSONL)
		return usage("--objects goes with --json and --jsonl", "");
	if (options->snapshot && options->together != TOGETHER_NOT)
		return usage("--snapshot is for queries at the same time, not for -s and -1", "");
	if (options->verb == VERB_QUERIES) {
		if (options->source_count > 0)
			return 0;
		return usage("nothing to run", "");
	}
	if (options->source_count > 0)
		return usage("a command goes without SQL and -f", "");
	if (options->together != TOGETHER_NOT)
		return usage("-s and -1 go with SQL and -f, not with a command", "");
	if (options->verb == VERB_REPORT)
		return options->report != NULL
			       ? 0
			       : usage("report: which one? see 'gather reports'", "");
	return check_listing(p);
}

int options_parse(struct arena *arena, int argc, char **argv, struct options *ret_options)
{
	struct options options = {.verb = VERB_QUERIES};
	struct parser p = {.options = &options, .arena = arena};
	int option, rc = 0;

	/* No more of either than there are arguments. */
	options.sources = arena_calloc(arena, (size_t)argc, sizeof(*options.sources));
	options.settings = arena_calloc(arena, (size_t)argc, sizeof(*options.settings));
	if (options.sources == NULL || options.settings == NULL)
		return -ENOMEM;
	optind = 0;
	/* "-": words come in their place among the options, so that -c, -f and SQL keep their
	 * order. */
	while (rc == 0 && (option = getopt_long(argc, argv, "-c:f:v:s1J:d:S:m:j:ero:qhV",
						long_options, NULL)) != -1)
		rc = take_option(&p, option, optarg);
	while (rc == 0 && optind < argc)
		rc = take_word(&p, argv[optind++]);
	if (rc < 0)
		return rc;
	if (p.help || p.version)
		options.verb = p.help ? VERB_HELP : VERB_VERSION;
	else
		rc = check(&p);
	if (rc == 0)
		*ret_options = options;
	return rc;
}
