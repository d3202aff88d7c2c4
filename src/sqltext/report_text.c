/* SPDX-License-Identifier: PostgreSQL */
/* What a report's query reads like for one run. */
#include "base/buf.h"
#include "sqltext/named.h"
#include "sqltext/report.h"

size_t report_find_param(const struct report *report, struct str name)
{
	size_t i = 0;

	while (i < report->param_count && !str_equal(report->params[i].name, name))
		i++;
	return i;
}

/* Parentheses around it all let a field or an element be taken: (CAST(:ids AS int[]))[1]. */
static void append_param(struct buf *buf, const struct report_param *param, bool given,
			 bool indirect)
{
	if (indirect)
		buf_putc(buf, '(');
	buf_puts(buf, given ? "CAST(:" : "CAST((");
	buf_append_str(buf, given ? param->name : param->default_expression);
	buf_puts(buf, given ? " AS " : ") AS ");
	buf_append_str(buf, param->type);
	buf_puts(buf, indirect ? "))" : ")");
}

const char *report_query_text(struct arena *arena, const struct report *report, size_t query,
			      const bool *given)
{
	struct str sql = report->queries[query].sql;
	const char *done = sql.data, *end = sql.data + sql.len, *text = NULL;
	struct sql_named_list list;
	struct buf buf;

	if (sql_named_find(arena, sql, &list) < 0)
		return NULL;
	buf_init(&buf, 0, arena->budget);
	for (size_t i = 0; i < list.count; i++) {
		struct str name = list.items[i].name;
		size_t param = report_find_param(report, name);

		if (param == report->param_count ||
		    (!given[param] && report->params[param].default_expression.data == NULL))
			continue;
		buf_append(&buf, done, (size_t)(name.data - 1 - done));
		if (list.items[i].glued)
			buf_putc(&buf, ' ');
		append_param(&buf, &report->params[param], given[param], list.items[i].indirect);
		done = name.data + name.len;
	}
	buf_append(&buf, done, (size_t)(end - done));
	if (buf_error(&buf) == 0)
		text = arena_strndup(arena, buf_str(&buf).data, buf_len(&buf));
	buf_free(&buf);
	return text;
}
