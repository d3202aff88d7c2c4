/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/reports.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/nearest.h"
#include "daemon/gather.h"
#include "daemon/report_files.h"
#include "sqltext/params.h"
#include "sqltext/report.h"
#include "wire/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPORTS_MAX 1000

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
	struct dirent **entries;
	int count = report_files_list(dir, &entries);

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
		query->line = report->queries[i].line;
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
	int rc = report_files_load(dir, name, &gather->arena, &report, &why);

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
	if (report_files_load(dir, name, arena, &report, &why) != 0) {
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
	struct dirent **entries;
	int count = report_files_list(dir, &entries);

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
