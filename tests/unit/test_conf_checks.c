/* SPDX-License-Identifier: PostgreSQL */
/* What concerns more than one key or section. */
#include "base/macros.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

#define A "[database a]\nconninfo = host=h\n"

static const struct {
	const char *text, *said;
} cases[] = {
	{"", "f.ini:1: there is no [database NAME] section\n"},
	{"[gatherd]\n", "f.ini:1: there is no [database NAME] section\n"},
	{A "[database b]\npool_max = 3\n",
	 "f.ini:3: [database b] needs conninfo = CONNECTION STRING\n"},
	{A "[database b]\n", "f.ini:3: [database b] needs conninfo = CONNECTION STRING\n"},
	/* wrong is not missing */
	{"[database a]\nconninfo = host\n", "f.ini:2: conninfo: an option without an = after it\n"},
	{"[database a]\nconninfo = password='secret\n",
	 "f.ini:2: conninfo: a quote is not closed\n"},
	{A "conninfo = host=i\n", "f.ini:3: key conninfo is there already, in line 2\n"},
	{A "conninfo = host=i\n port=1\n pool_max = 3\n",
	 "f.ini:3: key conninfo is there already, in line 2\n"},
	{A "[database a]\npool_max = x\n",
	 "f.ini:3: section [database a] is there already, in line 1\n"
	 "f.ini:4: pool_max = x: expected a whole number\n"},
	/* nothing that a terminal obeys */
	{A "[database\t\ta]\n", "f.ini:3: section [database??a] is there already, in line 1\n"},
	{A "[database \xc2\x9b"
	   "2J]\n",
	 "f.ini:3: [database \\u009b2J] needs conninfo = CONNECTION STRING\n"},
	{A "[access x]\ndatabases = \xc2\x9b"
	   "2J\n",
	 "f.ini:4: databases: there is no section [database ?2J]\n"},
	{A "[gatherd]\nmax_clients = 3\n[gatherd]\nmax_clients = 3\n",
	 "f.ini:5: section [gatherd] is there already, in line 3\n"},
	{A "pool_min = 9\n", "f.ini:3: pool_min (9) is more than pool_max (8)\n"},
	{A "pool_max = 2\npool_min = 3\n", "f.ini:4: pool_min (3) is more than pool_max (2)\n"},
	{A "pool_max = 1\npool_min = 0\n[gatherd]\nmemory_limit = 8M\nmax_request = 1M\n",
	 "f.ini:6: max_answer (16M) is more than memory_limit (8M)\n"},
	{A "[gatherd]\nitem_buffer = 1G\n",
	 "f.ini:4: item_buffer (1G) is more than memory_limit (512M)\n"},
	{A "[gatherd]\nmax_request_timeout = 1min\nrequest_timeout = 90s\n",
	 "f.ini:5: request_timeout (90s) is more than max_request_timeout (1min)\n"},
	{A "[gatherd]\ndefault_database = b\n",
	 "f.ini:4: default_database: there is no section [database b]\n"},
	{"[database main]\nconninfo = host=h\n[gatherd]\ndefault_database = mian\n",
	 "f.ini:4: default_database: there is no section [database mian]; did you mean "
	 "\"main\"?\n"},
	{A "[access x]\ndatabases = a, b\n",
	 "f.ini:4: databases: there is no section [database b]\n"},
	{A "[access]\n", "f.ini:3: [access ]: expected a name\n"},
	{A "[database]\nconninfo = x=y\n", "f.ini:3: [database ]: expected a name\n"},
	{A "[database b c]\nconninfo = x=y\n", "f.ini:3: [database b c]: expected a name without "
					       "white space and any of , ; # [ ] \\ \" ' "
					       "=\n"},
	{A "[gatherd x]\nfoo = 1\n", "f.ini:3: [gatherd] takes no name\n"},
	{A "[databse b]\nfoo = 1\n[gatherdd]\n[main]\n",
	 "f.ini:3: unknown section [databse b]; did you mean [database NAME]?\n"
	 "f.ini:5: unknown section [gatherdd]; did you mean [gatherd]?\n"
	 "f.ini:6: unknown section [main]; there are [gatherd], [database NAME] and [access "
	 "NAME]\n"},
	{"max_clients = 3\n" A,
	 "f.ini:1: a key before the first section; begin with [gatherd] or [database NAME]\n"},
	/* all of them, in the order of the lines, whenever they were found */
	{"[database a]\npool_min = 9\n[gatherd]\nmax_clients = 0\nfoo\ndefault_database = x\n"
	 "[access y]\ndatabases = z\n",
	 "f.ini:1: [database a] needs conninfo = CONNECTION STRING\n"
	 "f.ini:2: pool_min (9) is more than pool_max (8)\n"
	 "f.ini:4: max_clients = 0: expected 1 to 1000000\n"
	 "f.ini:5: expected KEY = VALUE, [SECTION] or a comment; a value goes on in lines that are "
	 "indented\n"
	 "f.ini:6: default_database: there is no section [database x]\n"
	 "f.ini:8: databases: there is no section [database z]\n"},
};

START_TEST(mistakes_are_told)
{
	helper_must_say(cases[_i].text, cases[_i].said);
}
END_TEST

START_TEST(the_only_database_is_the_default)
{
	struct config *config = helper_must_load(A);

	ck_assert_str_eq(config->default_database, "a");
	config_free(config);
}
END_TEST

START_TEST(one_of_several_must_be_named)
{
	struct config *config = helper_must_load(A "[database b]\nconninfo = host=i\n");

	ck_assert_ptr_null(config->default_database);
	config_free(config);
}
END_TEST

START_TEST(databases_keep_their_order)
{
	struct config *config = helper_must_load("[access y]\n[database b]\nconninfo = "
						 "x=1\n[access x]\n[database a]\nconninfo = x=2\n");

	ck_assert_str_eq(config->databases[0].name, "b");
	ck_assert_str_eq(config->databases[1].name, "a");
	ck_assert_str_eq(config->accesses[0].name, "y");
	ck_assert_str_eq(config->accesses[1].name, "x");
	config_free(config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/checks");
	TCase *tcase = suite_case(suite, "checks", 10);

	tcase_add_loop_test(tcase, mistakes_are_told, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, the_only_database_is_the_default);
	tcase_add_test(tcase, one_of_several_must_be_named);
	tcase_add_test(tcase, databases_keep_their_order);
	return suite_run(suite);
}
