/* SPDX-License-Identifier: PostgreSQL */
/* Files that appear only if all went well. Each test works in an empty directory of its own. */
#include "base/mem.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "unit/suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/gather-output.XXXXXX";
static struct output output;
static struct spool spool;

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	spool_init(&spool);
}

static unsigned file_count(void)
{
	DIR *here = opendir(".");
	unsigned count = 0;

	while (readdir(here) != NULL)
		count++;
	closedir(here);
	return count - 2;
}

static void remove_files(void)
{
	DIR *here = opendir(".");
	struct dirent *entry;

	while ((entry = readdir(here)) != NULL)
		remove(entry->d_name);
	closedir(here);
}

static void tear_down(void)
{
	output_close(&output);
	spool_close(&spool);
	remove_files();
	rmdir(dir);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void check_file(const char *path, const char *expected)
{
	char text[256] = "";
	FILE *file = fopen(path, "r");

	ck_assert_msg(file != NULL, "no file %s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	ck_assert_str_eq(text, expected);
}

START_TEST(appears_at_the_commit)
{
	ck_assert_int_eq(output_open(&output, "out", &spool, NULL), 0);
	buf_puts(&output.buf, "text");
	ck_assert_int_eq(output_flush(&output), 0);
	ck_assert_int_ne(access("out", F_OK), 0);
	ck_assert_int_eq(output_commit(&output), 0);
	check_file("out", "text");
	ck_assert_uint_eq(file_count(), 1);
}
END_TEST

START_TEST(nothing_is_left_without_a_commit)
{
	write_file("out", "old");
	ck_assert_int_eq(output_open(&output, "out", &spool, NULL), 0);
	buf_puts(&output.buf, "text");
	output_flush(&output);
	output_close(&output);
	check_file("out", "old");
	ck_assert_uint_eq(file_count(), 1);
}
END_TEST

START_TEST(modes)
{
	struct stat file;

	umask(027);
	ck_assert_int_eq(output_open(&output, "new", &spool, NULL), 0);
	ck_assert_int_eq(output_commit(&output), 0);
	output_close(&output);
	ck_assert_int_eq(stat("new", &file), 0);
	ck_assert_int_eq(file.st_mode & 0777, 0640);
	ck_assert_int_eq(chmod("new", 0604), 0);
	ck_assert_int_eq(output_open(&output, "new", &spool, NULL), 0);
	ck_assert_int_eq(output_commit(&output), 0);
	ck_assert_int_eq(stat("new", &file), 0);
	ck_assert_int_eq(file.st_mode & 0777, 0604);
}
END_TEST

START_TEST(symbolic_link_stays_one)
{
	struct stat file;

	write_file("target", "old");
	ck_assert_int_eq(symlink("target", "link"), 0);
	ck_assert_int_eq(output_open(&output, "link", &spool, NULL), 0);
	buf_puts(&output.buf, "new");
	ck_assert_int_eq(output_commit(&output), 0);
	ck_assert_int_eq(lstat("link", &file), 0);
	ck_assert(S_ISLNK(file.st_mode));
	check_file("target", "new");
}
END_TEST

/* A device is written to, never replaced. */
START_TEST(device)
{
	struct stat file;

	ck_assert_int_eq(output_open(&output, "/dev/null", &spool, NULL), 0);
	buf_puts(&output.buf, "text");
	ck_assert_int_eq(output_commit(&output), 0);
	ck_assert_int_eq(stat("/dev/null", &file), 0);
	ck_assert(S_ISCHR(file.st_mode));
}
END_TEST

START_TEST(full_device)
{
	ck_assert_int_eq(output_open(&output, "/dev/full", &spool, NULL), 0);
	buf_puts(&output.buf, "text");
	ck_assert_int_eq(output_flush(&output), -ENOSPC);
	ck_assert_str_eq(output.what, "/dev/full");
	/* It stays so. */
	ck_assert_int_eq(output_commit(&output), -ENOSPC);
}
END_TEST

START_TEST(a_file_for_each_query)
{
	ck_assert_int_eq(output_open(&output, "a-%n-100%%.txt", &spool, NULL), 0);
	ck_assert(output.per_query);
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(output_begin_file(&output, name), 0);
		buf_puts(&output.buf, name);
		ck_assert_int_eq(output_end_file(&output), 0);
	}
	ck_assert_int_ne(access("a-0-100%.txt", F_OK), 0);
	ck_assert_int_eq(output_commit(&output), 0);
	check_file("a-0-100%.txt", "0");
	check_file("a-19-100%.txt", "19");
	ck_assert_uint_eq(file_count(), 20);
}
END_TEST

START_TEST(files_without_a_commit)
{
	ck_assert_int_eq(output_open(&output, "%n", &spool, NULL), 0);
	ck_assert_int_eq(output_begin_file(&output, "a"), 0);
	ck_assert_int_eq(output_end_file(&output), 0);
	ck_assert_int_eq(output_begin_file(&output, "b"), 0);
	output_close(&output);
	ck_assert_uint_eq(file_count(), 0);
}
END_TEST

START_TEST(the_same_file_twice)
{
	ck_assert_int_eq(output_open(&output, "%n", &spool, NULL), 0);
	ck_assert_int_eq(output_begin_file(&output, "a"), 0);
	ck_assert_int_eq(output_end_file(&output), 0);
	ck_assert_int_eq(output_begin_file(&output, "a"), -EEXIST);
}
END_TEST

static const char *const bad_names[] = {"", ".", "..", "a/b", "/", "../x"};

START_TEST(name_that_leaves_the_directory)
{
	ck_assert_int_eq(output_open(&output, "%n", &spool, NULL), 0);
	ck_assert_int_eq(output_begin_file(&output, bad_names[_i]), -EINVAL);
}
END_TEST

static const struct {
	const char *template;
	int rc;
} bad_templates[] = {
	{"", -ENOENT},	     {"a%d", -EINVAL},	   {"a%", -EINVAL},
	{"none/x", -ENOENT}, {"none/%n", -ENOENT}, {".", -EISDIR},
};

START_TEST(template_that_cannot_be)
{
	ck_assert_int_eq(output_open(&output, bad_templates[_i].template, &spool, NULL),
			 bad_templates[_i].rc);
	ck_assert_uint_eq(file_count(), 0);
}
END_TEST

/* ---- readers ---- */

enum reader_kind { OF_A_PIPE, OF_A_FIFO, OF_A_SOCKET };

/* More than a pipe holds, and than is kept in memory. */
#define LINES	   30000
#define LINE_BYTES 64

/* The reader's end of what the output writes to. */
static int open_read_end(enum reader_kind kind)
{
	int ends[2];

	if (kind == OF_A_FIFO) {
		ck_assert_int_eq(mkfifo("fifo", 0600), 0);
		ends[0] = open("fifo", O_RDONLY | O_NONBLOCK);
		ck_assert_int_ge(ends[0], 0);
		ck_assert_int_eq(fcntl(ends[0], F_SETFL, 0), 0);
		ck_assert_int_eq(output_open(&output, "fifo", &spool, NULL), 0);
		return ends[0];
	}
	ck_assert_int_eq(kind == OF_A_PIPE ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends),
			 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	ck_assert_int_eq(output_open(&output, NULL, &spool, NULL), 0);
	return ends[0];
}

/* Who does not read holds nobody up, and gets everything in its order once it does. */
START_TEST(slow_reader)
{
	static char expected[LINES * LINE_BYTES + 1], text[1 << 16];
	int fd = open_read_end((enum reader_kind)_i);
	size_t total = 0;

	for (size_t i = 0; i < LINES; i++) {
		snprintf(expected + i * LINE_BYTES, LINE_BYTES + 1, "%063zu\n", i);
		buf_append(&output.buf, expected + i * LINE_BYTES, LINE_BYTES);
		output_pump(&output);
	}
	ck_assert_int_eq(output.error, 0);
	ck_assert(output_blocked(&output));
	ck_assert_int_ge(spool.fd, 0);
	/* Standard output is shared with others. */
	ck_assert_int_eq(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
	while (total < sizeof(expected) - 1) {
		ssize_t n;

		ck_assert_int_eq(output_flush(&output), 0);
		n = read(fd, text, sizeof(text));
		ck_assert_int_gt(n, 0);
		ck_assert_mem_eq(text, expected + total, (size_t)n);
		total += (size_t)n;
	}
	ck_assert(!output_blocked(&output));
	close(fd);
}
END_TEST

/* Most have little to say, and to them a pipe opened anew would be dear. */
START_TEST(little_goes_the_short_way)
{
	char text[5] = "";
	int fd = open_read_end(OF_A_PIPE);

	buf_puts(&output.buf, "text");
	ck_assert_int_eq(output_finish(&output), 0);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 4);
	ck_assert_str_eq(text, "text");
	ck_assert_int_eq(output.fd, STDOUT_FILENO);
	close(fd);
}
END_TEST

static void append_much(void)
{
	static const char line[LINE_BYTES];

	for (int i = 0; i < LINES; i++)
		buf_append(&output.buf, line, sizeof(line));
}

START_TEST(reader_that_goes)
{
	int fd = open_read_end(OF_A_PIPE);

	signal(SIGPIPE, SIG_IGN);
	append_much();
	ck_assert_int_eq(output_flush(&output), 0);
	close(fd);
	ck_assert_int_eq(output_finish(&output), -EPIPE);
}
END_TEST

/* Before anything was written: the pipe cannot be opened anew. */
START_TEST(reader_that_has_gone)
{
	int fd = open_read_end(OF_A_PIPE);

	signal(SIGPIPE, SIG_IGN);
	close(fd);
	append_much();
	ck_assert_int_eq(output_flush(&output), -EPIPE);
}
END_TEST

/* Standard output and standard error go to a terminal; returns its other end. */
static int open_terminal(void)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY), end;

	ck_assert_int_ge(terminal, 0);
	ck_assert_int_eq(grantpt(terminal), 0);
	ck_assert_int_eq(unlockpt(terminal), 0);
	end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(end, 0);
	dup2(end, STDOUT_FILENO);
	dup2(end, STDERR_FILENO);
	close(end);
	return terminal;
}

