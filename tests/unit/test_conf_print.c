/* SPDX-License-Identifier: PostgreSQL */
/* config_print: what it writes loads to the same, and shows no password. */
#include "base/macros.h"
#include "conf/keys.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

#define DB  "[database a]\nconninfo = "
#define A60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B180                                                                                       \
	"bb;bb#bbb bb=bbb \\;bb" A60 A60 "bbbbbbbbbb"                                              \
	"bbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SPACES90                                                                                   \
	"                                                                                        " \
	"  "

static void assert_lists_equal(const char *const *a, const char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		ck_assert_str_eq(*a, *b);
	ck_assert_ptr_eq(*a, *b);
}

static void assert_fields_equal(enum key_section section, const void *a, const void *b)
{
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys[i];
		const char *in_a = (const char *)a + key->offset;
		const char *in_b = (const char *)b + key->offset;

		if (key->section != section)
			continue;
		switch (key->type) {
		case KEY_BOOL:
			ck_assert_int_eq(*(const bool *)in_a, *(const bool *)in_b);
			break;
		case KEY_COUNT:
		case KEY_MODE:
		case KEY_CHOICE:
			ck_assert_uint_eq(*(const unsigned *)in_a, *(const unsigned *)in_b);
			break;
		case KEY_SIZE:
		case KEY_DURATION:
			ck_assert_int_eq(*(const int64_t *)in_a, *(const int64_t *)in_b);
			break;
		case KEY_PATH:
		case KEY_NAME:
			ck_assert_pstr_eq(*(const char *const *)in_a, *(const char *const *)in_b);
			break;
		case KEY_CONNINFO: /* the caller's: passwords differ */
			break;
		case KEY_LIST:
			assert_lists_equal(*(const char *const *const *)in_a,
					   *(const char *const *const *)in_b);
			break;
		}
	}
}

static void assert_same(const struct config *a, const struct config *b)
{
	assert_fields_equal(KEY_GATHERD, a, b);
	ck_assert_uint_eq(a->database_count, b->database_count);
	for (size_t i = 0; i < a->database_count; i++) {
		assert_fields_equal(KEY_DATABASE, &a->databases[i], &b->databases[i]);
		ck_assert_str_eq(a->databases[i].name, b->databases[i].name);
		ck_assert_str_eq(a->databases[i].conninfo_masked, b->databases[i].conninfo);
		ck_assert_str_eq(a->databases[i].conninfo_masked, b->databases[i].conninfo_masked);
	}
	ck_assert_uint_eq(a->access_count, b->access_count);
	for (size_t i = 0; i < a->access_count; i++) {
		assert_fields_equal(KEY_ACCESS, &a->accesses[i], &b->accesses[i]);
		ck_assert_str_eq(a->accesses[i].name, b->accesses[i].name);
	}
}

