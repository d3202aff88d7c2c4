/* SPDX-License-Identifier: PostgreSQL */
/* spawn: starts a command so many times, one after another, and says how long a start to its end
 * takes. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double spawn_once(char **command, const posix_spawn_file_actions_t *actions)
{
	double begun_ms = now_ms();
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, command[0], actions, NULL, command, environ);
	if (errno)
		err(1, "%s", command[0]);
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "%s: status %#x", command[0], (unsigned int)status);
	return now_ms() - begun_ms;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[1]) : 0;
	posix_spawn_file_actions_t actions;
	double *samples;

	if (count < 1)
		errx(64, "usage: spawn COUNT COMMAND [ARGUMENT]...");
	samples = calloc((size_t)count, sizeof(*samples));
	if (!samples || posix_spawn_file_actions_init(&actions) ||
	    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0))
		err(1, "memory");
	spawn_once(argv + 2, &actions); /* from a warm cache */
	for (int i = 0; i < count; i++)
		samples[i] = spawn_once(argv + 2, &actions);
	qsort(samples, (size_t)count, sizeof(*samples), compare);
	printf("{\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"min_ms\": %.4f}\n", samples[count / 2],
	       samples[(size_t)(0.99 * (count - 1))], samples[0]);
	free(samples);
	return 0;
}
