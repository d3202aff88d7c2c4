/* SPDX-License-Identifier: PostgreSQL */
#include "base/buf.h"
#include "base/macros.h"
#include "conf/conninfo.h"
#include "unit/suite.h"

#include <errno.h>

static const struct {
	const char *conninfo, *masked;
} strings[] = {
	{"service=reports", "service=reports"},
	{"host=h password=secret user=u", "host=h password=**** user=u"},
	{"password=secret", "password=****"},
	{"password = secret user = u", "password = **** user = u"},
	{"password='se cret'user=u", "password='****'user=u"},
	{"password='it\\'s' user=u", "password='****' user=u"},
	{"password='it\\\\' user=u", "password='****' user=u"},
	{"password=a\\ b user=u", "password=**** user=u"},
	{"password=a\\\\ user=u", "password=**** user=u"},
	{"user='password=x' host=h", "user='password=x' host=h"},
	{"options='-c a=b password=c' host=h", "options='-c a=b password=c' host=h"},
	{"sslpassword=a  host=h", "sslpassword=****  host=h"},
	{"PassWord=a", "PassWord=****"},
	{"passfile=/x passwordx=a", "passfile=/x passwordx=a"},
	/* libpq skips white space after the =, so this is a password */
	{"password= user=u", "password= ****"},
	{"password=''", "password='****'"},
	{"password=", "password="},
	{"host=h\tpassword=a\tuser=u", "host=h\tpassword=****\tuser=u"},
	{"password=a password=b", "password=**** password=****"},
	{"postgresql://", "postgresql://"},
	{"postgresql://h/db", "postgresql://h/db"},
	{"postgres://u:secret@h/db", "postgres://u:****@h/db"},
	{"postgresql://u:se:cret@h:5432/db", "postgresql://u:****@h:5432/db"},
	{"postgresql://:secret@h", "postgresql://:****@h"},
	{"postgresql://u@h:5432/db", "postgresql://u@h:5432/db"},
	{"postgresql://u:@h", "postgresql://u:@h"},
	{"postgresql://h:5432/db@x", "postgresql://h:5432/db@x"},
	{"postgresql://[::1]:5432/db@x", "postgresql://[::1]:5432/db@x"},
	{"postgresql://a:1,[::1]:2,b/db@x", "postgresql://a:1,[::1]:2,b/db@x"},
	{"postgresql://h/db?password=x&user=u", "postgresql://h/db?password=****&user=u"},
	{"postgresql://h/db?user=u&sslpassword=x", "postgresql://h/db?user=u&sslpassword=****"},
	{"postgresql://h/db?pass%77ord=x", "postgresql://h/db?pass%77ord=****"},
	{"postgresql://h/db?application_name=a@b", "postgresql://h/db?application_name=a@b"},
	{"postgresql://h?password=x@y", "postgresql://h?password=****"},
	{"postgresql://u:a?b@h/db", "postgresql://u:****@h/db"},
	{"postgresql://h/db?password=a?b", "postgresql://h/db?password=****"},
	{"postgresql://u?x@h/db?password=a", "postgresql://u?x@h/db?password=****"},
	{"postgresql://u:p@h/db?password=a/b", "postgresql://u:****@h/db?password=****"},
	{"postgresql://u:p@h/db?password", "postgresql://u:****@h/db?password"},
	/* libpq takes these apart and fails; nothing of the password may be shown all the same */
	{"postgresql://u:se@cret@h/db", "postgresql://u:****@h/db"},
	{"postgresql://u:se/cret@h/db", "postgresql://u:****@h/db"},
};

START_TEST(passwords_are_masked)
{
	const char *problem = NULL;
	struct buf out;

	buf_init(&out, 0, NULL);
	ck_assert_int_eq(conninfo_mask(strings[_i].conninfo, &out, &problem), 0);
	ck_assert_str_eq(buf_cstr(&out), strings[_i].masked);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *conninfo, *problem;
} bad_strings[] = {
	{"host", "an option without an = after it"},
	{"host=a b", "an option without an = after it"},
	{"host a=b", "an option without an = after it"},
	{"=b", "an = without an option before it"},
	{"password='secret", "a quote is not closed"},
	{"password='secret\\'", "a quote is not closed"},
	{"password='secret\\", "a quote is not closed"},
	{"http://u:p@h/", "an option without an = after it"},
};

START_TEST(a_wrong_form_is_told_and_nothing_shown)
{
	const char *problem = NULL;
	struct buf out;

	buf_init(&out, 0, NULL);
	buf_puts(&out, "before");
	ck_assert_int_eq(conninfo_mask(bad_strings[_i].conninfo, &out, &problem), -EINVAL);
	ck_assert_str_eq(problem, bad_strings[_i].problem);
	ck_assert_str_eq(buf_cstr(&out), "before");
	buf_free(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/conninfo");
	TCase *tcase = suite_case(suite, "mask", 10);

	tcase_add_loop_test(tcase, passwords_are_masked, 0, ARRAY_SIZE(strings));
	tcase_add_loop_test(tcase, a_wrong_form_is_told_and_nothing_shown, 0,
			    ARRAY_SIZE(bad_strings));
	return suite_run(suite);
}
