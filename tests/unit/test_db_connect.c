/* SPDX-License-Identifier: PostgreSQL */
/* Opening sessions with a real server, and with sockets that behave badly. */
#include "base/err.h"
#include "db/connect.h"
#include "unit/db_fixture.h"
#include "unit/postgres.h"
#include "unit/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* One connect_open, and what came of it. */
struct opening {
	struct db_fixture *fixture;
	struct connect_options options;
	int64_t deadline_ns;
	struct connect_link link;
	struct err err;
	int rc;
	char conninfo[512];
};

static struct opening opening(struct db_fixture *fixture, const char *conninfo)
{
	struct opening open = {
		.fixture = fixture,
		.options = {.application_name = "suite", .address_timeout_ns = 10 * CLOCK_SECOND},
		.deadline_ns = CLOCK_NEVER,
	};
	char *out = open.conninfo;

	/* $HOST and $PORT are the server's. */
	while (*conninfo != '\0') {
		const char *name = strncmp(conninfo, "$HOST", 5) == 0	? "PGHOST"
				   : strncmp(conninfo, "$PORT", 5) == 0 ? "PGPORT"
									: NULL;

		if (name == NULL) {
			*out++ = *conninfo++;
			continue;
		}
		out = stpcpy(out, getenv(name));
		conninfo += 5;
	}
	return open;
}

static int opening_run(void *arg)
{
	struct opening *open = arg;

	open->options.conninfo = open->conninfo;
	open->rc = connect_open(open->fixture->resolver, &open->options, &open->fixture->arena,
				open->deadline_ns, &open->link, &open->err);
	return open->rc;
}

static void opening_succeeds(struct opening *open)
{
	opening_run(open);
	ck_assert_msg(open->rc == 0, "%s: %d: %s", open->conninfo, open->rc, open->err.message);
}

/* The session is ours alone, so that we may block. */
static char *ask(PGconn *pg, const char *sql)
{
	PGresult *result;
	char *answer;

	PQsetnonblocking(pg, 0);
	result = PQexec(pg, sql);
	ck_assert_msg(PQntuples(result) == 1, "%s: %s", sql, PQerrorMessage(pg));
	answer = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQsetnonblocking(pg, 1);
	return answer;
}

static void ck_answer(PGconn *pg, const char *sql, const char *expected)
{
	char *answer = ask(pg, sql);

	ck_assert_str_eq(answer, expected);
	free(answer);
}

/* ---- sockets that behave badly ---- */

