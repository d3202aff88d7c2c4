/* SPDX-License-Identifier: PostgreSQL */
/* The nth allocation fails, for every n: an error, nothing left behind. */
#include "unit/conf_helper.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

static const char good[] =
	"[gatherd]\n"
	"socket = /a\\\n b\n"
	"socket_group = g\n"
	"default_database = b\n"
	"[database a]\n"
	"conninfo = host=h password=secret\n"
	" user=u options='-c aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	" -c aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n"
	"[database b]\n"
	"conninfo = postgresql://u:p@h/\n"
	"[access x]\n"
	"users = a b c\n";
static const char bad[] = "[gatherd]\n"
			  "max_client = 3\n"
			  "slow_query = 1\n"
			  "[database a]\n"
			  "conninfo = host\n"
			  "pool_min = 9\n"
			  "[databse]\n";

/*
 * Loads with the nth allocation failing, for every n; returns how many there were. An arena may do
 * without one of them, but what then comes out is the whole configuration, or all mistakes.
 */
static int load_with_faults(const char *text, int final_rc, int more)
{
	struct helper_load whole = helper_load_text(text);
	char *printed = whole.config != NULL ? helper_print(whole.config) : NULL;

	config_free(whole.config);
	for (int n = 0;; n++) {
		struct mem_failure failure = {.countdown = n, .more = more};
		struct helper_load load;

		mem_set_fail_hook(mem_failure_hook, &failure);
		load = helper_load_text(text);
		mem_set_fail_hook(NULL, NULL);
		if (failure.failed == 0 || (more == 0 && load.rc != -ENOMEM))
			ck_assert_int_eq(load.rc, final_rc);
		else
			ck_assert_int_eq(load.rc, -ENOMEM);
		ck_assert_str_eq(load.said, load.rc == -EINVAL ? whole.said : "");
		if (load.config != NULL) {
			char *again = helper_print(load.config);

			ck_assert_str_eq(again, printed);
			free(again);
		}
		config_free(load.config);
		ck_assert_uint_eq(mem_live_blocks(), 0);
		if (failure.failed == 0) {
			free(printed);
			return n;
		}
	}
}

START_TEST(a_good_file)
{
	ck_assert_int_gt(load_with_faults(good, 0, _i == 1 ? INT_MAX : 0), 4);
}
END_TEST

START_TEST(a_bad_file)
{
	ck_assert_int_gt(load_with_faults(bad, -EINVAL, _i == 1 ? INT_MAX : 0), 2);
}
END_TEST

START_TEST(a_missing_file)
{
	struct helper_load load = {.config = NULL};

	mem_set_fail_hook(mem_failure_always, NULL);
	load.rc = config_load("/does/not/exist", &load.config, helper_say, &load);
	mem_set_fail_hook(NULL, NULL);
	ck_assert_int_eq(load.rc, -ENOMEM);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/faults");
	TCase *tcase = suite_case(suite, "memory", 30);

	tcase_add_loop_test(tcase, a_good_file, 0, 2);
	tcase_add_loop_test(tcase, a_bad_file, 0, 2);
	tcase_add_test(tcase, a_missing_file);
	return suite_run(suite);
}
