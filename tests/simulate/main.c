/* SPDX-License-Identifier: PostgreSQL */
/*
 * Runs schedules, each of its own seed, in several processes; counts what happened in them; and
 * tells the seed of each one that breaks a promise.
 */
#include "base/log.h"
#include "simulate/daemon.h"
#include "simulate/kernel.h"
#include "simulate/ledger.h"
#include "simulate/scenario.h"
#include "simulate/world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#ifdef BUILT_FOR_GCOV
#include <gcov.h>
#endif
#include <unistd.h>

enum {
	WORKERS_MAX = 64,
	FAILURES_MAX = 10,
	TWICE_ONE_IN = 100, /* that are run twice: the same seed is the same schedule */
	ALARM_SECONDS = 120 /* real ones, of one schedule */
};

/* Shared with the worker. */
struct worker {
	pid_t pid;
	uint64_t next; /* the seed that it is at */
	uint64_t passed;
	uint64_t counts[WORLD_COUNTS];
};

struct options {
	uint64_t seed, runs;
	unsigned jobs;
	bool trace;
};

/* The events that are left when the daemon is gone: its last words on their way to the clients. */
static void drain(struct world *world)
{
	while (world->event_count > 0)
		world_step(world);
}

static uint64_t run_schedule(struct world *world, uint64_t seed)
{
	struct kernel *kernel = world->kernel;

	world_begin(world, seed);
	kernel_init(kernel, world);
	ledger_begin(world);
	scenario_begin(world);
	kernel_install(kernel);
	daemon_run(world);
	world_end(world);
	drain(world);
	kernel_install(NULL);
	ledger_close(world);
	return world->trace_hash;
}

static void work(struct worker *worker, const struct options *options, uint64_t end)
{
	struct kernel kernel;
	struct world world;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	world_init(&world);
	world.kernel = &kernel;
	world.verbose = options->trace;
	daemon_install(&world);
	log_open(options->trace ? STDOUT_FILENO : quiet,
		 options->trace ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, false);
	while (worker->next < end) {
		uint64_t hash;

		alarm(ALARM_SECONDS);
		hash = run_schedule(&world, worker->next);
		if (worker->next % TWICE_ONE_IN == 0 && run_schedule(&world, worker->next) != hash)
			world_fail(&world, "the same seed, and another schedule");
		if (options->trace)
			printf("trace %016" PRIx64 "\n", hash);
		memcpy(worker->counts, world.counts, sizeof(world.counts));
		worker->passed++;
		worker->next += options->jobs;
	}
	world_free(&world);
	fflush(stdout);
#ifdef BUILT_FOR_GCOV
	__gcov_dump(); /* _exit() would lose its counts */
#endif
	_exit(EXIT_SUCCESS);
}

static pid_t start(struct worker *worker, const struct options *options, uint64_t end)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		work(worker, options, end);
	return pid;
}

/* ---- what is told ---- */

