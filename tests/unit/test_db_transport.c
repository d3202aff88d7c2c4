/* SPDX-License-Identifier: PostgreSQL */
/* libpq's own reads and sends, as this process lets it make them. */
#include "base/sys.h"
#include "db/transport.h"
#include "unit/postgres.h"
#include "unit/suite.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#define TURN_BYTES ((size_t)64 * 1024)

static PGconn *pg;
static struct transport transport;
static unsigned sends;

static ssize_t counted_send(int fd, const void *bytes, size_t len, int flags)
{
	if (fd == transport.fd)
		sends++;
	return sys_real.send(fd, bytes, len, flags);
}

static void setup(void)
{
	pg = PQconnectdb("");
	ck_assert_int_eq(PQstatus(pg), CONNECTION_OK);
	ck_assert_int_eq(PQsetnonblocking(pg, 1), 0);
	transport_init(&transport, pg);
	sends = 0;
	sys.send = counted_send;
}

static void teardown(void)
{
	sys = sys_real;
	PQfinish(pg);
}

static void await_input(void)
{
	struct pollfd pollfd = {.fd = transport.fd, .events = POLLIN};

	ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
}

START_TEST(libpq_reads_and_sends_through_us)
{
	ck_assert_int_eq(PQsendQuery(pg, "select 1"), 1);
	ck_assert_uint_eq(sends, 1);
	await_input();
	ck_assert_int_eq(transport_read(&transport, pg), 1);
	ck_assert_uint_gt(transport.received_bytes, 0);
}
END_TEST

START_TEST(one_turn_reads_no_more_than_its_share)
{
	size_t total = 0;

	ck_assert_int_eq(PQsendQuery(pg, "select repeat('x', 10000000)"), 1);
	do {
		await_input();
		ck_assert_int_eq(transport_read(&transport, pg), 1);
		ck_assert_uint_le(transport.received_bytes, TURN_BYTES);
		total += transport.received_bytes;
	} while (PQisBusy(pg));
	ck_assert_uint_gt(total, 10000000);
	PQclear(PQgetResult(pg));
	ck_assert_ptr_null(PQgetResult(pg));
}
END_TEST

static void await_much_input(void)
{
	int bytes = 0;

	while (bytes < (int)TURN_BYTES) {
		ck_assert_int_eq(ioctl(transport.fd, FIONREAD, &bytes), 0);
		sched_yield();
	}
}

/* libpq reads 16 KiB at once: more are asked for at once, but not for ever. */
START_TEST(what_filled_the_buffer_was_not_all)
{
	size_t before_last = 0, total = 0;
	unsigned reads = 0;

	ck_assert_int_eq(PQsendQuery(pg, "select repeat('x', 100) from generate_series(1, 100000)"),
			 1);
	ck_assert_int_eq(PQsetSingleRowMode(pg), 1);
	await_much_input();
	do {
		ck_assert_int_eq(transport_read(&transport, pg), 1);
		before_last = total;
		total += transport.received_bytes;
		reads++;
		while (!PQisBusy(pg))
			PQclear(PQgetResult(pg));
	} while (transport.more);
	ck_assert_uint_gt(reads, 1);
	ck_assert_uint_lt(before_last, TURN_BYTES);
	ck_assert_uint_ge(total, TURN_BYTES);
}
END_TEST

START_TEST(a_read_tells_whether_the_socket_was_emptied)
{
	ck_assert_int_eq(transport_read(&transport, pg), 1);
	ck_assert(transport.dry);
	ck_assert(!transport.more);
	ck_assert_uint_eq(transport.received_bytes, 0);
}
END_TEST

START_TEST(many_syncs_go_out_as_one)
{
	ck_assert_int_eq(PQenterPipelineMode(pg), 1);
	transport_cork(&transport);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(PQsendQueryParams(pg, "select 1", 0, NULL, NULL, NULL, NULL, 0),
				 1);
		ck_assert_int_eq(PQpipelineSync(pg), 1);
	}
	ck_assert_uint_eq(sends, 0);
	transport_uncork(&transport);
	while (PQflush(pg) == 1) {
		struct pollfd pollfd = {.fd = transport.fd, .events = POLLIN | POLLOUT};

		ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
		ck_assert_int_eq(transport_read(&transport, pg), 1);
	}
	/* One, and what the socket's buffer would not take at once. */
	ck_assert_uint_lt(sends, 10);
}
END_TEST

static ssize_t reset_recv(int fd, void *bytes, size_t len, int flags)
{
	(void)fd;
	(void)bytes;
	(void)len;
	(void)flags;
	errno = ECONNRESET;
	return -1;
}

START_TEST(a_fault_reaches_libpq)
{
	sys.recv = reset_recv;
	ck_assert_int_eq(PQsendQuery(pg, "select 1"), 1);
	ck_assert_int_eq(transport_read(&transport, pg), 0);
	ck_assert_int_eq(PQstatus(pg), CONNECTION_BAD);
}
END_TEST

