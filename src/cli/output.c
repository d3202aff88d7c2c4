/* SPDX-License-Identifier: PostgreSQL */
#include "cli/output.h"

#include "base/mem.h"
#include "cli/complain.h"
#include "cli/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output_file {
	char *temp_path, *path;
};

static int fail_about(struct output *output, const char *what, int error)
{
	if (output->error == 0 && error < 0) {
		output->error = error;
		mem_free(output->what_copy);
		output->what_copy = what != NULL ? mem_strdup(what) : NULL;
		output->what = output->what_copy;
	}
	return output->error;
}

int output_fail(struct output *output, int error)
{
	return fail_about(output, output->path, error);
}

/* The mode of a new file: the old one's, or what the umask says. */
static mode_t mode_for(const char *path)
{
	struct stat old;
	mode_t mask;

	if (stat(path, &old) == 0)
		return old.st_mode & 07777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* Makes DIR/.NAME.XXXXXX. */
static int open_temp(struct output *output)
{
	char *copy = mem_strdup(output->path), *slash;
	struct buf temp;
	int fd, rc = -ENOMEM;

	if (copy == NULL)
		return -ENOMEM;
	slash = strrchr(copy, '/');
	buf_init(&temp, 0, NULL);
	if (slash != NULL)
		buf_append(&temp, copy, (size_t)(slash - copy) + 1);
	/* A long name is cut, so that the temporary one is never longer. */
	buf_printf(&temp, ".%.200s.XXXXXX", slash != NULL ? slash + 1 : copy);
	if (buf_cstr(&temp) != NULL)
		output->temp_path = mem_strdup(buf_data(&temp));
	buf_free(&temp);
	mem_free(copy);
	if (output->temp_path == NULL)
		return rc;
	fd = mkostemp(output->temp_path, O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		mem_free(output->temp_path);
		output->temp_path = NULL;
		return rc;
	}
	(void)fchmod(fd, mode_for(output->path));
	output_use(output, fd);
	return 0;
}

/* output->path is set. */
static int open_path(struct output *output)
{
	struct stat old;
	char *resolved;
	int fd;

	if (stat(output->path, &old) == 0) {
		if (S_ISDIR(old.st_mode))
			return -EISDIR;
		if (!S_ISREG(old.st_mode)) {
			fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
			if (fd < 0)
				return -errno;
			output_use(output, fd);
			return 0;
		}
		/* A symbolic link stays one: what it points to is replaced. */
		resolved = realpath(output->path, NULL);
		if (resolved == NULL)
			return -errno;
		mem_free(output->path);
		output->path = mem_strdup(resolved);
		free(resolved);
		if (output->path == NULL)
			return -ENOMEM;
	}
	return open_temp(output);
}

int output_open(struct output *output, const char *template, struct spool *spool,
		const volatile sig_atomic_t *stop)
{
	int rc;

	*output = (struct output){.fd = -1, .spool = spool, .stop = stop, .template = template};
	buf_init(&output->buf, 0, NULL);
	buf_init(&output->chunk, 0, NULL);
	if (template == NULL) {
		output_use(output, STDOUT_FILENO);
		return 0;
	}
	rc = template_check(template, &output->per_query);
	if (rc == 0 && output->per_query)
		rc = template_check_directory(template);
	else if (rc == 0) {
		output->path = template_expand(template, NULL);
		rc = output->path != NULL ? open_path(output) : -ENOMEM;
	}
	return rc < 0 ? fail_about(output, template, rc) : 0;
}

const char *output_why_not(int rc)
{
	/* The file itself is made. */
	return rc == -ENOENT ? "its directory does not exist" : strerror(-rc);
}

static bool path_taken(const struct output *output, const char *path)
{
	for (size_t i = 0; i < output->file_count; i++)
		if (strcmp(output->files[i].path, path) == 0)
			return true;
	return false;
}

int output_begin_file(struct output *output, const char *name)
{
	int rc;

	if (output->error < 0)
		return output->error;
	if (!template_name_valid(name))
		return fail_about(output, name, -EINVAL);
	output->path = template_expand(output->template, name);
	if (output->path == NULL)
		return fail_about(output, name, -ENOMEM);
	rc = path_taken(output, output->path) ? -EEXIST : open_path(output);
	return rc < 0 ? output_fail(output, rc) : 0;
}

/* The open file is complete: remember it for the commit. */
static int keep_file(struct output *output)
{
	size_t capacity = output->file_capacity;
	struct output_file *files;

	if (output->temp_path == NULL)
		return 0;
	if (output->file_count == capacity) {
		capacity = capacity == 0 ? 8 : capacity * 2;
		files = mem_realloc(output->files, capacity * sizeof(*files));
		if (files == NULL)
			return -ENOMEM;
		output->files = files;
		output->file_capacity = capacity;
	}
	output->files[output->file_count++] = (struct output_file){output->temp_path, output->path};
	output->temp_path = output->path = NULL;
	return 0;
}

int output_end_file(struct output *output)
{
	int rc = output_finish(output);

	if (rc < 0 || output->fd < 0)
		return rc;
	if (output->temp_path != NULL && fsync(output->fd) < 0)
		output_fail(output, -errno);
	if (close(output->fd) < 0 && errno != EINTR)
		output_fail(output, -errno);
	output->fd = -1;
	output_fail(output, keep_file(output));
	if (output->temp_path == NULL) {
		mem_free(output->path);
		output->path = NULL;
	}
	return output->error;
}

int output_commit(struct output *output)
{
	int rc = output->template == NULL ? output_finish(output) : output_end_file(output);

	while (rc == 0 && output->file_count > 0) {
		struct output_file *file = &output->files[output->file_count - 1];

		if (rename(file->temp_path, file->path) < 0) {
			rc = fail_about(output, file->path, -errno);
			break;
		}
		mem_free(file->temp_path);
		mem_free(file->path);
		output->file_count--;
	}
	return rc;
}

struct output_place output_place(const struct output *output)
{
	/* After an error nothing is kept, so that nothing more is reached. */
	return (struct output_place){
		.position = output->error < 0 ? UINT64_MAX : output->taken + buf_len(&output->buf),
		.file = output->temp_path != NULL ? output->file_count + 1 : 0};
}

bool output_has_reached(const struct output *output, struct output_place place)
{
	if (place.position > output->written)
		return false;
	/* A commit takes the last one first; what it has not come to is still in the list. */
	return place.file == 0 || (output->temp_path == NULL && place.file > output->file_count);
}

void output_complain(const struct output *output)
{
	const char *what = output->what != NULL ? output->what : "standard output";
	struct buf text;

	if (output->error == -ENOMEM) {
		complain("out of memory");
		return;
	}
	buf_init(&text, 0, NULL);
	buf_puts(&text, "gather: ");
	/* What it has failed with is the spool's. */
	if (output->spool != NULL && output->spool->error == output->error)
		spool_describe(output->spool, &text);
	else
		buf_puts(&text, what);
	buf_printf(&text, ": %s\n", strerror(-output->error));
	complain_text(&text);
	buf_free(&text);
}

void output_close(struct output *output)
{
	for (size_t i = 0; i < output->file_count; i++) {
		unlink(output->files[i].temp_path);
		mem_free(output->files[i].temp_path);
		mem_free(output->files[i].path);
	}
	if (output->fd >= 0 && (output->template != NULL || output->fd != STDOUT_FILENO))
		close(output->fd);
	if (output->temp_path != NULL)
		unlink(output->temp_path);
	mem_free(output->temp_path);
	mem_free(output->path);
	mem_free(output->files);
	mem_free(output->what_copy);
	buf_free(&output->buf);
	buf_free(&output->chunk);
	*output = (struct output){.fd = -1};
}
