/* SPDX-License-Identifier: PostgreSQL */
/* The sample configuration and gatherd.ini(5) say what the table of keys says. */
#include "conf/keys.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

#include <ctype.h>

static char *read_source(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	char *text = NULL;
	size_t len = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".", name);
	stream = fopen(path, "r");
	ck_assert_msg(stream != NULL, "%s: set top_srcdir", path);
	ck_assert_int_ge(getdelim(&text, &len, '\0', stream), 1);
	fclose(stream);
	return text;
}

/* The build's own directory stands in the default, where the documents say /etc. */
static void documented_default(const struct key *key, char *out, size_t size)
{
	const char *tail = strstr(key->default_text, "/gatherd/reports");

	if (key->type == KEY_PATH && tail != NULL)
		snprintf(out, size, "/etc%s", tail);
	else
		snprintf(out, size, "%s", key->default_text);
}

/* Words only: no line ends, no comment signs, so that a paragraph may be wrapped anywhere. */
static char *words(const char *text, size_t len)
{
	char *out = malloc(len + 1);
	size_t used = 0;

	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < len; i++) {
		bool line_start = i == 0 || text[i - 1] == '\n';

		if (line_start && text[i] == '#')
			continue;
		if (!isspace((unsigned char)text[i]))
			out[used++] = text[i];
		else if (used > 0 && out[used - 1] != ' ')
			out[used++] = ' ';
	}
	out[used] = '\0';
	return out;
}

/* From `from` up to the next section's head or the end. */
static char *section_of(const char *text, const char *head, const char *next)
{
	const char *start = strstr(text, head), *end;

	ck_assert_msg(start != NULL, "no %s", head);
	start += strlen(head);
	end = next != NULL ? strstr(start, next) : NULL;
	return end != NULL ? strndup(start, (size_t)(end - start)) : strdup(start);
}

/* help as a sentence: its first letter may be a capital */
static void assert_has_help(const char *text, const struct key *key)
{
	ck_assert_msg(strstr(text, key->help + 1) != NULL, "%s: no \"%s\" in:\n%s", key->name,
		      key->help, text);
}

static const char *const sample_heads[] = {"\n[gatherd]\n", "\n[database main]\n",
					   "\n;[access reporting]\n"};

/* The comment lines above each key, and the key's line. */
START_TEST(the_sample_has_every_key)
{
	char *text = read_source("etc/gatherd.ini");

	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys[i];
		char *section = section_of(
			text, sample_heads[key->section],
			key->section + 1 < KEY_SECTIONS ? sample_heads[key->section + 1] : NULL);
		char line[160], value[128];
		const char *found, *above;
		char *comment;

		if (key->type == KEY_CONNINFO)
			snprintf(line, sizeof(line), "\nconninfo = ");
		else if (key->default_text == NULL) /* an example */
			snprintf(line, sizeof(line), "\n;%s = ", key->name);
		else {
			documented_default(key, value, sizeof(value));
			snprintf(line, sizeof(line), "\n;%s = %s\n", key->name, value);
		}
		found = strstr(section, line);
		ck_assert_msg(found != NULL, "no line%s", line);
		/* the paragraph that ends here */
		for (above = found; above > section && memcmp(above - 1, "\n\n", 2) != 0;)
			above--;
		comment = words(above, (size_t)(found - above));
		assert_has_help(comment, key);
		free(comment);
		free(section);
	}
	free(text);
}
END_TEST

START_TEST(the_sample_loads_to_the_defaults)
{
	char *text = read_source("etc/gatherd.ini");
	struct config *config = helper_must_load(text);
	struct config *bare = helper_must_load("[database main]\nconninfo = dbname=postgres\n");
	char *printed = helper_print(config), *bare_printed = helper_print(bare);

	ck_assert_str_eq(printed, bare_printed);
	free(printed);
	free(bare_printed);
	config_free(bare);
	config_free(config);
	free(text);
}
END_TEST

