/* SPDX-License-Identifier: PostgreSQL */
/* The scanner against what PostgreSQL's own makes of the same texts. */
#include "sqltext/scan.h"
#include "unit/sqltext.h"
#include "unit/suite.h"

#define DUMP_BYTES 4096

/* Tokens but spaces as letter<text>, with a ! where one is unclosed. */
static void dump(struct str text, char *out)
{
	static const char letters[] = {
		[SQL_COMMENT] = 'c',  [SQL_WORD] = 'w',	  [SQL_QUOTED_IDENT] = 'q',
		[SQL_STRING] = 's',   [SQL_NUMBER] = 'n', [SQL_PARAM] = 'p',
		[SQL_OPERATOR] = 'o', [SQL_CAST] = 't',	  [SQL_COLON_EQUALS] = 'e',
	};
	struct sql_scanner scanner;
	struct sql_token token;
	size_t len = 0;

	out[0] = '\0';
	sql_scan_init(&scanner, text);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END) {
		if (token.kind == SQL_SPACE)
			continue;
		len += (size_t)snprintf(out + len, DUMP_BYTES - len, "%s%c%s<%.*s>",
					len > 0 ? " " : "", letters[token.kind],
					token.unclosed ? "!" : "", (int)token.text.len,
					token.text.data);
		ck_assert_uint_lt(len, DUMP_BYTES);
	}
}

