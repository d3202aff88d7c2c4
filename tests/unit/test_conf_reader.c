/* SPDX-License-Identifier: PostgreSQL */
/* What reaches the configuration of what stands in the file: unchanged, or a mistake with its line.
 */
#include "base/macros.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

#define DB "[database a]\n"
#define A150                                                                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A187 A150 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TOO_LONG(line, bytes)                                                                      \
	"f.ini:" line ": the line has " bytes " bytes, and at most 198 can be read: go on "        \
	"with a long value on indented lines (they are joined with a space; end a line "           \
	"with \\ where no space belongs)\n"

static const struct {
	const char *text, *conninfo;
} kept[] = {
	{DB "conninfo = host=h", "host=h"},
	{DB "conninfo=host=h\n", "host=h"},
	{DB "conninfo \t =\thost=h \t\n", "host=h"},
	{"\xef\xbb\xbf" DB "conninfo = host=h\n", "host=h"},
	{"[database a]\r\nconninfo = host=h\r\n port=1\r\n", "host=h port=1"},
	{"\n# c\n; c\n" DB "\n#c=d\nconninfo = host=h\n\n", "host=h"},
	{"[database \t a]\nconninfo = host=h\n", "host=h"},
	{DB "conninfo = host=h\n port=1\n\tuser=u\n", "host=h port=1 user=u"},
	{DB "conninfo =\n host=h\n port=1\n", "host=h port=1"},
	{DB "conninfo = host=h\n\n port=1\n", "host=h port=1"},
	{DB "conninfo = host=h\n# c\n port=1\n", "host=h port=1"},
	{DB "conninfo = password=pa\\\n ss\n", "password=pass"},
	{DB "conninfo = password=pa\\\\\n user=u\n", "password=pa\\\\ user=u"},
	{DB "conninfo = password=pa\\\\\\\n ss\n", "password=pa\\\\ss"},
	{DB "conninfo = postgresql://h\n /db\n ?user=u\n", "postgresql://h/db?user=u"},
	{DB "conninfo =\n postgres://h\n /db\n", "postgres://h/db"},
	/* inih's comments in a line, and what only looks like one */
	{DB "conninfo = password='pa;ss'\n", "password='pa;ss'"},
	{DB "conninfo =\n password='pa ;ss'\n", "password='pa ;ss'"},
	{DB "conninfo =\n password='pa\t;ss'\n", "password='pa\t;ss'"},
	{DB "conninfo = password='pa #ss'\n", "password='pa #ss'"},
	{DB "conninfo = options='-c a=[gatherd]'\n", "options='-c a=[gatherd]'"},
	{DB "conninfo = user=u=v:w\n", "user=u=v:w"},
	{DB "conninfo = user=\xc3\xa4\xff\n", "user=\xc3\xa4\xff"},
	/* 198 bytes: the longest line */
	{DB "conninfo = p=" A150 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	 "p=" A150 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{DB "conninfo = p=" A150 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
	 "p=" A150 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{DB "conninfo = p=a\\\n " A187 "aaaaaaaaaa\n", "p=a" A187 "aaaaaaaaaa"},
	{"#" A187 A187 "\n" DB "conninfo = host=h\n;" A187 A187 "\n", "host=h"},
};

START_TEST(values_are_kept)
{
	struct config *config = helper_must_load(kept[_i].text);
	ck_assert_str_eq(config->databases[0].conninfo, kept[_i].conninfo);
	config_free(config);
}
END_TEST

#define GOOD DB "conninfo = host=h\n" /* two lines */

static const struct {
	const char *text, *said;
} refused[] = {
	{GOOD "conninfo2", "f.ini:3: expected KEY = VALUE, [SECTION] or a comment; a value goes on "
			   "in lines that are indented\n"},
	{GOOD "= x\n", "f.ini:3: there is no key before the =\n"},
	{GOOD "pool_max: = 3\n", "f.ini:3: expected KEY = VALUE; a : does not stand for the =\n"},
	{GOOD "pool_max : 3\n", "f.ini:3: expected KEY = VALUE, [SECTION] or a comment; a value "
				"goes on in lines that are indented\n"},
	{DB "conninfo = password=pa ;ss\n",
	 "f.ini:2: white space before a ; would begin a comment here: put a comment on a line of "
	 "its own, or go on with the value on an indented line, where a ; is kept\n"},
	{DB "conninfo = ;ss\n",
	 "f.ini:2: white space before a ; would begin a comment here: put a comment on a line of "
	 "its own, or go on with the value on an indented line, where a ; is kept\n"},
	{DB "conninfo = host=h\n  ;x\n",
	 "f.ini:3: an indented line that begins with ; or # would be lost from the value of "
	 "conninfo: begin a comment in the first column, or break the value's line elsewhere\n"},
	{DB "conninfo = host=h\n\n\t# x\n",
	 "f.ini:4: an indented line that begins with ; or # would be lost from the value of "
	 "conninfo: begin a comment in the first column, or break the value's line elsewhere\n"},
	{DB "conninfo = host=\x01h\n", "f.ini:2: the line holds a control character\n"},
	{DB "conninfo = host=h\rpool_max = 3\n", "f.ini:2: the line holds a control character\n"},
	{DB "conninfo = p=" A150 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", TOO_LONG("2", "199")},
	{DB "conninfo = p=" A187 A187 "\n", TOO_LONG("2", "387")},
	{DB "conninfo = p=a\n " A187 "aaaaaaaaaaa\n", TOO_LONG("3", "199")},
	/* nor is what is left of the value judged */
	{DB "conninfo = user='a\n " A187 A187 "\n b\n", TOO_LONG("3", "375")},
	/* what is wrong with a value's line is no reason to say more of the lines that go on with
	   it */
	{DB "conninfo = p=" A187 A187 "\n user=u\n pool_max = 3\npool_min = x\n",
	 TOO_LONG("2", "387") "f.ini:5: pool_min = x: expected a whole number\n"},
	{GOOD "[database b\x01]\n", "f.ini:3: the line holds a control character\n"},
	{DB "conninfo = host=h\n user=\x01u\n", "f.ini:3: the line holds a control character\n"},
	{GOOD "[database b\n", "f.ini:3: a section's head needs a closing ]\n"},
	{GOOD "[database b] ; c\nconninfo = x\npool_max = 0\n",
	 "f.ini:3: nothing may follow the ] of a section's head; a comment is a line of its own\n"},
	{GOOD "[database b] x]\n",
	 "f.ini:3: nothing may follow the ] of a section's head; a comment is a line of its own\n"},
	{GOOD "[database ;b]\n", "f.ini:3: a section's head cannot hold white space before a ;\n"},
	{GOOD "[access aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
	 "f.ini:3: [access aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]: expected a shorter "
	 "name\n"},
	{GOOD "[database aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
	 "f.ini:3: a section's head has at most 49 bytes between the brackets\n"},
	{" " DB "conninfo = host=h\n",
	 "f.ini:1: keys and [sections] begin in the first column: an indented line goes on with "
	 "the value above it, and there is none\n"
	 "f.ini:1: there is no [database NAME] section\n"
	 "f.ini:2: a key before the first section; begin with [gatherd] or [database NAME]\n"},
	{DB " conninfo = host=h\n pool_max = 3\n",
	 "f.ini:1: [database a] needs conninfo = CONNECTION STRING\n"
	 "f.ini:2: keys and [sections] begin in the first column: an indented line goes on with "
	 "the value above it, and there is none\n"
	 "f.ini:3: keys and [sections] begin in the first column: an indented line goes on with "
	 "the value above it, and there is none\n"},
	{DB "conninfo = host=h\n  pool_max = 3\n  pool_min=4\n",
	 "f.ini:3: the line is indented, so it would go on with the value of conninfo; keys begin "
	 "in the first column\n"
	 "f.ini:4: the line is indented, so it would go on with the value of conninfo; keys begin "
	 "in the first column\n"},
	{GOOD "pool_max = 3\n  0\n",
	 "f.ini:4: the line is indented, so it goes on with pool_max, whose value has one line; "
	 "keys begin in the first column\n"},
	{DB "conninfo = password=abc\\\npool_max = 3\n",
	 "f.ini:2: conninfo: it ends with a backslash, which joins a line with the one below\n"},
	{DB "conninfo = postgresql://h/\\\n",
	 "f.ini:2: conninfo: it ends with a backslash, which joins a line with the one below\n"},
	{DB "conninfo =;x\n",
	 "f.ini:2: conninfo: a connection string does not begin with ; or #\n"},
	{DB "conninfo =\n",
	 "f.ini:2: conninfo: it is empty; expected a libpq connection string, such as "
	 "service=NAME\n"},
};

START_TEST(what_would_be_changed_is_refused)
{
	helper_must_say(refused[_i].text, refused[_i].said);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
	static const char text[] = DB "conninfo = host=h\0port=1\n user=u\npool_max = 0\n";
	struct helper_load load = helper_load_bytes(text, sizeof(text) - 1);

	ck_assert_int_eq(load.rc, -EINVAL);
	ck_assert_str_eq(load.said, "f.ini:2: the line holds a NUL byte\n"
				    "f.ini:4: pool_max = 0: expected 1 to 10000\n");
}
END_TEST

START_TEST(a_value_has_an_end)
{
	struct helper_load load;
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	fputs(DB "conninfo = host=h\n", stream);
	for (int i = 0; i < 1000; i++)
		fprintf(stream, " %0100d\n", i);
	fputs("pool_max = 0\n", stream);
	fclose(stream);
	load = helper_load_text(text);
	ck_assert_int_eq(load.rc, -EINVAL);
	ck_assert_str_eq(load.said, "f.ini:2: conninfo: the value has more than 65536 bytes\n"
				    "f.ini:1003: pool_max = 0: expected 1 to 10000\n");
	free(text);
}
END_TEST

START_TEST(a_long_value_is_kept)
{
	struct config *config;
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	fputs(DB "conninfo = password=\\\n", stream);
	for (int i = 0; i < 600; i++)
		fprintf(stream, " %0100d%s\n", i, i == 599 ? "" : "\\");
	fclose(stream);
	config = helper_must_load(text);
	ck_assert_uint_eq(strlen(config->databases[0].conninfo), 9 + 60000);
	ck_assert_int_eq(strncmp(config->databases[0].conninfo + 9 + 100 * 599 + 97, "599", 4), 0);
	ck_assert_str_eq(config->databases[0].conninfo_masked, "password=****");
	config_free(config);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/reader");
	TCase *tcase = suite_case(suite, "lines", 10);

	tcase_add_loop_test(tcase, values_are_kept, 0, ARRAY_SIZE(kept));
	tcase_add_loop_test(tcase, what_would_be_changed_is_refused, 0, ARRAY_SIZE(refused));
	tcase_add_test(tcase, nul_bytes_are_refused);
	tcase_add_test(tcase, a_value_has_an_end);
	tcase_add_test(tcase, a_long_value_is_kept);
	return suite_run(suite);
}
