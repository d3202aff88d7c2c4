/* SPDX-License-Identifier: PostgreSQL */
/*
 * The context switch for aarch64 (AAPCS64). A stack that does not run has on its top, from the
 * stack pointer up:
 *	0 x29, 8 x30 (signed), 16 x19 … 88 x28, 96 d8 … 152 d15, 160 fpcr
 * gatherd-gdb.py knows this layout.
 *
 * The return address is signed with the stack pointer before it goes to memory, as compilers do
 * with -mbranch-protection; paciasp is a landing pad too. The hints do nothing on processors
 * without PAC and BTI.
 */
#define FRAME_BYTES 176

#define PACIA1716 hint #8
#define PACIASP	  hint #25
#define AUTIASP	  hint #29
#define BTI_C	  hint #34

	.text

/* void switch_stacks(void **ret_sp, void *sp) */
	.globl	switch_stacks
	.hidden	switch_stacks
	.type	switch_stacks, %function
	.balign	16
switch_stacks:
	.cfi_startproc
	PACIASP
	.cfi_negate_ra_state
	stp	x29, x30, [sp, #-FRAME_BYTES]!
	.cfi_def_cfa_offset FRAME_BYTES
	.cfi_offset x29, -FRAME_BYTES
	.cfi_offset x30, -FRAME_BYTES + 8
	stp	x19, x20, [sp, #16]
	.cfi_offset x19, -FRAME_BYTES + 16
	.cfi_offset x20, -FRAME_BYTES + 24
	stp	x21, x22, [sp, #32]
	.cfi_offset x21, -FRAME_BYTES + 32
	.cfi_offset x22, -FRAME_BYTES + 40
	stp	x23, x24, [sp, #48]
	.cfi_offset x23, -FRAME_BYTES + 48
	.cfi_offset x24, -FRAME_BYTES + 56
	stp	x25, x26, [sp, #64]
	.cfi_offset x25, -FRAME_BYTES + 64
	.cfi_offset x26, -FRAME_BYTES + 72
	stp	x27, x28, [sp, #80]
	.cfi_offset x27, -FRAME_BYTES + 80
	.cfi_offset x28, -FRAME_BYTES + 88
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x9, fpcr
	str	x9, [sp, #160]

	/* From here on the same offsets hold on the other stack, so the CFI stays true. */
	mov	x10, sp
	str	x10, [x0]
	mov	sp, x1

	ldr	x10, [sp, #160]
	cmp	x9, x10
	b.eq	1f			/* writing fpcr is slow, and it hardly ever differs */
	msr	fpcr, x10
1:	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #FRAME_BYTES
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	AUTIASP
	.cfi_negate_ra_state
	ret
	.cfi_endproc
	.size	switch_stacks, . - switch_stacks

/*
 * void *switch_frame(void *stack_top, switch_fn *fn, void *arg)
 * The first switch to it "returns" to switch_start.
 */
	.globl	switch_frame
	.hidden	switch_frame
	.type	switch_frame, %function
	.balign	16
switch_frame:
	.cfi_startproc
	BTI_C
	and	x16, x0, #-16		/* the stack pointer that switch_start will see: */
	adrp	x17, switch_start	/* its return address is signed with it */
	add	x17, x17, :lo12:switch_start
	PACIA1716
	sub	x0, x16, #FRAME_BYTES
	stp	xzr, x17, [x0]		/* x29: no frame above */
	stp	x1, x2, [x0, #16]	/* x19: fn, x20: arg */
	stp	xzr, xzr, [x0, #32]
	stp	xzr, xzr, [x0, #48]
	stp	xzr, xzr, [x0, #64]
	stp	xzr, xzr, [x0, #80]
	stp	xzr, xzr, [x0, #96]
	stp	xzr, xzr, [x0, #112]
	stp	xzr, xzr, [x0, #128]
	stp	xzr, xzr, [x0, #144]
	mrs	x9, fpcr
	str	x9, [x0, #160]
	ret
	.cfi_endproc
	.size	switch_frame, . - switch_frame

/* The outermost frame of every stack of ours; unwinders stop here. */
	.type	switch_start, %function
	.balign	16
switch_start:
	.cfi_startproc
	.cfi_undefined x30
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.size	switch_start, . - switch_start

	.section .note.GNU-stack, "", %progbits

	.section .note.gnu.property, "a"
	.balign	8
	.long	4, 16, 5
	.asciz	"GNU"
	.long	0xc0000000, 4, 3, 0	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI and PAC */
