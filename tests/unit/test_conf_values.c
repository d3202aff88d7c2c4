/* SPDX-License-Identifier: PostgreSQL */
/* Every type of value, the table's defaults, unknown names. */
#include "base/clock.h"
#include "base/macros.h"
#include "conf/keys.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

#define DB "[database a]\nconninfo = host=h\n"

START_TEST(defaults_hold)
{
	struct config *config = helper_must_load(DB);
	const struct config_database *database = &config->databases[0];

	ck_assert_str_eq(config->path, HELPER_PATH);
	ck_assert_str_eq(config->socket, "/run/gatherd/gatherd.sock");
	ck_assert_uint_eq(config->socket_mode, 0660);
	ck_assert_ptr_null(config->socket_group);
	ck_assert_int_eq(config->log_level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(config->max_clients, 10000);
	ck_assert_uint_eq(config->max_request_bytes, 16 << 20);
	ck_assert_uint_eq(config->max_requests, 64);
	ck_assert_uint_eq(config->max_queries, 1000);
	ck_assert_uint_eq(config->max_answer_bytes, 16 << 20);
	ck_assert_int_eq(config->request_timeout_ns, 0);
	ck_assert_int_eq(config->max_request_timeout_ns, 0);
	ck_assert_int_eq(config->client_read_timeout_ns, 60 * CLOCK_SECOND);
	ck_assert_int_eq(config->client_write_timeout_ns, 60 * CLOCK_SECOND);
	ck_assert_uint_eq(config->item_buffer_bytes, 256 << 10);
	ck_assert_uint_eq(config->memory_limit_bytes, 512 << 20);
	ck_assert_int_eq(config->shutdown_timeout_ns, 30 * CLOCK_SECOND);
	ck_assert_int_eq(config->slow_query_ns, CLOCK_SECOND);
	ck_assert_uint_eq(config->access_count, 0);

	ck_assert_uint_eq(config->database_count, 1);
	ck_assert_str_eq(database->name, "a");
	ck_assert_uint_eq(database->line, 1);
	ck_assert_uint_eq(database->conninfo_line, 2);
	ck_assert_uint_eq(database->pool_min, 1);
	ck_assert_uint_eq(database->pool_max, 8);
	ck_assert_uint_eq(database->pipeline_depth, 16);
	ck_assert_int_eq(database->pipeline_threshold_ns, 5 * CLOCK_MS);
	ck_assert_int_eq(database->unavailable_after_ns, 10 * CLOCK_SECOND);
	ck_assert_uint_eq(database->queue_limit, 10000);
	ck_assert_int_eq(database->statement_timeout_ns, 0);
	ck_assert_int_eq(database->server_connect_timeout_ns, 5 * CLOCK_SECOND);
	ck_assert_int_eq(database->server_idle_timeout_ns, 600 * CLOCK_SECOND);
	ck_assert_int_eq(database->server_lifetime_ns, 3600 * CLOCK_SECOND);
	ck_assert_uint_eq(database->prepared_statements, 256);
	ck_assert(!database->read_only);
	ck_assert_int_eq(database->session_reset, CONFIG_RESET_AUTO);
	config_free(config);
}
END_TEST

START_TEST(values_are_taken)
{
	struct config *config = helper_must_load("[gatherd]\n"
						 "socket = /tmp/a b.sock\n"
						 "socket_mode = 777\n"
						 "socket_group = 100\n"
						 "default_database = b\n"
						 "report_dir = /very\\\n  /long\n"
						 "log_level = debug\n"
						 "max_answer = 2048\n"
						 "slow_query = 0\n" DB "[database b]\n"
						 "conninfo = host=b\n"
						 "session_reset = always\n"
						 "pipeline_threshold = 100us\n"
						 "[access x]\n"
						 "users = alice,bob  carol ,\n  1000\n"
						 "groups = DOMAIN\\user\n"
						 "databases = a b\n"
						 "sql = reports\n"
						 "max_requests = 3\n"
						 "read_only = yes\n"
						 "pool_max = 4\n"
						 "[access y]\n");
	const struct config_access *access = config->accesses;

	ck_assert_str_eq(config->socket, "/tmp/a b.sock");
	ck_assert_uint_eq(config->socket_mode, 0777);
	ck_assert_str_eq(config->socket_group, "100");
	ck_assert_str_eq(config->default_database, "b");
	ck_assert_str_eq(config->report_dir, "/very/long");
	ck_assert_int_eq(config->log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(config->max_answer_bytes, 2048);
	ck_assert_int_eq(config->slow_query_ns, 0);
	ck_assert_uint_eq(config->database_count, 2);
	ck_assert_ptr_eq(config_find_database(config, "b"), &config->databases[1]);
	ck_assert_ptr_null(config_find_database(config, "c"));
	ck_assert_int_eq(config->databases[1].session_reset, CONFIG_RESET_ALWAYS);
	ck_assert_int_eq(config->databases[1].pipeline_threshold_ns, 100 * CLOCK_US);
	ck_assert_uint_eq(config->access_count, 2);
	ck_assert_str_eq(access->name, "x");
	ck_assert_uint_eq(access->line, 17);
	ck_assert_str_eq(access->users[0], "alice");
	ck_assert_str_eq(access->users[1], "bob");
	ck_assert_str_eq(access->users[2], "carol");
	ck_assert_str_eq(access->users[3], "1000");
	ck_assert_ptr_null(access->users[4]);
	ck_assert_str_eq(access->groups[0], "DOMAIN\\user");
	ck_assert_str_eq(access->databases[1], "b");
	ck_assert_int_eq(access->sql, CONFIG_SQL_REPORTS);
	ck_assert_uint_eq(access->max_requests, 3);
	ck_assert(access->read_only);
	ck_assert_uint_eq(access->pool_max, 4);
	ck_assert(!access[1].read_only);
	ck_assert_uint_eq(access[1].pool_max, 0);
	ck_assert_ptr_null(access[1].users[0]);
	ck_assert_ptr_null(access[1].groups[0]);
	ck_assert_ptr_null(access[1].databases[0]);
	config_free(config);
}
END_TEST

static const struct {
	const char *text;
	bool value;
} bools[] = {{"yes", true},  {"no", false}, {"true", true}, {"false", false}, {"on", true},
	     {"off", false}, {"1", true},   {"0", false},   {"Yes", true},    {"OFF", false}};

START_TEST(booleans_are_taken)
{
	struct config *config;
	char text[128];

	snprintf(text, sizeof(text), DB "read_only = %s\n", bools[_i].text);
	config = helper_must_load(text);
	ck_assert_int_eq(config->databases[0].read_only, bools[_i].value);
	config_free(config);
}
END_TEST

/* Lines of [gatherd] (the first is 4), and what is said. */
static const struct {
	const char *line, *said;
} bad[] = {
	{"socket = gatherd.sock", "socket = gatherd.sock: expected an absolute path"},
	{"socket =", "socket = : expected an absolute path"},
	{"socket_mode = 0888", "socket_mode = 0888: expected octal permissions such as 0660"},
	{"socket_mode = 1777", "socket_mode = 1777: expected 0000 to 0777"},
	{"socket_mode = rw", "socket_mode = rw: expected octal permissions such as 0660"},
	{"socket_mode = 0000000660",
	 "socket_mode = 0000000660: expected octal permissions such as 0660"},
	{"socket_group = a b", "socket_group = a b: expected a name without white space and any "
			       "of , ; # [ ] \\ \" ' ="},
	{"socket_group =", "socket_group = : expected a name"},
	{"socket_group = \xff", "socket_group = ?: expected a name in UTF-8"},
	{"log_level = loud", "log_level = loud: expected error, warning, info or debug"},
	{"log_level = 2", "log_level = 2: expected error, warning, info or debug"},
	{"max_clients = 0", "max_clients = 0: expected 1 to 1000000"},
	{"max_clients = -1", "max_clients = -1: expected 1 to 1000000"},
	{"max_clients = -18446744073709551617",
	 "max_clients = -18446744073709551617: expected 1 to 1000000"},
	{"max_clients = --1", "max_clients = --1: expected a whole number"},
	{"max_clients = -", "max_clients = -: expected a whole number"},
	{"max_clients = 1000001", "max_clients = 1000001: expected 1 to 1000000"},
	{"max_clients = 4294967297", "max_clients = 4294967297: expected 1 to 1000000"},
	{"max_clients = 18446744073709551617",
	 "max_clients = 18446744073709551617: expected 1 to 1000000"},
	{"max_clients = 10 # ten",
	 "max_clients = 10 # ten: expected a whole number (a comment is a line of its own)"},
	{"max_answer = 16MB", "max_answer = 16MB: expected a size: bytes, or a number with K, M or "
			      "G, such as 16M"},
	{"max_answer = 1023", "max_answer = 1023: expected 1K to 1024G"},
	{"max_answer = 99999999999G", "max_answer = 99999999999G: expected 1K to 1024G"},
	{"max_answer = 99999999999999999999",
	 "max_answer = 99999999999999999999: expected 1K to 1024G"},
	{"request_timeout = 5", "request_timeout = 5: expected a duration: 0, or a number with us, "
				"ms, s, min or h, such as 500ms"},
	{"request_timeout = 577h", "request_timeout = 577h: expected 0 to 576h"},
	{"request_timeout = 9999999999999h",
	 "request_timeout = 9999999999999h: expected 0 to 576h"},
	{"client_write_timeout = 0", "client_write_timeout = 0: expected 1ms to 576h"},
	{"max_client = 3", "unknown key max_client; did you mean max_clients?"},
	{"Socket = /x", "unknown key Socket; did you mean socket?"},
	{"pool_max = 3", "key pool_max belongs into [database NAME], not into [gatherd]"},
	{"users = x", "key users belongs into [access NAME], not into [gatherd]"},
	{"quite_another_thing = 3", "unknown key quite_another_thing in [gatherd]"},
	{"\xc3\xa4\xff\t = 3", "unknown key \xc3\xa4? in [gatherd]"},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aa = 3",
	 "unknown key "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... "
	 "in [gatherd]"},
};

START_TEST(bad_values_are_told)
{
	char text[512], said[512];

	snprintf(text, sizeof(text), DB "[gatherd]\n%s\n", bad[_i].line);
	snprintf(said, sizeof(said), "f.ini:4: %s\n", bad[_i].said);
	helper_must_say(text, said);
}
END_TEST

START_TEST(a_socket_path_fits_its_address)
{
	char path[109] = "/", text[256];
	struct config *config;

	memset(path + 1, 'a', 106);
	snprintf(text, sizeof(text), DB "[gatherd]\nsocket = %s\n", path);
	config = helper_must_load(text);
	ck_assert_uint_eq(strlen(config->socket), 107);
	config_free(config);

	path[107] = 'a';
	snprintf(text, sizeof(text), DB "[gatherd]\nsocket = %s\n", path);
	helper_must_say(text, "f.ini:4: socket: the path has 108 bytes, and may have 107\n");
}
END_TEST

START_TEST(a_list_must_name_somebody)
{
	helper_must_say(
		DB "[access x]\nusers = , ,\ngroups =\ndatabases = a;b\n",
		"f.ini:4: users = , ,: expected names, separated by commas or spaces\n"
		"f.ini:5: groups = : expected names, separated by commas or spaces\n"
		"f.ini:6: databases = a;b: expected names, separated by commas or spaces\n");
}
END_TEST

START_TEST(the_table_is_sound)
{
	for (size_t i = 0; i < keys_count; i++) {
		const struct key *key = &keys[i];

		/* found under its own name, so there is no second one */
		ck_assert_ptr_eq(key_find(key->section, key->name), key);
		ck_assert_ptr_eq(key_nearest(key->section, key->name), key);
		ck_assert(strlen(key->help) > 5 && strchr(key->help, '\n') == NULL);
		ck_assert_int_ne(key->help[strlen(key->help) - 1], '.');
		ck_assert_uint_lt(key->offset, key_section_size(key->section));
		if (key->type == KEY_CHOICE)
			ck_assert_ptr_nonnull(key->choices);
		if (key->type == KEY_COUNT || key->type == KEY_SIZE || key->type == KEY_DURATION)
			ck_assert(key->min <= key->max && key->default_text != NULL);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/values");
	TCase *tcase = suite_case(suite, "values", 10);

	tcase_add_test(tcase, defaults_hold);
	tcase_add_test(tcase, values_are_taken);
	tcase_add_loop_test(tcase, booleans_are_taken, 0, ARRAY_SIZE(bools));
	tcase_add_loop_test(tcase, bad_values_are_told, 0, ARRAY_SIZE(bad));
	tcase_add_test(tcase, a_socket_path_fits_its_address);
	tcase_add_test(tcase, a_list_must_name_somebody);
	tcase_add_test(tcase, the_table_is_sound);
	return suite_run(suite);
}
