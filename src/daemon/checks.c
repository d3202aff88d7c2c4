/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/checks.h"

#include "base/printable.h"
#include "daemon/access.h"
#include "daemon/report_files.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct checks {
	const struct config *config;
	config_error_fn *report;
	void *arg;
	bool failed; /* the daemon would not start */
};

static void tell(struct checks *checks, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void tell(struct checks *checks, unsigned line, const char *fmt, ...)
{
	char what[512], text[1024], shown[PRINTABLE_GROWTH * sizeof(text) + PRINTABLE_ROOM_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s:%u: %s", checks->config->path, line, what);
	printable_line(shown, sizeof(shown), text);
	checks->report(checks->arg, shown);
}

/* One report that is broken is no reason for the daemon not to start. */
static void tell_of_report(void *arg, const char *path, unsigned line, const char *what)
{
	char text[PATH_MAX + 1024], shown[PRINTABLE_GROWTH * sizeof(text) + PRINTABLE_ROOM_BYTES];
	const struct checks *checks = arg;

	if (line > 0)
		snprintf(text, sizeof(text), "%s:%u: warning: %s", path, line, what);
	else
		snprintf(text, sizeof(text), "%s: warning: %s", path, what);
	printable_line(shown, sizeof(shown), text);
	checks->report(checks->arg, shown);
}

/* What somebody else may see, and we may not, is no mistake. */
static bool is_missing(const char *path, const char **ret_why)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		*ret_why = "it is no directory";
		return !S_ISDIR(st.st_mode);
	}
	*ret_why = strerror(errno);
	return errno == ENOENT || errno == ENOTDIR;
}

/* The default's directory is made when the service starts. */
static void check_socket(struct checks *checks)
{
	const struct config *config = checks->config;
	char dir[PATH_MAX];
	struct stat st;
	const char *why;
	size_t len;

	if (config->socket_line == 0 || strncmp(config->socket, "/run/gatherd/", 13) == 0)
		return;
	if (stat(config->socket, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		tell(checks, config->socket_line, "socket: %s is there, and is no socket",
		     config->socket);
		checks->failed = true;
		return;
	}
	len = (size_t)(strrchr(config->socket, '/') - config->socket);
	snprintf(dir, sizeof(dir), "%.*s", len > 0 ? (int)len : 1, config->socket);
	if (is_missing(dir, &why)) {
		tell(checks, config->socket_line, "socket: the directory %s: %s", dir, why);
		checks->failed = true;
	}
}

static void check_socket_group(struct checks *checks)
{
	const struct config *config = checks->config;
	gid_t gid;

	if (config->socket_group_line == 0 || access_find_gid(config->socket_group, &gid))
		return;
	tell(checks, config->socket_group_line, "socket_group: the system has no group \"%s\"",
	     config->socket_group);
	checks->failed = true;
}

/* Without the key, no directory means no reports: a build that is not installed has none. */
static void check_report_dir(struct checks *checks)
{
	const struct config *config = checks->config;
	const char *why;

	if (config->report_dir_line != 0 && is_missing(config->report_dir, &why))
		tell(checks, config->report_dir_line, "warning: report_dir: %s: %s",
		     config->report_dir, why);
}

static bool is_for_everybody(const struct config_access *access)
{
	return (access->users == NULL || access->users[0] == NULL) &&
	       (access->groups == NULL || access->groups[0] == NULL);
}

static void check_names(struct checks *checks, const struct config_access *access)
{
	const char *const *name;
	uid_t uid;
	gid_t gid;

	for (name = access->users; name != NULL && *name != NULL; name++)
		if (!access_find_uid(*name, &uid))
			tell(checks, access->line,
			     "warning: [access %s]: the system has no user \"%s\"; it matches "
			     "nobody",
			     access->name, *name);
	for (name = access->groups; name != NULL && *name != NULL; name++)
		if (!access_find_gid(*name, &gid))
			tell(checks, access->line,
			     "warning: [access %s]: the system has no group \"%s\"; it matches "
			     "nobody",
			     access->name, *name);
}

static void check_access(struct checks *checks)
{
	const struct config *config = checks->config;
	const struct config_access *all = NULL;

	for (size_t i = 0; i < config->access_count; i++) {
		const struct config_access *access = &config->accesses[i];

		if (access->empty)
			tell(checks, access->line,
			     "warning: [access %s] is empty: it allows everybody everything; "
			     "if that is meant, write sql = any",
			     access->name);
		else if (all != NULL)
			tell(checks, access->line,
			     "warning: [access %s] is never reached: "
			     "[access %s] above it, without users and groups, is for everybody",
			     access->name, all->name);
		check_names(checks, access);
		if (all == NULL && is_for_everybody(access))
			all = access;
	}
}

int checks_run(const struct config *config, config_error_fn *report, void *arg)
{
	struct checks checks = {.config = config, .report = report, .arg = arg};
	int rc;

	check_socket(&checks);
	check_socket_group(&checks);
	check_report_dir(&checks);
	check_access(&checks);
	rc = report_files_check(config->report_dir, tell_of_report, &checks);
	if (rc < 0)
		return rc;
	return checks.failed ? -EINVAL : 0;
}