static const struct {
	const char *sql, *tokens;
} cases[] = {
	{"", ""},
	{" \t\r\n\f\v", ""},
	/* words */
	{"select A_1 from b", "w<select> w<A_1> w<from> w<b>"},
	{"a$b$ c", "w<a$b$> w<c>"},
	{"a$b$c$b$", "w<a$b$c$b$>"},
	{"\xc3\xa9t\xc3\xa9$1", "w<\xc3\xa9t\xc3\xa9$1>"},
	{"\xff\x80", "w<\xff\x80>"},
	{"e b x n u", "w<e> w<b> w<x> w<n> w<u>"},
	/* quoted identifiers */
	{"\"a\"\"b\"", "q<\"a\"\"b\">"},
	{"\"a\\\"b\"", "q<\"a\\\"> w<b> q!<\">"},
	{"U&\"d\\0061t\" u&\"x\"\"y\"", "q<U&\"d\\0061t\"> q<u&\"x\"\"y\">"},
	{"U& \"x\"", "w<U> o<&> q<\"x\">"},
	{"e\"x\"", "w<e> q<\"x\">"},
	{"\"a\n'b\"", "q<\"a\n'b\">"},
	{"\"a", "q!<\"a>"},
	{"\"a\"\n\"b\"", "q<\"a\"> q<\"b\">"},
	/* strings */
	{"'a''b'", "s<'a''b'>"},
	{"''", "s<''>"},
	{"''''", "s<''''>"},
	{"'''", "s!<'''>"},
	{"'a\\'c'", "s<'a\\'> w<c> s!<'>"},
	{"E'a\\'b'", "s<E'a\\'b'>"},
	{"e'\\\\' x", "s<e'\\\\'> w<x>"},
	{"E'a''\\''", "s<E'a''\\''>"},
	{"E'\\", "s!<E'\\>"},
	{"E'a", "s!<E'a>"},
	{"e 'a\\'", "w<e> s<'a\\'>"},
	{"N'a\\'", "s<N'a\\'>"},
	{"B'01' x'1F'", "s<B'01'> s<x'1F'>"},
	{"B'1''0'", "s<B'1'> s<'0'>"},
	{"X'1''\\'", "s<X'1'> s<'\\'>"},
	{"U&'\\0061\\'", "s<U&'\\0061\\'>"},
	{"u&'it''s' uescape '!'", "s<u&'it''s'> w<uescape> s<'!'>"},
	{"'a;b--c/*d$$'", "s<'a;b--c/*d$$'>"},
	{"'a\nb'", "s<'a\nb'>"},
	{"ae'\\'", "w<ae> s<'\\'>"},
	/* strings go on behind a line's end */
	{"'a'\n'b'", "s<'a'\n'b'>"},
	{"'a' \t\r\n \n 'b'", "s<'a' \t\r\n \n 'b'>"},
	{"'a'\r'b'", "s<'a'\r'b'>"},
	{"'a' 'b'", "s<'a'> s<'b'>"},
	{"'a' -- c\n'b'", "s<'a' -- c\n'b'>"},
	{"'a'\n-- c\n-- d\n'b'", "s<'a'\n-- c\n-- d\n'b'>"},
	{"'a' /* c */\n'b'", "s<'a'> c</* c */> s<'b'>"},
	{"'a'\n/* c */'b'", "s<'a'> c</* c */> s<'b'>"},
	{"'a' -- c", "s<'a'> c<-- c>"},
	{"'a'\n", "s<'a'>"},
	{"'a'\n-", "s<'a'> o<->"},
	{"'a'\nE'b'", "s<'a'> s<E'b'>"},
	{"E'a'\n'b\\'c'", "s<E'a'\n'b\\'c'>"},
	{"'a'\n'b\\'c", "s<'a'\n'b\\'> w<c>"},
	{"X'1'\n'2'", "s<X'1'\n'2'>"},
	{"'a'\n'b", "s!<'a'\n'b>"},
	{"'a'\n'b'\n'c'", "s<'a'\n'b'\n'c'>"},
	/* dollar quotes */
	{"$$a$$", "s<$$a$$>"},
	{"$$a'\"--/*$$b", "s<$$a'\"--/*$$> w<b>"},
	{"$t$a$$b$T$c$t$", "s<$t$a$$b$T$c$t$>"},
	{"$t$a$tt$t$", "s<$t$a$tt$t$>"},
	{"$$a$b$$", "s<$$a$b$$>"},
	{"$$$$", "s<$$$$>"},
	{"$$$", "s!<$$$>"},
	{"$a$ $b$ $a$", "s<$a$ $b$ $a$>"},
	{"$a$$a$", "s<$a$$a$>"},
	{"$\xc3\xa9$x$\xc3\xa9$", "s<$\xc3\xa9$x$\xc3\xa9$>"},
	{"$a1_$x$a1_$", "s<$a1_$x$a1_$>"},
	{"$a b$", "o<$> w<a> w<b$>"},
	{"$a", "o<$> w<a>"},
	{"$", "o<$>"},
	{"$a$b", "s!<$a$b>"},
	{"a$$b$$", "w<a$$b$$>"},
	{"1$$b$$", "n<1> s<$$b$$>"},
	{")$$b$$", "o<)> s<$$b$$>"},
	/* parameters */
	{"$1", "p<$1>"},
	{"$1$2", "p<$1> p<$2>"},
	{"$1abc", "p<$1> w<abc>"},
	{"$1$a$x$a$", "p<$1> s<$a$x$a$>"},
	{"$12345678901234567890", "p<$12345678901234567890>"},
	/* numbers */
	{"1 1.5 1. .5", "n<1> n<1.5> n<1.> n<.5>"},
	{"1e5 1E+5 1.5e-5 .5e3 1.e5", "n<1e5> n<1E+5> n<1.5e-5> n<.5e3> n<1.e5>"},
	{"1e", "n<1> w<e>"},
	{"1e+", "n<1> w<e> o<+>"},
	{"1e+x", "n<1> w<e> o<+> w<x>"},
	{"1E'\\''", "n<1> s<E'\\''>"},
	{"1..10", "n<1> o<..> n<10>"},
	{"1...5", "n<1> o<..> n<.5>"},
	{"1.5.3", "n<1.5> n<.3>"},
	{"a.5", "w<a> n<.5>"},
	{"a.b..c", "w<a> o<.> w<b> o<..> w<c>"},
	{"0x1F 0XaB_c 0o17 0b01 0b2", "n<0x1F> n<0XaB_c> n<0o17> n<0b01> n<0> w<b2>"},
	{"0x", "n<0> w<x>"},
	{"0x'1'", "n<0> s<x'1'>"},
	{"1_000 1__0 1_ 1_0.0_1e1_0", "n<1_000> n<1> w<__0> n<1> w<_> n<1_0.0_1e1_0>"},
	{"123abc", "n<123> w<abc>"},
	{"-1", "o<-> n<1>"},
	{"._1", "o<.> w<_1>"},
	/* comments */
	{"-- a\nb", "c<-- a> w<b>"},
	{"-- a\rb", "c<-- a> w<b>"},
	{"-- a", "c<-- a>"},
	{"--", "c<-->"},
	{"-- 'a\n'b'", "c<-- 'a> s<'b'>"},
	{"/* a */b", "c</* a */> w<b>"},
	{"/* a /* b */ c */ d", "c</* a /* b */ c */> w<d>"},
	{"/**/", "c</**/>"},
	{"/*/*/", "c!</*/*/>"},
	{"/*/**/*/", "c</*/**/*/>"},
	{"/***/ /*//*/", "c</***/> c!</*//*/>"},
	{"/* a", "c!</* a>"},
	{"/*", "c!</*>"},
	{"/* -- */ x", "c</* -- */> w<x>"},
	{"/* ' */ x", "c</* ' */> w<x>"},
	{"*/", "o<*/>"},
	/* operators */
	{"a<=b", "w<a> o<<=> w<b>"},
	{"a=>1", "w<a> o<=>> n<1>"},
	{"a*-1", "w<a> o<*> o<-> n<1>"},
	{"a@-1", "w<a> o<@-> n<1>"},
	{"=-", "o<=> o<->"},
	{"<>-+", "o<<>> o<-> o<+>"},
	{"+-+-", "o<+> o<-> o<+> o<->"},
	{"+*+", "o<+*> o<+>"},
	{"-*@+-", "o<-*@+->"},
	{"+--a", "o<+> c<--a>"},
	{"*/*b*/", "o<*> c</*b*/>"},
	{"@/*b*/-", "o<@> c</*b*/> o<->"},
	{"+@--x", "o<+@> c<--x>"},
	{"=+--x", "o<=> o<+> c<--x>"},
	{"a->>'b'", "w<a> o<->>> s<'b'>"},
	{"a?|b", "w<a> o<?|> w<b>"},
	{"(a,b)[1];", "o<(> w<a> o<,> w<b> o<)> o<[> n<1> o<]> o<;>"},
	{"\\d {}", "o<\\> w<d> o<{> o<}>"},
	/* colons */
	{"a::int", "w<a> t<::> w<int>"},
	{"a:=1", "w<a> e<:=> n<1>"},
	{":::", "t<::> o<:>"},
	{"::=", "t<::> o<=>"},
	{":==", "e<:=> o<=>"},
	{":a", "o<:> w<a>"},
	{":'a'", "o<:> s<'a'>"},
	{":-1", "o<:> o<-> n<1>"},
};