static const char *const files[] = {
	DB "host=h password=SECRET",
	DB "\n host=" A60 A60 "\\\n " A60 "\n options='x pool_max = 3' y=z pool_min = 4\n",
	DB "postgresql://u:SECRET@h/db?password=SECRET",
	DB "\n password='SECRET ;SECRET' host=h",
	DB "\n host='h ;i'",
	DB "\n host='h\t;i'",
	DB "\n host=h options='-c " A60 "\n " A60 " " A60 "\n " A60 A60 A60 "' user=u",
	DB "\n host=" A60 A60 A60 "\\\n " A60 A60 A60 "\\\n " A60 "\\\n " A60,
	DB "\n host=a\\\\\\\\\\\n \\\\\\\\" A60 A60 "\\\\\\\\\\\n " A60 A60 A60,
	DB "\n host='" B180 "\n " B180 "' user=u",
	DB "\n host='a" SPACES90 SPACES90 "b'",
	DB "\n host='a " SPACES90 SPACES90 "b\n c" SPACES90 SPACES90 "; d'",
	DB "\n postgresql://h/" A60 A60 A60 "\n " A60 "?application_name=" A60 "\n &user=u",
	DB "\n postgresql://h/" A60 " ;#" A60 "\n ?application_name=" A60 "\n &user=u",
	DB "x=y\npool_min = 0\npool_max = 77\npipeline_depth = 1\npipeline_threshold = 1500us\n"
	   "unavailable_after = 0\nqueue_limit = 3\nstatement_timeout = 90s\n"
	   "server_connect_timeout = 61ms\nserver_idle_timeout = 0\nserver_lifetime = 25h\n"
	   "prepared_statements = 0\nread_only = on\nsession_reset = always\n",
	DB "x=y\n[gatherd]\nsocket = /a\\\n /b c\nsocket_mode = 0600\nsocket_group = g\n"
	   "report_dir = /" A60 A60 "\\\n " A60 A60 "/x\nlog_level = error\nmax_clients = 1\n"
	   "max_request = 1025\nmax_requests = 1\nmax_queries = 7\nmax_answer = 1G\n"
	   "memory_limit = 1023G\nrequest_timeout = 1h\nmax_request_timeout = 576h\n"
	   "client_read_timeout = 0\nclient_write_timeout = 1ms\nitem_buffer = "
	   "1K\nshutdown_timeout = 0\n"
	   "slow_query = 1us\n",
	DB "x=y\n[database b]\nconninfo = y=z\n[gatherd]\ndefault_database = b\n",
	DB "x=y\n[database b]\nconninfo = y=z\n[access n]\n[access m]\nusers = " A60 "\n " A60
	   "1, " A60 "2\n " A60 "3\ngroups = a\ndatabases = b a\nsql = reports\nmax_requests = 9\n"
	   "read_only = yes\npool_max = 3\n",
};

START_TEST(output_loads_to_the_same)
{
	struct config *config = helper_must_load(files[_i]);
	char *text = helper_print(config), *again;
	struct config *copy = helper_must_load(text);

	ck_assert_ptr_null(strstr(text, "SECRET"));
	assert_same(config, copy);
	again = helper_print(copy);
	ck_assert_str_eq(text, again);
	free(again);
	free(text);
	config_free(copy);
	config_free(config);
}
END_TEST

START_TEST(every_key_is_printed)
{
	struct config *config = helper_must_load(DB "x=y\n[access z]\n");
	char *text = helper_print(config);

	for (size_t i = 0; i < keys_count; i++) {
		char set[80], absent[80];

		snprintf(set, sizeof(set), "\n%s =", keys[i].name);
		snprintf(absent, sizeof(absent), "\n; %s is absent\n", keys[i].name);
		ck_assert_msg(strstr(text, set) != NULL || strstr(text, absent) != NULL,
			      "%s is not in:\n%s", keys[i].name, text);
	}
	free(text);
	config_free(config);
}
END_TEST

START_TEST(messages_show_no_password)
{
	static const char *const texts[] = {
		DB "password='SECRET",
		DB "password=SECRET\\\n",
		DB "host=h\npassword = SECRET\n",
		DB "password=SECRET ;SECRET\n",
		DB "host=h password\n SECRET\n",
		DB "host=h\nconninfo = password=SECRET\n",
		DB "host=h\npassword SECRET\n",
		DB "host=h\n# c\n #SECRET\n",
		"conninfo = password=SECRET\n",
		"[access a]\nconninfo = password=SECRET\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct helper_load load = helper_load_text(texts[i]);

		ck_assert_int_eq(load.rc, -EINVAL);
		ck_assert_uint_ge(load.mistakes, 1);
		ck_assert_ptr_null(strstr(load.said, "SECRET"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/print");
	TCase *tcase = suite_case(suite, "print", 10);

	tcase_add_loop_test(tcase, output_loads_to_the_same, 0, ARRAY_SIZE(files));
	tcase_add_test(tcase, every_key_is_printed);
	tcase_add_test(tcase, messages_show_no_password);
	return suite_run(suite);
}
