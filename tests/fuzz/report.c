/* SPDX-License-Identifier: PostgreSQL */
/*
 * Report files. Mistakes have a line of the file; a report that is taken has sound names and
 * queries that lie in the file, and each query's text can be made with any of its parameters given.
 */
#include "sqltext/report.h"

#include "fuzz.h"
#include "sqltext/classify.h"
#include "sqltext/directive.h"
#include "sqltext/named.h"
#include "sqltext/params.h"

#include <errno.h>

struct told {
	size_t count;
	size_t lines; /* of the file */
};

static void take_mistake(void *arg, unsigned line, const char *text)
{
	struct told *told = arg;

	FUZZ_CHECK(line >= 1 && line <= told->lines);
	FUZZ_CHECK(text != NULL && text[0] != '\0');
	told->count++;
}

static bool lies_in(struct str part, struct str whole)
{
	return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

/* How often the query has one of the report's parameters that takes a value or a default. */
static size_t count_uses(struct arena *arena, const struct report *report, struct str sql,
			 const bool *given)
{
	struct sql_named_list list;
	size_t uses = 0;

	FUZZ_CHECK(sql_named_find(arena, sql, &list) == 0);
	for (size_t i = 0; i < list.count; i++) {
		size_t param = report_find_param(report, list.items[i].name);

		uses += param < report->param_count && given[param];
	}
	return uses;
}

/* As it would be run when these parameters are given. */
static void check_text(struct arena *arena, const struct report *report, size_t query,
		       const bool *given)
{
	struct str *names = arena_calloc(arena, report->param_count + 1, sizeof(*names));
	const char *text = report_query_text(arena, report, query, given);
	struct sql_params params;
	size_t count = 0;

	FUZZ_CHECK(text != NULL && names != NULL);
	for (size_t i = 0; i < report->param_count; i++)
		if (given[i])
			names[count++] = report->params[i].name;
	FUZZ_CHECK(sql_params_rewrite(arena, str_from(text), names, count, &params) == 0);
	FUZZ_CHECK(params.count <= count);
	/* Each place is still a parameter where CAST( … ) has been put around it. */
	FUZZ_CHECK(params.shift_count >=
		   count_uses(arena, report, report->queries[query].sql, given));
}

static void check_report(struct arena *arena, const struct report *report, struct str text)
{
	bool *given = arena_calloc(arena, report->param_count + 1, sizeof(*given));

	FUZZ_CHECK(given != NULL && report->query_count > 0);
	for (size_t i = 0; i < report->param_count; i++) {
		const struct report_param *param = &report->params[i];

		FUZZ_CHECK(sql_param_name_valid(param->name) && param->type.len > 0);
		FUZZ_CHECK(report_find_param(report, param->name) == i);
	}
	for (size_t i = 0; i < report->query_count; i++) {
		const struct report_query *query = &report->queries[i];

		FUZZ_CHECK(sql_name_valid(query->name) && lies_in(query->sql, text));
		FUZZ_CHECK(query->sql.len > 0 && query->line >= 1);
		FUZZ_CHECK(sql_classify(query->sql).refusal != SQL_EMPTY);
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(!str_equal(report->queries[k].name, query->name));
		for (unsigned pattern = 0; pattern < 4; pattern++) {
			for (size_t k = 0; k < report->param_count; k++)
				given[k] = pattern >> k % 2 & 1;
			check_text(arena, report, i, given);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	struct str text = fuzz_rest(&input);
	struct told told = {.lines = 1};
	struct report report;
	struct arena arena;
	int rc;

	for (size_t i = 0; i < text.len; i++)
		told.lines += text.data[i] == '\n';
	arena_init(&arena, 0, NULL);
	rc = report_parse(&arena, STR("fuzz"), text, &report, take_mistake, &told);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL);
	FUZZ_CHECK((rc == 0) == (told.count == 0));
	if (rc == 0)
		check_report(&arena, &report, text);
	arena_free(&arena);
	return 0;
}