START_TEST(cuts_as_postgresql_does)
{
	struct str text = exact_copy(str_from(cases[_i].sql));
	char out[DUMP_BYTES];

	dump(text, out);
	ck_assert_str_eq(out, cases[_i].tokens);
	free_exact(text);
}
END_TEST

START_TEST(a_nul_byte_is_a_token_of_its_own)
{
	struct sql_scanner scanner;
	struct sql_token token;

	sql_scan_init(&scanner, (struct str){"0\0x", 3});
	token = sql_scan_next(&scanner);
	ck_assert_int_eq(token.kind, SQL_NUMBER);
	token = sql_scan_next(&scanner);
	ck_assert_int_eq(token.kind, SQL_OPERATOR);
	ck_assert_uint_eq(token.text.len, 1);
	token = sql_scan_next(&scanner);
	ck_assert_int_eq(token.kind, SQL_WORD);
}
END_TEST

START_TEST(the_end_comes_again_and_again)
{
	struct sql_scanner scanner;
	struct sql_token token;

	sql_scan_init(&scanner, (struct str){NULL, 0});
	ck_assert_int_eq(sql_scan_next(&scanner).kind, SQL_END);
	sql_scan_init(&scanner, STR(" -- x"));
	for (int i = 0; i < 3; i++) {
		token = sql_scan_next_solid(&scanner);
		ck_assert_int_eq(token.kind, SQL_END);
		ck_assert_uint_eq(token.text.len, 0);
	}
}
END_TEST

START_TEST(solid_tokens_skip_spaces_and_comments)
{
	struct sql_scanner scanner;
	struct sql_token token;

	sql_scan_init(&scanner, STR("\n-- a\n /* b */ c /* d"));
	token = sql_scan_next_solid(&scanner);
	ck_assert(str_is(token.text, "c"));
	ck_assert_int_eq(sql_scan_next_solid(&scanner).kind, SQL_END);
}
END_TEST

