/* SPDX-License-Identifier: PostgreSQL */
/*
 * What AddressSanitizer, LeakSanitizer, ThreadSanitizer and valgrind must be told about stacks that
 * they did not make. All of it is here, and nothing remains of it in a plain build. It knows
 * nothing of tasks.
 */
#ifndef CO_SANITIZER_H
#define CO_SANITIZER_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define CO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_ASAN 1
#endif
#endif
#ifndef CO_ASAN
#define CO_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define CO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CO_TSAN 1
#endif
#endif
#ifndef CO_TSAN
#define CO_TSAN 0
#endif

#if CO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#if CO_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif

/*
 * A stack as ASan and TSan see it; of the thread's own stack they learn when a coroutine is first
 * entered.
 */
struct sanitizer_fiber {
#if CO_ASAN
	void *fake_stack;
	const void *bottom;
	size_t size_bytes;
	struct sanitizer_fiber *from; /* who switched here last */
#endif
#if CO_TSAN
	void *thread; /* what TSan takes for a thread of its own */
	void *ended;  /* a thread that will not come back, to be destroyed by who runs next */
#endif
};

/*
 * TSan keeps the calls of each stack: a function that is entered on one and left on another would
 * be missing on the first and too much on the other.
 */
#define SANITIZER_SWITCH static inline __attribute__((always_inline))

static inline void sanitizer_fiber_init(struct sanitizer_fiber *fiber, const void *bottom,
					size_t size_bytes)
{
#if CO_ASAN
	*fiber = (struct sanitizer_fiber){.bottom = bottom, .size_bytes = size_bytes};
#endif
#if CO_TSAN
	*fiber = (struct sanitizer_fiber){.thread = __tsan_create_fiber(0)};
#endif
	(void)fiber;
	(void)bottom;
	(void)size_bytes;
}

#if CO_TSAN
SANITIZER_SWITCH void sanitizer_switch_thread(struct sanitizer_fiber *from,
					      struct sanitizer_fiber *to)
{
	if (from->thread == NULL)
		from->thread = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->thread, 0);
}
#endif

/* Just before a switch. */
SANITIZER_SWITCH void sanitizer_leave(struct sanitizer_fiber *from, struct sanitizer_fiber *to)
{
	(void)from;
	(void)to;
#if CO_ASAN
	to->from = from;
	__sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size_bytes);
#endif
#if CO_TSAN
	sanitizer_switch_thread(from, to);
#endif
}

/* Just before the last switch away from a stack. */
SANITIZER_SWITCH void sanitizer_leave_for_good(struct sanitizer_fiber *from,
					       struct sanitizer_fiber *to)
{
	(void)from;
	(void)to;
#if CO_ASAN
	to->from = from;
	__sanitizer_start_switch_fiber(NULL, to->bottom, to->size_bytes);
#endif
#if CO_TSAN
	to->ended = from->thread;
	sanitizer_switch_thread(from, to);
#endif
}

/* Just after a switch, on the new stack. */
SANITIZER_SWITCH void sanitizer_enter(struct sanitizer_fiber *self)
{
	(void)self;
#if CO_ASAN
	__sanitizer_finish_switch_fiber(self->fake_stack, &self->from->bottom,
					&self->from->size_bytes);
#endif
#if CO_TSAN
	if (self->ended != NULL)
		__tsan_destroy_fiber(self->ended);
	self->ended = NULL;
#endif
}

/* A stack has been mapped; the id is for sanitizer_stack_unmapped. */
static inline unsigned sanitizer_stack_mapped(void *bottom, size_t size_bytes)
{
#ifdef HAVE_VALGRIND_VALGRIND_H
	return VALGRIND_STACK_REGISTER(bottom, (char *)bottom + size_bytes);
#else
	(void)bottom;
	(void)size_bytes;
	return 0;
#endif
}

static inline void sanitizer_stack_unmapped(void *bottom, size_t size_bytes, unsigned id)
{
#if CO_ASAN
	ASAN_UNPOISON_MEMORY_REGION(bottom, size_bytes);
#endif
#ifdef HAVE_VALGRIND_VALGRIND_H
	VALGRIND_STACK_DEREGISTER(id);
#endif
	(void)bottom;
	(void)size_bytes;
	(void)id;
}

/* A stack is handed out: it may be used, and what its frames point to is no leak. */
static inline void sanitizer_stack_taken(void *bottom, size_t size_bytes)
{
#if CO_ASAN
	ASAN_UNPOISON_MEMORY_REGION(bottom, size_bytes);
	__lsan_register_root_region(bottom, size_bytes);
#endif
#ifdef HAVE_VALGRIND_VALGRIND_H
	VALGRIND_MAKE_MEM_UNDEFINED(bottom, size_bytes);
#endif
	(void)bottom;
	(void)size_bytes;
}

/*
 * A stack came back: until it is handed out again, whoever touches it has kept a pointer for too
 * long.
 */
static inline void sanitizer_stack_returned(void *bottom, size_t size_bytes)
{
#if CO_ASAN
	__lsan_unregister_root_region(bottom, size_bytes);
	ASAN_POISON_MEMORY_REGION(bottom, size_bytes);
#endif
#ifdef HAVE_VALGRIND_VALGRIND_H
	VALGRIND_MAKE_MEM_NOACCESS(bottom, size_bytes);
#endif
	(void)bottom;
	(void)size_bytes;
}

#endif
