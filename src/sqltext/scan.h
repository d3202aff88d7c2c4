/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reads SQL text as PostgreSQL's scanner cuts it (standard_conforming_strings on), token by token,
 * without knowing grammar. Never fails: an unclosed quote or comment is one token to the end of the
 * text, marked as such. The tokens laid end to end are the text. Time is linear in the text,
 * whatever it holds.
 *
 * Where the versions of PostgreSQL differ (0x1F, 1_000, vertical tabs) it follows the newest; where
 * a newer one refuses what an older took (1abc) it follows the older.
 */
#ifndef SQLTEXT_SCAN_H
#define SQLTEXT_SCAN_H

#include "base/str.h"

#include <stdbool.h>

enum sql_token_kind {
	SQL_END,
	SQL_SPACE,
	SQL_COMMENT,	  /* -- to the end of the line (without it), or nested block comments */
	SQL_WORD,	  /* keyword or identifier */
	SQL_QUOTED_IDENT, /* "..." and U&"..." */
	SQL_STRING, /* '...' with its prefix: E B X N U&, and what continues it on later lines;
		       $tag$...$tag$ */
	SQL_NUMBER,
	SQL_PARAM,	 /* $1 */
	SQL_OPERATOR,	 /* an operator, a "..", one of , ( ) [ ] . ; : or any other single byte */
	SQL_CAST,	 /* :: */
	SQL_COLON_EQUALS /* := */
};

struct sql_token {
	enum sql_token_kind kind;
	struct str text; /* of the scanned text, as written */
	bool unclosed;
};

struct sql_scanner {
	struct str rest;
	size_t lone_signs; /* so many bytes from here on are + and -, each an operator of its own */
};

void sql_scan_init(struct sql_scanner *scanner, struct str text);
/* The next token; SQL_END (with empty text) at the end, again and again. */
struct sql_token sql_scan_next(struct sql_scanner *scanner);
/* As above, but skips spaces and comments. */
struct sql_token sql_scan_next_solid(struct sql_scanner *scanner);
/* ASCII case-insensitive: `keyword` in lower case. Only for SQL_WORD tokens, else false. */
bool sql_token_is_word(const struct sql_token *token, const char *keyword);
/* An operator or punctuation token that is exactly this. */
bool sql_token_is(const struct sql_token *token, const char *text);

#endif
