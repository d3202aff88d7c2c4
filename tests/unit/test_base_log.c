/* SPDX-License-Identifier: PostgreSQL */
/* Log lines: their shape, their levels, and that a reader who does not read never stops us. */
#include "base/log.h"
#include "base/macros.h"
#include "unit/suite.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int reader, writer;
static char text[1 << 20];

static void open_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	reader = ends[0];
	writer = ends[1];
	log_open(writer, LOG_LEVEL_INFO, true);
}

static void close_pipe(void)
{
	log_open(STDERR_FILENO, LOG_LEVEL_INFO, false);
	close(reader);
	close(writer);
}

/* What has been logged since the last time. */
static const char *logged(void)
{
	struct pollfd pfd = {.fd = reader, .events = POLLIN};
	size_t len = 0;

	while (len < sizeof(text) - 1 && poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN)) {
		ssize_t got = read(reader, text + len, sizeof(text) - 1 - len);

		if (got <= 0)
			break;
		len += (size_t)got;
	}
	text[len] = '\0';
	return text;
}

START_TEST(the_journals_priorities)
{
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("a");
	log_warning("b %d", 1);
	log_info("c");
	log_debug("d");
	ck_assert_str_eq(logged(), "<3>a\n<4>b 1\n<6>c\n<7>d\n");
}
END_TEST

