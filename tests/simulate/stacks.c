/* SPDX-License-Identifier: PostgreSQL */
/*
 * The coroutines' stacks, from one schedule to the next: a new one costs the system five calls and
 * its pages, which is more than all that most tasks do. The linker puts these in the place of the
 * system calls (--wrap); to a sanitizer a stack is always a new one.
 */
#include "co/sanitizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

enum { STACKS_KEPT = 512 };

struct kept {
	char *mapping;
	size_t len;
	bool used;
};

static struct kept kept[STACKS_KEPT];
static size_t kept_count;

void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *mapping, size_t len);
int __wrap_munmap(void *mapping, size_t len);
int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);
int __real_mprotect(void *at, size_t len, int protection);
int __wrap_mprotect(void *at, size_t len, int protection);

static bool recycled; /* the latest one: it has its guard already */

static struct kept *find(const void *at)
{
	for (size_t i = 0; i < kept_count; i++)
		if ((const char *)at >= kept[i].mapping &&
		    (const char *)at < kept[i].mapping + kept[i].len)
			return &kept[i];
	return NULL;
}

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	char *mapping;

	recycled = false;
	if ((flags & MAP_STACK) == 0 || CO_ASAN)
		return __real_mmap(at, len, protection, flags, fd, offset);
	for (size_t i = 0; i < kept_count; i++) {
		if (kept[i].used || kept[i].len != len)
			continue;
		kept[i].used = recycled = true;
		return kept[i].mapping;
	}
	mapping = __real_mmap(at, len, protection, flags, fd, offset);
	if (mapping != MAP_FAILED && kept_count < STACKS_KEPT)
		kept[kept_count++] = (struct kept){mapping, len, true};
	return mapping;
}

int __wrap_munmap(void *mapping, size_t len)
{
	struct kept *stack = find(mapping);

	if (stack == NULL)
		return __real_munmap(mapping, len);
	stack->used = false;
	return 0;
}

int __wrap_madvise(void *at, size_t len, int advice)
{
	/* What is idle keeps its pages. */
	if ((recycled || advice == MADV_DONTNEED) && find(at) != NULL)
		return 0;
	return __real_madvise(at, len, advice);
}

int __wrap_mprotect(void *at, size_t len, int protection)
{
	if (recycled && find(at) != NULL)
		return 0;
	return __real_mprotect(at, len, protection);
}
