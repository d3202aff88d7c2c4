/* SPDX-License-Identifier: PostgreSQL */
/*
 * The scanner: PostgreSQL's scan.l by hand. Each scan_* below is told a text that begins with its
 * token and returns the token's length. Knows bytes only: no keywords, no grammar.
 */
#include "sqltext/scan.h"

#include "base/macros.h"

enum {
	C_SPACE = 1, /* blanks that may stand before a line's end */
	C_LINE = 2,  /* \n \r */
	C_FIRST = 4, /* begins an identifier or a dollar quote's tag */
	C_DIGIT = 8,
	C_OPERATOR = 16
};

static unsigned class_of(char c)
{
	static const unsigned char classes[256] = {
		['\t'] = C_SPACE,	 ['\v'] = C_SPACE,	    ['\f'] = C_SPACE,
		[' '] = C_SPACE,	 ['\n'] = C_LINE,	    ['\r'] = C_LINE,
		['0' ... '9'] = C_DIGIT, ['A' ... 'Z'] = C_FIRST,   ['a' ... 'z'] = C_FIRST,
		['_'] = C_FIRST,	 [0x80 ... 0xff] = C_FIRST, ['~'] = C_OPERATOR,
		['!'] = C_OPERATOR,	 ['@'] = C_OPERATOR,	    ['#'] = C_OPERATOR,
		['^'] = C_OPERATOR,	 ['&'] = C_OPERATOR,	    ['|'] = C_OPERATOR,
		['`'] = C_OPERATOR,	 ['?'] = C_OPERATOR,	    ['+'] = C_OPERATOR,
		['-'] = C_OPERATOR,	 ['*'] = C_OPERATOR,	    ['/'] = C_OPERATOR,
		['%'] = C_OPERATOR,	 ['<'] = C_OPERATOR,	    ['>'] = C_OPERATOR,
		['='] = C_OPERATOR,
	};

	return classes[(unsigned char)c];
}

static bool is(struct str text, size_t at, unsigned class)
{
	return at < text.len && (class_of(text.data[at]) & class) != 0;
}

static bool has(struct str text, size_t at, char c)
{
	return at < text.len && text.data[at] == c;
}

static bool has_any_case(struct str text, size_t at, char lower)
{
	return at < text.len && (text.data[at] | 0x20) == lower;
}

static size_t skip(struct str text, size_t at, unsigned class)
{
	while (is(text, at, class))
		at++;
	return at;
}

static bool is_line_comment(struct str text, size_t at)
{
	return has(text, at, '-') && has(text, at + 1, '-');
}

static size_t skip_line(struct str text, size_t at)
{
	while (at < text.len && !is(text, at, C_LINE))
		at++;
	return at;
}

static size_t scan_block_comment(struct str text, bool *ret_unclosed)
{
	size_t at = 2, depth = 1;

	while (at < text.len) {
		if (has(text, at, '*') && has(text, at + 1, '/')) {
			at += 2;
			if (--depth == 0)
				return at;
		} else if (has(text, at, '/') && has(text, at + 1, '*')) {
			at += 2;
			depth++;
		} else {
			at++;
		}
	}
	*ret_unclosed = true;
	return text.len;
}

/* `at` is behind an opening quote; returns the place behind the closing one. Doubled quotes belong
 * to the content. */
static size_t scan_quoted(struct str text, size_t at, char quote, bool doubled, bool backslashes,
			  bool *ret_unclosed)
{
	while (at < text.len) {
		if (backslashes && text.data[at] == '\\')
			at++;
		else if (text.data[at] == quote) {
			if (!doubled || !has(text, at + 1, quote))
				return at + 1;
			at++;
		}
		at++;
	}
	*ret_unclosed = true;
	return text.len;
}

/*
 * The SQL standard's string continuation: `at` is behind a closing quote. Spaces with at least one
 * line's end, and line comments, may lie before the next opening quote. Returns the place behind
 * that one, 0 if there is none.
 */
