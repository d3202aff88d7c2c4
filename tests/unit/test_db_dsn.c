/* SPDX-License-Identifier: PostgreSQL */
/* What is read from text, with no server: connection strings, libpq's messages. */
#include "base/arena.h"
#include "base/clock.h"
#include "db/connect.h"
#include "db/dsn.h"
#include "db/pgerror.h"
#include "db/refusal.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;

static void setup(void)
{
	char **env = environ;

	/* Nothing of the user's own settings. */
	while (*env != NULL) {
		char name[64];

		if (strncmp(*env, "PG", 2) == 0 && sscanf(*env, "%63[^=]", name) == 1)
			unsetenv(name);
		else
			env++;
	}
	setenv("PGUSER", "somebody", 1);
	arena_init(&arena, 0, NULL);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* Targets are written host/hostaddr/port, one after the other. */
static const struct {
	const char *text, *targets;
} target_cases[] = {
	{"host=db1", "db1/-/5432 "},
	{"host=db1,db2 port=1,2", "db1/-/1 db2/-/2 "},
	{"host=db1,db2,/tmp port=7", "db1/-/7 db2/-/7 /tmp/-/7 "},
	{"host=db1,db2 port=,2", "db1/-/5432 db2/-/2 "},
	{"hostaddr=10.0.0.1,10.0.0.2", "10.0.0.1/10.0.0.1/5432 10.0.0.2/10.0.0.2/5432 "},
	{"host=a,b hostaddr=10.0.0.1,10.0.0.2", "a/10.0.0.1/5432 b/10.0.0.2/5432 "},
	{"host=/tmp,b hostaddr=,10.0.0.2", "/tmp/-/5432 b/10.0.0.2/5432 "},
	{"postgresql://db1:6000,db2/app?user=me", "db1/-/6000 db2/-/5432 "},
	{"postgresql://%2Ftmp/app", "/tmp/-/5432 "},
	{"host=@abstract", "@abstract/-/5432 "},
	{"service=two", "s1/-/11 s2/-/12 "},
	{"service=two host=own port=9", "own/-/9 "},
};

static void service_file(void)
{
	char path[] = "/tmp/gatherd-service.XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	ck_assert_ptr_nonnull(file);
	fputs("[two]\nhost=s1,s2\nport=11,12\noptions=-c geqo=off\n[timid]\ngssencmode=require\n",
	      file);
	fclose(file);
	setenv("PGSERVICEFILE", path, 1);
}

static struct dsn expand(const char *text)
{
	struct dsn dsn;
	const char *why = "";
	int rc;

	service_file();
	rc = dsn_expand(text, &arena, &dsn, &why);
	unlink(getenv("PGSERVICEFILE"));
	ck_assert_msg(rc == 0, "%s: %d %s", text, rc, why);
	return dsn;
}

START_TEST(targets)
{
	struct dsn dsn = expand(target_cases[_i].text);
	char text[256] = "", *end = text;

	for (size_t i = 0; i < dsn.target_count; i++) {
		const struct dsn_target *target = &dsn.targets[i];

		end += snprintf(end, (size_t)(text + sizeof(text) - end), "%s/%s/%s ", target->host,
				target->hostaddr != NULL ? target->hostaddr : "-", target->port);
	}
	ck_assert_str_eq(text, target_cases[_i].targets);
}
END_TEST

START_TEST(no_host_is_the_default_directory)
{
	struct dsn alone = expand(""), listed = expand("host=,db2");

	ck_assert_uint_eq(alone.target_count, 1);
	ck_assert_int_ne(alone.targets[0].host[0], '\0');
	ck_assert_uint_eq(listed.target_count, 2);
	ck_assert_str_eq(listed.targets[0].host, alone.targets[0].host);
}
END_TEST

START_TEST(environment_counts)
{
	struct dsn dsn;

	setenv("PGHOST", "envhost", 1);
	setenv("PGPORT", "77", 1);
	setenv("PGTARGETSESSIONATTRS", "read-only", 1);
	setenv("PGGSSENCMODE", "prefer", 1);
	dsn = expand("dbname=x");
	ck_assert_str_eq(dsn.targets[0].host, "envhost");
	ck_assert_str_eq(dsn.targets[0].port, "77");
	ck_assert_str_eq(dsn.target_session_attrs, "read-only");
	ck_assert(dsn.says_gssencmode);
}
END_TEST

START_TEST(what_is_said_and_what_is_not)
{
	struct dsn dsn = expand("host=a");

	ck_assert_str_eq(dsn.target_session_attrs, "any");
	ck_assert_str_eq(dsn.server_options, "");
	ck_assert(!dsn.says_gssencmode && !dsn.says_keepalive && !dsn.balance && !dsn.has_hostaddr);
	ck_assert_int_eq(dsn.connect_timeout_ns, CLOCK_NEVER);
	dsn = expand("host=a gssencmode=prefer keepalives_idle=9 connect_timeout=1");
	ck_assert(dsn.says_gssencmode && dsn.says_keepalive);
	ck_assert_int_eq(dsn.connect_timeout_ns, 2 * CLOCK_SECOND);
	ck_assert(expand("service=timid").says_gssencmode);
	ck_assert_str_eq(expand("service=two").server_options, "-c geqo=off");
}
END_TEST

static const struct {
	const char *text, *why;
} bad_cases[] = {
	{"host", "missing \"=\" after \"host\" in connection info string"},
	{"hsot=a", "invalid connection option \"hsot\""},
	{"host='a", "unterminated quoted string in connection info string"},
	{"postgresql://[::1", "end of string reached when looking for matching \"]\" in IPv6 host "
			      "address in URI: \"postgresql://[::1\""},
	{"service=nix", "definition of service \"nix\" not found"},
	{"host=a,b port=1,2,3", "could not match 3 port numbers to 2 hosts"},
	{"host=a,b hostaddr=10.0.0.1", "could not match 2 host names to 1 hostaddr values"},
};

START_TEST(bad_strings_say_why)
{
	struct dsn dsn;
	const char *why;

	service_file();
	ck_assert_int_eq(dsn_expand(bad_cases[_i].text, &arena, &dsn, &why), -EINVAL);
	unlink(getenv("PGSERVICEFILE"));
	ck_assert_str_eq(why, bad_cases[_i].why);
}
END_TEST

START_TEST(late_options_are_validated)
{
	const char *why;

	ck_assert_int_eq(dsn_validate("host=a", "5432", &arena, &why), 0);
	ck_assert_int_eq(dsn_validate("host=a,b port=1,2", "5432", &arena, &why), 0);
	ck_assert_int_eq(dsn_validate("sslmode=never", "5432", &arena, &why), -EINVAL);
	ck_assert_str_eq(why, "invalid sslmode value: \"never\"");
	ck_assert_int_eq(dsn_validate("target_session_attrs=best", "5432", &arena, &why), -EINVAL);
	ck_assert_int_eq(dsn_validate("host=a", "70000", &arena, &why), -EINVAL);
	ck_assert_str_eq(why, "invalid port number: \"70000\"");
}
END_TEST

START_TEST(syntax_check_stands_alone)
{
	ck_assert_ptr_null(connect_check_conninfo("host=a service=unknown", &arena));
	ck_assert_str_eq(connect_check_conninfo("hsot=a", &arena),
			 "invalid connection option \"hsot\"");
}
END_TEST

static const struct {
	const char *text, *sqlstate, *severity, *message;
	enum connect_failure kind;
} refusal_cases[] = {
	{"connection to server on socket \"/s\" failed: FATAL:  28P01: password authentication "
	 "failed "
	 "for user \"x\"\nLOCATION:  auth_failed, auth.c:326\n",
	 "28P01", "FATAL",
	 "connection to server on socket \"/s\" failed: FATAL: password authentication failed for "
	 "user \"x\"",
	 CONNECT_FAILURE_REFUSED},
	{"FATAL:  57P03: the database system is starting up\n", "57P03", "FATAL",
	 "FATAL: the database system is starting up", CONNECT_FAILURE_STARTING},
	{"FATAL:  53300: sorry, too many clients already\n", "53300", "FATAL",
	 "FATAL: sorry, too many clients already", CONNECT_FAILURE_TOO_MANY},
	{"FATAL:  3D000: database \"x\" does not exist\nDETAIL:  It was dropped.\nHINT:  None.\n"
	 "LOCATION:  f, g.c:1\n",
	 "3D000", "FATAL",
	 "FATAL: database \"x\" does not exist; DETAIL:  It was dropped.; HINT:  None.",
	 CONNECT_FAILURE_REFUSED},
	{"connection to server at \"h\", port 1 failed: Connection refused\n\tIs the server "
	 "running?\n",
	 "", NULL,
	 "connection to server at \"h\", port 1 failed: Connection refused. Is the server running?",
	 CONNECT_FAILURE_NETWORK},
	{"FATAL:  28000: no entry, SSL encryption\nFATAL:  28P01: wrong\n", "28000", "FATAL",
	 "FATAL: no entry, SSL encryption; FATAL: wrong", CONNECT_FAILURE_REFUSED},
	{"odd:  text:  28P01:x\n:  \n:  ABCDEF: \n", "", NULL,
	 "odd:  text:  28P01:x; :  ; :  ABCDEF:", CONNECT_FAILURE_NETWORK},
	{"", "", NULL, "", CONNECT_FAILURE_NETWORK},
	{":  00000: ", "00000", "", ":", CONNECT_FAILURE_REFUSED},
};

START_TEST(refusals)
{
	struct refusal refusal;

	ck_assert_int_eq(refusal_parse(refusal_cases[_i].text, &arena, &refusal), 0);
	ck_assert_str_eq(refusal.sqlstate, refusal_cases[_i].sqlstate);
	ck_assert_pstr_eq(refusal.severity, refusal_cases[_i].severity);
	ck_assert_str_eq(refusal.message, refusal_cases[_i].message);
	ck_assert_int_eq(refusal.kind, refusal_cases[_i].kind);
}
END_TEST

START_TEST(tidy)
{
	ck_assert_str_eq(pgerror_tidy(&arena, ""), "");
	ck_assert_str_eq(pgerror_tidy(&arena, " \n\t"), "");
	ck_assert_str_eq(pgerror_tidy(&arena, "one\n\tIs it?"), "one. Is it?");
	ck_assert_str_eq(pgerror_tidy(&arena, "one\r\ntwo\n\tmore\n\n"), "one; two more");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db dsn");
	TCase *tcase = suite_case(suite, "dsn", 10);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, targets, 0, ARRAY_SIZE(target_cases));
	tcase_add_test(tcase, no_host_is_the_default_directory);
	tcase_add_test(tcase, environment_counts);
	tcase_add_test(tcase, what_is_said_and_what_is_not);
	tcase_add_loop_test(tcase, bad_strings_say_why, 0, ARRAY_SIZE(bad_cases));
	tcase_add_test(tcase, late_options_are_validated);
	tcase_add_test(tcase, syntax_check_stands_alone);
	tcase_add_loop_test(tcase, refusals, 0, ARRAY_SIZE(refusal_cases));
	tcase_add_test(tcase, tidy);
	return suite_run(suite);
}
