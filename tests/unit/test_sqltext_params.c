/* SPDX-License-Identifier: PostgreSQL */
/* What is a named parameter and what only looks like one, and what the text then reads. */
#include "base/mem.h"
#include "sqltext/named.h"
#include "sqltext/params.h"
#include "sqltext/scan.h"
#include "unit/mem_failure.h"
#include "unit/sqltext.h"
#include "unit/suite.h"

#include <errno.h>
#include <limits.h>

static struct arena arena;

static void set_up(void)
{
	arena_init(&arena, 0, NULL);
}

static void tear_down(void)
{
	mem_set_fail_hook(NULL, NULL);
	arena_free(&arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

/* The caller's names of all cases below. */
static const struct str names[] = {STR("a"),
				   STR("b"),
				   STR("lo"),
				   STR("hi"),
				   STR("_x1"),
				   STR("A"),
				   STR("gr\xc3\xb6\xc3\x9f"
				       "e")};

static const struct {
	const char *sql, *rewritten; /* NULL: as it was */
} cases[] = {
	{"", NULL},
	{"select 1", NULL},
	{"select :a", "select $1"},
	{"select :a, :b, :a", "select $1, $2, $1"},
	{"select :b, :a", "select $1, $2"},
	{"select :A, :a", "select $1, $2"},
	{"select :_x1", "select $1"},
	{":a", "$1"},
	{"select :gr\xc3\xb6\xc3\x9f"
	 "e::int",
	 "select $1::int"},
	{"select :gr\xc3\xb6\xc3\x9f, :gr\xc3\xb6", NULL},
	{":a:b", "$1 $2"},
	/* not in the list, or no name */
	{"select :c, :a1, :ab, :aa", NULL},
	{"select :1, :$1, : a, :, :-a", NULL},
	{"select :a$, :a$b, :a\xc3\xa9, :\xc3\xa9", NULL},
	/* quotes and comments */
	{"':a' \":a\" E'\\':a' $$:a$$ $x$:a$x$ U&':a' U&\":a\" B':a' -- :a\n/* :a /* :a */ :a */",
	 NULL},
	{"'x' :a", "'x' $1"},
	{"'x' -- 'y'\n:a", "'x' -- 'y'\n$1"},
	{"'x':a", "'x'$1"},
	{":a'x'", "$1'x'"},
	{"':a", NULL},
	{"/* :a", NULL},
	/* psql's quoting forms, and what begins like a string's prefix */
	{":'a' :\"a\" :e'a' :$$a$$", NULL},
	/* casts and assignments */
	{"1::a, x::a, '1'::a", NULL},
	{":a::int", "$1::int"},
	{":a::b", "$1::b"},
	{"f(a:=1, b := :b)", "f(a:=1, b := $1)"},
	{"f(a:=:a)", "f(a:=$1)"},
	{"f(a=>:a)", "f(a=>$1)"},
	{"x:::a", "x::$1"},
	/* no token is glued to another */
	{"limit:a", "limit $1"},
	{"1:a", "1 $1"},
	{"$:a", "$ $1"},
	{"a$:b", "a$ $1"},
	{"$1:a", "$1 $1"},
	{"\xc3\xa9:a", "\xc3\xa9 $1"},
	{"(:a)", "($1)"},
	{"@:a", "@$1"},
	{"-:a", "-$1"},
	{":a-:b", "$1-$2"},
	{":a.x", "$1.x"},
	{":a[1]", "$1[1]"},
	{":a\"x\"", "$1\"x\""},
	{":a-- x", "$1-- x"},
	/* arrays are built of parameters */
	{"array[:a, :b]", "array[$1, $2]"},
	{"ARRAY [:a]", "ARRAY [$1]"},
	{"array[[:a, 1], [:b, 2]]", "array[[$1, 1], [$2, 2]]"},
	{"array[[[:a]]]", "array[[[$1]]]"},
	{"array[x[:a]]", NULL},
	{"array[x[1:a], :a]", "array[x[1:a], $1]"},
	{"array[array[:a]]", "array[array[$1]]"},
	{"t.array[:a]", NULL},
	/* slices */
	{"x[1:a]", NULL},
	{"x[1 : a]", NULL},
	{"x[:a]", NULL},
	{"x[ :a ]", NULL},
	{"x[lo:hi]", NULL},
	{"x[lo : hi]", NULL},
	{"x[:]", NULL},
	{"x[1:]", NULL},
	{"x[:5]", NULL},
	{"\"x\"[1:a]", NULL},
	{"f(1)[1:a]", NULL},
	{"x[1][1:a]", NULL},
	{"x[1:a][1:b]", NULL},
	{"x['1':a]", NULL},
	{"x[$1:a]", NULL},
	{"x[(1):a]", NULL},
	{"x[y[1]:a]", NULL},
	{"x[\"y\":a]", NULL},
	{"x[1::a]", NULL},
	{"(select 1)[1:a]", NULL},
	{"x[f(1, 2):a]", NULL},
	{"x[ -- c\n1 /* d */ :a]", NULL},
	{"x[:\"a\"]", NULL},
	/* parameters in slices and subscripts */
	{"x[(:a)]", "x[($1)]"},
	{"x[f(:a)]", "x[f($1)]"},
	{"x[f(1, :a):hi]", "x[f(1, $1):hi]"},
	{"x[1 + :a]", "x[1 + $1]"},
	{"x[-:a]", "x[-$1]"},
	{"x[1: :a]", "x[1: $1]"},
	{"x[1 : :a]", "x[1 : $1]"},
	{"x[: :a]", "x[: $1]"},
	{"x[:lo : :hi]", "x[$1 : $2]"},
	{"x[:lo::int : :hi]", "x[$1::int : $2]"},
	{"x[:lo :]", "x[$1 :]"},
	{"x[:lo:5]", "x[$1:5]"},
	{"x[:lo:hi]", "x[$1:hi]"},
	{"x[:lo + 1 : :hi - 1]", "x[$1 + 1 : $2 - 1]"},
	{"x[:lo:(:hi)]", "x[$1:($2)]"},
	{"x[:lo]:a", "x[:lo]$1"},
	{"x[y[:a] : :b]", "x[y[:a] : $1]"},
	{"x[y[:a : :b] : :lo]", "x[y[$1 : $2] : $3]"},
	{"x[:a", NULL},
	{"x[:a :b", "x[$1 :b"},
	{"(x[:lo : :hi])[:a]", "(x[$1 : $2])[:a]"},
	{"x[:a] = :a", "x[:a] = $1"},
	{"x[1], :a", "x[1], $1"},
	{"x]:a", "x]$1"},
	{")):a", "))$1"},
	/* json_object's colon */
	{"json_object('k':a)", NULL},
	{"json_object('k' : :a)", "json_object('k' : $1)"},
	{"json_object('k': :a, 'l':b)", "json_object('k': $1, 'l':b)"},
	{"json_object(:a : :b)", "json_object($1 : $2)"},
	{"json_object(:a:b)", "json_object($1:b)"},
	{"json_object(k :a, :b : 1)", "json_object(k :a, $1 : 1)"},
	{"json_object('k' value :a)", "json_object('k' value $1)"},
	{"json_object('k' : not :a)", "json_object('k' : not $1)"},
	{"json_object('k':f(:a))", "json_object('k':f($1))"},
	{"json_object(:a, :b)", "json_object($1, $2)"},
	{"JSON_OBJECTAGG(k:a)", NULL},
	{"json_object(f(:a):b)", "json_object(f($1):b)"},
	{"json_object('k' : :a) || :b", "json_object('k' : $1) || $2"},
	/* behind keywords */
	{"select x from t where x between :a and :b order by:lo limit:hi",
	 "select x from t where x between $1 and $2 order by $3 limit $4"},
	{"select distinct on (x) :a", "select distinct on (x) $1"},
	{"a operator(pg_catalog.+) :a", "a operator(pg_catalog.+) $1"},
	{"insert into t values (:a,:b)", "insert into t values ($1,$2)"},
	{"x in (:a, :b)", "x in ($1, $2)"},
	{"case when :a then :b else :lo end", "case when $1 then $2 else $3 end"},
	{"\xc3\xa9\xc3\xa9 :a '\xc3\xa9' :b", "\xc3\xa9\xc3\xa9 $1 '\xc3\xa9' $2"},
};

START_TEST(rewrites)
{
	struct str sql = exact_copy(str_from(cases[_i].sql));
	const char *wanted = cases[_i].rewritten != NULL ? cases[_i].rewritten : cases[_i].sql;
	struct sql_params params;

	ck_assert_int_eq(sql_params_rewrite(&arena, sql, names, ARRAY_SIZE(names), &params), 0);
	ck_assert_str_eq(params.sql, wanted);
	ck_assert_uint_eq(params.sql_len, strlen(wanted));
	ck_assert_uint_eq(params.count > 0, cases[_i].rewritten != NULL);
	free_exact(sql);
}
END_TEST

START_TEST(order_says_which_name_a_number_is)
{
	struct sql_params params;

	ck_assert_int_eq(
		sql_params_rewrite(&arena, STR(":hi :a :hi :b"), names, ARRAY_SIZE(names), &params),
		0);
	ck_assert_str_eq(params.sql, "$1 $2 $1 $3");
	ck_assert_uint_eq(params.count, 3);
	ck_assert_uint_eq(params.order[0], 3);
	ck_assert_uint_eq(params.order[1], 0);
	ck_assert_uint_eq(params.order[2], 1);
	ck_assert_uint_eq(params.unused, 2);
}
END_TEST

START_TEST(all_names_used)
{
	struct sql_params params;

	ck_assert_int_eq(sql_params_rewrite(&arena, STR(":b :a"), names, 2, &params), 0);
	ck_assert_uint_eq(params.unused, 2);
}
END_TEST

START_TEST(no_names_at_all)
{
	struct sql_params params;

	ck_assert_int_eq(sql_params_rewrite(&arena, STR("select :a"), NULL, 0, &params), 0);
	ck_assert_str_eq(params.sql, "select :a");
	ck_assert_uint_eq(params.count, 0);
	ck_assert_uint_eq(params.unused, 0);
	ck_assert_uint_eq(params.shift_count, 0);
}
END_TEST

START_TEST(odd_names_are_never_found)
{
	static const struct str odd[] = {STR(""),   STR("1"),  STR("a b"),
					 {NULL, 0}, STR("a$"), STR("$a")};
	struct sql_params params;

	ck_assert_int_eq(sql_params_rewrite(&arena, STR(": :1 :a b :a$ :$a :"), odd,
					    ARRAY_SIZE(odd), &params),
			 0);
	ck_assert_uint_eq(params.count, 0);
	ck_assert_uint_eq(params.unused, 0);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		ck_assert(!sql_param_name_valid(odd[i]));
}
END_TEST

START_TEST(tells_a_dollar_of_its_own)
{
	static const struct {
		const char *sql;
		bool dollar;
	} texts[] = {{"$1 :a", true},
		     {":a", false},
		     {"'$1' :a -- $1", false},
		     {"$$1$$ :a", false},
		     {"x$1 :a", false}};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct sql_params params;

		ck_assert_int_eq(
			sql_params_rewrite(&arena, str_from(texts[i].sql), names, 1, &params), 0);
		ck_assert_uint_eq(params.count, 1);
		ck_assert_msg(params.has_dollar == texts[i].dollar, "%s", texts[i].sql);
	}
}
END_TEST

START_TEST(highest_dollar)
{
	static const struct {
		const char *sql;
		unsigned highest;
	} texts[] = {
		{"", 0},
		{"select 1", 0},
		{"$1", 1},
		{"$3 $2", 3},
		{"'$9' $$ $8 $$ $1 -- $7", 1},
		{"$007", 7},
		{"$0", 0},
		{"$4294967294", UINT_MAX - 1},
		{"$4294967295", UINT_MAX},
		{"$4294967296", UINT_MAX},
		{"$99999999999999999999999 $1", UINT_MAX},
		{"$1abc", 1},
		{"a$5", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(sql_params_highest(str_from(texts[i].sql)) == texts[i].highest, "%s",
			      texts[i].sql);
}
END_TEST

START_TEST(positions_in_characters_of_the_text_sent)
{
	/* new: é $1, $2 + $1 x    old: é :lo, :b + :lo x */
	static const struct {
		int rewritten, sent;
	} places[] = {
		{0, 0},	  {-1, -1}, {1, 1},   {2, 2},	{3, 3},	  {4, 3},
		{5, 6},	  {6, 7},   {7, 8},   {8, 8},	{9, 10},  {10, 11},
		{12, 13}, {13, 13}, {14, 16}, {15, 17}, {16, 18}, {100, 102},
	};
	struct sql_params params;

	ck_assert_int_eq(sql_params_rewrite(&arena, STR("\xc3\xa9 :lo, :b + :lo x"), names,
					    ARRAY_SIZE(names), &params),
			 0);
	ck_assert_str_eq(params.sql, "\xc3\xa9 $1, $2 + $1 x");
	ck_assert_uint_eq(params.shift_count, 3);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		ck_assert_int_eq(sql_params_position(&params, places[i].rewritten), places[i].sent);
}
END_TEST

START_TEST(positions_behind_a_put_in_space)
{
	struct sql_params params;

	/* "limit $1+x" of "limit:a+x" */
	ck_assert_int_eq(
		sql_params_rewrite(&arena, STR("limit:a+x"), names, ARRAY_SIZE(names), &params), 0);
	ck_assert_str_eq(params.sql, "limit $1+x");
	ck_assert_int_eq(sql_params_position(&params, 5), 5);
	ck_assert_int_eq(sql_params_position(&params, 6), 6);
	ck_assert_int_eq(sql_params_position(&params, 7), 6);
	ck_assert_int_eq(sql_params_position(&params, 9), 8);
	ck_assert_int_eq(sql_params_position(&params, 10), 9);
}
END_TEST

START_TEST(positions_without_names)
{
	struct sql_params params;

	ck_assert_int_eq(
		sql_params_rewrite(&arena, STR("select"), names, ARRAY_SIZE(names), &params), 0);
	ck_assert_int_eq(sql_params_position(&params, 7), 7);
	ck_assert_int_eq(sql_params_position(&params, INT_MAX), INT_MAX);
}
END_TEST

START_TEST(many_names_keep_their_numbers)
{
	enum { COUNT = 1000 };
	struct str *many = calloc(COUNT, sizeof(*many));
	char *sql = calloc(COUNT, 16), *wanted = calloc(COUNT, 16);
	size_t len = 0, wanted_len = 0;
	struct sql_params params;

	ck_assert(many != NULL && sql != NULL && wanted != NULL);
	for (int i = 0; i < COUNT; i++) {
		/* Used backwards. */
		many[i] = str_from(arena_printf(&arena, "n%d", COUNT - 1 - i));
		len += (size_t)sprintf(sql + len, ":n%d,", i);
		wanted_len += (size_t)sprintf(wanted + wanted_len, "$%d,", i + 1);
	}
	ck_assert_int_eq(sql_params_rewrite(&arena, (struct str){sql, len}, many, COUNT, &params),
			 0);
	ck_assert_uint_eq(params.count, COUNT);
	ck_assert_uint_eq(params.unused, COUNT);
	ck_assert_str_eq(params.sql, wanted);
	ck_assert_uint_eq(params.order[0], COUNT - 1);
	ck_assert_uint_eq(params.order[COUNT - 1], 0);
	free(many);
	free(sql);
	free(wanted);
}
END_TEST

START_TEST(deep_nesting_is_read)
{
	enum { DEPTH = 9000 };
	char *sql = malloc(2 * DEPTH + 8);
	struct sql_params params;

	ck_assert_ptr_nonnull(sql);
	memset(sql, '[', DEPTH);
	memcpy(sql + DEPTH, "1 + :a", 6);
	memset(sql + DEPTH + 6, ']', DEPTH);
	ck_assert_int_eq(
		sql_params_rewrite(&arena, (struct str){sql, 2 * DEPTH + 6}, names, 1, &params), 0);
	ck_assert_uint_eq(params.count, 1);
	free(sql);
}
END_TEST

/* Nothing but the bound on what is tracked matters here: it ends, and stays within its memory. */
START_TEST(absurd_nesting_is_survived)
{
	enum { DEPTH = 300000 };
	char *sql = malloc(3 * DEPTH);
	struct sql_params params;

	ck_assert_ptr_nonnull(sql);
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(sql + 3 * i, "[:a", 3);
	ck_assert_int_eq(
		sql_params_rewrite(&arena, (struct str){sql, 3 * DEPTH}, names, 1, &params), 0);
	memset(sql + DEPTH, ']', 2 * DEPTH);
	ck_assert_int_eq(
		sql_params_rewrite(&arena, (struct str){sql, 3 * DEPTH}, names, 1, &params), 0);
	free(sql);
}
END_TEST

START_TEST(no_memory_at_any_point)
{
	char sql[9001];
	struct sql_params params = {.count = 77};
	int failed = 0, rc;

	for (size_t i = 0; i < 3000; i++)
		memcpy(sql + 3 * i, ":a,", 3);
	do {
		struct mem_failure failure = {.countdown = failed, .more = INT_MAX};

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = sql_params_rewrite(&arena, (struct str){sql, 9000}, names, 1, &params);
		mem_set_fail_hook(NULL, NULL);
		ck_assert(rc == 0 || (rc == -ENOMEM && params.count == 77));
		arena_free(&arena);
	} while (rc < 0 && ++failed < 100);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(failed, 1);
}
END_TEST

/*
 * Whatever the text: without its parameters the rewritten text has the same tokens as the one sent,
 * and every parameter is where a name was.
 */
static bool same_but_for_names(struct str sql, const struct sql_params *params)
{
	struct sql_scanner sent, rewritten;
	size_t shift = 0;

	sql_scan_init(&sent, sql);
	sql_scan_init(&rewritten, (struct str){params->sql, params->sql_len});
	for (;;) {
		struct sql_token a = sql_scan_next_solid(&sent),
				 b = sql_scan_next_solid(&rewritten);

		if (a.kind == b.kind && str_equal(a.text, b.text)) {
			if (a.kind == SQL_END)
				return shift == params->shift_count;
			continue;
		}
		if (!sql_token_is(&a, ":") || b.kind != SQL_PARAM || ++shift > params->shift_count)
			return false;
		a = sql_scan_next(&sent);
		if (a.kind != SQL_WORD || !sql_param_name_valid(a.text))
			return false;
	}
}

START_TEST(random_text_changes_in_its_names_only)
{
	char text[1024];
	uint64_t seed = 5 + (uint64_t)_i;

	for (int round = 0; round < 10000; round++) {
		struct str copy =
			exact_copy((struct str){text, random_sql(&seed, text, sizeof(text))});
		struct sql_params params;

		ck_assert_int_eq(sql_params_rewrite(&arena, copy, names, 2, &params), 0);
		ck_assert_msg(same_but_for_names(copy, &params), "%.*s\n-> %s", (int)copy.len,
			      copy.data, params.sql);
		arena_free(&arena);
		free_exact(copy);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqltext/params");
	TCase *tcase = suite_case(suite, "rewrite", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, rewrites, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tcase, order_says_which_name_a_number_is);
	tcase_add_test(tcase, all_names_used);
	tcase_add_test(tcase, no_names_at_all);
	tcase_add_test(tcase, odd_names_are_never_found);
	tcase_add_test(tcase, tells_a_dollar_of_its_own);
	tcase_add_test(tcase, highest_dollar);
	tcase_add_test(tcase, positions_in_characters_of_the_text_sent);
	tcase_add_test(tcase, positions_behind_a_put_in_space);
	tcase_add_test(tcase, positions_without_names);
	tcase_add_test(tcase, many_names_keep_their_numbers);
	tcase_add_test(tcase, deep_nesting_is_read);
	tcase_add_test(tcase, absurd_nesting_is_survived);
	tcase_add_test(tcase, no_memory_at_any_point);
	tcase = suite_case(suite, "random", 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, random_text_changes_in_its_names_only, 0, 4);
	return suite_run(suite);
}