static size_t skip_to_continuation(struct str text, size_t at)
{
	while (is(text, at, C_SPACE) || is_line_comment(text, at))
		at = is(text, at, C_SPACE) ? at + 1 : skip_line(text, at);
	if (!is(text, at, C_LINE))
		return 0;
	while (is(text, at, C_SPACE | C_LINE) || is_line_comment(text, at))
		at = is(text, at, C_SPACE | C_LINE) ? at + 1 : skip_line(text, at);
	return has(text, at, '\'') ? at + 1 : 0;
}

static size_t scan_string(struct str text, size_t prefix_len, bool *ret_unclosed)
{
	bool backslashes = prefix_len == 1 && has_any_case(text, 0, 'e');
	/* In B'' and X'' a second quote ends the string and begins the next one. */
	bool doubled =
		!(prefix_len == 1 && (has_any_case(text, 0, 'b') || has_any_case(text, 0, 'x')));
	size_t at = prefix_len + 1, len;

	do {
		len = scan_quoted(text, at, '\'', doubled, backslashes, ret_unclosed);
		at = skip_to_continuation(text, len);
	} while (at != 0);
	return len;
}

/* The length of $tag$ at `at`, 0 if there is none. */
static size_t dollar_tag_len(struct str text, size_t at)
{
	size_t end = at + 1;

	if (is(text, end, C_FIRST))
		end = skip(text, end, C_FIRST | C_DIGIT);
	return has(text, end, '$') ? end + 1 - at : 0;
}

static size_t scan_dollar_quote(struct str text, size_t tag_len, bool *ret_unclosed)
{
	const char *end = memmem(text.data + tag_len, text.len - tag_len, text.data, tag_len);

	if (end != NULL)
		return (size_t)(end - text.data) + tag_len;
	*ret_unclosed = true;
	return text.len;
}

static size_t skip_digits(struct str text, size_t at, const char *digits)
{
	/* An underscore counts only before a digit (PostgreSQL 16). */
	for (;;) {
		size_t digit = at + (has(text, at, '_') ? 1 : 0);

		if (digit >= text.len || text.data[digit] == '\0' ||
		    strchr(digits, text.data[digit]) == NULL)
			return at;
		at = digit + 1;
	}
}

static size_t scan_number(struct str text)
{
	static const char decimal[] = "0123456789";
	static const struct {
		char letter;
		const char *digits;
	} bases[] = {{'x', "0123456789abcdefABCDEF"}, {'o', "01234567"}, {'b', "01"}};
	size_t at = 0, end;

	for (size_t i = 0; has(text, 0, '0') && i < ARRAY_SIZE(bases); i++) {
		if (!has_any_case(text, 1, bases[i].letter))
			continue;
		end = skip_digits(text, 2, bases[i].digits);
		return end > 2 ? end : 1;
	}
	if (is(text, 0, C_DIGIT))
		at = skip_digits(text, 0, decimal);
	/* "1..10" is a number, ".." and a number. */
	if (has(text, at, '.') && !(at > 0 && has(text, at + 1, '.'))) {
		at++;
		if (is(text, at, C_DIGIT))
			at = skip_digits(text, at, decimal);
	}
	if (has_any_case(text, at, 'e')) {
		end = at + 1 + (has(text, at + 1, '+') || has(text, at + 1, '-') ? 1 : 0);
		if (is(text, end, C_DIGIT))
			at = skip_digits(text, end, decimal);
	}
	return at;
}

/*
 * The longest run of operator characters, cut before a comment. As the SQL standard wants "a*-1" to
 * be two operators, one without any of ~!@#^&|`?% does not end in + or -. All that is then cut off
 * is single signs, which the scanner remembers, so that a long run is read once.
 */
static size_t scan_operator(struct str text, size_t *ret_lone_signs)
{
	bool any_special = false;
	size_t len = 0, solid = 1;

	for (; is(text, len, C_OPERATOR); len++) {
		char c = text.data[len];

		if (is_line_comment(text, len) || (c == '/' && has(text, len + 1, '*')))
			break;
		if (strchr("~!@#^&|`?%", c) != NULL)
			any_special = true;
		if (c != '+' && c != '-')
			solid = len + 1;
	}
	if (any_special)
		return len;
	*ret_lone_signs = len - solid;
	return solid;
}

