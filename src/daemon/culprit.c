/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/culprit.h"

#include "base/arena.h"
#include "base/err.h"
#include "sqltext/params.h"
#include "wire/request.h"

#include <limits.h>
#include <string.h>

/* The number of the first $n of a text; *ret_behind is what follows it. */
static size_t find_dollar(const char *text, const char **ret_behind)
{
	size_t number = 0;
	const char *at;

	for (at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$'))
		if (at[1] >= '1' && at[1] <= '9')
			break;
	if (at == NULL)
		return 0;
	for (at++; *at >= '0' && *at <= '9' && number < INT_MAX; at++)
		number = 10 * number + (size_t)(*at - '0');
	*ret_behind = at;
	return number;
}

/*
 * A value that is not of its type: the outermost line of the context is "unnamed portal parameter
 * $1 = '...'", or ends with the number. It may be translated. What has a quote before the number
 * quotes the SQL of a function.
 */
static size_t number_in_context(const char *context)
{
	const char *line = strrchr(context, '\n'), *quote, *behind;
	size_t number;

	line = line != NULL ? line + 1 : context;
	quote = strchr(line, '"');
	number = find_dollar(line, &behind);
	if (number == 0 || (quote != NULL && quote < behind))
		return 0;
	return *behind == '\0' || strncmp(behind, " = ", 3) == 0 ? number : 0;
}

/* Not of those $n that the text of a function has: its errors have a context. */
static bool is_about_types(const struct err *err)
{
	static const char indeterminate_datatype[] = "42P18", ambiguous_parameter[] = "42P08";

	return err->context == NULL && (strcmp(err->sqlstate, indeterminate_datatype) == 0 ||
					strcmp(err->sqlstate, ambiguous_parameter) == 0);
}

size_t culprit_number(const struct err *err)
{
	const char *behind;

	if (err->code != ERR_SQL)
		return 0;
	if (is_about_types(err))
		return find_dollar(err->message, &behind);
	return err->context != NULL ? number_in_context(err->context) : 0;
}

static void tell_line(struct err *err, const struct request_query *request)
{
	int chars = 0, line = (int)request->line;

	for (size_t i = 0; i < request->sql.len; i++) {
		chars += ((unsigned char)request->sql.data[i] & 0xc0) != 0x80;
		if (chars >= err->position)
			break;
		line += request->sql.data[i] == '\n';
	}
	err->position = 0;
	err->line = line;
}

void culprit_tell(struct err *err, const struct request_query *request,
		  const struct sql_params *named, struct arena *arena)
{
	size_t number = culprit_number(err);

	if (named->shift_count > 0)
		err->position = sql_params_position(named, err->position);
	if (number > 0 && number <= named->count) {
		struct str name = request->params[named->order[number - 1]].name;

		err->parameter = arena_strndup(arena, name.data, name.len);
	}
	/* The text of a report is not its client's: only the line of its file says anything. */
	if (request->line > 0)
		tell_line(err, request);
}
