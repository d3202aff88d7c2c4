/* SPDX-License-Identifier: PostgreSQL */
#include "base/macros.h"
#include "base/nearest.h"
#include "unit/suite.h"

#include <stdio.h>

static const char *const candidates[] = {"max_clients", "max_request", "max_requests", "socket",
					 "socket_mode"};

static const struct {
	const char *typed, *nearest;
} cases[] = {
	{"max_client", "max_clients"},
	{"max_cleints", "max_clients"},
	{"maxclients", "max_clients"},
	{"MAX_CLIENTS", "max_clients"},
	{"max_requets", "max_request"},
	{"max_requestss", "max_requests"},
	{"sokcet", "socket"},
	{"socket_mod", "socket_mode"},
	{"s", NULL},
	{"", NULL},
	{"abc", NULL},
	{"entirely_different", NULL},
	{"max_clients_max_clients_max_clients_max_clients_max_clients_max_clients", NULL},
};

START_TEST(nearest_is_found)
{
	struct nearest nearest = nearest_to(cases[_i].typed);
	char text[NEAREST_QUESTION_BYTES], wanted[NEAREST_QUESTION_BYTES] = "";

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		ck_assert(nearest_try(&nearest, candidates[i]) == (nearest.found == candidates[i]));
	ck_assert_pstr_eq(nearest.found, cases[_i].nearest);
	if (cases[_i].nearest != NULL)
		sprintf(wanted, "; did you mean \"%s\"?", cases[_i].nearest);
	ck_assert_str_eq(nearest_question(&nearest, text), wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/nearest");

	tcase_add_loop_test(suite_case(suite, "nearest", 10), nearest_is_found, 0,
			    ARRAY_SIZE(cases));
	return suite_run(suite);
}
