/* SPDX-License-Identifier: PostgreSQL */
/* The context switch by ucontext: the portable fallback. */
#include "co/switch.h"

#include <stdint.h>
#include <stdlib.h>

/* makecontext() passes ints, so the two pointers come in halves. */
static void start(unsigned fn_high, unsigned fn_low, unsigned arg_high, unsigned arg_low)
{
	switch_fn *fn = (switch_fn *)(uintptr_t)((uint64_t)fn_high << 32 | fn_low);
	void *arg = (void *)(uintptr_t)((uint64_t)arg_high << 32 | arg_low);

	fn(arg);
	abort();
}

void switch_ucontext_init(struct switch_context *context, void *stack, size_t size_bytes,
			  switch_fn *fn, void *arg)
{
	uint64_t fn_bits = (uintptr_t)fn, arg_bits = (uintptr_t)arg;

	if (getcontext(&context->registers) != 0)
		abort(); /* cannot fail: it only reads the signal mask */
	context->registers.uc_stack.ss_sp = stack;
	context->registers.uc_stack.ss_size = size_bytes;
	context->registers.uc_link = NULL;
	makecontext(&context->registers, (void (*)(void))start, 4, (unsigned)(fn_bits >> 32),
		    (unsigned)fn_bits, (unsigned)(arg_bits >> 32), (unsigned)arg_bits);
}

void switch_ucontexts(struct switch_context *from, struct switch_context *to)
{
	if (swapcontext(&from->registers, &to->registers) != 0)
		abort();
}