/* Runs it to its end; whether a parameter was reported meanwhile. */
static bool is_reported(const char *sql)
{
	PGresult *result;
	bool reported;

	ck_assert_int_eq(PQsendQuery(pg, sql), 1);
	do {
		while (PQisBusy(pg)) {
			await_input();
			ck_assert_int_eq(transport_read(&transport, pg), 1);
		}
		result = PQgetResult(pg);
		PQclear(result);
	} while (result != NULL);
	reported = frames_may_report(&transport.frames);
	frames_forget_reports(&transport.frames);
	return reported;
}

START_TEST(reports_of_parameters_are_seen)
{
	ck_assert(is_reported("select 1")); /* what came while it connected */
	ck_assert(!is_reported("select repeat('S', 100000) from generate_series(1, 10)"));
	ck_assert(!is_reported("set work_mem = '1MB'"));
	ck_assert(is_reported("set timezone = 'Asia/Tokyo'"));
	ck_assert(!is_reported("select 1"));
	ck_assert(is_reported("select set_config('application_name', 'other', false)"));
	ck_assert(!is_reported("select 1/0"));
	ck_assert(!transport.frames.lost);
}
END_TEST

/* Where recv() sees nothing that can be read. */
START_TEST(reports_of_parameters_are_seen_through_tls)
{
	if (strcmp(getenv("TEST_POSTGRES_TLS"), "1") != 0)
		return;
	PQfinish(pg);
	pg = PQconnectdb("host=127.0.0.1 sslmode=require");
	ck_assert_int_eq(PQsetnonblocking(pg, 1), 0);
	ck_assert(PQsslInUse(pg));
	transport = (struct transport){.fd = -1};
	transport_init(&transport, pg);
	ck_assert(is_reported("select 1"));
	ck_assert(!is_reported("select repeat('S', 100000) from generate_series(1, 10)"));
	ck_assert(is_reported("set timezone = 'Asia/Tokyo'"));
	ck_assert_uint_eq(transport.frames.reports, 1);
	ck_assert(!transport.frames.lost);
}
END_TEST

START_TEST(nothing_is_heard_of_what_was_not_sent)
{
	uint64_t before;

	ck_assert_int_eq(PQenterPipelineMode(pg), 1);
	for (int turn = 0; turn < 2; turn++) {
		ExecStatusType status;

		before = transport.sends;
		transport_cork(&transport);
		ck_assert_int_eq(PQsendQueryParams(pg, "select 1", 0, NULL, NULL, NULL, NULL, 0),
				 1);
		ck_assert_int_eq(PQpipelineSync(pg), 1);
		transport_uncork(&transport);
		ck_assert_uint_eq(transport.sends, before);
		ck_assert(!transport_heard_since(&transport, before));
		ck_assert_int_eq(transport_flush(&transport, pg), 0);
		ck_assert_uint_eq(transport.sends, before + 1);
		ck_assert(!transport_heard_since(&transport, before));
		await_input();
		ck_assert_int_eq(transport_read(&transport, pg), 1);
		ck_assert(transport_heard_since(&transport, before));
		do {
			PGresult *result = PQgetResult(pg);

			status = PQresultStatus(result);
			PQclear(result);
		} while (status != PGRES_PIPELINE_SYNC);
	}
}
END_TEST

static ssize_t broken_send(int fd, const void *bytes, size_t len, int flags)
{
	(void)fd;
	(void)bytes;
	(void)len;
	(void)flags;
	errno = EPIPE;
	return -1;
}

START_TEST(a_send_that_fails_is_none)
{
	sys.send = broken_send;
	transport_cork(&transport);
	ck_assert_int_eq(PQsendQuery(pg, "select 1"), 1);
	transport_uncork(&transport);
	(void)!transport_flush(&transport, pg);
	ck_assert_uint_eq(transport.sends, 0);
}
END_TEST

START_TEST(another_connection_is_left_alone)
{
	PGconn *other = PQconnectdb("");
	PGresult *result;

	ck_assert_int_eq(PQstatus(other), CONNECTION_OK);
	transport.room_bytes = 0;
	ck_assert_int_eq(transport_read(&transport, pg), 1);
	result = PQexec(other, "select repeat('x', 1000000)");
	ck_assert_int_eq(PQresultStatus(result), PGRES_TUPLES_OK);
	PQclear(result);
	PQfinish(other);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db transport");
	TCase *tcase = suite_case(suite, "transport", 20);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, libpq_reads_and_sends_through_us);
	tcase_add_test(tcase, one_turn_reads_no_more_than_its_share);
	tcase_add_test(tcase, what_filled_the_buffer_was_not_all);
	tcase_add_test(tcase, a_read_tells_whether_the_socket_was_emptied);
	tcase_add_test(tcase, many_syncs_go_out_as_one);
	tcase_add_test(tcase, reports_of_parameters_are_seen);
	tcase_add_test(tcase, reports_of_parameters_are_seen_through_tls);
	tcase_add_test(tcase, nothing_is_heard_of_what_was_not_sent);
	tcase_add_test(tcase, a_send_that_fails_is_none);
	tcase_add_test(tcase, a_fault_reaches_libpq);
	tcase_add_test(tcase, another_connection_is_left_alone);
	return suite_run(suite);
}
