/* SPDX-License-Identifier: PostgreSQL */
/*
 * A daemon that plays a script: a child process on a Unix socket that serves one connection after
 * another, step by step. It waits for what the client does, never for time to pass. What it does
 * not expect ends it, which fake_stop() tells.
 */
#ifndef UNIT_FAKE_GATHERD_H
#define UNIT_FAKE_GATHERD_H

#include "unit/suite.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum fake_kind {
	FAKE_END,
	FAKE_READ,   /* a line, which has `text` in it */
	FAKE_SEND,   /* `text` as it is */
	FAKE_BYTES,  /* the same, a byte at a time */
	FAKE_FLOOD,  /* `count` bytes of x, or as many as the client takes */
	FAKE_EOF,    /* the client has nothing more to say */
	FAKE_CLOSE,  /* what was sent can still be read */
	FAKE_RESET,  /* closes while something that was received is unread */
	FAKE_SIGNAL, /* the client gets the signal `count` */
	FAKE_MKDIR,  /* there is a directory `text` from now on */
	FAKE_AWAIT   /* until there is something in the file `text` */
};

struct fake_step {
	enum fake_kind kind;
	const char *text;
	size_t count;
};

struct fake_gatherd {
	char dir[64];
	char path[96];
	int listener;
	pid_t pid, client;
};

static inline void fake_fail(const char *what, const char *text)
{
	fprintf(stderr, "fake gatherd: %s: %s\n", what, text != NULL ? text : "");
	_exit(1);
}

static inline void fake_read_line(int fd, const char *expected)
{
	static char line[1 << 20];
	size_t len = 0;

	while (len == 0 || line[len - 1] != '\n')
		if (len + 1 == sizeof(line) || read(fd, line + len++, 1) != 1)
			fake_fail("no line", expected);
	line[len] = '\0';
	if (expected != NULL && strstr(line, expected) == NULL)
		fake_fail("another line", line);
}

static inline void fake_send(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0)
			return; /* the client went */
		text += n;
		len -= (size_t)n;
	}
}

static inline void fake_flood(int fd, size_t count)
{
	static const char bytes[] =
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

	for (size_t sent = 0; sent < count; sent += sizeof(bytes) - 1)
		fake_send(fd, bytes, sizeof(bytes) - 1);
}

static inline void fake_await_unread(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	if (poll(&poller, 1, -1) != 1)
		fake_fail("poll", NULL);
}

static inline void fake_await_file(const char *path)
{
	struct stat file;

	while (stat(path, &file) < 0 || file.st_size == 0)
		poll(NULL, 0, 1);
}

static inline void fake_serve(const struct fake_gatherd *fake, const struct fake_step *steps)
{
	int fd = accept(fake->listener, NULL, NULL);
	char byte;

	for (const struct fake_step *step = steps; step->kind != FAKE_END; step++) {
		if (fd < 0)
			fd = accept(fake->listener, NULL, NULL);
		switch (step->kind) {
		case FAKE_READ:
			fake_read_line(fd, step->text);
			break;
		case FAKE_SEND:
			fake_send(fd, step->text, strlen(step->text));
			break;
		case FAKE_BYTES:
			for (const char *at = step->text; *at != '\0'; at++)
				fake_send(fd, at, 1);
			break;
		case FAKE_FLOOD:
			fake_flood(fd, step->count);
			break;
		case FAKE_EOF:
			if (read(fd, &byte, 1) > 0)
				fake_fail("no end", NULL);
			break;
		case FAKE_RESET:
			fake_await_unread(fd);
			close(fd);
			fd = -1;
			break;
		case FAKE_CLOSE:
			close(fd);
			fd = -1;
			break;
		case FAKE_SIGNAL:
			kill(fake->client, (int)step->count);
			break;
		case FAKE_MKDIR:
			if (mkdir(step->text, 0700) < 0)
				fake_fail("mkdir", step->text);
			break;
		case FAKE_AWAIT:
			fake_await_file(step->text);
			break;
		case FAKE_END:
			break;
		}
	}
	if (fd >= 0)
		close(fd);
	_exit(0);
}

/* Listens at once, so that a client may connect when this returns. */
static inline void fake_start(struct fake_gatherd *fake, const struct fake_step *steps)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(fake->dir, "/tmp/fake-gatherd.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fake->dir));
	snprintf(fake->path, sizeof(fake->path), "%s/sock", fake->dir);
	strcpy(address.sun_path, fake->path);
	fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fake->listener, 0);
	ck_assert_int_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fake->listener, 8), 0);
	fake->client = getpid();
	fake->pid = fork();
	ck_assert_int_ge(fake->pid, 0);
	if (fake->pid == 0)
		fake_serve(fake, steps);
	close(fake->listener);
}

/* All of the script was played. */
static inline void fake_stop(struct fake_gatherd *fake)
{
	int status = -1;

	ck_assert_int_eq(waitpid(fake->pid, &status, 0), fake->pid);
	unlink(fake->path);
	rmdir(fake->dir);
	ck_assert_int_eq(status, 0);
}

#endif