static size_t prefix_len(struct str text)
{
	char c = (char)(text.data[0] | 0x20);

	if ((c == 'e' || c == 'b' || c == 'x' || c == 'n') && has(text, 1, '\''))
		return 1;
	return c == 'u' && has(text, 1, '&') && (has(text, 2, '\'') || has(text, 2, '"')) ? 2 : 0;
}

static struct sql_token scan(struct sql_scanner *scanner)
{
	struct str text = scanner->rest;
	struct sql_token token = {.kind = SQL_OPERATOR};
	size_t len = 1, quote;
	char c = text.data[0];

	if (is(text, 0, C_SPACE | C_LINE)) {
		token.kind = SQL_SPACE;
		len = skip(text, 0, C_SPACE | C_LINE);
	} else if (is_line_comment(text, 0)) {
		token.kind = SQL_COMMENT;
		len = skip_line(text, 0);
	} else if (c == '/' && has(text, 1, '*')) {
		token.kind = SQL_COMMENT;
		len = scan_block_comment(text, &token.unclosed);
	} else if (is(text, 0, C_FIRST) || c == '\'' || c == '"') {
		quote = is(text, 0, C_FIRST) ? prefix_len(text) : 0;
		if (has(text, quote, '\'')) {
			token.kind = SQL_STRING;
			len = scan_string(text, quote, &token.unclosed);
		} else if (has(text, quote, '"')) {
			token.kind = SQL_QUOTED_IDENT;
			len = scan_quoted(text, quote + 1, '"', true, false, &token.unclosed);
		} else {
			token.kind = SQL_WORD;
			while (is(text, len, C_FIRST | C_DIGIT) || has(text, len, '$'))
				len++;
		}
	} else if (is(text, 0, C_DIGIT) || (c == '.' && is(text, 1, C_DIGIT))) {
		token.kind = SQL_NUMBER;
		len = scan_number(text);
	} else if (c == '$' && is(text, 1, C_DIGIT)) {
		token.kind = SQL_PARAM;
		len = skip(text, 1, C_DIGIT);
	} else if (c == '$' && (quote = dollar_tag_len(text, 0)) > 0) {
		token.kind = SQL_STRING;
		len = scan_dollar_quote(text, quote, &token.unclosed);
	} else if (c == ':' && (has(text, 1, ':') || has(text, 1, '='))) {
		token.kind = has(text, 1, ':') ? SQL_CAST : SQL_COLON_EQUALS;
		len = 2;
	} else if (c == '.' && has(text, 1, '.')) {
		len = 2;
	} else if (is(text, 0, C_OPERATOR) && scanner->lone_signs > 0) {
		scanner->lone_signs--;
	} else if (is(text, 0, C_OPERATOR)) {
		len = scan_operator(text, &scanner->lone_signs);
	}
	token.text = (struct str){text.data, len};
	return token;
}

void sql_scan_init(struct sql_scanner *scanner, struct str text)
{
	*scanner = (struct sql_scanner){.rest = text};
}

struct sql_token sql_scan_next(struct sql_scanner *scanner)
{
	struct sql_token token = {.kind = SQL_END, .text = {scanner->rest.data, 0}};

	if (scanner->rest.len == 0)
		return token;
	token = scan(scanner);
	scanner->rest.data += token.text.len;
	scanner->rest.len -= token.text.len;
	return token;
}

struct sql_token sql_scan_next_solid(struct sql_scanner *scanner)
{
	struct sql_token token;

	do
		token = sql_scan_next(scanner);
	while (token.kind == SQL_SPACE || token.kind == SQL_COMMENT);
	return token;
}

bool sql_token_is_word(const struct sql_token *token, const char *keyword)
{
	size_t i = 0;

	if (token->kind != SQL_WORD)
		return false;
	for (; i < token->text.len; i++) {
		char c = token->text.data[i];

		if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != keyword[i] || keyword[i] == '\0')
			return false;
	}
	return keyword[i] == '\0';
}

bool sql_token_is(const struct sql_token *token, const char *text)
{
	return (token->kind == SQL_OPERATOR || token->kind == SQL_CAST ||
		token->kind == SQL_COLON_EQUALS) &&
	       str_is(token->text, text);
}
