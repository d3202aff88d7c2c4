/* SPDX-License-Identifier: PostgreSQL */
/* A configuration from a path or a stream, and its end. How a file is read is load.c's. */
#include "conf/config.h"

#include "base/mem.h"
#include "conf/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Mistakes and the reasons for not reading at all are told alike. */
static int report_all(struct mistakes *mistakes, int rc, config_error_fn *report, void *arg)
{
	/* What was found before memory ended is not the whole truth. */
	if (rc == -ENOMEM || mistakes->out_of_memory)
		return -ENOMEM;
	/* That one has been added with its line. */
	if (rc < 0 && rc != -EFBIG)
		mistakes_add(mistakes, 0, "%s", strerror(-rc));
	if (mistakes->out_of_memory)
		return -ENOMEM;
	mistakes_report(mistakes, report, arg);
	return rc == 0 && mistakes_any(mistakes) ? -EINVAL : rc;
}

static int load_config(FILE *stream, struct config_private *private, struct mistakes *mistakes)
{
	struct load load;
	int rc = load_init(&load, private, mistakes);

	if (rc == 0)
		rc = load_run(&load, stream);
	load_free(&load);
	return rc;
}

int config_load_stream(FILE *stream, const char *path, struct config **ret_config,
		       config_error_fn *report, void *arg)
{
	struct config_private *private = mem_calloc(1, sizeof(*private));
	struct mistakes mistakes;
	int rc = -ENOMEM;

	if (private == NULL)
		return -ENOMEM;
	arena_init(&private->arena, 0, NULL);
	private->config.private = private;
	mistakes_init(&mistakes, path);
	private->config.path = arena_strdup(&private->arena, path);
	if (private->config.path != NULL)
		rc = load_config(stream, private, &mistakes);
	rc = report_all(&mistakes, rc, report, arg);
	mistakes_free(&mistakes);
	if (rc < 0)
		config_free(&private->config);
	else
		*ret_config = &private->config;
	return rc;
}

/* Not to be held up by a FIFO without a writer; one that has a writer is waited for. */
static int open_file(const char *path, FILE **ret_stream)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;
	struct stat stat;
	FILE *stream;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) < 0)
		goto fail;
	errno = EISDIR;
	if (S_ISDIR(stat.st_mode))
		goto fail;
	if (!S_ISREG(stat.st_mode) && fcntl(fd, F_SETFL, 0) < 0)
		goto fail;
	stream = fdopen(fd, "r");
	if (stream == NULL)
		goto fail;
	*ret_stream = stream;
	return 0;
fail:
	rc = -errno;
	close(fd);
	return rc;
}

int config_load(const char *path, struct config **ret_config, config_error_fn *report, void *arg)
{
	FILE *stream = NULL;
	int rc = open_file(path, &stream);

	if (rc < 0) {
		struct mistakes mistakes;

		mistakes_init(&mistakes, path);
		rc = report_all(&mistakes, rc, report, arg);
		mistakes_free(&mistakes);
		return rc;
	}
	rc = config_load_stream(stream, path, ret_config, report, arg);
	fclose(stream);
	return rc;
}

void config_free(struct config *config)
{
	struct config_private *private;

	if (config == NULL)
		return;
	private = config->private;
	arena_free(&private->arena);
	mem_free(private);
}

const struct config_database *config_find_database(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->database_count; i++) {
		if (strcmp(config->databases[i].name, name) == 0)
			return &config->databases[i];
	}
	return NULL;
}
