/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/report_files.h"

#include "base/arena.h"
#include "sqltext/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX_BYTES (1024 * 1024)

/* A file's name and nothing else: no way out of the directory. */
static bool valid_name(struct str name)
{
	if (name.len == 0 || name.len > NAME_MAX - 4 || name.data[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-' || c == '.'))
			return false;
	}
	return true;
}

static int read_all(int fd, struct arena *arena, struct str *ret_text)
{
	struct stat st;
	size_t len = 0;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > REPORT_MAX_BYTES)
		return -EFBIG;
	text = arena_alloc(arena, (size_t)st.st_size + 1);
	if (text == NULL)
		return -ENOMEM;
	while (len < (size_t)st.st_size) {
		ssize_t got = read(fd, text + len, (size_t)st.st_size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_text = (struct str){text, len};
	return 0;
}

static int read_file(const char *dir, struct str name, struct arena *arena, struct str *ret_text)
{
	char path[PATH_MAX];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/%.*s.sql", dir, (int)name.len, name.data) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = read_all(fd, arena, ret_text);
	close(fd);
	return rc;
}

/* Its mistakes are told; *ret_why then is NULL, or what kept it from being read. */
static int parse_file(const char *dir, struct str name, struct arena *arena,
		      struct report *ret_report, report_error_fn *mistake, void *arg,
		      const char **ret_why)
{
	struct str text = {0};
	int rc = read_file(dir, name, arena, &text);

	*ret_why = NULL;
	if (rc == 0)
		return report_parse(arena, name, text, ret_report, mistake, arg);
	*ret_why = rc == -EFBIG	   ? "larger than 1 MiB"
		   : rc == -EINVAL ? "no regular file"
				   : strerror(-rc);
	return rc;
}

struct first_mistake {
	struct arena *arena;
	const char *text;
};

static void on_mistake(void *arg, unsigned line, const char *text)
{
	struct first_mistake *mistake = arg;

	if (mistake->text == NULL)
		mistake->text = arena_printf(mistake->arena, "line %u: %s", line, text);
}

int report_files_load(const char *dir, struct str name, struct arena *arena,
		      struct report *ret_report, const char **ret_why)
{
	struct first_mistake mistake = {.arena = arena};
	int rc;

	*ret_why = "no such report";
	if (!valid_name(name))
		return -ENOENT;
	rc = parse_file(dir, name, arena, ret_report, on_mistake, &mistake, ret_why);
	if (rc != 0 && *ret_why == NULL)
		*ret_why = mistake.text != NULL ? mistake.text : strerror(-rc);
	return rc;
}

static int is_report(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0 &&
	       valid_name((struct str){entry->d_name, len - 4});
}

int report_files_list(const char *dir, struct dirent ***ret_entries)
{
	*ret_entries = NULL;
	return scandir(dir, ret_entries, is_report, alphasort);
}

/* ---- the check ---- */

struct check {
	report_files_mistake_fn *mistake;
	void *arg;
	const char *path; /* of the file that is read */
};

static void on_checked_mistake(void *arg, unsigned line, const char *text)
{
	struct check *check = arg;

	check->mistake(check->arg, check->path, line, text);
}

static int check_file(struct check *check, const char *dir, const char *file)
{
	struct report report;
	struct arena arena;
	const char *why;
	int rc;

	arena_init(&arena, 0, NULL);
	check->path = arena_printf(&arena, "%s/%s", dir, file);
	rc = check->path == NULL ? -ENOMEM
				 : parse_file(dir, (struct str){file, strlen(file) - 4}, &arena,
					      &report, on_checked_mistake, check, &why);
	if (rc != 0 && rc != -ENOMEM && rc != -EACCES && why != NULL)
		check->mistake(check->arg, check->path, 0, why);
	arena_free(&arena);
	return rc == -ENOMEM ? rc : 0;
}

int report_files_check(const char *dir, report_files_mistake_fn *mistake, void *arg)
{
	struct check check = {.mistake = mistake, .arg = arg};
	struct dirent **entries;
	int count = report_files_list(dir, &entries), rc = 0;

	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = check_file(&check, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return rc;
}
