/* SPDX-License-Identifier: PostgreSQL */
/* Which parameter an error of the server is about, by its own words. */
#include "daemon/culprit.h"

#include "base/err.h"
#include "suite.h"

#include <string.h>

static struct err sql_error(const char *sqlstate, const char *message, const char *context)
{
	struct err err = {.code = ERR_SQL, .message = message, .context = context};

	memcpy(err.sqlstate, sqlstate, 5);
	return err;
}

static size_t number_by_context(const char *context)
{
	struct err err = sql_error("22007", "invalid input syntax for type date: \"$7\"", context);

	return culprit_number(&err);
}

static size_t number_by_message(const char *sqlstate, const char *message, const char *context)
{
	struct err err = sql_error(sqlstate, message, context);

	return culprit_number(&err);
}

START_TEST(a_value_that_does_not_fit_its_type)
{
	ck_assert_uint_eq(number_by_context("unnamed portal parameter $1 = '...'"), 1);
	ck_assert_uint_eq(number_by_context("unnamed portal parameter $12"), 12);
	ck_assert_uint_eq(number_by_context("unnamed portal parameter $2 = 'has \"$1\" in it'"), 2);
	ck_assert_uint_eq(number_by_context("unbenannter Portalparameter $3 = »...«"), 3);
	ck_assert_uint_eq(number_by_context("JSON data, line 1: {\n"
					    "unnamed portal parameter $2 = '...'"),
			  2);
}
END_TEST

START_TEST(a_parameter_whose_type_is_not_known)
{
	ck_assert_uint_eq(
		number_by_message("42P18", "could not determine data type of parameter $2", NULL),
		2);
	ck_assert_uint_eq(
		number_by_message("42P08", "inconsistent types deduced for parameter $1", NULL), 1);
}
END_TEST

START_TEST(a_number_of_the_text_of_a_function)
{
	ck_assert_uint_eq(number_by_context("SQL statement \"select $1 = 2\"\n"
					    "PL/pgSQL function f(integer) line 2 at EXECUTE"),
			  0);
	ck_assert_uint_eq(number_by_context("SQL statement \"select $1"), 0);
	ck_assert_uint_eq(number_by_context("COPY t, line 1, column \"$1"), 0);
	ck_assert_uint_eq(number_by_message("42P18",
					    "could not determine data type of parameter $1",
					    "PL/pgSQL function f() line 1 at EXECUTE"),
			  0);
}
END_TEST

START_TEST(errors_about_no_parameter)
{
	struct err err = {.code = ERR_TIMEOUT, .message = "parameter $1"};

	ck_assert_uint_eq(culprit_number(&err), 0);
	ck_assert_uint_eq(number_by_context(NULL), 0);
	ck_assert_uint_eq(number_by_context(""), 0);
	ck_assert_uint_eq(number_by_context("costs $0"), 0);
	ck_assert_uint_eq(number_by_context("costs $1 of them"), 0);
	ck_assert_uint_eq(number_by_message("22012", "parameter $1", NULL), 0);
	ck_assert_uint_eq(number_by_message("42P18", "could not determine", NULL), 0);
	ck_assert_uint_eq(number_by_context("parameter $99999999999999999999999999"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon_culprit");
	TCase *tcase = suite_case(suite, "number", 60);

	tcase_add_test(tcase, a_value_that_does_not_fit_its_type);
	tcase_add_test(tcase, a_parameter_whose_type_is_not_known);
	tcase_add_test(tcase, a_number_of_the_text_of_a_function);
	tcase_add_test(tcase, errors_about_no_parameter);
	return suite_run(suite);
}
