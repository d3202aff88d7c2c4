/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reads report files: walks the directives of a text beside its statements, in the order in which
 * they stand.
 */
#include "sqltext/report.h"

#include "base/utf8.h"
#include "sqltext/directive.h"
#include "sqltext/named.h"
#include "sqltext/params.h"
#include "sqltext/report_param.h"
#include "sqltext/split.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define MISTAKE_BYTES 256
#define SHOWN_BYTES   80 /* of a name or value in a mistake's text */

struct place {
	struct str text; /* absent: not given */
	unsigned line;
};

struct reader {
	struct arena *arena;
	struct report report;
	report_error_fn *error;
	void *arg;
	bool failed;
	bool no_memory;
	/* the walk */
	struct sql_splitter splitter;
	struct sql_statement_text statement; /* the one that comes next or that we are in */
	bool has_statement;
	bool in_head;					  /* nothing of a query so far */
	struct place report_name, report_title, snapshot; /* the head's */
	struct place name, title;			  /* of the query that comes next */
};

static void PRINTF_LIKE(3, 4) complain(struct reader *reader, unsigned line, const char *fmt, ...)
{
	char text[MISTAKE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	reader->failed = true;
	reader->error(reader->arg, line, text);
}

/* The length of what a mistake's text shows of `text`, a whole number of characters. */
static int shown(struct str text)
{
	size_t len = text.len;

	if (len > SHOWN_BYTES)
		for (len = SHOWN_BYTES; len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80;)
			len--;
	return (int)len;
}

#define SHOW(str) shown(str), (str).data

static unsigned count_lines(const char *from, const char *to)
{
	unsigned lines = 0;

	for (; (from = memchr(from, '\n', (size_t)(to - from))) != NULL; from++)
		lines++;
	return lines;
}

static bool check_bytes(struct reader *reader, struct str text)
{
	const char *line = text.data, *end = text.data + text.len;

	for (unsigned number = 1; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline != NULL ? newline : end) - line);

		if (memchr(line, '\0', len) != NULL)
			complain(reader, number, "a NUL byte");
		else if (!utf8_valid(line, len))
			complain(reader, number, "not valid UTF-8");
		line += len + 1;
	}
	return !reader->failed;
}

static void set_place(struct reader *reader, struct place *place,
		      const struct sql_directive *directive, unsigned line)
{
	if (place->text.data != NULL)
		complain(reader, line, "\"-- %.*s:\" again, first on line %u", SHOW(directive->key),
			 place->line);
	else if (directive->value.len == 0)
		complain(reader, line, "nothing after \"-- %.*s:\"", SHOW(directive->key));
	/* An empty one counts as given, lest it be missed again. */
	*place = (struct place){.text = directive->value, .line = line};
}

static void add_param(struct reader *reader, const struct sql_directive *directive, unsigned line)
{
	struct report *report = &reader->report;
	struct report_param param;
	const char *mistake;
	int rc = report_param_parse(reader->arena, directive->value, &param, &mistake);

	if (rc == -ENOMEM)
		reader->no_memory = true;
	else if (rc < 0)
		complain(reader, line, "%s", mistake);
	else if (report_find_param(report, param.name) < report->param_count)
		complain(reader, line, "parameter \"%.*s\" again", SHOW(param.name));
	else
		report->params[report->param_count++] = param;
}

static void read_name(struct reader *reader, const struct sql_directive *directive, unsigned line)
{
	reader->in_head = false;
	if (reader->name.text.data != NULL)
		complain(reader, reader->name.line, "no query after the name \"%.*s\"",
			 SHOW(reader->name.text));
	reader->name = (struct place){.text = directive->value, .line = line};
	if (!sql_name_valid(directive->value))
		complain(reader, line,
			 "\"%.*s\" is no query's name: ASCII letters, digits, _ . and -, a letter "
			 "or _ first",
			 SHOW(directive->value));
}

static void read_snapshot(struct reader *reader, const struct sql_directive *directive,
			  unsigned line)
{
	set_place(reader, &reader->snapshot, directive, line);
	reader->report.snapshot = str_is(directive->value, "yes");
	if (directive->value.len > 0 && !reader->report.snapshot && !str_is(directive->value, "no"))
		complain(reader, line, "snapshot is yes or no, not \"%.*s\"",
			 SHOW(directive->value));
}

static void read_directive(struct reader *reader, const struct sql_directive *directive,
			   unsigned line)
{
	static const char *const keys[] = {"name", "title", "report", "param", "snapshot"};
	bool of_head = false, known = false;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_is(directive->key, keys[i])) {
			known = true;
			of_head = i >= 2;
		}
	if (!known)
		return;
	if (of_head && !reader->in_head)
		complain(reader, line, "\"-- %.*s:\" belongs before the first query",
			 SHOW(directive->key));
	else if (str_is(directive->key, "name"))
		read_name(reader, directive, line);
	else if (str_is(directive->key, "title"))
		set_place(reader, reader->in_head ? &reader->report_title : &reader->title,
			  directive, line);
	else if (str_is(directive->key, "report"))
		set_place(reader, &reader->report_name, directive, line);
	else if (str_is(directive->key, "param"))
		add_param(reader, directive, line);
	else
		read_snapshot(reader, directive, line);
}

