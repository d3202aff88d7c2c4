/* SPDX-License-Identifier: PostgreSQL */
/* For the suites of src/wire that write: where to, and the fixture that must find it all freed. */
#ifndef UNIT_WIRE_OUT_H
#define UNIT_WIRE_OUT_H

#include "base/mem.h"
#include "unit/wire.h"

static struct arena arena;
static struct buf out;

static void set_up(void)
{
	arena_init(&arena, 0, NULL);
	buf_init(&out, 0, NULL);
}

static void tear_down(void)
{
	arena_free(&arena);
	buf_free(&out);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

#endif
