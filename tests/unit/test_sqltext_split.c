/* SPDX-License-Identifier: PostgreSQL */
/* Where statements end, what they are called and on which line they stand. */
#include "sqltext/split.h"
#include "unit/sqltext.h"
#include "unit/suite.h"

#define DUMP_BYTES 4096

/* Statements as line:name/title[sql], with a ! where one is unclosed. */
static void dump(struct str text, char *out)
{
	struct sql_statement_text statement;
	struct sql_splitter splitter;
	size_t len = 0;

	out[0] = '\0';
	sql_split_init(&splitter, text);
	while (sql_split_next(&splitter, &statement)) {
		len += (size_t)snprintf(out + len, DUMP_BYTES - len, "%s%u:", len > 0 ? " " : "",
					statement.line);
		if (statement.name.data != NULL)
			len += (size_t)snprintf(out + len, DUMP_BYTES - len, "%.*s",
						(int)statement.name.len, statement.name.data);
		if (statement.title.data != NULL)
			len += (size_t)snprintf(out + len, DUMP_BYTES - len, "/%.*s",
						(int)statement.title.len, statement.title.data);
		len += (size_t)snprintf(out + len, DUMP_BYTES - len, "%s[%.*s]",
					statement.unclosed ? "!" : "", (int)statement.sql.len,
					statement.sql.data);
		ck_assert_uint_lt(len, DUMP_BYTES);
	}
	ck_assert(!sql_split_next(&splitter, &statement));
}