/* Every commented key, taken out of its comment, is right: also the examples. */
START_TEST(the_sample_loads_with_everything_in_it)
{
	char *text = read_source("etc/gatherd.ini");
	struct config *config;

	for (char *p = text; (p = strstr(p, "\n;")) != NULL; p++)
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	config = helper_must_load(text);
	ck_assert_uint_eq(config->access_count, 1);
	ck_assert_str_eq(config->accesses[0].users[1], "www-data");
	ck_assert_str_eq(config->socket_group, "gatherd");
	config_free(config);
	free(text);
}
END_TEST

static const char *const man_heads[] = {"\n.Ss [gatherd]\n", "\n.Ss [database NAME]\n",
					"\n.Ss [access NAME]\n"};

START_TEST(the_manual_page_has_every_key)
{
	char *text = read_source("docs/man/gatherd.ini.5");

	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys[i];
		char *section = section_of(
			text, man_heads[key->section],
			key->section + 1 < KEY_SECTIONS ? man_heads[key->section + 1] : "\n.Sh ");
		char head[80], value[128], line[160];
		const char *found, *end;
		char *item, *plain;

		snprintf(head, sizeof(head), "\n.It Ic %s No = ", key->name);
		found = strstr(section, head);
		ck_assert_msg(found != NULL, "no item%s", head);
		end = strstr(found + 1, "\n.It ");
		item = strndup(found, end != NULL ? (size_t)(end + 1 - found) : strlen(found));
		plain = words(item, strlen(item));
		assert_has_help(plain, key);
		if (key->default_text != NULL) {
			documented_default(key, value, sizeof(value));
			snprintf(line, sizeof(line), "\nDefault:\n.Li %s\n", value);
			ck_assert_msg(strstr(item, line) != NULL, "%s: no default %s", key->name,
				      value);
		}
		free(plain);
		free(item);
		free(section);
	}
	free(text);
}
END_TEST

/* Literal blocks that begin with a section are whole configurations. */
START_TEST(the_manual_pages_example_loads)
{
	char *text = read_source("docs/man/gatherd.ini.5");
	char *example = section_of(text, "\n.Bd -literal -offset indent\n[gatherd]", "\n.Ed\n");
	char whole[4096];
	struct config *config;

	snprintf(whole, sizeof(whole), "[gatherd]%s\n", example);
	config = helper_must_load(whole);
	ck_assert_uint_eq(config->database_count, 2);
	ck_assert_uint_eq(config->access_count, 2);
	config_free(config);
	free(example);
	free(text);
}
END_TEST

START_TEST(the_manual_pages_connection_strings_load)
{
	char *text = read_source("docs/man/gatherd.ini.5");
	size_t count = 0;

	for (char *p = text; (p = strstr(p, "\nconninfo = ")) != NULL; p++) {
		char *block = section_of(p, "\n", "\n.Ed\n"), *end = strstr(block, "\n\n"), *escape;
		char whole[1024];

		if (end != NULL)
			*end = '\0';
		while ((escape = strstr(block, "\\e")) != NULL)
			memmove(escape + 1, escape + 2, strlen(escape + 2) + 1);
		snprintf(whole, sizeof(whole), "[database a]\n%s\n", block);
		config_free(helper_must_load(whole));
		free(block);
		count++;
	}
	ck_assert_uint_ge(count, 4);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/docs");
	TCase *tcase = suite_case(suite, "documents", 10);

	tcase_add_test(tcase, the_sample_has_every_key);
	tcase_add_test(tcase, the_sample_loads_to_the_defaults);
	tcase_add_test(tcase, the_sample_loads_with_everything_in_it);
	tcase_add_test(tcase, the_manual_page_has_every_key);
	tcase_add_test(tcase, the_manual_pages_example_loads);
	tcase_add_test(tcase, the_manual_pages_connection_strings_load);
	return suite_run(suite);
}
