/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/world.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORLD_MEMORY_BYTES ((size_t)256 * 1024 * 1024)
#define WORLD_START_NS	   (1000 * CLOCK_SECOND)

static bool must_fail(void *ctx)
{
	struct world *world = ctx;

	if (!world->memory_short || world->inside > 0 || world->loop == NULL ||
	    !world_chance(world, world->memory_one_in))
		return false;
	world->counts[COUNT_REFUSED_MEMORY]++;
	world_trace(world, "memory refused", 0, 0, 0);
	return true;
}

void world_init(struct world *world)
{
	*world = (struct world){.event_room = 1024};
	world->events = malloc(world->event_room * sizeof(*world->events));
	/* Only what is touched is there. */
	world->memory = mmap(NULL, WORLD_MEMORY_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (world->events == NULL || world->memory == MAP_FAILED) {
		fputs("simulate: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	mem_set_fail_hook(must_fail, world);
}

void world_begin(struct world *world, uint64_t seed)
{
	world->seed = seed;
	world->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	world->trace_hash = UINT64_C(0xcbf29ce484222325);
	clock_virtual_init(&world->clock, WORLD_START_NS);
	world->event_count = world->memory_used = 0;
	world->event_number = 0;
	world->polls_at_this_time = 0;
	world->inside = 0;
	world->busy = world->read_only = world->memory_short = false;
	world->daemon = NULL;
	world->loop = NULL;
	world->timer = (struct co_timer){.heap_index = 0};
	world->counts[COUNT_SCHEDULES]++;
}

void world_end(struct world *world)
{
	world->counts[COUNT_VIRTUAL_SECONDS] +=
		(uint64_t)((world_now_ns(world) - WORLD_START_NS) / CLOCK_SECOND);
}

void world_free(struct world *world)
{
	mem_set_fail_hook(NULL, NULL);
	free(world->events);
	munmap(world->memory, WORLD_MEMORY_BYTES);
}

void *world_alloc(struct world *world, size_t size_bytes)
{
	char *memory = world->memory + world->memory_used;

	size_bytes = (size_bytes + 15) & ~(size_t)15;
	if (size_bytes > WORLD_MEMORY_BYTES - world->memory_used)
		world_fail(world, "the simulation itself is out of memory");
	world->memory_used += size_bytes;
	memset(memory, 0, size_bytes);
	return memory;
}

char *world_printf(struct world *world, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = world_alloc(world, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

/* ---- time ---- */

int64_t world_now_ns(const struct world *world)
{
	return world->clock.time_ns;
}

static bool before(const struct world_event *a, const struct world_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void sift_up(struct world *world, size_t i)
{
	struct world_event event = world->events[i];

	while (i > 0 && before(&event, &world->events[(i - 1) / 2])) {
		world->events[i] = world->events[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	world->events[i] = event;
}

static struct world_event pop(struct world *world)
{
	struct world_event first = world->events[0];
	struct world_event last = world->events[--world->event_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < world->event_count) {
		if (child + 1 < world->event_count &&
		    before(&world->events[child + 1], &world->events[child]))
			child++;
		if (!before(&world->events[child], &last))
			break;
		world->events[i] = world->events[child];
		i = child;
	}
	world->events[i] = last;
	return first;
}

static void on_timer(void *arg);

static void set_timer(struct world *world)
{
	if (world->loop == NULL || world->event_count == 0)
		return;
	if (world->timer.heap_index != 0 && world->timer.deadline_ns <= world->events[0].at_ns)
		return;
	world->inside++;
	if (co_timer_start(&world->timer, world->loop, world->events[0].at_ns, on_timer, world) < 0)
		world_fail(world, "the simulation itself is out of memory");
	world->inside--;
}

void world_step(struct world *world)
{
	struct world_event event = pop(world);

	world->clock.time_ns = MAX(world->clock.time_ns, event.at_ns);
	world->counts[COUNT_EVENTS]++;
	world->inside++;
	event.fn(event.ctx);
	world->inside--;
}

static void on_timer(void *arg)
{
	struct world *world = arg;

	while (world->event_count > 0 && world->events[0].at_ns <= world_now_ns(world))
		world_step(world);
	set_timer(world);
}

void world_at(struct world *world, int64_t at_ns, world_fn *fn, void *ctx)
{
	if (world->event_count == world->event_room) {
		world->event_room *= 2;
		world->events = realloc(world->events, world->event_room * sizeof(*world->events));
		if (world->events == NULL)
			world_fail(world, "the simulation itself is out of memory");
	}
	world->events[world->event_count] = (struct world_event){
		.at_ns = MAX(at_ns, world_now_ns(world)),
		.number = world->event_number++,
		.fn = fn,
		.ctx = ctx,
	};
	sift_up(world, world->event_count++);
	set_timer(world);
}

void world_after(struct world *world, int64_t delay_ns, world_fn *fn, void *ctx)
{
	world_at(world, world_now_ns(world) + delay_ns, fn, ctx);
}

void world_attach(struct world *world, struct co_loop *loop)
{
	world->loop = loop;
	set_timer(world);
}

void world_detach(struct world *world)
{
	co_timer_stop(&world->timer);
	world->loop = NULL;
}

/* ---- chance ---- */

uint64_t world_random(struct world *world, uint64_t bound)
{
	uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (uint64_t)(((unsigned __int128)z * bound) >> 64);
}

int64_t world_delay_ns(struct world *world)
{
	if (world->busy && !world_chance(world, 64))
		return (int64_t)world_random(world, 200) * CLOCK_US;
	switch (world_random(world, 8)) {
	case 0:
	case 1:
	case 2:
		return 0;
	case 3:
	case 4:
	case 5:
		return (int64_t)world_random(world, 300) * CLOCK_US;
	case 6:
		return (int64_t)world_random(world, 10) * CLOCK_MS;
	default:
		return (int64_t)world_random(world, 4) * 50 * CLOCK_MS;
	}
}

/* ---- what is told ---- */

static void hash_number(struct world *world, uint64_t number)
{
	world->trace_hash = (world->trace_hash ^ number) * UINT64_C(0x100000001b3);
	world->trace_hash ^= world->trace_hash >> 29;
}

void world_trace(struct world *world, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	for (const char *at = what; *at != '\0'; at++)
		hash_number(world, (uint64_t)(unsigned char)*at);
	hash_number(world, (uint64_t)world_now_ns(world));
	hash_number(world, a);
	hash_number(world, b);
	hash_number(world, c);
	if (world->verbose)
		printf("%14.6f  %-28s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       (double)(world_now_ns(world) - WORLD_START_NS) / CLOCK_SECOND, what, a, b,
		       c);
}

void world_fail(struct world *world, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "seed %" PRIu64 ", at %.6f s: ", world->seed,
		(double)(world_now_ns(world) - WORLD_START_NS) / CLOCK_SECOND);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	fflush(stderr);
	_exit(EXIT_FAILURE);
}
