/* SPDX-License-Identifier: PostgreSQL */
/* Cancelling with a real server: what is meant is hit, nothing else is, and nobody waits longer
 * than he wants. */
#include "base/err.h"
#include "db/cancel.h"
#include "db/connect.h"
#include "unit/db_fixture.h"
#include "unit/postgres.h"
#include "unit/suite.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct connect_link open_link(struct db_fixture *fixture, const char *conninfo)
{
	const struct connect_options options = {.conninfo = conninfo,
						.address_timeout_ns = 10 * CLOCK_SECOND};
	struct connect_link link;
	struct err err;
	int rc = connect_open(fixture->resolver, &options, &fixture->arena, CLOCK_NEVER, &link,
			      &err);

	ck_assert_msg(rc == 0, "%s: %s", conninfo, err.message);
	ck_assert_int_eq(link.key.valid, DB_HAVE_KEYS);
	return link;
}

static void send_query(PGconn *pg, const char *sql)
{
	ck_assert_int_eq(PQsendQuery(pg, sql), 1);
	while (PQflush(pg) > 0)
		ck_assert_int_gt(co_fd_wait(PQsocket(pg), CO_WRITE, CLOCK_NEVER), 0);
}

/* The SQLSTATE that the query ends with, "" if none, cut to fit. Waits. */
static void await_end(PGconn *pg, char ret_sqlstate[6])
{
	PGresult *result;

	ret_sqlstate[0] = '\0';
	for (;;) {
		while (PQisBusy(pg)) {
			ck_assert_int_gt(co_fd_wait(PQsocket(pg), CO_READ, CLOCK_NEVER), 0);
			ck_assert_int_eq(PQconsumeInput(pg), 1);
		}
		result = PQgetResult(pg);
		if (result == NULL)
			return;
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			snprintf(ret_sqlstate, 6, "%s",
				 PQresultErrorField(result, PG_DIAG_SQLSTATE));
		PQclear(result);
	}
}

/* Waits until the server says that the backend sleeps: an earlier cancel would find nothing to hit.
 */
static void await_sleep(PGconn *observer, int pid)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "select 1/(count(*)::int) from pg_stat_activity where pid = %d and wait_event = "
		 "'PgSleep'",
		 pid);
	for (;;) {
		char sqlstate[6];

		send_query(observer, sql);
		await_end(observer, sqlstate);
		if (sqlstate[0] == '\0')
			return;
	}
}

static const char *const ways[] = {
	"",
	"host=@$HOST",
	"host=127.0.0.1 sslmode=disable",
	"host=127.0.0.1 sslmode=prefer",
	"host=127.0.0.1 sslmode=require",
};

static char conninfo[512];

static int task_hit(void *arg)
{
	struct connect_link link = open_link(arg, conninfo), observer = open_link(arg, "");
	char sqlstate[6];

	send_query(link.pg, "select pg_sleep(1000)");
	await_sleep(observer.pg, PQbackendPID(link.pg));
	ck_assert_int_eq(cancel_send(&link.key, link.pg, CLOCK_NEVER), 0);
	await_end(link.pg, sqlstate);
	ck_assert_str_eq(sqlstate, "57014");
	if (DB_HAVE_KEYS) { /* by the key alone */
		send_query(link.pg, "select pg_sleep(1000)");
		await_sleep(observer.pg, PQbackendPID(link.pg));
		ck_assert_int_eq(cancel_send(&link.key, NULL, CLOCK_NEVER), 0);
		await_end(link.pg, sqlstate);
		ck_assert_str_eq(sqlstate, "57014");
	}
	connect_link_close(&link);
	connect_link_close(&observer);
	return 0;
}

START_TEST(hits_its_query)
{
	if (strstr(ways[_i], "$HOST") != NULL)
		snprintf(conninfo, sizeof(conninfo), "host=@%s", getenv("PGHOST"));
	else
		strcpy(conninfo, ways[_i]);
	db_fixture_run(task_hit, NULL);
}
END_TEST

static int task_wrong_key(void *arg)
{
	struct connect_link link = open_link(arg, ""), observer = open_link(arg, "");
	struct cancel_key wrong = link.key;
	char sqlstate[6];

	wrong.secret ^= 1;
	send_query(link.pg, "select pg_sleep(1000)");
	await_sleep(observer.pg, PQbackendPID(link.pg));
	ck_assert_int_eq(cancel_send(&wrong, NULL, CLOCK_NEVER), 0);
	await_sleep(observer.pg, PQbackendPID(link.pg));
	ck_assert_int_eq(cancel_send(&link.key, NULL, CLOCK_NEVER), 0);
	await_end(link.pg, sqlstate);
	ck_assert_str_eq(sqlstate, "57014");
	connect_link_close(&link);
	connect_link_close(&observer);
	return 0;
}

START_TEST(a_wrong_key_hits_nobody)
{
	db_fixture_run(task_wrong_key, NULL);
}
END_TEST

struct sending {
	struct cancel_key key;
	PGconn *pg;
	int rc;
};

