/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/classify.h"

#include "base/macros.h"
#include "sqltext/functions.h"
#include "sqltext/known.h"
#include "sqltext/scan.h"
#include "sqltext/split.h"

enum kind {
	KIND_OTHER,
	KIND_READ,
	KIND_WRITE,
	KIND_EXPLAIN,
	KIND_COPY,
	KIND_CONTROL,
	KIND_PREPARE,
	KIND_LISTEN,
	KIND_OUTSIDE, /* acts outside of transactions, all of it or in some of its forms */
	KIND_DEFINE   /* CREATE, ALTER, DROP: some forms do */
};

static const struct {
	const char *word;
	enum kind kind;
} first_words[] = {
	{"select", KIND_READ},	      {"with", KIND_READ},	 {"values", KIND_READ},
	{"table", KIND_READ},	      {"show", KIND_READ},	 {"insert", KIND_WRITE},
	{"update", KIND_WRITE},	      {"delete", KIND_WRITE},	 {"merge", KIND_WRITE},
	{"explain", KIND_EXPLAIN},    {"copy", KIND_COPY},	 {"begin", KIND_CONTROL},
	{"start", KIND_CONTROL},      {"commit", KIND_CONTROL},	 {"end", KIND_CONTROL},
	{"rollback", KIND_CONTROL},   {"abort", KIND_CONTROL},	 {"savepoint", KIND_CONTROL},
	{"release", KIND_CONTROL},    {"prepare", KIND_PREPARE}, {"call", KIND_OUTSIDE},
	{"do", KIND_OUTSIDE},	      {"vacuum", KIND_OUTSIDE},	 {"analyze", KIND_OUTSIDE},
	{"analyse", KIND_OUTSIDE},    {"reindex", KIND_OUTSIDE}, {"cluster", KIND_OUTSIDE},
	{"checkpoint", KIND_OUTSIDE}, {"create", KIND_DEFINE},	 {"alter", KIND_DEFINE},
	{"drop", KIND_DEFINE},	      {"listen", KIND_LISTEN},
};

struct facts {
	enum kind kind;
	struct sql_token words[3]; /* the first solid tokens behind opening parentheses */
	bool with, modifies;	   /* has the word WITH; INSERT, UPDATE, DELETE or MERGE */
	bool selects_into;	   /* INTO, not of INSERT or MERGE */
	bool locks;		   /* FOR UPDATE, NO KEY UPDATE, SHARE, KEY SHARE */
	bool makes;		   /* CREATE, DECLARE or EXECUTE; in EXPLAIN */
	bool concurrently, adds_value;
	bool streams; /* FROM STDIN, TO STDOUT */
	unsigned functions;
	bool calls_unknown;
};

static bool is_any(const struct sql_token *token, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sql_token_is_word(token, words[i]))
			return true;
	return false;
}

