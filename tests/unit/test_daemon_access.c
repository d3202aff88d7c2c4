/* SPDX-License-Identifier: PostgreSQL */
/* Who may do what: rules by users and groups, against who the kernel says is there. */
#include "daemon/access.h"
#include "unit/db_fixture.h"
#include "unit/suite.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static char reported[4096];

static void on_report(void *arg, const char *text)
{
	ck_assert_ptr_eq(arg, reported);
	strcat(reported, text);
	strcat(reported, "\n");
}

/* Both ends of a socket that was made by somebody. */
static int peer(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
	int fds[2];

	ck_assert_int_eq(setgroups(count, groups), 0);
	ck_assert_int_eq(setegid(gid), 0);
	ck_assert_int_eq(seteuid(uid), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(setegid(0), 0);
	close(fds[1]);
	return fds[0];
}

static struct access_table *make_table(struct config_access *sections, size_t count)
{
	struct config config = {.path = "x.ini", .accesses = sections, .access_count = count};
	struct access_table *table = NULL;

	reported[0] = '\0';
	ck_assert_int_eq(access_table_new(&table, &config, on_report, reported), 0);
	return table;
}

/* ---- whom a rule fits ---- */

static const struct {
	const char *const *users, *const *groups;
	uid_t uid;
	gid_t gid, more[3]; /* supplementary ones, 0: no more */
	bool fits;
} fits[] = {
	{NAMES("1234"), NAMES(), 1234, 5, {0}, true},
	{NAMES("1234"), NAMES(), 1235, 5, {0}, false},
	{NAMES("7", "1234"), NAMES(), 1234, 5, {0}, true},
	{NAMES("root"), NAMES(), 0, 5, {0}, true},
	{NAMES("root"), NAMES(), 1, 0, {0}, false},
	{NAMES(), NAMES("55"), 1234, 55, {0}, true},
	{NAMES(), NAMES("55"), 1234, 5, {56, 55}, true},
	{NAMES(), NAMES("55"), 55, 5, {56}, false},
	{NAMES(), NAMES("root"), 1234, 0, {0}, true},
	{NAMES(), NAMES("9", "55"), 1234, 5, {9}, true},
	/* both have to fit */
	{NAMES("1234"), NAMES("55"), 1234, 55, {0}, true},
	{NAMES("1234"), NAMES("55"), 1234, 5, {0}, false},
	{NAMES("1234"), NAMES("55"), 1235, 55, {0}, false},
	{NAMES(), NAMES(), 4321, 4321, {0}, true},
	/* what the system does not know is nobody, not everybody */
	{NAMES("no such user"), NAMES(), 0, 0, {0}, false},
	{NAMES(), NAMES("no such group"), 0, 0, {0}, false},
	{NAMES("no such user", "1234"), NAMES(), 1234, 5, {0}, true},
	/* nor is a number that is none of an account's */
	{NAMES("4294967296"), NAMES(), 0, 0, {0}, false},
	{NAMES(), NAMES("4294967296"), 0, 0, {0}, false},
	{NAMES("18446744073709551616"), NAMES(), 0, 0, {0}, false},
	{NAMES("-1"), NAMES(), 0, 0, {0}, false},
	{NAMES("0x0"), NAMES(), 0, 0, {0}, false},
	{NAMES(""), NAMES(), 0, 0, {0}, false},
};

START_TEST(whom_a_rule_fits)
{
	struct config_access section = {.name = "s",
					.users = fits[_i].users,
					.groups = fits[_i].groups,
					.databases = NAMES()};
	struct access_table *table = make_table(&section, 1);
	size_t count = 0;
	struct access access;
	int fd;

	while (count < 3 && fits[_i].more[count] != 0)
		count++;
	fd = peer(fits[_i].uid, fits[_i].gid, fits[_i].more, count);
	ck_assert_int_eq(access_identify(&access, table, fd), 0);
	ck_assert_uint_eq(access.uid, fits[_i].uid);
	ck_assert_uint_eq(access.gid, fits[_i].gid);
	ck_assert_int_eq(access.pid, getpid());
	ck_assert_int_eq(access_allows_anything(&access), fits[_i].fits);
	ck_assert_int_eq(access_allows_sql(&access), fits[_i].fits);
	ck_assert_int_eq(access_allows_database(&access, "main"), fits[_i].fits);
	access_release(&access);
	access_release(&access);
	access_table_unref(table);
	close(fd);
}
END_TEST

START_TEST(unknown_names_are_told)
{
	struct config_access section = {.name = "s",
					.line = 7,
					.users = NAMES("no such user", "root"),
					.groups = NAMES("no such group"),
					.databases = NAMES()};

	access_table_unref(make_table(&section, 1));
	ck_assert_str_eq(
		reported,
		"x.ini:7: [access s]: the system has no user \"no such user\"; it matches "
		"nobody\n"
		"x.ini:7: [access s]: the system has no group \"no such group\"; it matches "
		"nobody\n");
}
END_TEST

/* More groups than are asked for at first. */
START_TEST(many_groups)
{
	gid_t groups[300];
	struct config_access section = {
		.name = "s", .users = NAMES(), .groups = NAMES("10299"), .databases = NAMES()};
	struct access_table *table = make_table(&section, 1);
	struct access access;
	int fd;

	for (gid_t i = 0; i < 300; i++)
		groups[i] = 10000 + i;
	fd = peer(1234, 5, groups, 300);
	ck_assert_int_eq(access_identify(&access, table, fd), 0);
	ck_assert(access_allows_anything(&access));
	access_release(&access);
	access_table_unref(table);
	close(fd);
}
END_TEST

/* ---- what a rule allows ---- */

START_TEST(the_first_that_fits_counts)
{
	struct config_access sections[] = {
		{.name = "other", .users = NAMES("9"), .groups = NAMES(), .databases = NAMES()},
		{.name = "first",
		 .users = NAMES("1234"),
		 .groups = NAMES(),
		 .databases = NAMES("a", "b"),
		 .sql = CONFIG_SQL_REPORTS,
		 .max_requests = 5},
		{.name = "second", .users = NAMES(), .groups = NAMES(), .databases = NAMES()},
	};
	struct access_table *table = make_table(sections, 3);
	struct access access;
	int fd = peer(1234, 5, NULL, 0);

	ck_assert_int_eq(access_identify(&access, table, fd), 0);
	ck_assert_str_eq(access.section->name, "first");
	ck_assert(access_allows_database(&access, "a"));
	ck_assert(access_allows_database(&access, "b"));
	ck_assert(!access_allows_database(&access, "c"));
	ck_assert(!access_allows_database(&access, ""));
	ck_assert(!access_allows_sql(&access));
	ck_assert_uint_eq(access_max_requests(&access, 64), 5);
	ck_assert_uint_eq(access_max_requests(&access, 3), 3);
	access_release(&access);
	close(fd);

	fd = peer(7, 5, NULL, 0);
	ck_assert_int_eq(access_identify(&access, table, fd), 0);
	ck_assert_str_eq(access.section->name, "second");
	ck_assert(access_allows_database(&access, "c"));
	ck_assert(access_allows_sql(&access));
	ck_assert_uint_eq(access_max_requests(&access, 64), 64);
	access_release(&access);
	access_table_unref(table);
	close(fd);
}
END_TEST

START_TEST(without_sections_all_is_allowed)
{
	struct access_table *table = make_table(NULL, 0);
	struct access access;
	int fd = peer(1234, 5, NULL, 0);

	ck_assert_int_eq(access_identify(&access, table, fd), 0);
	ck_assert(access_allows_anything(&access));
	ck_assert(access_allows_sql(&access));
	ck_assert(access_allows_database(&access, "any"));
	ck_assert_uint_eq(access_max_requests(&access, 64), 64);
	ck_assert_uint_eq(access.uid, 1234);
	access_release(&access);
	access_table_unref(table);
	close(fd);
}
END_TEST

/* A configuration is loaded anew, and its text goes, while a client is there. */
START_TEST(a_client_keeps_the_rules_it_came_under)
{
	char name[] = "first", user[] = "1234", database[] = "main";
	struct config_access section = {.name = name,
					.users = NAMES(user),
					.groups = NAMES(),
					.databases = NAMES(database)};
	struct access_table *table = make_table(&section, 1);
	struct access access;
	int fd = peer(1234, 5, NULL, 0);

	ck_assert_int_eq(access_identify(&access, table, fd), 0);
	access_table_unref(table);
	memset(name, 'x', sizeof(name) - 1);
	memset(database, 'x', sizeof(database) - 1);
	ck_assert_str_eq(access.section->name, "first");
	ck_assert(access_allows_database(&access, "main"));
	ck_assert(!access_allows_database(&access, "xxxx"));
	access_release(&access);
	close(fd);
}
END_TEST

/* ---- failures ---- */

START_TEST(no_socket)
{
	struct access_table *table = make_table(NULL, 0);
	struct access access;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(access_identify(&access, table, fds[0]), -ENOTSOCK);
	close(fds[0]);
	close(fds[1]);
	access_table_unref(table);
}
END_TEST

START_TEST(without_memory)
{
	struct config_access sections[] = {
		{.name = "a",
		 .users = NAMES("1", "2"),
		 .groups = NAMES("3"),
		 .databases = NAMES("x", "y")},
		{.name = "b", .users = NAMES(), .groups = NAMES("4"), .databases = NAMES("z")},
	};
	struct config config = {.path = "x.ini", .accesses = sections, .access_count = 2};
	struct access_table *table = NULL;
	size_t blocks = mem_live_blocks();
	struct access access;
	int fd, n = 0, rc;

	for (;; n++) {
		struct mem_failure failure = {.countdown = n};

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = access_table_new(&table, &config, on_report, reported);
		mem_set_fail_hook(NULL, NULL);
		if (rc == 0)
			break;
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_ptr_null(table);
		ck_assert_uint_eq(mem_live_blocks(), blocks);
	}
	ck_assert_int_gt(n, 10);
	fd = peer(1, 3, NULL, 0);
	{
		struct mem_failure failure = {.countdown = 0};

		mem_set_fail_hook(mem_failure_hook, &failure);
		ck_assert_int_eq(access_identify(&access, table, fd), -ENOMEM);
		mem_set_fail_hook(NULL, NULL);
	}
	close(fd);
	access_table_unref(table);
	ck_assert_uint_eq(mem_live_blocks(), blocks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon access");
	TCase *tcase = suite_case(suite, "access", 10);

	if (geteuid() != 0) {
		puts("1..0 # SKIP only root can be other users");
		return 0;
	}
	tcase_add_loop_test(tcase, whom_a_rule_fits, 0, ARRAY_SIZE(fits));
	tcase_add_test(tcase, unknown_names_are_told);
	tcase_add_test(tcase, many_groups);
	tcase_add_test(tcase, the_first_that_fits_counts);
	tcase_add_test(tcase, without_sections_all_is_allowed);
	tcase_add_test(tcase, a_client_keeps_the_rules_it_came_under);
	tcase_add_test(tcase, no_socket);
	tcase_add_test(tcase, without_memory);
	return suite_run(suite);
}
