/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/report_param.h"

#include "sqltext/directive.h"
#include "sqltext/named.h"
#include "sqltext/scan.h"

#include <errno.h>
#include <stdint.h>

/* Follows how brackets open and close; the innermost 64 levels by their shape. */
struct brackets {
	uint64_t square;
	unsigned depth;
};

/* False for one that closes nothing, or closes the other shape. */
static bool count_bracket(struct brackets *brackets, const struct sql_token *token)
{
	bool square = sql_token_is(token, "[") || sql_token_is(token, "]");

	if (sql_token_is(token, "(") || sql_token_is(token, "[")) {
		brackets->square = brackets->square << 1 | square;
		return ++brackets->depth < 64;
	}
	if (sql_token_is(token, ")") || sql_token_is(token, "]")) {
		if (brackets->depth == 0 || (brackets->square & 1) != square)
			return false;
		brackets->square >>= 1;
		brackets->depth--;
	}
	return true;
}

/* What a type may be made of: double precision, numeric(10,2), schema."Type"[], interval day to
 * second. */
static bool fits_type(const struct sql_token *token)
{
	switch (token->kind) {
	case SQL_WORD:
	case SQL_NUMBER:
		return true;
	case SQL_QUOTED_IDENT:
		return !token->unclosed;
	default:
		return sql_token_is(token, "(") || sql_token_is(token, ")") ||
		       sql_token_is(token, "[") || sql_token_is(token, "]") ||
		       sql_token_is(token, ",") || sql_token_is(token, ".");
	}
}

/* Leaves the scanner behind the "=", or at the end. */
static const char *read_type(struct sql_scanner *scanner, struct str *ret_type,
			     bool *ret_has_default)
{
	struct brackets brackets = {.depth = 0};
	struct sql_token token, last = {.kind = SQL_END};
	const char *begin = NULL;

	*ret_has_default = false;
	while ((token = sql_scan_next_solid(scanner)).kind != SQL_END) {
		if (sql_token_is(&token, "=") && brackets.depth == 0) {
			*ret_has_default = true;
			break;
		}
		if (begin == NULL && token.kind != SQL_WORD && token.kind != SQL_QUOTED_IDENT)
			return "a parameter needs a type after its name";
		if (!fits_type(&token) || !count_bracket(&brackets, &token))
			return "the parameter's type is not one";
		if (begin == NULL)
			begin = token.text.data;
		last = token;
	}
	if (begin == NULL)
		return "a parameter needs a type after its name";
	if (brackets.depth > 0)
		return "the parameter's type is not one";
	*ret_type = (struct str){begin, (size_t)(last.text.data + last.text.len - begin)};
	return NULL;
}

static const char *read_default(struct sql_scanner *scanner, struct str *ret_expression)
{
	struct brackets brackets = {.depth = 0};
	struct sql_token token, last = {.kind = SQL_END};
	const char *begin = NULL;

	while ((token = sql_scan_next(scanner)).kind != SQL_END) {
		if (token.unclosed)
			return "a quote or comment in the parameter's default is not closed";
		/* A line comment goes to the end: it would swallow what the query has after the
		 * expression. */
		if (token.kind == SQL_SPACE || token.kind == SQL_COMMENT)
			continue;
		if (token.kind == SQL_PARAM)
			return "the parameter's default cannot use $n";
		if (sql_token_is(&token, ";") ||
		    (sql_token_is(&token, ",") && brackets.depth == 0) ||
		    !count_bracket(&brackets, &token))
			return "the parameter's default is not one expression";
		if (begin == NULL)
			begin = token.text.data;
		last = token;
	}
	if (begin == NULL)
		return "no expression after the parameter's \"=\"";
	if (brackets.depth > 0)
		return "the parameter's default is not one expression";
	*ret_expression = (struct str){begin, (size_t)(last.text.data + last.text.len - begin)};
	return NULL;
}

int report_param_parse(struct arena *arena, struct str text, struct report_param *ret_param,
		       const char **ret_mistake)
{
	struct report_param param = {.name = {NULL, 0}};
	struct sql_named_list named;
	struct sql_scanner scanner;
	struct sql_token token;
	bool has_default;
	int rc;

	sql_scan_init(&scanner, text);
	token = sql_scan_next_solid(&scanner);
	param.name = token.text;
	if (token.kind != SQL_WORD || !sql_param_name_valid(param.name)) {
		*ret_mistake =
			"a parameter's name is made of letters, digits and _, no digit first";
		return -EINVAL;
	}
	*ret_mistake = read_type(&scanner, &param.type, &has_default);
	if (*ret_mistake == NULL && has_default)
		*ret_mistake = read_default(&scanner, &param.default_expression);
	if (*ret_mistake != NULL)
		return -EINVAL;
	rc = sql_named_find(arena, param.default_expression, &named);
	if (rc < 0)
		return rc;
	if (named.count > 0) {
		*ret_mistake = "the parameter's default cannot use another parameter";
		return -EINVAL;
	}
	*ret_param = param;
	return 0;
}