/* Takes connections into its backlog, and that is all. */
static int listen_port(int *ret_port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

/* A server that reads the first message of each connection, says `bytes` and hangs up. */
struct impostor {
	const char *bytes;
	size_t len;
	int fd, port;
	pthread_t thread;
};

static void *impostor_main(void *arg)
{
	struct impostor *impostor = arg;

	for (;;) {
		char first[1024];
		int fd = accept(impostor->fd, NULL, NULL);

		if (fd < 0)
			return NULL; /* shut down by the test */
		if (recv(fd, first, sizeof(first), 0) > 0 &&
		    send(fd, impostor->bytes, impostor->len, MSG_NOSIGNAL) >= 0)
			shutdown(fd, SHUT_WR);
		while (recv(fd, first, sizeof(first), 0) > 0)
			;
		close(fd);
	}
}

static void impostor_start(struct impostor *impostor, const char *bytes, size_t len)
{
	impostor->bytes = bytes;
	impostor->len = len;
	impostor->fd = listen_port(&impostor->port);
	ck_assert_int_eq(pthread_create(&impostor->thread, NULL, impostor_main, impostor), 0);
}

static void impostor_stop(struct impostor *impostor)
{
	shutdown(impostor->fd, SHUT_RDWR);
	pthread_join(impostor->thread, NULL);
	close(impostor->fd);
}

#define REFUSAL(code, text) "E\0\0\0\x24SFATAL\0VFATAL\0C" code "\0M" text "\0"
/* 36 bytes with the length, without the type: 4 + 7 + 7 + 7 + 10 + 1 */
static const char starting_up[] = REFUSAL("57P03", "no, wait");
static const char too_many[] = REFUSAL("53300", "too many");

/* ---- what works ---- */

static const char *const good_cases[] = {
	"",
	"host=$HOST port=$PORT",
	"host=@$HOST port=$PORT",
	"host=127.0.0.1",
	"hostaddr=127.0.0.1",
	"host=named hostaddr=127.0.0.1",
	"host=localhost",
	"postgresql://postgres@127.0.0.1:$PORT/postgres",
	"service=here",
	"host=127.0.0.1 user=alice password=secret",
	"host=127.0.0.1 sslmode=disable",
	"target_session_attrs=read-write",
	"target_session_attrs=primary",
	"target_session_attrs=prefer-standby",
	"host=127.0.0.1,$HOST target_session_attrs=prefer-standby",
	"host=/nonexistent,$HOST",
	"host=127.0.0.1,127.0.0.1 port=1,$PORT",
	"host=,127.0.0.1 port=1,$PORT",
	"host=$HOST,127.0.0.1 hostaddr=,127.0.0.1",
	"host=nosuch.invalid,127.0.0.1",
	"gssencmode=prefer",
	"keepalives=0",
	"client_encoding=LATIN1",
	"client_encoding=auto",
};

/* The name service of most tests here, so that none depends on the machine's. */
static int lookup(const char *host, const char *port, const struct addrinfo *hints,
		  struct addrinfo **ret_list)
{
	if (strcmp(host, "localhost") != 0 && strcmp(host, "twice") != 0)
		return EAI_NONAME;
	return getaddrinfo("127.0.0.1", port, hints, ret_list);
}

static int case_index;

static int task_good(void *arg)
{
	struct opening open = opening(arg, good_cases[case_index]);

	opening_succeeds(&open);
	ck_assert_int_eq(PQstatus(open.link.pg), CONNECTION_OK);
	ck_assert_int_eq(PQisnonblocking(open.link.pg), 1);
	ck_assert_int_eq(open.link.key.valid, DB_HAVE_KEYS);
	if (DB_HAVE_KEYS)
		ck_assert_int_eq(open.link.key.pid, PQbackendPID(open.link.pg));
	ck_answer(open.link.pg, "show client_encoding", "UTF8");
	ck_answer(open.link.pg, "show application_name", "suite");
	ck_answer(open.link.pg, "show default_transaction_read_only", "off");
	connect_link_close(&open.link);
	ck_assert_int_eq(open.link.key.secret, 0);
	return 0;
}

START_TEST(opens)
{
	char path[] = "/tmp/gatherd-service.XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "[here]\nhost=127.0.0.1\nport=%s\n", getenv("PGPORT"));
	fclose(file);
	setenv("PGSERVICEFILE", path, 1);
	setenv("PGCLIENTENCODING", "LATIN1", 1);
	case_index = _i;
	db_fixture_run(task_good, lookup);
	unlink(path);
}
END_TEST

static int task_tls(void *arg)
{
	struct opening open = opening(arg, "host=127.0.0.1 sslmode=require");

	opening_succeeds(&open);
	ck_assert(PQsslInUse(open.link.pg));
	ck_assert_int_eq(open.link.key.valid, DB_HAVE_KEYS);
	connect_link_close(&open.link);

	/* Nobody vouches for the server: no network trouble. */
	open = opening(arg, "host=127.0.0.1 sslmode=verify-full sslrootcert=/nonexistent");
	opening_run(&open);
	ck_assert_int_eq(open.rc, -EACCES);
	ck_assert_int_eq(open.err.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(open.err.message, "/nonexistent"));
	return 0;
}

START_TEST(tls)
{
	if (strcmp(getenv("TEST_POSTGRES_TLS"), "1") == 0)
		db_fixture_run(task_tls, lookup);
}
END_TEST

static int task_read_only(void *arg)
{
	struct opening open = opening(arg, "options='-c geqo=off'");

	open.options.read_only = true;
	opening_succeeds(&open);
	ck_answer(open.link.pg, "show default_transaction_read_only", "on");
	ck_answer(open.link.pg, "show geqo", "off");
	PQsetnonblocking(open.link.pg, 0);
	PQclear(PQexec(open.link.pg, "set default_transaction_read_only = off"));
	PQclear(PQexec(open.link.pg, "reset all"));
	ck_answer(open.link.pg, "show default_transaction_read_only", "on");
	connect_link_close(&open.link);
	return 0;
}

START_TEST(read_only_survives_a_reset)
{
	db_fixture_run(task_read_only, lookup);
}
END_TEST

static int socket_option(PGconn *pg, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(PQsocket(pg), level, name, &value, &len), 0);
	return value;
}

