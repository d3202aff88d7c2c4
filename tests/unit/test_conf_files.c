/* SPDX-License-Identifier: PostgreSQL */
/* Files that are not there, not files, or not configurations. */
#include "base/macros.h"
#include "unit/conf_helper.h"
#include "unit/suite.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its shadow memory is address space too. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

#define DB "[database a]\nconninfo = host=h\n"

static char dir[] = "/tmp/gatherd-conf-XXXXXX";
static char path[64];

static void make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f.ini", dir);
}

static void remove_dir(void)
{
	remove(path);
	rmdir(dir);
}

static struct helper_load load_path(void)
{
	struct helper_load load = {.config = NULL};

	load.rc = config_load(path, &load.config, helper_say, &load);
	return load;
}

static void assert_says(const struct helper_load *load, int rc, const char *what)
{
	char said[256];

	snprintf(said, sizeof(said), "%s%s\n", path, what);
	ck_assert_int_eq(load->rc, rc);
	ck_assert_str_eq(load->said, said);
	ck_assert_ptr_null(load->config);
}

static void write_file(const char *bytes, size_t len, size_t times)
{
	FILE *stream = fopen(path, "w");

	ck_assert_ptr_nonnull(stream);
	while (times-- > 0)
		ck_assert_uint_eq(fwrite(bytes, 1, len, stream), len);
	fclose(stream);
}

START_TEST(a_file_is_loaded)
{
	struct helper_load load;

	write_file(DB, strlen(DB), 1);
	load = load_path();
	ck_assert_int_eq(load.rc, 0);
	ck_assert_str_eq(load.config->path, path);
	config_free(load.config);
}
END_TEST

START_TEST(a_missing_file_is_told)
{
	struct helper_load load = load_path();

	assert_says(&load, -ENOENT, ": No such file or directory");
}
END_TEST

START_TEST(a_directory_is_told)
{
	struct helper_load load;

	ck_assert_int_eq(mkdir(path, 0700), 0);
	load = load_path();
	assert_says(&load, -EISDIR, ": Is a directory");
}
END_TEST

START_TEST(an_unreadable_file_is_told)
{
	struct helper_load load;

	write_file(DB, strlen(DB), 1);
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	/* root may read everything */
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	load = load_path();
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	assert_says(&load, -EACCES, ": Permission denied");
}
END_TEST

START_TEST(a_stream_of_a_directory_is_told)
{
	struct helper_load load = {.config = NULL};
	FILE *stream = fopen(dir, "r");

	ck_assert_ptr_nonnull(stream);
	load.rc = config_load_stream(stream, path, &load.config, helper_say, &load);
	fclose(stream);
	assert_says(&load, -EISDIR, ": Is a directory");
}
END_TEST

START_TEST(a_fifo_without_a_writer_holds_nobody_up)
{
	struct helper_load load;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	load = load_path();
	assert_says(&load, -EINVAL, ":1: there is no [database NAME] section");
}
END_TEST

/* As a shell's <(command): mostly the text is not there yet, and has to be waited for. */
START_TEST(a_pipe_is_read_to_its_end)
{
	struct helper_load load = {.config = NULL};
	char pipe_path[32];
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(write(ends[1], DB, strlen(DB)) == (ssize_t)strlen(DB) ? 0 : 1);
	close(ends[1]);
	snprintf(pipe_path, sizeof(pipe_path), "/dev/fd/%d", ends[0]);
	load.rc = config_load(pipe_path, &load.config, helper_say, &load);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(load.rc, 0);
	config_free(load.config);
}
END_TEST

/* What the process may have in memory while it reads: far less than the files below. */
static void limit_memory(size_t more_bytes)
{
#if !defined(UNDER_ASAN)
	struct rlimit limit;
	size_t used = 0;
	FILE *stream = fopen("/proc/self/statm", "r");

	ck_assert_int_eq(fscanf(stream, "%zu", &used), 1);
	fclose(stream);
	limit.rlim_cur = limit.rlim_max = used * (size_t)sysconf(_SC_PAGESIZE) + more_bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
#else
	(void)more_bytes;
#endif
}

START_TEST(a_line_of_10_mb_is_told)
{
	static char block[1 << 20];
	struct helper_load load;

	memset(block, 'x', sizeof(block));
	write_file(block, sizeof(block), 10);
	limit_memory(4 << 20);
	load = load_path();
	ck_assert_int_eq(load.rc, -EINVAL);
	ck_assert_uint_eq(load.mistakes, 2);
	ck_assert_ptr_nonnull(strstr(load.said, "f.ini:1: the line has 10485760 bytes, and at most "
						"198 can be read"));
}
END_TEST

START_TEST(a_file_without_end_is_told)
{
	struct helper_load load = {.config = NULL};

	limit_memory(4 << 20);
	load.rc = config_load("/dev/zero", &load.config, helper_say, &load);
	ck_assert_int_eq(load.rc, -EFBIG);
	ck_assert_str_eq(load.said,
			 "/dev/zero:1: the file has more than 16777216 bytes: this is no "
			 "configuration\n");
}
END_TEST

START_TEST(no_more_mistakes_are_kept_than_can_be_read)
{
	struct helper_load load;

	write_file("junk\n", 5, 1000000);
	limit_memory(4 << 20);
	load = load_path();
	ck_assert_int_eq(load.rc, -EINVAL);
	ck_assert_uint_eq(load.mistakes, 501);
	ck_assert_ptr_nonnull(strstr(load.said, "and 999501 more mistakes\n"));
}
END_TEST

START_TEST(sections_have_a_limit)
{
	struct helper_load load;
	FILE *stream = fopen(path, "w");

	for (int i = 0; i < 5000; i++)
		fprintf(stream, "[access a%d]\n", i);
	fputs(DB, stream);
	fclose(stream);
	load = load_path();
	ck_assert_int_eq(load.rc, -EINVAL);
	ck_assert_ptr_nonnull(strstr(load.said, "f.ini:2000: more than 1999 sections\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/files");
	TCase *tcase = suite_case(suite, "files", 30);

	tcase_add_checked_fixture(tcase, make_dir, remove_dir);
	tcase_add_test(tcase, a_file_is_loaded);
	tcase_add_test(tcase, a_missing_file_is_told);
	tcase_add_test(tcase, a_directory_is_told);
	tcase_add_test(tcase, an_unreadable_file_is_told);
	tcase_add_test(tcase, a_stream_of_a_directory_is_told);
	tcase_add_test(tcase, a_fifo_without_a_writer_holds_nobody_up);
	tcase_add_test(tcase, a_pipe_is_read_to_its_end);
	tcase_add_test(tcase, a_line_of_10_mb_is_told);
	tcase_add_test(tcase, a_file_without_end_is_told);
	tcase_add_test(tcase, no_more_mistakes_are_kept_than_can_be_read);
	tcase_add_test(tcase, sections_have_a_limit);
	return suite_run(suite);
}
