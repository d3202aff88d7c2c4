/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/named.h"

#include "sqltext/scan.h"

#include <errno.h>
#include <stdint.h>

/* PostgreSQL's parser gives up long before; what is nested deeper is read as if in parentheses. */
#define MAX_DEPTH 10000

#define NONE UINT32_MAX

enum level_kind {
	LEVEL_PLAIN,	 /* outside, or in parentheses */
	LEVEL_ARRAY,	 /* array[…] */
	LEVEL_SUBSCRIPT, /* operand[…] */
	LEVEL_JSON	 /* json_object(…) */
};

struct level {
	enum level_kind kind;
	bool parted;   /* the slice's, or this pair's, colon has been seen */
	uint32_t lead; /* candidate right behind a subscript's "[", a name if a slice's colon
			  follows; else NONE */
};

struct finder {
	struct sql_named *items; /* candidates; what turns out to be none gets an absent name */
	size_t count;
	struct level *levels;
	size_t depth, max_depth;
	struct sql_token before, previous; /* solid tokens */
};

static bool is_operand(const struct sql_token *token)
{
	switch (token->kind) {
	case SQL_WORD:
	case SQL_QUOTED_IDENT:
	case SQL_STRING:
	case SQL_NUMBER:
	case SQL_PARAM:
		return true;
	default:
		return sql_token_is(token, ")") || sql_token_is(token, "]");
	}
}

bool sql_param_name_valid(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (unsigned char)c >= 0x80 || (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return name.len > 0;
}

/* A byte that would make one token with a "$1" or a word behind it: "limit$1", "$$1". */
static bool runs_on(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static struct level *top(struct finder *finder)
{
	return &finder->levels[finder->depth < finder->max_depth ? finder->depth
								 : finder->max_depth];
}

static void open_level(struct finder *finder, bool bracket)
{
	const struct sql_token *previous = &finder->previous;
	enum level_kind outer = top(finder)->kind, kind = LEVEL_PLAIN;

	if (!bracket) {
		if (sql_token_is_word(previous, "json_object") ||
		    sql_token_is_word(previous, "json_objectagg"))
			kind = LEVEL_JSON;
	} else if ((sql_token_is_word(previous, "array") && !sql_token_is(&finder->before, ".")) ||
		   (outer == LEVEL_ARRAY && !is_operand(previous))) {
		kind = LEVEL_ARRAY;
	} else {
		kind = LEVEL_SUBSCRIPT;
	}
	if (++finder->depth < finder->max_depth)
		*top(finder) = (struct level){.kind = kind, .lead = NONE};
}

static void close_level(struct finder *finder)
{
	struct level *level = top(finder);

	if (finder->depth == 0)
		return;
	if (finder->depth < finder->max_depth && level->lead != NONE && !level->parted)
		finder->items[level->lead].name = (struct str){NULL, 0};
	finder->depth--;
}

/* A single colon; `name` is the word right behind it, absent if there is none. Is that a parameter?
 */
static bool is_parameter(struct finder *finder, struct str name)
{
	struct level *level = top(finder);
	bool behind_operand = is_operand(&finder->previous);

	switch (level->kind) {
	case LEVEL_SUBSCRIPT:
		if (sql_token_is(&finder->previous, "[") && name.data != NULL) {
			level->lead = (uint32_t)finder->count;
			return true;
		}
		if (behind_operand || name.data == NULL) {
			level->parted = true;
			return false;
		}
		return true;
	case LEVEL_JSON:
		if (name.data != NULL && (!behind_operand || level->parted ||
					  sql_token_is_word(&finder->previous, "value")))
			return true;
		level->parted = true;
		return false;
	case LEVEL_PLAIN:
	case LEVEL_ARRAY:
		break;
	}
	return name.data != NULL;
}

static void add_candidate(struct finder *finder, struct str name, const struct sql_token *colon)
{
	const struct sql_token *previous = &finder->previous;
	bool adjacent = previous->text.len > 0 &&
			previous->text.data + previous->text.len == colon->text.data;

	finder->items[finder->count++] = (struct sql_named){
		.name = name,
		.glued = adjacent && runs_on(colon->text.data[-1]),
	};
}

static void read_token(struct finder *finder, const struct sql_token *token,
		       const struct sql_scanner *scanner)
{
	struct sql_scanner ahead = *scanner;
	struct sql_token word;

	if (finder->count > 0 && (sql_token_is(token, "[") || sql_token_is(token, ".")) &&
	    finder->items[finder->count - 1].name.data == finder->previous.text.data)
		finder->items[finder->count - 1].indirect = true;
	if (sql_token_is(token, "(") || sql_token_is(token, "[")) {
		open_level(finder, token->text.data[0] == '[');
	} else if (sql_token_is(token, ")") || sql_token_is(token, "]")) {
		close_level(finder);
	} else if (sql_token_is(token, ",")) {
		if (top(finder)->kind == LEVEL_JSON)
			top(finder)->parted = false;
	} else if (sql_token_is(token, ":")) {
		word = sql_scan_next(&ahead);
		if (word.kind != SQL_WORD || !sql_param_name_valid(word.text))
			word.text = (struct str){NULL, 0};
		if (is_parameter(finder, word.text))
			add_candidate(finder, word.text, token);
	}
}

/* How many single colons there are and how deep the text nests. */
static void measure(struct str sql, size_t *ret_colons, size_t *ret_depth)
{
	struct sql_scanner scanner;
	struct sql_token token;
	size_t depth = 0;

	*ret_colons = *ret_depth = 0;
	sql_scan_init(&scanner, sql);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END) {
		if (sql_token_is(&token, ":")) {
			++*ret_colons;
		} else if (sql_token_is(&token, "(") || sql_token_is(&token, "[")) {
			depth++;
			*ret_depth = MAX(*ret_depth, depth);
		} else if ((sql_token_is(&token, ")") || sql_token_is(&token, "]")) && depth > 0) {
			depth--;
		}
	}
}

int sql_named_find(struct arena *arena, struct str sql, struct sql_named_list *ret_list)
{
	struct finder finder = {.count = 0};
	struct sql_scanner scanner;
	struct sql_token token;
	size_t colons, depth, count = 0;

	measure(sql, &colons, &depth);
	if (colons >= NONE)
		return -ENOMEM;
	finder.max_depth = MIN(depth, (size_t)MAX_DEPTH) + 1;
	finder.items = arena_calloc(arena, colons, sizeof(*finder.items));
	finder.levels = arena_calloc(arena, finder.max_depth + 1, sizeof(*finder.levels));
	if (finder.items == NULL || finder.levels == NULL)
		return -ENOMEM;
	sql_scan_init(&scanner, sql);
	while ((token = sql_scan_next_solid(&scanner)).kind != SQL_END) {
		read_token(&finder, &token, &scanner);
		finder.before = finder.previous;
		finder.previous = token;
	}
	while (finder.depth > 0)
		close_level(&finder);
	for (size_t i = 0; i < finder.count; i++) {
		if (finder.items[i].name.data == NULL)
			continue;
		finder.items[count] = finder.items[i];
		count++;
	}
	*ret_list = (struct sql_named_list){.items = finder.items, .count = count};
	return 0;
}