#define IS_ANY(token, ...)                                                                         \
	is_any(token, (const char *const[]){__VA_ARGS__},                                          \
	       ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

static void note_word(struct facts *facts, const struct sql_token *token,
		      const struct sql_token *previous)
{
	switch (token->text.data[0] | 0x20) {
	case 'w':
		facts->with |= sql_token_is_word(token, "with");
		break;
	case 'i':
		facts->modifies |= sql_token_is_word(token, "insert");
		if (sql_token_is_word(token, "into") && !IS_ANY(previous, "insert", "merge"))
			facts->selects_into = true;
		break;
	case 'u':
	case 'd':
	case 'm':
		if (!sql_token_is_word(previous, "for") && !sql_token_is_word(previous, "key"))
			facts->modifies |= IS_ANY(token, "update", "delete", "merge");
		facts->makes |= sql_token_is_word(token, "declare");
		break;
	case 'c':
		facts->concurrently |= sql_token_is_word(token, "concurrently");
		facts->makes |= sql_token_is_word(token, "create");
		break;
	case 'e':
		facts->makes |= sql_token_is_word(token, "execute");
		break;
	case 'v':
		if (sql_token_is_word(token, "value") && sql_token_is_word(previous, "add"))
			facts->adds_value = true;
		break;
	case 's':
		if (IS_ANY(token, "stdin", "stdout") && IS_ANY(previous, "from", "to"))
			facts->streams = true;
		break;
	}
	if (sql_token_is_word(previous, "for") && IS_ANY(token, "update", "share", "no", "key"))
		facts->locks = true;
}

/* The name of a function, when it is called as "name (" or, with one argument, as
 * "(argument).name". */
static unsigned called_functions(const struct sql_token *name, bool dotted,
				 const struct sql_token *next)
{
	struct str text = name->text;

	/* We do not read what U&"..." spells, with a UESCAPE perhaps between it and its arguments.
	 */
	if (name->kind == SQL_QUOTED_IDENT && text.data[0] != '"')
		return SQL_FUNCTION_ANY;
	if (!dotted && !sql_token_is(next, "("))
		return 0;
	if (name->kind == SQL_WORD)
		return sql_function_flags(text);
	if (name->kind != SQL_QUOTED_IDENT || text.len < 2)
		return 0;
	return sql_function_flags((struct str){text.data + 1, text.len - 2});
}

/* "name (", of what is not known to compute a value and no more. */
static bool calls_unknown(const struct sql_token *name, bool dotted, const struct sql_token *next)
{
	if (!sql_token_is(next, "("))
		return false;
	return name->kind == SQL_QUOTED_IDENT ||
	       (name->kind == SQL_WORD && (dotted || !sql_word_is_known(name->text)));
}

static void gather_facts(struct facts *facts, struct str sql)
{
	struct sql_token before = {.kind = SQL_END}, previous = before, token;
	struct sql_scanner scanner;
	size_t words = 0;

	sql_scan_init(&scanner, sql);
	do {
		token = sql_scan_next_solid(&scanner);
		facts->functions |= called_functions(&previous, sql_token_is(&before, "."), &token);
		facts->calls_unknown |=
			calls_unknown(&previous, sql_token_is(&before, "."), &token);
		/*
		 * "0x1$a$" is one number and a dollar quote for PostgreSQL 16, but "0 x1$a$" for
		 * 14: what seems to be quoted may be the statement.
		 */
		if (previous.kind == SQL_NUMBER && token.kind == SQL_STRING &&
		    token.text.data[0] == '$' &&
		    token.text.data == previous.text.data + previous.text.len)
			facts->functions |= SQL_FUNCTION_ANY;
		if (token.kind == SQL_WORD)
			note_word(facts, &token, &previous);
		if (words < ARRAY_SIZE(facts->words) && (words > 0 || !sql_token_is(&token, "(")))
			facts->words[words++] = token;
		before = previous;
		previous = token;
	} while (token.kind != SQL_END);
	for (size_t i = 0; i < ARRAY_SIZE(first_words); i++)
		if (sql_token_is_word(&facts->words[0], first_words[i].word))
			facts->kind = first_words[i].kind;
}

static enum sql_refusal refusal_of(const struct facts *facts)
{
	const struct sql_token *words = facts->words;

	switch (facts->kind) {
	case KIND_CONTROL:
		return sql_token_is_word(&words[1], "prepared") ? SQL_RUNS
								: SQL_TRANSACTION_CONTROL;
	case KIND_PREPARE:
		/* "transaction" may also be a prepared statement's name: PREPARE transaction AS, or
		 * (types) AS. */
		if (sql_token_is_word(&words[1], "transaction") &&
		    !sql_token_is_word(&words[2], "as") && !sql_token_is(&words[2], "("))
			return SQL_TRANSACTION_CONTROL;
		return SQL_RUNS;
	case KIND_COPY:
		return facts->streams ? SQL_COPY_STREAM : SQL_RUNS;
	case KIND_LISTEN:
		return SQL_LISTEN;
	default:
		return SQL_RUNS;
	}
}

static bool is_outside_transaction(const struct facts *facts)
{
	const struct sql_token *second = &facts->words[1];

	if (facts->functions & SQL_FUNCTION_STAYS)
		return true;
	switch (facts->kind) {
	case KIND_OUTSIDE:
	case KIND_COPY:	   /* its file, or what its program did */
	case KIND_CONTROL: /* COMMIT PREPARED */
		return true;
	case KIND_DEFINE:
		return facts->concurrently || facts->adds_value ||
		       IS_ANY(second, "database", "tablespace", "subscription", "system");
	default:
		return false;
	}
}

struct sql_class sql_classify(struct str sql)
{
	struct sql_class class = {.refusal = SQL_RUNS,
				  .dirties = true,
				  .outside_transaction = true,
				  .ends_transactions = true,
				  .defines = true,
				  .calls_unknown = true};
	struct sql_statement_text statement, other;
	struct facts facts = {.kind = KIND_OTHER};
	struct sql_splitter splitter;

	sql_split_init(&splitter, sql);
	if (!sql_split_next(&splitter, &statement))
		class.refusal = SQL_EMPTY;
	else if (sql_split_next(&splitter, &other))
		class.refusal = SQL_SEVERAL;
	if (class.refusal != SQL_RUNS)
		return class;
	gather_facts(&facts, statement.sql);
	class.refusal = refusal_of(&facts);
	if (class.refusal != SQL_RUNS)
		return class;
	class.outside_transaction = is_outside_transaction(&facts);
	class.maintains = IS_ANY(&facts.words[0], "vacuum", "analyze", "reindex", "cluster");
	class.ends_transactions = IS_ANY(&facts.words[0], "call", "do");
	/* What is temporary is its own session's. */
	class.defines = class.ends_transactions ||
			(facts.kind == KIND_DEFINE &&
			 !IS_ANY(&facts.words[1], "temp", "temporary", "local", "global"));
	switch (facts.kind) {
	case KIND_READ:
		class.plain_write = facts.with && facts.modifies;
		class.plain_read = !class.plain_write && !facts.selects_into && !facts.locks &&
				   facts.functions == 0;
		class.dirties = facts.selects_into;
		break;
	case KIND_WRITE:
		class.plain_write = true;
		class.dirties = facts.selects_into;
		break;
	case KIND_EXPLAIN:
		/* With ANALYZE it runs what it explains. */
		class.dirties = facts.selects_into || facts.makes;
		break;
	default:
		break;
	}
	if (facts.functions & SQL_FUNCTION_DIRTIES)
		class.dirties = true;
	class.calls_unknown = facts.calls_unknown || facts.functions != 0;
	class.may_rerun = class.plain_read;
	return class;
}
