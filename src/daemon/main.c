/* SPDX-License-Identifier: PostgreSQL */
/* gatherd's command line. */
#include "base/log.h"
#include "conf/config.h"
#include "daemon/checks.h"
#include "daemon/database.h"
#include "daemon/server.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_CONFIG SYSCONFDIR "/gatherd/gatherd.ini"

static const char help[] =
	"Usage: gatherd [-c FILE] [--check | --print-config]\n"
	"Runs SQL queries for the programs of this host, many at the same time.\n"
	"\n"
	"  -c, --config FILE   configuration (default " DEFAULT_CONFIG ")\n"
	"      --check         report every mistake of the configuration, then exit\n"
	"      --print-config  print the configuration with all defaults, then exit\n"
	"  -h, --help          -V, --version\n"
	"\n"
	"Stays in the foreground and logs to stderr. SIGTERM and SIGINT: finish what runs,\n"
	"then exit; a second one: exit now. SIGHUP: load the configuration again.\n"
	"\n"
	"Exit status: 0 all well; 1 the configuration has mistakes, or the service cannot\n"
	"start; 64 usage.\n";

static void to_stderr(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "gatherd: %s\n", text);
}

static struct config *load(const char *path)
{
	struct config *config = NULL;
	int rc = config_load(path, &config, to_stderr, NULL);

	if (rc == -ENOMEM)
		to_stderr(NULL, "out of memory");
	if (rc < 0)
		return NULL;
	if (database_check_conninfos(config, to_stderr, NULL) < 0) {
		config_free(config);
		return NULL;
	}
	return config;
}

static int usage_error(void)
{
	fputs("gatherd: try 'gatherd --help'\n", stderr);
	return EX_USAGE;
}

/* What was printed has to have arrived. */
static int flush_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	perror("gatherd: standard output");
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_PRINT };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, OPT_CHECK},
		{"print-config", no_argument, NULL, OPT_PRINT},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *path = DEFAULT_CONFIG;
	struct config *config;
	int option, action = 0, rc = 0;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case OPT_CHECK:
		case OPT_PRINT:
			if (action != 0 && action != option) {
				fputs("gatherd: --check or --print-config, not both\n", stderr);
				return usage_error();
			}
			action = option;
			break;
		case 'h':
			fputs(help, stdout);
			return flush_stdout();
		case 'V':
			puts("gatherd " PACKAGE_VERSION);
			return flush_stdout();
		default:
			return usage_error();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "gatherd: unexpected argument \"%s\"\n", argv[optind]);
		return usage_error();
	}
	config = load(path);
	if (config == NULL)
		return EXIT_FAILURE;
	if (action == OPT_PRINT)
		config_print(config, stdout);
	if (action != 0) {
		if (action == OPT_CHECK)
			rc = checks_run(config, to_stderr, NULL);
		if (rc == -ENOMEM)
			to_stderr(NULL, "out of memory");
		config_free(config);
		return rc < 0 ? EXIT_FAILURE : flush_stdout();
	}
	log_open(STDERR_FILENO, config->log_level, log_under_journal(STDERR_FILENO));
	return server_run(path, config);
}
