/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/reports.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "daemon/gather.h"
#include "sqltext/params.h"
#include "sqltext/report.h"
#include "wire/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX_BYTES (1024 * 1024)
#define REPORTS_MAX	 1000

/* ---- files ---- */

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

/* 0, or negative and *ret_why says what is wrong. */
static int load(const char *dir, struct str name, struct arena *arena, struct report *ret_report,
		const char **ret_why)
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

/* For a name that is none of theirs; of what there is no memory for nothing is near. */
static struct nearest nearest_to_name(struct str name, struct arena *arena)
{
	const char *typed = arena_strndup(arena, name.data, name.len);

	return nearest_to(typed != NULL ? typed : "");
}

static void nearest_try_name(struct nearest *nearest, struct str name, struct arena *arena)
{
	const char *candidate = arena_strndup(arena, name.data, name.len);

	if (candidate != NULL)
		nearest_try(nearest, candidate);
}

static struct nearest nearest_report(const char *dir, struct str name, struct arena *arena)
{
	struct nearest nearest = nearest_to_name(name, arena);
	struct dirent **entries = NULL;
	int count;

	count = scandir(dir, &entries, is_report, alphasort);
	for (int i = 0; i < count; i++) {
		struct str file = str_from(entries[i]->d_name);

		nearest_try_name(&nearest, (struct str){file.data, file.len - 4}, arena);
		free(entries[i]);
	}
	free(entries);
	return nearest;
}

/* ---- one report as a gather ---- */