static int send_main(void *arg)
{
	struct sending *sending = arg;

	sending->rc = cancel_send(&sending->key, sending->pg, CLOCK_NEVER);
	return sending->rc;
}

/*
 * Queries that end by themselves near the moment of their cancel. Once the cancel is over and the
 * query's end has come, the next query on the connection is safe.
 */
static int task_innocents(void *arg)
{
	struct db_fixture *fixture = arg;
	struct connect_link link = open_link(fixture, "");
	int hit = 0, done = 0;

	for (int round = 0; round < 2000; round++) {
		struct sending sending = {.key = link.key, .pg = link.pg};
		struct co_group group;
		char sql[64], sqlstate[6];

		co_group_init(&group, fixture->loop, CO_KEEP_GOING);
		snprintf(sql, sizeof(sql), "select pg_sleep(%d * 0.0001)", round % 20);
		send_query(link.pg, sql);
		ck_assert_int_eq(co_group_go(&group, send_main, &sending, "cancel"), 0);
		await_end(link.pg, sqlstate);
		ck_assert(sqlstate[0] == '\0' || strcmp(sqlstate, "57014") == 0);
		hit += sqlstate[0] != '\0';
		ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);

		send_query(link.pg, "select count(*) from generate_series(1, 5000)");
		await_end(link.pg, sqlstate);
		done += sqlstate[0] == '\0';
	}
	connect_link_close(&link);
	ck_assert_int_eq(done, 2000);
	/* Else the race was not run. */
	ck_assert_int_gt(hit, 0);
	return 0;
}

START_TEST(innocents_are_spared)
{
	db_fixture_run(task_innocents, NULL);
}
END_TEST

static pid_t postmaster(void)
{
	char path[512];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "%s/postmaster.pid", getenv("PGDATA"));
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
	fclose(file);
	ck_assert_int_gt(pid, 1);
	return pid;
}

static void thaw(void)
{
	kill(postmaster(), SIGCONT);
}

/* A postmaster that stands still takes the connection into its backlog and never looks at it. */
static int task_frozen(void *arg)
{
	struct db_fixture *fixture = arg;
	struct connect_link link = open_link(fixture, conninfo);
	int descriptors = open_descriptors();
	struct sending sending = {.key = link.key, .pg = link.pg};
	struct co_group group;

	ck_assert_int_eq(kill(postmaster(), SIGSTOP), 0);
	ck_assert_int_eq(
		cancel_send(&link.key, link.pg, clock_after_ns(co_now_ns(), 50 * CLOCK_MS)),
		-ETIMEDOUT);
	ck_assert_int_eq(open_descriptors(), descriptors);

	co_group_init(&group, fixture->loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, send_main, &sending, "cancel"), 0);
	ck_assert_int_eq(co_sleep_until(co_now_ns() + CLOCK_MS), 0);
	co_group_cancel(&group);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), -ECANCELED);
	ck_assert_int_eq(open_descriptors(), descriptors);
	thaw();
	connect_link_close(&link);
	return 0;
}

START_TEST(a_frozen_postmaster_has_a_deadline)
{
	strcpy(conninfo, _i == 0 ? "" : "host=127.0.0.1");
	db_fixture_run(task_frozen, NULL);
}
END_TEST

static int task_no_way(void *arg)
{
	struct cancel_key key = {0};
	struct sockaddr_in *addr = (struct sockaddr_in *)&key.addr;

	(void)arg;
	ck_assert_int_eq(cancel_send(&key, NULL, CLOCK_NEVER), -ENOTSUP);
	/* Nobody listens on port 1. */
	*addr = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port = htons(1),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	key.addr_len = sizeof(*addr);
	key.valid = true;
	ck_assert_int_eq(cancel_send(&key, NULL, CLOCK_NEVER), -ECONNREFUSED);
	return 0;
}

START_TEST(no_way_to_the_server_is_an_error)
{
	db_fixture_run(task_no_way, NULL);
}
END_TEST

START_TEST(a_wiped_key_is_gone)
{
	struct cancel_key key, zero = {0};

	memset(&key, 0x5a, sizeof(key));
	memset(&zero, 0, sizeof(zero));
	cancel_key_wipe(&key);
	ck_assert_mem_eq(&key, &zero, sizeof(key));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db cancel");
	TCase *tcase = suite_case(suite, "cancel", 20), *race = suite_case(suite, "race", 240);
	TCase *frozen = suite_case(suite, "frozen", 20);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_unchecked_fixture(frozen, NULL, thaw);
	tcase_add_loop_test(tcase, hits_its_query, 0, ARRAY_SIZE(ways));
	if (DB_HAVE_KEYS)
		tcase_add_test(tcase, a_wrong_key_hits_nobody);
	tcase_add_loop_test(frozen, a_frozen_postmaster_has_a_deadline, 0, 2);
	tcase_add_test(tcase, no_way_to_the_server_is_an_error);
	tcase_add_test(tcase, a_wiped_key_is_gone);
	tcase_add_test(race, innocents_are_spared);
	return suite_run(suite);
}