static int task_keepalive(void *arg)
{
	struct opening open = opening(arg, "host=127.0.0.1");

	opening_succeeds(&open);
	ck_assert_int_eq(socket_option(open.link.pg, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(socket_option(open.link.pg, IPPROTO_TCP, 4 /* TCP_KEEPIDLE */), 1);
	ck_assert_int_eq(socket_option(open.link.pg, IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */), 3000);
	connect_link_close(&open.link);
	/* Whoever settles one settles all. */
	open = opening(arg, "host=127.0.0.1 keepalives_idle=77");
	opening_succeeds(&open);
	ck_assert_int_eq(socket_option(open.link.pg, IPPROTO_TCP, 4), 77);
	ck_assert_int_eq(socket_option(open.link.pg, IPPROTO_TCP, 18), 0);
	connect_link_close(&open.link);
	return 0;
}

START_TEST(silent_drops_are_noticed)
{
	db_fixture_run(task_keepalive, lookup);
}
END_TEST

/* ---- what does not ---- */

static const struct {
	const char *conninfo;
	int rc;
	enum err_code code;
	const char *sqlstate, *message;
} bad_cases[] = {
	{"host=127.0.0.1 user=alice password=wrong", -EACCES, ERR_SQL, "28P01",
	 "password authentication failed for user \"alice\""},
	{"user=alice password=wrong", -EACCES, ERR_SQL, "28P01", "on socket"},
	{"host=127.0.0.1 user=alice", -EACCES, ERR_UNAVAILABLE, "", "no password supplied"},
	{"host=127.0.0.1 user=nobody password=x", -EACCES, ERR_SQL, "28P01", "\"nobody\""},
	{"dbname=nosuch", -EACCES, ERR_SQL, "3D000", "database \"nosuch\" does not exist"},
	{"dbname=closed", -EACCES, ERR_SQL, "55000", "not currently accepting connections"},
	{"user=nologin password=secret", -EACCES, ERR_SQL, "28000", "not permitted to log in"},
	{"user=limited password=secret", -EBUSY, ERR_SQL, "53300", "too many connections for role"},
	{"options='-c nosuch=1'", -EACCES, ERR_SQL, "42704", "nosuch"},
	{"host=127.0.0.1 port=1", -EHOSTUNREACH, ERR_UNAVAILABLE, "", "Connection refused"},
	{"host=/nonexistent", -EHOSTUNREACH, ERR_UNAVAILABLE, "", "No such file or directory"},
	{"host=/nonexistent,127.0.0.1 port=1,1", -EHOSTUNREACH, ERR_UNAVAILABLE, "",
	 "No such file or directory. Is the server running locally and accepting connections on "
	 "that "
	 "socket?; connection to server at \"127.0.0.1\", port 1 failed: Connection refused"},
	{"host=nosuch.invalid", -EHOSTUNREACH, ERR_UNAVAILABLE, "",
	 "could not translate host name \"nosuch.invalid\" to address: Name or service not known"},
	{"target_session_attrs=standby", -EHOSTUNREACH, ERR_UNAVAILABLE, "",
	 "server is not in hot standby mode"},
	{"target_session_attrs=read-only", -EHOSTUNREACH, ERR_UNAVAILABLE, "",
	 "session is not read-only"},
	/* A server that does not want us ends the search, as in libpq. */
	{"host=$HOST,127.0.0.1 dbname=nosuch", -EACCES, ERR_SQL, "3D000", "on socket"},
	{"host=/nonexistent,$HOST dbname=nosuch", -EACCES, ERR_SQL, "3D000", "/nonexistent"},
	{"host", -EINVAL, ERR_UNAVAILABLE, "", "conninfo: missing \"=\" after \"host\""},
	{"service=nix", -EINVAL, ERR_UNAVAILABLE, "", "definition of service \"nix\" not found"},
	{"sslmode=never", -EINVAL, ERR_UNAVAILABLE, "",
	 "conninfo: invalid sslmode value: \"never\""},
	{"target_session_attrs=best", -EINVAL, ERR_UNAVAILABLE, "", "\"best\""},
	{"port=70000", -EINVAL, ERR_UNAVAILABLE, "", "invalid port number: \"70000\""},
};

static int task_bad(void *arg)
{
	struct opening open = opening(arg, bad_cases[case_index].conninfo);

	opening_run(&open);
	ck_assert_int_eq(open.rc, bad_cases[case_index].rc);
	ck_assert_ptr_null(open.link.pg);
	ck_assert_int_eq(open.err.code, bad_cases[case_index].code);
	ck_assert_int_eq(open.err.effects, ERR_EFFECTS_NONE);
	ck_assert_str_eq(open.err.sqlstate, bad_cases[case_index].sqlstate);
	if (open.err.code == ERR_SQL)
		ck_assert_str_eq(open.err.severity, "FATAL");
	ck_assert_msg(strstr(open.err.message, bad_cases[case_index].message) != NULL, "%s",
		      open.err.message);
	ck_assert_msg(strchr(open.err.message, '\n') == NULL, "%s", open.err.message);
	return 0;
}

START_TEST(says_why_not)
{
	setenv("PGSERVICEFILE", "/dev/null", 1);
	case_index = _i;
	db_fixture_run(task_bad, lookup);
}
END_TEST

START_TEST(failures_have_kinds)
{
	ck_assert_int_eq(connect_classify(-EINVAL), CONNECT_FAILURE_REFUSED);
	ck_assert_int_eq(connect_classify(-EACCES), CONNECT_FAILURE_REFUSED);
	ck_assert_int_eq(connect_classify(-EBUSY), CONNECT_FAILURE_TOO_MANY);
	ck_assert_int_eq(connect_classify(-EAGAIN), CONNECT_FAILURE_STARTING);
	ck_assert_int_eq(connect_classify(-EHOSTUNREACH), CONNECT_FAILURE_NETWORK);
	ck_assert_int_eq(connect_classify(-ETIMEDOUT), CONNECT_FAILURE_NETWORK);
	ck_assert_int_eq(connect_classify(-ENOMEM), CONNECT_FAILURE_NETWORK);
}
END_TEST

/* ---- servers that are none ---- */

static int task_silent(void *arg)
{
	struct opening open;
	int port, fd = listen_port(&port);

	open = opening(arg, "");
	open.options.address_timeout_ns = 50 * CLOCK_MS;
	sprintf(open.conninfo, "host=127.0.0.1 port=%d", port);
	opening_run(&open);
	ck_assert_int_eq(open.rc, -EHOSTUNREACH);
	ck_assert_ptr_nonnull(strstr(open.err.message, "failed: no answer within 0.05 s"));

	/* Each address has a limit of its own, so the next is reached. */
	open = opening(arg, "");
	open.options.address_timeout_ns = 2 * CLOCK_SECOND;
	sprintf(open.conninfo, "host=127.0.0.1,127.0.0.1 port=%d,%s", port, getenv("PGPORT"));
	opening_succeeds(&open);
	connect_link_close(&open.link);

	/* The whole has one, too. */
	open = opening(arg, "");
	sprintf(open.conninfo, "host=127.0.0.1,127.0.0.1 port=%d,%s", port, getenv("PGPORT"));
	open.deadline_ns = clock_after_ns(co_now_ns(), 50 * CLOCK_MS);
	opening_run(&open);
	ck_assert_int_eq(open.rc, -ETIMEDOUT);
	ck_assert_int_eq(open.err.code, ERR_UNAVAILABLE);
	close(fd);
	return 0;
}

START_TEST(silence_ends)
{
	db_fixture_run(task_silent, lookup);
}
END_TEST

/* What an impostor says, and what we make of it, alone and with a good server behind it. */
static const struct {
	const char *bytes;
	size_t len;
	int alone, with_next;
	const char *sqlstate;
} impostor_cases[] = {
	{"", 0, -EHOSTUNREACH, 0, ""},
	{starting_up, sizeof(starting_up), -EAGAIN, 0, "57P03"},
	{too_many, sizeof(too_many), -EBUSY, -EBUSY, "53300"},
	{"HTTP/1.1 400 Bad Request\r\n\r\n", 28, -EACCES, 0, ""},
	{"R\0\0\0\x08\0\0\0\x63", 9, -EACCES, 0, ""}, /* an unknown kind of authentication */
	{"R\0\0\0\x08\0\0", 7, -EHOSTUNREACH, 0, ""}, /* cut short */
	/* more types of parameters than it has bytes for: libpq's trace would read them all */
	{"R\0\0\0\x08\0\0\0\0t\0\0\0\x06\xff\xff", 16, -EHOSTUNREACH, 0, ""},
	{"E\x7f\xff\xff\xff", 5, -EHOSTUNREACH, 0, ""}, /* a length that cannot be */
};

static int task_impostor(void *arg)
{
	struct impostor impostor;
	struct opening open = opening(arg, "");

	impostor_start(&impostor, impostor_cases[case_index].bytes, impostor_cases[case_index].len);
	sprintf(open.conninfo, "host=127.0.0.1 port=%d sslmode=disable", impostor.port);
	opening_run(&open);
	ck_assert_msg(open.rc == impostor_cases[case_index].alone, "%d %s", open.rc,
		      open.err.message);
	ck_assert_str_eq(open.err.sqlstate, impostor_cases[case_index].sqlstate);

	open = opening(arg, "");
	sprintf(open.conninfo, "host=127.0.0.1,127.0.0.1 port=%d,%s sslmode=disable", impostor.port,
		getenv("PGPORT"));
	opening_run(&open);
	ck_assert_msg(open.rc == impostor_cases[case_index].with_next, "%d %s", open.rc,
		      open.err.message);
	if (open.rc == 0)
		connect_link_close(&open.link);
	impostor_stop(&impostor);
	return 0;
}

START_TEST(impostors)
{
	case_index = _i;
	db_fixture_run(task_impostor, lookup);
}
END_TEST

/* ---- the rest of the world goes on ---- */

static atomic_bool hang_over;

static int hanging_lookup(const char *host, const char *port, const struct addrinfo *hints,
			  struct addrinfo **ret_list)
{
	while (!atomic_load(&hang_over))
		sched_yield();
	return lookup(host, port, hints, ret_list);
}

static int task_resolver_hangs(void *arg)
{
	struct db_fixture *fixture = arg;
	struct opening hung = opening(fixture, "host=localhost"),
		       good = opening(fixture, "host=127.0.0.1"),
		       next = opening(fixture, "host=hang,127.0.0.1");
	struct co_group group;

	co_group_init(&group, fixture->loop, CO_KEEP_GOING);
	ck_assert_int_eq(co_group_go(&group, opening_run, &hung, "hung"), 0);
	ck_assert_int_eq(co_yield(), 0);
	opening_succeeds(&good);
	connect_link_close(&good.link);
	ck_assert_uint_eq(co_group_live(&group), 1);
	/* A name has the time limit of an address. */
	next.options.address_timeout_ns = 2 * CLOCK_SECOND;
	opening_succeeds(&next);
	connect_link_close(&next.link);

	atomic_store(&hang_over, true);
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	connect_link_close(&hung.link);
	return 0;
}

START_TEST(a_hanging_name_service_stops_nobody_else)
{
	db_fixture_run(task_resolver_hangs, hanging_lookup);
}
END_TEST

/* Cancels after 0, 1, 2, … turns of the loop, until the session was there first. */
static int task_cancelled(void *arg)
{
	static const char *const ways[] = {"host=127.0.0.1 user=alice password=secret",
					   "host=localhost target_session_attrs=prefer-standby"};
	struct db_fixture *fixture = arg;
	int descriptors = open_descriptors();

	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		bool cancelled = true;

		for (int turns = 0; cancelled; turns++) {
			struct opening open = opening(fixture, ways[way]);
			struct co_group group;

			co_group_init(&group, fixture->loop, CO_KEEP_GOING);
			ck_assert_int_eq(co_group_go(&group, opening_run, &open, "cancelled"), 0);
			for (int i = 0; i < turns && co_group_live(&group) > 0; i++)
				ck_assert_int_eq(co_sleep_until(co_now_ns() + 20 * CLOCK_US), 0);
			co_group_cancel(&group);
			cancelled = co_group_wait(&group, CLOCK_NEVER) == -ECANCELED;
			if (!cancelled)
				connect_link_close(&open.link);
			ck_assert_int_eq(open_descriptors(), descriptors);
		}
	}
	return 0;
}

START_TEST(cancelled_leaves_nothing)
{
	size_t blocks = mem_live_blocks();

	db_fixture_run(task_cancelled, lookup);
	while (mem_live_blocks() > blocks)
		sched_yield();
}
END_TEST

static int task_no_memory(void *arg)
{
	int descriptors = open_descriptors();
	struct mem_failure failure = {0};

	for (int nth = 0; failure.failed > 0 || nth == 0; nth++) {
		struct opening open = opening(
			arg, "host=/nonexistent,localhost target_session_attrs=prefer-standby");

		failure = (struct mem_failure){.countdown = nth};
		mem_set_fail_hook(mem_failure_hook, &failure);
		opening_run(&open);
		mem_set_fail_hook(NULL, NULL);
		if (open.rc == 0) {
			connect_link_close(&open.link);
		} else {
			ck_assert_int_gt(failure.failed, 0);
			ck_assert_int_ne(open.err.code, ERR_NONE);
			ck_assert_ptr_nonnull(open.err.message);
		}
		ck_assert_int_eq(open_descriptors(), descriptors);
	}
	return 0;
}

START_TEST(no_memory_leaves_nothing)
{
	size_t blocks = mem_live_blocks();

	db_fixture_run(task_no_memory, lookup);
	while (mem_live_blocks() > blocks)
		sched_yield();
}
END_TEST

static void create_objects(void)
{
	static const char *const statements[] = {
		"create role alice login password 'secret'",
		"create role nologin password 'secret'",
		"create role limited login password 'secret' connection limit 0",
		"create database closed",
		"alter database closed allow_connections false",
	};
	PGconn *pg = PQconnectdb("");

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		PGresult *result = PQexec(pg, statements[i]);

		if (PQresultStatus(result) != PGRES_COMMAND_OK) {
			fprintf(stderr, "%s: %s", statements[i], PQerrorMessage(pg));
			exit(99);
		}
		PQclear(result);
	}
	PQfinish(pg);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db connect");
	TCase *tcase = suite_case(suite, "connect", 60);

	(void)argc;
	suite_need_postgres(argv);
	setenv("PGPASSFILE", "/nonexistent", 1);
	create_objects();
	tcase_add_loop_test(tcase, opens, 0, ARRAY_SIZE(good_cases));
	tcase_add_test(tcase, tls);
	tcase_add_test(tcase, read_only_survives_a_reset);
	tcase_add_test(tcase, silent_drops_are_noticed);
	tcase_add_loop_test(tcase, says_why_not, 0, ARRAY_SIZE(bad_cases));
	tcase_add_test(tcase, failures_have_kinds);
	tcase_add_test(tcase, silence_ends);
	tcase_add_loop_test(tcase, impostors, 0, ARRAY_SIZE(impostor_cases));
	tcase_add_test(tcase, a_hanging_name_service_stops_nobody_else);
	tcase_add_test(tcase, cancelled_leaves_nothing);
	tcase_add_test(tcase, no_memory_leaves_nothing);
	return suite_run(suite);
}
