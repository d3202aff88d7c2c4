/* SPDX-License-Identifier: PostgreSQL */
/*
 * SQL text: tokens, statements, named parameters, classes.
 *
 *   - tokens laid end to end are the text
 *   - between statements there is nothing but space, comments and semicolons
 *   - rewriting named parameters changes those places and nothing else
 *   - a class does not change with comments around the text, the case of keywords, or a semicolon
 */
#include "base/arena.h"
#include "fuzz.h"
#include "sqltext/classify.h"
#include "sqltext/directive.h"
#include "sqltext/named.h"
#include "sqltext/params.h"
#include "sqltext/scan.h"
#include "sqltext/split.h"

#include <ctype.h>

/* Whether the text's last token is closed. */
static bool check_tokens(struct str text)
{
	const char *at = text.data;
	struct sql_scanner scanner;
	struct sql_token token;
	bool unclosed = false;

	sql_scan_init(&scanner, text);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END) {
		FUZZ_CHECK(token.text.data == at && token.text.len > 0 && !unclosed);
		at += token.text.len;
		unclosed = token.unclosed;
	}
	FUZZ_CHECK(at == text.data + text.len && token.text.len == 0);
	FUZZ_CHECK(sql_scan_next(&scanner).kind == SQL_END);
	return !unclosed;
}

/* ---- statements ---- */

static void check_gap(const char *from, const char *to)
{
	struct sql_scanner scanner;
	struct sql_token token;

	FUZZ_CHECK(from <= to);
	sql_scan_init(&scanner, (struct str){from, (size_t)(to - from)});
	while ((token = sql_scan_next_solid(&scanner)).kind != SQL_END)
		FUZZ_CHECK(sql_token_is(&token, ";"));
}

static void check_alone(const struct sql_statement_text *statement)
{
	struct sql_statement_text again;
	struct sql_splitter splitter;

	/* A second byte order mark is part of the statement, but would begin a text of its own. */
	if (sql_skip_byte_order_mark(statement->sql).len < statement->sql.len)
		return;
	sql_split_init(&splitter, statement->sql);
	FUZZ_CHECK(sql_split_next(&splitter, &again));
	FUZZ_CHECK_SAME(again.sql, statement->sql);
	FUZZ_CHECK(again.unclosed == statement->unclosed);
	FUZZ_CHECK(!sql_split_next(&splitter, &again));
}

static void check_split(struct str text)
{
	const struct str content = sql_skip_byte_order_mark(text);
	const char *at = content.data;
	struct sql_statement_text statement;
	struct sql_splitter splitter;
	unsigned line = 1;
	size_t count = 0;

	sql_split_init(&splitter, text);
	while (sql_split_next(&splitter, &statement)) {
		check_gap(at, statement.sql.data);
		for (; at < statement.sql.data; at++)
			line += *at == '\n';
		FUZZ_CHECK(statement.line == line && statement.sql.len > 0);
		FUZZ_CHECK(statement.name.data == NULL || sql_name_valid(statement.name));
		check_alone(&statement);
		for (; at < statement.sql.data + statement.sql.len; at++)
			line += *at == '\n';
		FUZZ_CHECK(at <= content.data + content.len);
		count++;
		if (statement.unclosed)
			break;
	}
	if (count == 0 || !statement.unclosed)
		check_gap(at, content.data + content.len);
	FUZZ_CHECK(count > 0 || sql_classify(content).refusal == SQL_EMPTY);
}

/* ---- named parameters ---- */

static size_t count_chars(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return count;
}

/* The rewritten text from the original's pieces and the names' numbers, made independently. */
static void check_rewritten(struct str sql, const struct sql_named_list *list,
			    const struct sql_params *params, const size_t *numbers)
{
	const char *at = sql.data;
	struct buf expected;

	buf_init(&expected, 0, NULL);
	for (size_t i = 0; i < list->count; i++) {
		const struct str name = list->items[i].name;

		FUZZ_CHECK(sql_param_name_valid(name));
		FUZZ_CHECK(name.data - 1 >= at && name.data[-1] == ':');
		if (numbers[i] == 0)
			continue;
		buf_append(&expected, at, (size_t)(name.data - 1 - at));
		buf_printf(&expected, "%s$%zu", list->items[i].glued ? " " : "", numbers[i]);
		at = name.data + name.len;
	}
	buf_append(&expected, at, (size_t)(sql.data + sql.len - at));
	FUZZ_CHECK_SAME(((struct str){params->sql, params->sql_len}), buf_str(&expected));
	FUZZ_CHECK(params->sql[params->sql_len] == '\0');
	buf_free(&expected);
}