static void print(const char *text)
{
	buf_puts(&output.buf, text);
	ck_assert_int_eq(output_flush(&output), 0);
}

START_TEST(progress_leaves_an_unfinished_line_alone)
{
	static const char expected[] = "{\r\n}\r\n\r\033[K0 of 1 query, 1 row, 0 s\r\033[K";
	int terminal = open_terminal();
	struct progress progress;
	char shown[128];
	size_t len = 0;

	ck_assert_int_eq(output_open(&output, NULL, &spool, NULL), 0);
	progress_start(&progress, false);
	progress_share(&progress, &output);
	print("{");
	progress.next_ns = 0;
	progress_show(&progress, 0, 1, 1);
	ck_assert(!progress.visible);
	/* For two messages, one behind the other. */
	progress_make_way(&progress);
	progress_make_way(&progress);
	print("}\n");
	progress_show(&progress, 0, 1, 1);
	progress_make_way(&progress);
	/* A terminal hands on what it was given when it likes. */
	while (len < sizeof(expected) - 1) {
		ssize_t n = read(terminal, shown + len, sizeof(shown) - 1 - len);

		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	shown[len] = '\0';
	ck_assert_str_eq(shown, expected);
	close(terminal);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_output");
	TCase *tcase = suite_case(suite, "files", 10);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, appears_at_the_commit);
	tcase_add_test(tcase, nothing_is_left_without_a_commit);
	tcase_add_test(tcase, modes);
	tcase_add_test(tcase, symbolic_link_stays_one);
	tcase_add_test(tcase, device);
	tcase_add_test(tcase, full_device);
	tcase_add_test(tcase, a_file_for_each_query);
	tcase_add_test(tcase, files_without_a_commit);
	tcase_add_test(tcase, the_same_file_twice);
	tcase_add_loop_test(tcase, name_that_leaves_the_directory, 0, ARRAY_SIZE(bad_names));
	tcase_add_loop_test(tcase, template_that_cannot_be, 0, ARRAY_SIZE(bad_templates));
	tcase = suite_case(suite, "readers", 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, slow_reader, OF_A_PIPE, OF_A_SOCKET + 1);
	tcase_add_test(tcase, little_goes_the_short_way);
	tcase_add_test(tcase, reader_that_goes);
	tcase_add_test(tcase, reader_that_has_gone);
	tcase_add_test(tcase, progress_leaves_an_unfinished_line_alone);
	return suite_run(suite);
}
