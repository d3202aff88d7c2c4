/* SPDX-License-Identifier: PostgreSQL */
/* The library as its users link it, by its public header alone. */
#include "client/gather.h"
#include "unit/suite.h"

START_TEST(stands_alone)
{
	struct gather_request *request = gather_request_new();
	struct gather *g = gather_new();
	struct gather_answer *answer;

	ck_assert_str_eq(gather_version(), PACKAGE_VERSION);
	ck_assert_int_eq(gather_request_add(request, NULL, "select $1"), 0);
	ck_assert_int_eq(gather_request_param_json(request, NULL, "{\"a\":[1.5]}"), 0);
	ck_assert_int_eq(gather_connect(g, "/nonexistent/sock", 0), GATHER_UNREACHABLE);
	ck_assert_int_eq(gather_run(g, request, 0, &answer), GATHER_INVALID);
	gather_request_free(request);
	gather_free(g);
	gather_free(NULL);
	gather_request_free(NULL);
	gather_answer_free(NULL);
}
END_TEST

START_TEST(every_status_has_a_text)
{
	for (int status = GATHER_SYSTEM; status <= GATHER_OK; status++)
		ck_assert_str_ne(gather_status_text(status), gather_status_text(77));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_library");
	TCase *tcase = suite_case(suite, "library", 10);

	tcase_add_test(tcase, stands_alone);
	tcase_add_test(tcase, every_status_has_a_text);
	return suite_run(suite);
}
