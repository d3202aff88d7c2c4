/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/split.h"

#include "base/macros.h"
#include "sqltext/scan.h"

/* How far a statement's first words agree with CREATE [OR REPLACE] {FUNCTION | PROCEDURE}. */
enum head {
	HEAD_START,
	HEAD_CREATE,
	HEAD_OR,
	HEAD_REPLACE,
	HEAD_ROUTINE, /* all of it: a body may follow */
	HEAD_OTHER
};

struct nesting {
	enum head head;
	size_t parens;
	size_t body; /* open BEGIN ATOMIC and CASE, in a routine */
	struct sql_token previous;
};

static enum head head_after(enum head head, const struct sql_token *token)
{
	bool routine =
		sql_token_is_word(token, "function") || sql_token_is_word(token, "procedure");

	switch (head) {
	case HEAD_START:
		return sql_token_is_word(token, "create") ? HEAD_CREATE : HEAD_OTHER;
	case HEAD_CREATE:
		if (sql_token_is_word(token, "or"))
			return HEAD_OR;
		return routine ? HEAD_ROUTINE : HEAD_OTHER;
	case HEAD_OR:
		return sql_token_is_word(token, "replace") ? HEAD_REPLACE : HEAD_OTHER;
	case HEAD_REPLACE:
		return routine ? HEAD_ROUTINE : HEAD_OTHER;
	case HEAD_ROUTINE:
	case HEAD_OTHER:
		break;
	}
	return head;
}

/*
 * psql counts the words begin, case and end outside parentheses. We ask for BEGIN ATOMIC, and leave
 * out labels
 * ("as end", "t.case"), so that neither a function called begin nor a column of such a name
 * misleads us.
 */
static void count_body(struct nesting *nesting, const struct sql_token *token)
{
	const struct sql_token *previous = &nesting->previous;
	bool label = sql_token_is_word(previous, "as") || sql_token_is(previous, ".");

	if (nesting->head != HEAD_ROUTINE || nesting->parens > 0)
		return;
	if (nesting->body == 0) {
		if (sql_token_is_word(token, "atomic") && sql_token_is_word(previous, "begin"))
			nesting->body = 1;
	} else if (sql_token_is_word(token, "case") && !label) {
		nesting->body++;
	} else if (sql_token_is_word(token, "end") && !label) {
		nesting->body--;
	}
}

static void nest(struct nesting *nesting, const struct sql_token *token)
{
	nesting->head = head_after(nesting->head, token);
	count_body(nesting, token);
	if (sql_token_is(token, "("))
		nesting->parens++;
	else if (sql_token_is(token, ")") && nesting->parens > 0)
		nesting->parens--;
	nesting->previous = *token;
}

static bool is_hint(const struct sql_token *token)
{
	return token->kind == SQL_COMMENT && token->text.len > 2 &&
	       memcmp(token->text.data, "/*+", 3) == 0;
}

static void note_misnomer(struct sql_splitter *splitter, enum sql_misnomer_why why, struct str text,
			  unsigned line)
{
	struct sql_misnomer *misnomer = &splitter->misnomer;

	if (misnomer->line != 0)
		return;
	misnomer->why = why;
	misnomer->text = text;
	misnomer->line = line;
}

/* The statement that it was for does not come, or has another. */
static void drop_name(struct sql_splitter *splitter, struct sql_statement_text *statement)
{
	if (statement->name.data != NULL)
		note_misnomer(splitter, SQL_NAME_UNUSED, statement->name, splitter->name_line);
	statement->name = (struct str){NULL, 0};
}

static void note_name(struct sql_splitter *splitter, struct sql_statement_text *statement,
		      struct str name, unsigned line)
{
	drop_name(splitter, statement);
	if (sql_name_valid(name)) {
		statement->name = name;
		splitter->name_line = line;
	} else {
		note_misnomer(splitter, SQL_NAME_INVALID, name, line);
	}
}

static void note_directive(struct sql_splitter *splitter, struct sql_statement_text *statement,
			   bool inside, const struct sql_directive *directive, unsigned line)
{
	bool is_name = str_is(directive->key, "name");

	if (is_name && inside)
		note_misnomer(splitter, SQL_NAME_INSIDE, directive->value, line);
	else if (is_name)
		note_name(splitter, statement, directive->value, line);
	else if (str_is(directive->key, "title") && !inside)
		statement->title = directive->value;
}

static void extend(struct sql_statement_text *statement, const struct sql_token *token,
		   unsigned line)
{
	if (statement->sql.data == NULL) {
		statement->sql = token->text;
		statement->line = line;
	} else {
		statement->sql.len =
			(size_t)(token->text.data + token->text.len - statement->sql.data);
	}
	statement->unclosed = token->unclosed;
}

void sql_split_init(struct sql_splitter *splitter, struct str text)
{
	*splitter = (struct sql_splitter){.line = {0}};
	sql_scan_init(&splitter->scanner, sql_skip_byte_order_mark(text));
}

bool sql_split_next(struct sql_splitter *splitter, struct sql_statement_text *ret_statement)
{
	struct sql_statement_text statement = {.line = 0};
	struct nesting nesting = {.head = HEAD_START};
	struct sql_directive directive;
	bool solid = false;

	for (;;) {
		struct sql_token token = sql_scan_next(&splitter->scanner);
		unsigned line = splitter->line.newlines + 1;
		bool is_directive = sql_directive_read(&splitter->line, &token, &directive);

		if (token.kind == SQL_END)
			break;
		if (is_directive)
			note_directive(splitter, &statement, solid, &directive, line);
		if (token.kind == SQL_SPACE ||
		    (token.kind == SQL_COMMENT && !token.unclosed && (solid || !is_hint(&token))))
			continue;
		if (sql_token_is(&token, ";") && nesting.parens == 0 && nesting.body == 0) {
			if (solid)
				break;
			drop_name(splitter, &statement);
			statement = (struct sql_statement_text){.line = 0};
			nesting = (struct nesting){.head = HEAD_START};
			continue;
		}
		extend(&statement, &token, line);
		if (token.kind == SQL_COMMENT) {
			solid = solid || token.unclosed;
			continue;
		}
		solid = true;
		nest(&nesting, &token);
	}
	if (!solid) {
		drop_name(splitter, &statement);
		return false;
	}
	/* What is open here was open at the end of the text, for a semicolon would not have ended
	 * it. */
	statement.unclosed = statement.unclosed || nesting.parens > 0 || nesting.body > 0;
	*ret_statement = statement;
	return true;
}