static void print_table(const struct worker *workers, const uint64_t *before, unsigned jobs,
			double seconds)
{
	static const char *const names[WORLD_COUNTS] = {
		[COUNT_SCHEDULES] = "schedules",
		[COUNT_REQUESTS] = "requests",
		[COUNT_REPORTS] = "reports",
		[COUNT_ITEMS] = "items answered",
		[COUNT_STEPS_RUN] = "statements run",
		[COUNT_ROWS] = "rows",
		[COUNT_ANSWERS_OK] = "items that went well",
		[COUNT_ANSWERS_FAILED] = "items that failed",
		[COUNT_EFFECTS_NONE] = "errors with effects none",
		[COUNT_EFFECTS_DONE] = "errors with effects done",
		[COUNT_EFFECTS_UNKNOWN] = "errors with effects unknown",
		[COUNT_SESSIONS] = "server sessions",
		[COUNT_BEHIND] = "statements behind others",
		[COUNT_CANCELS] = "cancel requests",
		[COUNT_CANCELS_HIT] = "statements they ended",
		[COUNT_BATCHED] = "read-only transactions of several",
		[COUNT_UNDONE] = "reads rolled back in them",
		[COUNT_CLIENTS_GONE] = "clients that left",
		[COUNT_FAULTS] = "faults of servers",
		[COUNT_REFUSED_MEMORY] = "allocations refused",
		[COUNT_REFUSED_DESCRIPTORS] = "descriptors refused",
		[COUNT_LISTENS] = "listens",
		[COUNT_NOTIFICATIONS] = "notifications",
		[COUNT_RESYNCS] = "resyncs",
		[COUNT_RELOADS] = "reloads",
		[COUNT_STOPS] = "shutdowns",
		[COUNT_EVENTS] = "events",
		[COUNT_VIRTUAL_SECONDS] = "seconds of virtual time",
	};

	for (size_t i = 0; i < WORLD_COUNTS; i++) {
		uint64_t total = before[i];

		for (unsigned j = 0; j < jobs; j++)
			total += workers[j].counts[i];
		printf("%-30s %12" PRIu64 "\n", names[i], total);
	}
	printf("%-30s %12.1f\n", "seconds", seconds);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run(const struct options *options)
{
	struct worker *workers = mmap(NULL, sizeof(*workers) * WORKERS_MAX, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t before[WORLD_COUNTS] = {0}, passed = 0, failed = 0;
	uint64_t end = options->seed + options->runs;
	unsigned running = 0;
	double begin_s = now_s();

	if (workers == MAP_FAILED) {
		fputs("simulate: out of memory\n", stderr);
		return EXIT_FAILURE;
	}
	for (unsigned i = 0; i < options->jobs; i++) {
		workers[i].next = options->seed + i;
		workers[i].pid = start(&workers[i], options, end);
		running++;
	}
	while (running > 0) {
		int status;
		pid_t pid = wait(&status);
		struct worker *worker = workers;

		if (pid < 0)
			break;
		while (worker->pid != pid)
			worker++;
		running--;
		if (status == 0)
			continue;
		/* Its seed is the one that failed; the others go on. */
		failed++;
		printf("not ok: seed %" PRIu64 " (%s %d)\n", worker->next,
		       WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		for (size_t i = 0; i < WORLD_COUNTS; i++)
			before[i] += worker->counts[i];
		memset(worker->counts, 0, sizeof(worker->counts));
		worker->next += options->jobs;
		if (failed < FAILURES_MAX) {
			worker->pid = start(worker, options, end);
			running++;
		}
	}
	for (unsigned i = 0; i < options->jobs; i++)
		passed += workers[i].passed;
	if (!options->trace)
		print_table(workers, before, options->jobs, now_s() - begin_s);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
	munmap(workers, sizeof(*workers) * WORKERS_MAX);
	return failed == 0 && passed == options->runs ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void usage(FILE *to)
{
	fputs("Usage: simulate [--seed N] [--runs N] [--jobs N] [--trace]\n"
	      "\n"
	      "  --seed N   the first seed (1); a schedule is all in its seed\n"
	      "  --runs N   so many schedules, each with the next seed (10000)\n"
	      "  --jobs N   processes (the number of processors)\n"
	      "  --trace    tell all that happens; one schedule, if --runs does not say more\n",
	      to);
}

static bool take_number(const char *text, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	if (text == NULL || text[strspn(text, "0123456789")] != '\0')
		return false;
	*ret_number = strtoull(text, &end, 10);
	return end != text && errno == 0;
}

int main(int argc, char **argv)
{
	struct options options = {.seed = 1, .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
	uint64_t jobs = 0;

	for (int i = 1; i < argc; i++) {
		bool fine = true;

		if (strcmp(argv[i], "--trace") == 0)
			options.trace = true;
		else if (strcmp(argv[i], "--seed") == 0)
			fine = take_number(argv[++i], &options.seed);
		else if (strcmp(argv[i], "--runs") == 0)
			fine = take_number(argv[++i], &options.runs);
		else if (strcmp(argv[i], "--jobs") == 0)
			fine = take_number(argv[++i], &jobs) && jobs > 0 && jobs <= WORKERS_MAX;
		else if (strcmp(argv[i], "--help") == 0)
			return usage(stdout), EXIT_SUCCESS;
		else
			fine = false;
		if (!fine)
			return usage(stderr), 64;
	}
	if (jobs > 0)
		options.jobs = (unsigned)jobs;
	if (options.trace)
		options.jobs = 1;
	if (options.runs == 0)
		options.runs = options.trace ? 1 : 10000;
	options.jobs =
		(unsigned)MIN((uint64_t)MIN(options.jobs, (unsigned)WORKERS_MAX), options.runs);
	return run(&options);
}