static int find_param(const struct report *report, struct str name, size_t *ret_index)
{
	for (size_t i = 0; i < report->param_count; i++) {
		if (str_equal(report->params[i].name, name)) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

static void tell_unknown_param(struct gather *gather, const struct report *report, struct str name,
			       struct err *ret_err)
{
	struct nearest nearest = nearest_to_name(name, &gather->arena);
	char question[NEAREST_QUESTION_BYTES];

	for (size_t i = 0; i < report->param_count; i++)
		nearest_try_name(&nearest, report->params[i].name, &gather->arena);
	err_set(ret_err, &gather->arena, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
		"report \"%.*s\" has no parameter \"%.*s\"%s", (int)report->name.len,
		report->name.data, (int)MIN(name.len, (size_t)100), name.data,
		nearest_question(&nearest, question));
}

static int match_params(struct gather *gather, const struct report *report, bool *given,
			struct err *ret_err)
{
	const struct request *request = &gather->request;

	for (size_t i = 0; i < request->report_param_count; i++) {
		struct str name = request->report_params[i].name;
		size_t index;

		if (find_param(report, name, &index) < 0) {
			tell_unknown_param(gather, report, name, ret_err);
			ret_err->key = arena_strndup(&gather->arena, name.data, name.len);
			return -EINVAL;
		}
		given[index] = true;
	}
	for (size_t i = 0; i < report->param_count; i++) {
		struct str name = report->params[i].name;

		if (given[i] || report->params[i].default_expression.data != NULL)
			continue;
		err_set(ret_err, &gather->arena, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			"report \"%.*s\" needs the parameter \"%.*s\"", (int)report->name.len,
			report->name.data, (int)name.len, name.data);
		ret_err->key = "params";
		return -EINVAL;
	}
	return 0;
}

/* A query gets those of the given parameters that it uses. */
static int pick_params(struct gather *gather, struct request_query *item)
{
	const struct request *request = &gather->request;
	struct str *names =
		arena_calloc(&gather->arena, request->report_param_count, sizeof(*names));
	struct sql_params used;

	if (names == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < request->report_param_count; i++)
		names[i] = request->report_params[i].name;
	if (sql_params_rewrite(&gather->arena, item->sql, names, request->report_param_count,
			       &used) < 0)
		return -ENOMEM;
	item->params = arena_calloc(&gather->arena, used.count, sizeof(*item->params));
	if (item->params == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < used.count; i++)
		item->params[i] = request->report_params[used.order[i]];
	item->param_count = used.count;
	item->params_kind = used.count > 0 ? REQUEST_PARAMS_NAMED : REQUEST_PARAMS_NONE;
	return 0;
}

static int make_items(struct gather *gather, const struct report *report, const bool *given)
{
	struct request_gather *request = &gather->request.gather;
	struct request_query *queries =
		arena_calloc(&gather->arena, report->query_count, sizeof(*queries));

	request->items = arena_calloc(&gather->arena, report->query_count, sizeof(*request->items));
	if (queries == NULL || request->items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < report->query_count; i++) {
		struct request_query *query = &queries[i];
		const char *sql = report_query_text(&gather->arena, report, i, given);

		if (sql == NULL)
			return -ENOMEM;
		query->sql = str_from(sql);
		query->name = report->queries[i].name;
		if (pick_params(gather, query) < 0)
			return -ENOMEM;
		request->items[i] =
			(struct request_item){.name = query->name, .steps = query, .step_count = 1};
	}
	request->item_count = report->query_count;
	request->by_name = true;
	return 0;
}

/* With the one that is meant, if there is one like it. */
static void tell_unknown(struct gather *gather, const char *dir, struct err *ret_err)
{
	struct str name = gather->request.report;
	struct nearest nearest = nearest_report(dir, name, &gather->arena);
	char question[NEAREST_QUESTION_BYTES];

	err_set(ret_err, &gather->arena, ERR_UNKNOWN_REPORT, ERR_EFFECTS_NONE,
		"no report \"%.*s\"%s", (int)MIN(name.len, (size_t)100), name.data,
		nearest_question(&nearest, question));
}

/* What the file is to blame for; the rest is the daemon's own want. */
static enum err_code code_of(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE ? ERR_INTERNAL : ERR_UNKNOWN_REPORT;
}

int reports_expand(struct gather *gather, const char *dir, struct err *ret_err)
{
	struct str name = gather->request.report;
	struct report report;
	const char *why;
	bool *given;
	int rc = load(dir, name, &gather->arena, &report, &why);

	if (rc == -ENOENT) {
		tell_unknown(gather, dir, ret_err);
		return rc;
	}
	if (rc != 0) {
		err_set(ret_err, &gather->arena, code_of(rc), ERR_EFFECTS_NONE,
			"report \"%.*s\" cannot be used: %s", (int)name.len, name.data, why);
		log_warning("report %s/%.*s.sql: %s", dir, (int)name.len, name.data, why);
		return rc;
	}
	if (report.snapshot)
		gather->request.options.snapshot = true;
	given = arena_calloc(&gather->arena, report.param_count, sizeof(*given));
	if (given == NULL)
		return err_no_memory(ret_err);
	rc = match_params(gather, &report, given, ret_err);
	if (rc < 0)
		return rc;
	return make_items(gather, &report, given) < 0 ? err_no_memory(ret_err) : 0;
}

/* ---- the list ---- */

static void write_optional(struct buf *out, const char *key, struct str text)
{
	if (text.data == NULL)
		return;
	buf_printf(out, ",\"%s\":", key);
	json_write_string(out, text);
}

static void write_report(struct buf *out, const char *dir, struct str name, struct arena *arena)
{
	struct report report;
	const char *why;

	buf_puts(out, "{\"name\":");
	json_write_string(out, name);
	if (load(dir, name, arena, &report, &why) != 0) {
		write_optional(out, "error", str_from(why));
		buf_putc(out, '}');
		return;
	}
	write_optional(out, "title", report.title);
	buf_puts(out, ",\"params\":[");
	for (size_t i = 0; i < report.param_count; i++) {
		buf_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		json_write_string(out, report.params[i].name);
		write_optional(out, "type", report.params[i].type);
		write_optional(out, "default", report.params[i].default_expression);
		buf_putc(out, '}');
	}
	buf_puts(out, "],\"queries\":[");
	for (size_t i = 0; i < report.query_count; i++) {
		buf_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		json_write_string(out, report.queries[i].name);
		write_optional(out, "title", report.queries[i].title);
		buf_putc(out, '}');
	}
	buf_puts(out, "]}");
}

void reports_write_list(struct buf *out, const char *dir, struct arena *arena)
{
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_report, alphasort);

	buf_putc(out, '[');
	for (int i = 0; i < count; i++) {
		if (i < REPORTS_MAX) {
			if (i > 0)
				buf_putc(out, ',');
			write_report(
				out, dir,
				(struct str){entries[i]->d_name, strlen(entries[i]->d_name) - 4},
				arena);
		}
		free(entries[i]);
	}
	free(entries);
	buf_putc(out, ']');
}

/* ---- the check ---- */

struct check {
	reports_mistake_fn *mistake;
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

int reports_check(const char *dir, reports_mistake_fn *mistake, void *arg)
{
	struct check check = {.mistake = mistake, .arg = arg};
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_report, alphasort), rc = 0;

	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = check_file(&check, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return rc;
}
