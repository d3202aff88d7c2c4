/* SPDX-License-Identifier: PostgreSQL */
/* The nth allocation fails, for every n: an error, nothing left behind. */
#include "base/mem.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

struct fault {
	size_t after;  /* allocations that still go well */
	bool for_ever; /* all after them fail, not only the next */
	bool failed;
};

static bool fail_at_zero(void *ctx)
{
	struct fault *fault = ctx;

	if (fault->after > 0) {
		fault->after--;
		return false;
	}
	if (fault->failed && !fault->for_ever)
		return false;
	fault->failed = true;
	return true;
}

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
static size_t load_with_faults(const char *text, int final_rc, bool for_ever)
{
	struct helper_load whole = helper_load_text(text);
	char *printed = whole.config != NULL ? helper_print(whole.config) : NULL;

	config_free(whole.config);
	for (size_t n = 0;; n++) {
		struct fault fault = {.after = n, .for_ever = for_ever};
		struct helper_load load;

		mem_set_fail_hook(fail_at_zero, &fault);
		load = helper_load_text(text);
		mem_set_fail_hook(NULL, NULL);
		if (!fault.failed || (!for_ever && load.rc != -ENOMEM))
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
		if (!fault.failed) {
			free(printed);
			return n;
		}
	}
}

START_TEST(a_good_file)
{
	ck_assert_uint_gt(load_with_faults(good, 0, _i == 1), 4);
}
END_TEST

START_TEST(a_bad_file)
{
	ck_assert_uint_gt(load_with_faults(bad, -EINVAL, _i == 1), 2);
}
END_TEST

START_TEST(a_missing_file)
{
	struct helper_load load = {.config = NULL};
	struct fault fault = {.for_ever = true};

	mem_set_fail_hook(fail_at_zero, &fault);
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
