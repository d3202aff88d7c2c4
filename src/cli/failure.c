/* SPDX-License-Identifier: PostgreSQL */
#include "cli/failure.h"

#include "base/utf8.h"
#include "cli/options.h"
#include "cli/width.h"
#include "sqltext/named.h"
#include "sqltext/params.h"

#include <string.h>

/* Of a line of SQL, as psql has it: shown at most, and at least behind the place. */
#define EXCERPT_COLUMNS	 60
#define EXCERPT_BEHIND	 10
#define FIRST_LINE_BYTES 60

static size_t char_len(const char *text, size_t len)
{
	size_t bytes = utf8_char_len(text, len);

	return bytes > 0 ? bytes : 1;
}

/* Where character `position` (from 1) begins; SIZE_MAX: beyond the end. */
static size_t byte_offset(struct str text, int position)
{
	size_t at = 0;

	for (int i = 1; i < position; i++) {
		if (at >= text.len)
			return SIZE_MAX;
		at += char_len(text.data + at, text.len - at);
	}
	return at;
}

/* Columns of the first character, which is shown as a space if it is a tab. */
static size_t step(struct str text, size_t *ret_len)
{
	if (text.data[0] != '\t')
		return width_char(text, ret_len);
	*ret_len = 1;
	return 1;
}

static size_t columns_of(struct str text)
{
	size_t columns = 0, len;

	for (; text.len > 0; text = (struct str){text.data + len, text.len - len})
		columns += step(text, &len);
	return columns;
}

/* Takes characters off the front until at most `columns` are left. */
static struct str cut_front(struct str text, size_t columns)
{
	size_t left = columns_of(text), len;

	while (text.len > 0 && left > columns) {
		left -= step(text, &len);
		text = (struct str){text.data + len, text.len - len};
	}
	return text;
}

static struct str cut_back(struct str text, size_t columns)
{
	size_t at = 0, used = 0, len;

	while (at < text.len) {
		size_t width = step((struct str){text.data + at, text.len - at}, &len);

		if (used + width > columns)
			break;
		used += width;
		at += len;
	}
	return (struct str){text.data, at};
}

static void put_flat(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_putc(out, text.data[i] == '\t' ? ' ' : text.data[i]);
}

void failure_write_excerpt(struct buf *out, const char *sql, int position)
{
	struct str text = str_from(sql), before, behind;
	size_t at = byte_offset(text, position), start, end, label, whole;
	struct str shown;
	unsigned line = 1;

	if (position <= 0 || at > text.len)
		return;
	for (start = at; start > 0 && sql[start - 1] != '\n'; start--)
		;
	for (size_t i = 0; i < start; i++)
		line += sql[i] == '\n';
	end = at + strcspn(sql + at, "\r\n");
	before = (struct str){sql + start, at - start};
	behind = (struct str){sql + at, end - at};
	label = buf_len(out);
	buf_printf(out, "LINE %u: ", line);
	whole = columns_of(before) + columns_of(behind);
	/* The place comes first: at most so much before it that some of what is behind it fits. */
	if (whole > EXCERPT_COLUMNS) {
		size_t right = MIN(columns_of(behind), (size_t)EXCERPT_BEHIND);
		struct str kept = cut_front(before, EXCERPT_COLUMNS - right);

		if (kept.len < before.len)
			buf_puts(out, "...");
		before = kept;
	}
	put_flat(out, before);
	shown = buf_str(out);
	label = columns_of((struct str){shown.data + label, shown.len - label});
	if (columns_of(before) + columns_of(behind) > EXCERPT_COLUMNS) {
		put_flat(out, cut_back(behind, EXCERPT_COLUMNS - columns_of(before)));
		buf_puts(out, "...");
	} else {
		put_flat(out, behind);
	}
	buf_printf(out, "\n%*s^\n", (int)label, "");
}

/* The file and line of the place, if it is known, else of the statement; or the query's number. A
 * report's file is the daemon's: of it there is the line alone. */
static void write_where(struct buf *out, const struct failure_place *place, int position,
			int line_of_report)
{
	const struct query *query = place->query;

	buf_puts(out, "gather: ");
	if (query != NULL && query->file != NULL) {
		struct str text = str_from(query->sql);
		size_t at = position > 0 ? byte_offset(text, position) : 0;
		unsigned line = query->line;

		for (size_t i = 0; i < at && at <= text.len; i++)
			line += text.data[i] == '\n';
		buf_printf(out, "%s:%u: ", query->file, line);
	}
	if (place->name != NULL && line_of_report > 0)
		buf_printf(out, "%s, line %d: ", place->name, line_of_report);
	else if (place->name != NULL)
		buf_printf(out, "%s: ", place->name);
	else if (place->number == 0)
		buf_printf(out, "%s: ", place->noun);
	else if (query == NULL || query->file == NULL)
		buf_printf(out, "%s %zu: ", place->noun, place->number);
}

