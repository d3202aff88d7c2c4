/* SPDX-License-Identifier: PostgreSQL */
/*
 * Leaving one stack and going on with another. This knows nothing of tasks and loops. There are
 * three ways, chosen by configure: assembly for x86-64 and for aarch64, and ucontext for everything
 * else (slower: it asks the kernel for the signal mask each time).
 */
#ifndef CO_SWITCH_H
#define CO_SWITCH_H

#include "base/macros.h"
#include "co/sanitizer.h"

#include <stddef.h>

#ifdef CONTEXT_UCONTEXT
#include <ucontext.h>
#endif

/* A stack that does not run now: where it goes on. It must not be moved or copied. */
struct switch_context {
#ifdef CONTEXT_UCONTEXT
	ucontext_t registers;
#else
	void *sp; /* the callee-saved registers and the return address are on the stack */
#endif
	struct sanitizer_fiber fiber;
};

/*
 * Runs on the new stack; begins with switch_entered() and ends with switch_leave(): it must not
 * return.
 */
typedef void switch_fn(void *arg);

/* In the assembly files: the first frame of a stack, and the switch itself. */
void *switch_frame(void *stack_top, switch_fn *fn, void *arg);
void switch_stacks(void **ret_sp, void *sp);
/* In switch_ucontext.c: the same. */
void switch_ucontext_init(struct switch_context *context, void *stack, size_t size_bytes,
			  switch_fn *fn, void *arg);
void switch_ucontexts(struct switch_context *from, struct switch_context *to);

/* The context of the stack that runs now, to come back to. */
static inline void switch_init_self(struct switch_context *context)
{
	*context = (struct switch_context){0};
}

/* A context that will call fn(arg) on the stack [stack, stack + size_bytes). */
static inline void switch_init(struct switch_context *context, void *stack, size_t size_bytes,
			       switch_fn *fn, void *arg)
{
	sanitizer_fiber_init(&context->fiber, stack, size_bytes);
#ifdef CONTEXT_UCONTEXT
	switch_ucontext_init(context, stack, size_bytes, fn, arg);
#else
	context->sp = switch_frame((char *)stack + size_bytes, fn, arg);
#endif
}

static inline void switch_registers(struct switch_context *from, struct switch_context *to)
{
#ifdef CONTEXT_UCONTEXT
	switch_ucontexts(from, to);
#else
	switch_stacks(&from->sp, to->sp);
#endif
}

/*
 * Saves where we are in `from` and goes on with `to`; returns when somebody switches back to
 * `from`.
 */
static inline void switch_to(struct switch_context *from, struct switch_context *to)
{
	sanitizer_leave(&from->fiber, &to->fiber);
	switch_registers(from, to);
	sanitizer_enter(&from->fiber);
}

static inline void switch_entered(struct switch_context *self)
{
	sanitizer_enter(&self->fiber);
}

/* The last switch from a stack. */
static inline NORETURN void switch_leave(struct switch_context *from, struct switch_context *to)
{
	sanitizer_leave_for_good(&from->fiber, &to->fiber);
	switch_registers(from, to);
	__builtin_trap();
}

#endif
