/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/directive.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

struct str sql_trim(struct str text)
{
	while (text.len > 0 && is_space(text.data[0])) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && is_space(text.data[text.len - 1]))
		text.len--;
	return text;
}

bool sql_name_valid(struct str name)
{
	if (name.len == 0 || !is_letter(name.data[0]))
		return false;
	for (size_t i = 1; i < name.len; i++) {
		char c = name.data[i];

		if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-')
			return false;
	}
	return true;
}

struct str sql_skip_byte_order_mark(struct str text)
{
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		return (struct str){text.data + 3, text.len - 3};
	return text;
}

static bool parse(struct str comment, struct sql_directive *ret_directive)
{
	struct str rest, key;

	if (comment.len < 2 || comment.data[0] != '-')
		return false; /* a block comment */
	rest = sql_trim((struct str){comment.data + 2, comment.len - 2});
	key = (struct str){rest.data, 0};
	while (key.len < rest.len && rest.data[key.len] >= 'a' && rest.data[key.len] <= 'z')
		key.len++;
	rest = sql_trim((struct str){rest.data + key.len, rest.len - key.len});
	if (key.len == 0 || rest.len == 0 || rest.data[0] != ':')
		return false;
	ret_directive->key = key;
	ret_directive->value = sql_trim((struct str){rest.data + 1, rest.len - 1});
	return true;
}

bool sql_directive_read(struct sql_line *line, const struct sql_token *token,
			struct sql_directive *ret_directive)
{
	bool alone = token->kind == SQL_COMMENT && !line->in_text;
	const char *at = token->text.data, *end = at + token->text.len, *newline;

	if (token->kind != SQL_SPACE)
		line->in_text = true;
	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		line->newlines++;
		/* A quote or comment that runs on to the next line has text there as well. */
		line->in_text = token->kind != SQL_SPACE;
		at = newline + 1;
	}
	return alone && parse(token->text, ret_directive);
}