START_TEST(words_are_compared_without_case)
{
	static const struct {
		const char *text, *word;
		bool same;
	} words[] = {
		{"SeLeCt", "select", true},
		{"select", "select", true},
		{"selec", "select", false},
		{"selects", "select", false},
		{"\"select\"", "select", false},
		{"'select'", "select", false},
		{"@", "`", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct sql_scanner scanner;
		struct sql_token token;

		sql_scan_init(&scanner, str_from(words[i].text));
		token = sql_scan_next(&scanner);
		ck_assert_msg(sql_token_is_word(&token, words[i].word) == words[i].same, "%s",
			      words[i].text);
	}
}
END_TEST

START_TEST(operators_are_compared_whole)
{
	static const struct {
		const char *text, *operator;
		bool same;
	} operators[] = {
		{"(", "(", true},   {"::", "::", true},	 {":=", ":=", true},
		{"<=", "<", false}, {"'('", "(", false}, {"<", "<=", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		struct sql_scanner scanner;
		struct sql_token token;

		sql_scan_init(&scanner, str_from(operators[i].text));
		token = sql_scan_next(&scanner);
		ck_assert_msg(sql_token_is(&token, operators[i].operator) == operators[i].same,
			      "%s", operators[i].text);
	}
}
END_TEST

/* Every token has bytes, they lie end to end and are the text; only the last one can be unclosed.
 */
static bool tokens_tile(struct str text)
{
	struct sql_scanner scanner;
	struct sql_token token;
	size_t at = 0;

	sql_scan_init(&scanner, text);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END) {
		if (token.text.data != text.data + at || token.text.len == 0 ||
		    token.text.len > text.len - at)
			return false;
		at += token.text.len;
		if (token.unclosed && at != text.len)
			return false;
	}
	return at == text.len;
}

START_TEST(tokens_of_random_text_are_the_text)
{
	char text[1024];
	uint64_t seed = 1 + (uint64_t)_i;

	for (int round = 0; round < 20000; round++) {
		struct str copy =
			exact_copy((struct str){text, random_sql(&seed, text, sizeof(text))});

		ck_assert_msg(tokens_tile(copy), "%.*s", (int)copy.len, copy.data);
		free_exact(copy);
	}
}
END_TEST

START_TEST(tokens_of_random_bytes_are_the_text)
{
	char text[64];
	uint64_t seed = 99;

	for (int round = 0; round < 20000; round++) {
		size_t len = random_below(&seed, sizeof(text));
		struct str copy;

		for (size_t i = 0; i < len; i++)
			text[i] = (char)random_below(&seed, 256);
		copy = exact_copy((struct str){text, len});
		ck_assert_msg(tokens_tile(copy), "%.*s", (int)copy.len, copy.data);
		free_exact(copy);
	}
}
END_TEST

/* Texts that would take hours if anything were read again for every token; the case's time limit
 * judges. */
START_TEST(hostile_text_takes_linear_time)
{
	static const char *const pieces[] = {"+",   "+-",  "@-",   "*/",   "/*",      "$a",
					     "$a$", "B''", "''\n", "E'\\", "1e+",     "1_",
					     "0x",  "U&",  ".",	   "::",   "'a'--\n", "$1$"};
	const char *piece = pieces[_i];
	size_t piece_len = strlen(piece), len = 2000000 / piece_len * piece_len;
	char *text = malloc(len);

	ck_assert_ptr_nonnull(text);
	for (size_t at = 0; at < len; at += piece_len)
		memcpy(text + at, piece, piece_len);
	ck_assert(tokens_tile((struct str){text, len}));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqltext/scan");
	TCase *tcase = suite_case(suite, "tokens", 10);

	tcase_add_loop_test(tcase, cuts_as_postgresql_does, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tcase, a_nul_byte_is_a_token_of_its_own);
	tcase_add_test(tcase, the_end_comes_again_and_again);
	tcase_add_test(tcase, solid_tokens_skip_spaces_and_comments);
	tcase_add_test(tcase, words_are_compared_without_case);
	tcase_add_test(tcase, operators_are_compared_whole);
	tcase = suite_case(suite, "random", 60);
	tcase_add_loop_test(tcase, tokens_of_random_text_are_the_text, 0, 4);
	tcase_add_test(tcase, tokens_of_random_bytes_are_the_text);
	tcase_add_loop_test(tcase, hostile_text_takes_linear_time, 0, 18);
	return suite_run(suite);
}
