/* SPDX-License-Identifier: PostgreSQL */
/*
 * The context switch for x86-64 (System V ABI). A stack that does not run has on its top, from the
 * stack pointer up:
 *	 0 mxcsr, 4 x87 control word, 8 r15, 16 r14, 24 r13, 32 r12, 40 rbx, 48 rbp, 56 return address
 * gatherd-gdb.py knows this layout.
 *
 * Our stacks and a shadow stack would not agree, so the object is marked for IBT alone: the linker
 * then leaves the shadow stack of the whole program off.
 */
#if defined(__CET__) && (__CET__ & 1)
#define LANDING_PAD endbr64
#else
#define LANDING_PAD
#endif

	.text

/* void switch_stacks(void **ret_sp, void *sp) */
	.globl	switch_stacks
	.hidden	switch_stacks
	.type	switch_stacks, @function
	.balign	16
switch_stacks:
	.cfi_startproc
	LANDING_PAD
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)

	movl	(%rsp), %eax
	movzwl	4(%rsp), %edx

	/* From here on the same offsets hold on the other stack, so the CFI stays true. */
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp

	/* Loading them is slow, and they hardly ever differ. */
	cmpl	(%rsp), %eax
	je	1f
	ldmxcsr	(%rsp)
1:	cmpw	4(%rsp), %dx
	je	2f
	fldcw	4(%rsp)
2:	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	/*
	 * A `ret` would always be predicted to go back to where this stack called us from, which costs
	 * three times the rest.
	 */
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	switch_stacks, . - switch_stacks

/*
 * void *switch_frame(void *stack_top, switch_fn *fn, void *arg)
 * The first switch to it "returns" to switch_start.
 */
	.globl	switch_frame
	.hidden	switch_frame
	.type	switch_frame, @function
	.balign	16
switch_frame:
	.cfi_startproc
	LANDING_PAD
	movq	%rdi, %rax
	andq	$-16, %rax
	subq	$80, %rax
	stmxcsr	(%rax)
	fnstcw	4(%rax)
	xorl	%ecx, %ecx
	movq	%rcx, 8(%rax)
	movq	%rcx, 16(%rax)
	movq	%rcx, 24(%rax)
	movq	%rdx, 32(%rax)		/* r12: arg */
	movq	%rsi, 40(%rax)		/* rbx: fn */
	movq	%rcx, 48(%rax)		/* rbp: no frame above */
	leaq	switch_start(%rip), %rcx
	movq	%rcx, 56(%rax)
	ret
	.cfi_endproc
	.size	switch_frame, . - switch_frame

/* The outermost frame of every stack of ours; unwinders stop here. */
	.type	switch_start, @function
	.balign	16
switch_start:
	.cfi_startproc
	.cfi_undefined %rip
	movq	%r12, %rdi
	call	*%rbx
	ud2
	.cfi_endproc
	.size	switch_start, . - switch_start

	.section .note.GNU-stack, "", @progbits

#if defined(__CET__) && (__CET__ & 1)
	.section .note.gnu.property, "a"
	.balign	8
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000002, 4, 1, 0	/* GNU_PROPERTY_X86_FEATURE_1_AND: IBT */
#endif