START_TEST(time_and_level_elsewhere)
{
	int year, month, day, hour, minute, second, ms, end = 0;

	log_open(writer, LOG_LEVEL_INFO, false);
	log_warning("a: %s", "b");
	ck_assert_int_eq(sscanf(logged(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ WARNING a: b\n%n", &year,
				&month, &day, &hour, &minute, &second, &ms, &end),
			 7);
	ck_assert_int_eq(end, (int)strlen(text));
	ck_assert_int_ge(year, 2024);
}
END_TEST

START_TEST(levels_above_are_left_out)
{
	log_set_level(LOG_LEVEL_WARNING);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	ck_assert_str_eq(logged(), "<3>a\n<4>b\n");
	ck_assert(log_enabled(LOG_LEVEL_WARNING));
	ck_assert(!log_enabled(LOG_LEVEL_INFO));
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("e");
	ck_assert_str_eq(logged(), "");
	ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

static int evaluated(int *times)
{
	return ++*times;
}

START_TEST(arguments_of_a_debug_line_cost_nothing_when_it_is_off)
{
	int times = 0;

	log_debug("%d", evaluated(&times));
	ck_assert_int_eq(times, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("%d", evaluated(&times));
	ck_assert_int_eq(times, 1);
}
END_TEST

START_TEST(one_call_is_one_line)
{
	log_info("a\nb\rc\td\x1b[31m\x7f\x01 %s", "e\n");
	ck_assert_str_eq(logged(), "<6>a\\nb\\x0dc\\x09d\\x1b[31m\\x7f\\x01 e\\n\n");
}
END_TEST

START_TEST(utf8_stays)
{
	log_info("%s", "\xc3\xa9\xe2\x82\xac");
	ck_assert_str_eq(logged(), "<6>\xc3\xa9\xe2\x82\xac\n");
}
END_TEST

START_TEST(control_characters_of_two_bytes_are_escaped)
{
	log_info("%s", "\xc2\x9b"
		       "31m \xc2\x80\xc2\x9f\xc2\xa0\xc2");
	ck_assert_str_eq(logged(), "<6>\\u009b31m \\u0080\\u009f\xc2\xa0\xc2\n");
}
END_TEST

START_TEST(a_long_line_is_cut_to_what_a_pipe_takes_at_once)
{
	static char message[20000];
	size_t len;

	memset(message, _i == 0 ? 'x' : '\n', sizeof(message) - 1);
	log_info("%s", message);
	len = strlen(logged());
	ck_assert_uint_gt(len, 3900);
	ck_assert_uint_le(len, 4000);
	ck_assert_int_eq(text[len - 1], '\n');
	ck_assert_ptr_eq(strchr(text, '\n'), text + len - 1);
}
END_TEST

/* The pipe's writer is a blocking one, as a daemon's stderr may be: a write that waits would end in
 * the time limit. */
START_TEST(a_full_pipe_drops_and_counts)
{
	uint64_t sent = 0, dropped;
	size_t lines = 0;
	char notice[64];

	while (log_dropped() == 0 && sent < 100000) {
		log_info("line %llu", (unsigned long long)sent);
		sent++;
	}
	ck_assert_uint_eq(log_dropped(), 1);
	for (int i = 0; i < 99; i++)
		log_info("lost");
	dropped = log_dropped();
	ck_assert_uint_eq(dropped, 100);
	for (const char *at = logged(); (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	ck_assert_uint_eq(lines, sent - 1);
	ck_assert_ptr_null(strstr(text, "lost"));
	/* Told once, when there is room again. */
	log_info("back");
	snprintf(notice, sizeof(notice), "<4>%d log lines were dropped\n<6>back\n", 100);
	ck_assert_str_eq(logged(), notice);
	log_info("on");
	ck_assert_str_eq(logged(), "<6>on\n");
	ck_assert_uint_eq(log_dropped(), 100);
}
END_TEST

/* A terminal says that it takes something as long as it takes a byte: of a line it may take a part,
 * and a write that waits would end in the time limit. */
START_TEST(a_full_terminal_drops_and_counts)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal;
	struct pollfd pfd = {.fd = master, .events = POLLIN};
	size_t len = 0;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(terminal, 0);
	log_open(terminal, LOG_LEVEL_INFO, true);
	for (int i = 0; i < 100000 && log_dropped() == 0; i++)
		log_info("line %99d", i);
	ck_assert_uint_eq(log_dropped(), 1);
	/* Told when there is room again, on a line of its own. */
	text[0] = '\0';
	while (strstr(text, " log lines were dropped\r\n<6>back") == NULL) {
		ssize_t got;

		ck_assert_uint_lt(len, sizeof(text) - 1);
		ck_assert_int_eq(poll(&pfd, 1, -1), 1);
		got = read(master, text + len, sizeof(text) - 1 - len);
		ck_assert_int_gt(got, 0);
		len += (size_t)got;
		text[len] = '\0';
		log_info("back");
	}
	for (char *at = strchr(text, '\n'); at != NULL && at[1] != '\0'; at = strchr(at + 1, '\n'))
		ck_assert_msg(at[1] == '<', "%.40s", at + 1);
	close(terminal);
	close(master);
}
END_TEST

START_TEST(a_full_pipe_that_cannot_be_opened_anew_drops_and_counts)
{
	struct rlimit limit, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	log_open(writer, LOG_LEVEL_INFO, true);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 100000 && log_dropped() == 0; i++)
		log_info("line");
	ck_assert_uint_eq(log_dropped(), 1);
}
END_TEST

/* A disk that is full in the middle of a line. */
START_TEST(a_line_that_was_cut_off_has_an_end)
{
	char name[] = "/tmp/log-XXXXXX", line[256] = "";
	int fd = mkstemp(name);
	struct rlimit limit = {20, RLIM_INFINITY};

	ck_assert_int_ge(fd, 0);
	unlink(name);
	signal(SIGXFSZ, SIG_IGN);
	log_open(fd, LOG_LEVEL_INFO, true);
	log_info("one line");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_info("another line");
	log_info("lost");
	ck_assert_uint_eq(log_dropped(), 2);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_info("back");
	ck_assert_int_gt(pread(fd, line, sizeof(line) - 1, 0), 0);
	ck_assert_str_eq(line, "<6>one line\n<6>anoth\n<4>2 log lines were dropped\n<6>back\n");
	close(fd);
}
END_TEST

START_TEST(a_full_socket_drops_and_counts)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	log_open(pair[0], LOG_LEVEL_INFO, true);
	for (int i = 0; i < 100000 && log_dropped() == 0; i++)
		log_info("line");
	ck_assert_uint_eq(log_dropped(), 1);
	close(pair[1]);
	log_info("nobody there"); /* neither SIGPIPE nor a wait */
	ck_assert_uint_eq(log_dropped(), 2);
	close(pair[0]);
	log_info("no descriptor");
	ck_assert_uint_eq(log_dropped(), 3);
}
END_TEST

START_TEST(a_pipe_without_a_reader_raises_no_signal)
{
	signal(SIGPIPE, SIG_DFL);
	close(reader);
	log_info("nobody there");
	ck_assert_uint_eq(log_dropped(), 1);
	reader = -1;
}
END_TEST

START_TEST(a_file_takes_every_line)
{
	FILE *file = tmpfile();
	char line[64] = "";

	ck_assert_ptr_nonnull(file);
	log_open(fileno(file), LOG_LEVEL_INFO, true);
	log_info("a");
	log_info("b");
	rewind(file);
	ck_assert_uint_eq(fread(line, 1, sizeof(line) - 1, file), 10);
	ck_assert_str_eq(line, "<6>a\n<6>b\n");
	fclose(file);
}
END_TEST

START_TEST(knows_the_journals_stream)
{
	char stream[64];
	struct stat st;

	unsetenv("JOURNAL_STREAM");
	ck_assert(!log_under_journal(writer));
	ck_assert_int_eq(fstat(writer, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	ck_assert(log_under_journal(writer));
	ck_assert(!log_under_journal(STDIN_FILENO));
	ck_assert(!log_under_journal(-1));
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	ck_assert(!log_under_journal(writer));
	setenv("JOURNAL_STREAM", "rubbish", 1);
	ck_assert(!log_under_journal(writer));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/log");
	TCase *tcase = suite_case(suite, "log", 20);

	tcase_add_checked_fixture(tcase, open_pipe, close_pipe);
	tcase_add_test(tcase, the_journals_priorities);
	tcase_add_test(tcase, time_and_level_elsewhere);
	tcase_add_test(tcase, levels_above_are_left_out);
	tcase_add_test(tcase, arguments_of_a_debug_line_cost_nothing_when_it_is_off);
	tcase_add_test(tcase, one_call_is_one_line);
	tcase_add_test(tcase, utf8_stays);
	tcase_add_test(tcase, control_characters_of_two_bytes_are_escaped);
	tcase_add_loop_test(tcase, a_long_line_is_cut_to_what_a_pipe_takes_at_once, 0, 2);
	tcase_add_test(tcase, a_full_pipe_drops_and_counts);
	tcase_add_test(tcase, a_full_pipe_that_cannot_be_opened_anew_drops_and_counts);
	tcase_add_test(tcase, a_full_terminal_drops_and_counts);
	tcase_add_test(tcase, a_line_that_was_cut_off_has_an_end);
	tcase_add_test(tcase, a_full_socket_drops_and_counts);
	tcase_add_test(tcase, a_pipe_without_a_reader_raises_no_signal);
	tcase_add_test(tcase, a_file_takes_every_line);
	tcase_add_test(tcase, knows_the_journals_stream);
	return suite_run(suite);
}