static const struct {
	const char *text, *statements;
} cases[] = {
	{"", ""},
	{" \n;; -- a\n; /* b */", ""},
	{"select 1", "1:[select 1]"},
	{"select 1;", "1:[select 1]"},
	{"select 1;select 2", "1:[select 1] 1:[select 2]"},
	{";;\n select 1 ;\n\n;select 2;;", "2:[select 1] 4:[select 2]"},
	{"-- c\n/* d */ select 1 -- e\n;", "2:[select 1]"},
	{"select -- c\n 1 /* d */ + 2 /* e */;", "1:[select -- c\n 1 /* d */ + 2]"},
	{"\xef\xbb\xbfselect 1", "1:[select 1]"},
	{"select 1\r\n;\r\nselect 2", "1:[select 1] 3:[select 2]"},
	/* not in quotes, comments, parentheses */
	{"select ';' || \";\" || $$;$$ || $a$;$a$ || E'\\';' /*;*/ --;\n + 1; b",
	 "1:[select ';' || \";\" || $$;$$ || $a$;$a$ || E'\\';' /*;*/ --;\n + 1] 2:[b]"},
	{"create rule r as on insert to t do also (a; b); c",
	 "1:[create rule r as on insert to t do also (a; b)] 1:[c]"},
	{"a ) ; b", "1:[a )] 1:[b]"},
	{"a [ ; b", "1:[a [] 1:[b]"},
	{"(a;(b);c);d", "1:[(a;(b);c)] 1:[d]"},
	/* unclosed */
	{"select 'a; b", "1:![select 'a; b]"},
	{"a; select \"b; c", "1:[a] 1:![select \"b; c]"},
	{"select $$a;", "1:![select $$a;]"},
	{"select (1; select 2; ", "1:![select (1; select 2;]"},
	{"select 1 /* a; b", "1:![select 1 /* a; b]"},
	{"select 1; \n/* a; b", "1:[select 1] 2:![/* a; b]"},
	{"select 1 -- a; b", "1:[select 1]"},
	/* hints stay */
	{"-- a\n/*+ SeqScan(t) */ /* b */ select 1; /*+ x */;",
	 "2:[/*+ SeqScan(t) */ /* b */ select 1]"},
	{"/*+ x */ ; select 1", "1:[select 1]"},
	{"select /*+ x */ 1 /*+ y */", "1:[select /*+ x */ 1]"},
	/* function bodies */
	{"create function f() returns int language sql begin atomic select 1; select 2; end; "
	 "select 3",
	 "1:[create function f() returns int language sql begin atomic select 1; select 2; end] "
	 "1:[select 3]"},
	{"CREATE OR REPLACE PROCEDURE p()\nBEGIN ATOMIC\n insert into t values (1);\nEND;\nx",
	 "1:[CREATE OR REPLACE PROCEDURE p()\nBEGIN ATOMIC\n insert into t values (1);\nEND] "
	 "5:[x]"},
	{"create function f() begin atomic select case when a then b else case when c then d end "
	 "end; end; x",
	 "1:[create function f() begin atomic select case when a then b else case when c then d "
	 "end end; end] 1:[x]"},
	{"create function f() begin atomic select (case when a then b end); end; x",
	 "1:[create function f() begin atomic select (case when a then b end); end] 1:[x]"},
	{"create function f() begin atomic select 1 as end, t.case; select t.end; end; x",
	 "1:[create function f() begin atomic select 1 as end, t.case; select t.end; end] 1:[x]"},
	{"create function f() begin /* c */ atomic select 1; end; x",
	 "1:[create function f() begin /* c */ atomic select 1; end] 1:[x]"},
	{"create function f() begin atomic select 1; x",
	 "1:![create function f() begin atomic select 1; x]"},
	{"create function begin() returns int language sql return 1; x",
	 "1:[create function begin() returns int language sql return 1] 1:[x]"},
	{"create function f() as $$ begin atomic; $$; x",
	 "1:[create function f() as $$ begin atomic; $$] 1:[x]"},
	{"create function f() as 'x' ; begin atomic; end",
	 "1:[create function f() as 'x'] 1:[begin atomic] 1:[end]"},
	{"create view v as select begin atomic; x",
	 "1:[create view v as select begin atomic] 1:[x]"},
	{"create or function f() begin atomic a; b",
	 "1:[create or function f() begin atomic a] 1:[b]"},
	{"begin; select 1; end; x", "1:[begin] 1:[select 1] 1:[end] 1:[x]"},
	{"select case when 1 then 2; end", "1:[select case when 1 then 2] 1:[end]"},
	/* names and titles */
	{"-- name: a\nselect 1;\n-- name: b\nselect 2", "2:a[select 1] 4:b[select 2]"},
	{"--name:a\n--  title  :  Two words  \nselect 1", "3:a/Two words[select 1]"},
	{"-- title: T\r\n-- name: a-b.c_1\r\nselect 1\r\n;", "3:a-b.c_1/T[select 1]"},
	{"-- name: a\n\n-- more\n/* more */\nselect 1", "5:a[select 1]"},
	{"  -- name: a\nselect 1", "2:a[select 1]"},
	{"-- name: a\n-- name: b\nselect 1", "3:b[select 1]"},
	{"-- name: a\n;\nselect 1", "3:[select 1]"},
	{"select 1; -- name: a\nselect 2", "1:[select 1] 2:[select 2]"},
	{"/* x */ -- name: a\nselect 1", "2:[select 1]"},
	{"/* x\n */ -- name: a\nselect 1", "3:[select 1]"},
	{"/* -- name: a */\nselect 1", "2:[select 1]"},
	{"/* name: a */\nselect 1", "2:[select 1]"},
	{"select\n-- name: a\n1; select 2", "1:[select\n-- name: a\n1] 3:[select 2]"},
	{"'\n-- name: a\n'; b", "1:['\n-- name: a\n'] 3:[b]"},
	{"-- name: 1a\nselect 1", "2:[select 1]"},
	{"-- name: a^\nselect 1", "2:[select 1]"},
	{"-- name: a b\nselect 1", "2:[select 1]"},
	{"-- name:\nselect 1", "2:[select 1]"},
	{"-- name a\nselect 1", "2:[select 1]"},
	{"-- Name: a\nselect 1", "2:[select 1]"},
	{"-- names: a\nselect 1", "2:[select 1]"},
	{"\xef\xbb\xbf-- name: a\nselect 1", "2:a[select 1]"},
	/* backslash commands are text */
	{"\\set x 1\nselect 1;", "1:[\\set x 1\nselect 1]"},
};