/* Positions of the new text lie in the old one, and in the same order. */
static void check_positions(struct str sql, const struct sql_params *params)
{
	const size_t chars = count_chars((struct str){params->sql, params->sql_len});
	const int old_chars = (int)count_chars(sql);
	int before = 0;

	FUZZ_CHECK(sql_params_position(params, 0) == 0);
	for (size_t i = 1; i <= chars && i < 2000; i++) {
		int old = sql_params_position(params, (int)i);

		FUZZ_CHECK(old >= before && old >= 1 && old <= old_chars);
		before = old;
	}
}

/* Of the names that occur only every `step`th is given. */
static void check_params(struct arena *arena, struct str sql, size_t step)
{
	struct sql_named_list list;
	struct sql_params params;
	struct str *names;
	size_t *numbers, count = 0, next = 0;

	FUZZ_CHECK(sql_named_find(arena, sql, &list) == 0);
	names = arena_calloc(arena, list.count + 1, sizeof(*names));
	numbers = arena_calloc(arena, list.count + 1, sizeof(*numbers));
	FUZZ_CHECK(names != NULL && numbers != NULL);
	for (size_t i = 0; i < list.count; i += step) {
		bool known = false;

		for (size_t k = 0; k < count; k++)
			known |= str_equal(names[k], list.items[i].name);
		if (!known)
			names[count++] = list.items[i].name;
	}
	FUZZ_CHECK(sql_params_rewrite(arena, sql, names, count, &params) == 0);
	FUZZ_CHECK(params.count == count && params.unused == count);
	for (size_t i = 0; i < list.count; i++) {
		for (size_t k = 0; k < i && numbers[i] == 0; k++)
			if (str_equal(list.items[k].name, list.items[i].name))
				numbers[i] = numbers[k];
		for (size_t k = 0; k < count && numbers[i] == 0; k++)
			if (str_equal(names[k], list.items[i].name)) {
				FUZZ_CHECK(str_equal(names[params.order[next]], names[k]));
				numbers[i] = ++next;
			}
	}
	FUZZ_CHECK(next == count);
	FUZZ_CHECK(params.has_dollar == (sql_params_highest(sql) > 0));
	check_rewritten(sql, &list, &params, numbers);
	check_positions(sql, &params);
}

/* ---- classes ---- */

static bool same_class(struct sql_class a, struct sql_class b)
{
	return a.refusal == b.refusal && a.plain_read == b.plain_read &&
	       a.plain_write == b.plain_write && a.dirties == b.dirties &&
	       a.outside_transaction == b.outside_transaction && a.maintains == b.maintains &&
	       a.ends_transactions == b.ends_transactions && a.may_rerun == b.may_rerun;
}

static void check_class_of(struct sql_class class, struct buf *variant)
{
	FUZZ_CHECK(buf_error(variant) == 0);
	if (!same_class(sql_classify(buf_str(variant)), class)) {
		fuzz_show("variant", buf_str(variant));
		FUZZ_CHECK(!"the class is the same");
	}
	buf_reset(variant);
}

static void check_classes(struct str text)
{
	const struct str sql = sql_skip_byte_order_mark(text);
	const struct sql_class class = sql_classify(text);
	struct sql_scanner scanner;
	struct sql_token token;
	struct buf variant;

	FUZZ_CHECK(!class.plain_read || (!class.plain_write && !class.dirties));
	FUZZ_CHECK(!class.plain_read || !class.outside_transaction);
	FUZZ_CHECK(class.refusal == SQL_RUNS || (!class.plain_read && !class.plain_write));
	FUZZ_CHECK(class.refusal == SQL_RUNS || (class.dirties && !class.may_rerun));

	buf_init(&variant, 0, NULL);
	buf_puts(&variant, "/* a */ -- b\n");
	buf_append_str(&variant, sql);
	check_class_of(class, &variant);
	buf_append_str(&variant, sql);
	buf_puts(&variant, "\n/* a */ -- b");
	check_class_of(class, &variant);
	buf_append_str(&variant, sql);
	buf_puts(&variant, "\n;");
	check_class_of(class, &variant);

	sql_scan_init(&scanner, sql);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END)
		for (size_t i = 0; i < token.text.len; i++) {
			unsigned char c = (unsigned char)token.text.data[i];

			buf_putc(&variant,
				 (char)(token.kind == SQL_WORD && c < 0x80 ? toupper(c) : c));
		}
	check_class_of(class, &variant);
	buf_free(&variant);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	struct str sql = fuzz_rest(&input);
	struct arena arena;

	arena_init(&arena, 0, NULL);
	check_split(sql);
	check_params(&arena, sql, 1);
	check_params(&arena, sql, 2);
	if (check_tokens(sql))
		check_classes(sql);
	arena_free(&arena);
	return 0;
}