/* Which query that was, for those who count badly. */
static void write_first_line(struct buf *out, const char *sql)
{
	struct str line, cut;

	sql += strspn(sql, " \t\r\n");
	if (*sql == '\0')
		return;
	line = (struct str){sql, strcspn(sql, "\r\n")};
	cut = cut_back(line, FIRST_LINE_BYTES);
	buf_puts(out, "QUERY:  ");
	put_flat(out, cut);
	buf_puts(out, sql[cut.len] == '\0' ? "\n" : "...\n");
}

static void write_field(struct buf *out, const struct gather_error *error, const char *label,
			const char *field)
{
	const char *text = gather_error_field(error, field);

	if (text != NULL)
		buf_printf(out, "%s:  %s\n", label, text);
}

static bool is_given(const struct query *query, struct str name)
{
	const struct options *options = query->options;

	for (size_t i = 0; i < options->setting_count; i++)
		if (str_equal(str_from(options->settings[i].name), name))
			return true;
	return false;
}

/* PostgreSQL knows neither :name nor psql's commands: at one, a syntax error says nothing of what
 * is wrong. */
static void write_syntax_hint(struct buf *out, const struct query *query, int position)
{
	struct str text = str_from(query->sql);
	size_t at = byte_offset(text, position);
	struct sql_named_list list = {0};
	struct arena arena;

	if (at >= text.len)
		return;
	if (text.data[at] == '\\') {
		buf_puts(out, "HINT:  commands of psql, such as \\d, are not known here\n");
		return;
	}
	if (text.data[at] == ':' && text.data[at + 1] == '\'') {
		buf_puts(out, "HINT:  psql's :'name' is written :name here\n");
		return;
	}
	if (text.data[at] == ':' && text.data[at + 1] == '"') {
		buf_puts(out,
			 "HINT:  psql's :\"name\" is not known here: a value cannot stand for a "
			 "name\n");
		return;
	}
	arena_init(&arena, 0, NULL);
	if (sql_named_find(&arena, text, &list) < 0)
		list.count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct str name = list.items[i].name;

		if (name.data != text.data + at + 1)
			continue;
		if (is_given(query, name))
			buf_printf(out,
				   "HINT:  :%.*s is a value; it cannot stand for a name or a "
				   "part of the SQL; its type is written :%.*s::TYPE\n",
				   (int)name.len, name.data, (int)name.len, name.data);
		else
			buf_printf(out,
				   "HINT:  :%.*s stands in the query, but there is no -v "
				   "%.*s=VALUE\n",
				   (int)name.len, name.data, (int)name.len, name.data);
	}
	arena_free(&arena);
}

static void write_hint(struct buf *out, const struct query *query, const char *sqlstate,
		       int position)
{
	static const char syntax_error[] = "42601", protocol_violation[] = "08P01";

	if (strcmp(sqlstate, syntax_error) == 0 && position > 0)
		write_syntax_hint(out, query, position);
	else if (strcmp(sqlstate, protocol_violation) == 0 &&
		 sql_params_highest(str_from(query->sql)) > 0)
		buf_puts(out, "HINT:  a value is written :name in the query and given with "
			      "-v name=VALUE; $1 has none\n");
}

static void write_effects(struct buf *out, enum gather_effects effects)
{
	if (effects == GATHER_EFFECTS_UNKNOWN)
		buf_puts(out, "EFFECTS:  unknown: the query may have been executed\n");
	else if (effects == GATHER_EFFECTS_DONE)
		buf_puts(out,
			 "EFFECTS:  done: the query was executed, only its answer is missing\n");
}

void failure_write(struct buf *out, const struct failure_place *place,
		   const struct gather_error *error)
{
	const struct query *query = place->query;
	const char *code = gather_error_code(error);
	bool sql = strcmp(code, "sql") == 0;
	const char *severity = gather_error_field(error, "severity");
	const char *sqlstate = gather_error_field(error, "sqlstate");
	const char *parameter = gather_error_field(error, "parameter");
	int position = gather_error_position(error);
	size_t before;

	write_where(out, place, position, gather_error_line(error));
	if (sql)
		buf_printf(out, "%s:  %s\n", severity != NULL ? severity : "ERROR",
			   gather_error_message(error));
	else
		buf_printf(out, "%s: %s\n", code, gather_error_message(error));
	before = buf_len(out);
	if (query != NULL && position > 0)
		failure_write_excerpt(out, query->sql, position);
	if (query != NULL && buf_len(out) == before)
		write_first_line(out, query->sql);
	write_field(out, error, "DETAIL", "detail");
	write_field(out, error, "HINT", "hint");
	if (query != NULL && sqlstate != NULL)
		write_hint(out, query, sqlstate, position);
	write_field(out, error, "CONTEXT", "context");
	if (parameter != NULL)
		buf_printf(out, "PARAMETER:  :%s\n", parameter);
	/* What became of a whole transaction is its outcome's to say. */
	if (place->number > 0)
		write_effects(out, gather_error_effects(error));
}