START_TEST(splits)
{
	struct str text = exact_copy(str_from(cases[_i].text));
	char out[DUMP_BYTES];

	dump(text, out);
	ck_assert_str_eq(out, cases[_i].statements);
	free_exact(text);
}
END_TEST

#define NOT_ONE 1000 /* no misnomer */

static const struct {
	const char *text;
	int why;
	unsigned line;
	const char *name;
} misnomers[] = {
	{"-- name: a\nselect 1;\n-- name: b\nselect 2", NOT_ONE, 0, NULL},
	{"select 1; -- name: 1a\n/* -- name: 1b */", NOT_ONE, 0, NULL},
	{"'\n-- name: 1a\n';", NOT_ONE, 0, NULL},
	{"-- Name: 1a\nselect 1", NOT_ONE, 0, NULL},
	{"\n-- name: 1a\nselect 1", SQL_NAME_INVALID, 2, "1a"},
	{"-- name:\nselect 1", SQL_NAME_INVALID, 1, ""},
	{"-- name: a b\nselect 1;\n-- name: 2\nselect 1", SQL_NAME_INVALID, 1, "a b"},
	{"-- name: a\n-- name: b\nselect 1", SQL_NAME_UNUSED, 1, "a"},
	{"-- name: a\n;\nselect 1", SQL_NAME_UNUSED, 1, "a"},
	{"select 1;\n-- name: a\n", SQL_NAME_UNUSED, 2, "a"},
	{"select 1\n-- name: a\n, 2", SQL_NAME_INSIDE, 2, "a"},
	{"select (\n-- name: 1 b\n1)", SQL_NAME_INSIDE, 2, "1 b"},
};

START_TEST(misnomer)
{
	struct str text = exact_copy(str_from(misnomers[_i].text));
	struct sql_statement_text statement;
	struct sql_splitter splitter;

	sql_split_init(&splitter, text);
	while (sql_split_next(&splitter, &statement))
		;
	ck_assert_uint_eq(splitter.misnomer.line, misnomers[_i].line);
	if (misnomers[_i].why != NOT_ONE) {
		ck_assert_int_eq(splitter.misnomer.why, misnomers[_i].why);
		ck_assert(str_is(splitter.misnomer.text, misnomers[_i].name));
	}
	free_exact(text);
}
END_TEST

static bool split_in_order(struct str text)
{
	struct sql_statement_text statement;
	struct sql_splitter splitter;
	const char *at = text.data;
	bool unclosed = false;

	sql_split_init(&splitter, text);
	while (sql_split_next(&splitter, &statement)) {
		unsigned line = 1;

		/* An unclosed one took all the rest. */
		if (unclosed || statement.sql.len == 0 || statement.sql.data < at)
			return false;
		unclosed = statement.unclosed;
		at = statement.sql.data + statement.sql.len;
		for (const char *p = text.data; p < statement.sql.data; p++)
			line += *p == '\n';
		if (at > text.data + text.len || statement.line != line ||
		    (statement.name.data != NULL && !sql_name_valid(statement.name)))
			return false;
	}
	return true;
}

START_TEST(random_text_is_split_in_order)
{
	char text[1024];
	uint64_t seed = 7 + (uint64_t)_i;

	for (int round = 0; round < 10000; round++) {
		struct str copy =
			exact_copy((struct str){text, random_sql(&seed, text, sizeof(text))});

		ck_assert_msg(split_in_order(copy), "%.*s", (int)copy.len, copy.data);
		free_exact(copy);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqltext/split");
	TCase *tcase = suite_case(suite, "statements", 10);

	tcase_add_loop_test(tcase, splits, 0, (int)ARRAY_SIZE(cases));
	tcase_add_loop_test(tcase, misnomer, 0, (int)ARRAY_SIZE(misnomers));
	tcase = suite_case(suite, "random", 60);
	tcase_add_loop_test(tcase, random_text_is_split_in_order, 0, 4);
	return suite_run(suite);
}