static void check_params(struct reader *reader, const struct sql_statement_text *statement)
{
	struct sql_named_list list;

	if (sql_named_find(reader->arena, statement->sql, &list) < 0) {
		reader->no_memory = true;
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		struct str name = list.items[i].name;

		if (report_find_param(&reader->report, name) == reader->report.param_count)
			complain(reader,
				 statement->line + count_lines(statement->sql.data, name.data),
				 "parameter \"%.*s\" is not declared", SHOW(name));
	}
	if (sql_params_highest(statement->sql) > 0)
		complain(reader, statement->line,
			 "a report's parameters are written :name, not $1");
}

static void end_query(struct reader *reader)
{
	const struct sql_statement_text *statement = &reader->statement;
	struct report *report = &reader->report;
	struct str name = reader->name.text;

	if (name.data == NULL)
		complain(reader, statement->line, "a query without a \"-- name:\" line before it");
	for (size_t i = 0; name.data != NULL && i < report->query_count; i++) {
		if (!str_equal(report->queries[i].name, name))
			continue;
		complain(reader, reader->name.line, "query \"%.*s\" again, first on line %u",
			 SHOW(name), report->queries[i].line);
		break;
	}
	if (statement->unclosed)
		complain(reader, statement->line,
			 "the query has an unclosed quote, comment or parenthesis");
	else
		check_params(reader, statement);
	report->queries[report->query_count++] = (struct report_query){
		.name = name,
		.title = reader->title.text,
		.sql = statement->sql,
		.line = statement->line,
	};
	reader->name = reader->title = (struct place){.line = 0};
	reader->in_head = false;
	reader->has_statement = sql_split_next(&reader->splitter, &reader->statement);
}

static void walk(struct reader *reader, struct str text)
{
	struct sql_line place = {.in_text = false};
	struct sql_directive directive;
	struct sql_scanner scanner;
	struct sql_token token;

	sql_scan_init(&scanner, text);
	while (!reader->no_memory && (token = sql_scan_next(&scanner)).kind != SQL_END) {
		unsigned line = place.newlines + 1;
		const char *at = token.text.data;

		if (!sql_directive_read(&place, &token, &directive))
			continue;
		while (reader->has_statement &&
		       at >= reader->statement.sql.data + reader->statement.sql.len)
			end_query(reader);
		if (!reader->has_statement || at < reader->statement.sql.data)
			read_directive(reader, &directive, line);
		else if (str_is(directive.key, "name"))
			complain(reader, line,
				 "a name inside the query of line %u: is its semicolon missing?",
				 reader->statement.line);
	}
	while (!reader->no_memory && reader->has_statement)
		end_query(reader);
	if (reader->name.text.data != NULL)
		complain(reader, reader->name.line, "no query after the name \"%.*s\"",
			 SHOW(reader->name.text));
}

/* Room for as many queries and parameters as the text can hold. */
static int make_room(struct reader *reader, struct str text)
{
	struct sql_line line = {.in_text = false};
	struct sql_statement_text statement;
	struct sql_directive directive;
	struct sql_splitter splitter;
	struct sql_scanner scanner;
	struct sql_token token;
	size_t queries = 0, params = 0;

	sql_split_init(&splitter, text);
	while (sql_split_next(&splitter, &statement))
		queries++;
	sql_scan_init(&scanner, text);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END)
		if (sql_directive_read(&line, &token, &directive) && str_is(directive.key, "param"))
			params++;
	reader->report.queries =
		arena_calloc(reader->arena, queries, sizeof(*reader->report.queries));
	reader->report.params = arena_calloc(reader->arena, params, sizeof(*reader->report.params));
	return reader->report.queries == NULL || reader->report.params == NULL ? -ENOMEM : 0;
}

int report_parse(struct arena *arena, struct str name, struct str text, struct report *ret_report,
		 report_error_fn *error, void *arg)
{
	struct reader reader = {.arena = arena,
				.report = {.name = name},
				.error = error,
				.arg = arg,
				.in_head = true};

	text = sql_skip_byte_order_mark(text);
	if (!check_bytes(&reader, text))
		return -EINVAL;
	if (make_room(&reader, text) < 0)
		return -ENOMEM;
	sql_split_init(&reader.splitter, text);
	reader.has_statement = sql_split_next(&reader.splitter, &reader.statement);
	walk(&reader, text);
	if (reader.no_memory)
		return -ENOMEM;
	if (reader.report_name.text.len > 0 && !str_equal(reader.report_name.text, name))
		complain(&reader, reader.report_name.line,
			 "the report is called \"%.*s\", its file \"%.*s\"",
			 SHOW(reader.report_name.text), SHOW(name));
	if (reader.report.query_count == 0)
		complain(&reader, 1, "no query in it");
	if (reader.failed)
		return -EINVAL;
	reader.report.title = reader.report_title.text;
	*ret_report = reader.report;
	return 0;
}
