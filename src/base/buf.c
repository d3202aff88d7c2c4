/* SPDX-License-Identifier: PostgreSQL */
#include "base/buf.h"

#include "base/budget.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BUF_FIRST_BYTES 256

void buf_init(struct buf *buf, size_t max_bytes, struct budget *budget)
{
	*buf = (struct buf){.max_bytes = max_bytes, .budget = budget};
}

void buf_free(struct buf *buf)
{
	if (!buf->lent) {
		budget_release(buf->budget, buf->cap);
		mem_free(buf->mem);
	}
	buf_init(buf, buf->max_bytes, buf->budget);
}

/* After anything but an append that found room. */
static void set_limit(struct buf *buf)
{
	size_t limit = buf->cap;

	if (buf->max_bytes != 0 && limit - buf->head > buf->max_bytes)
		limit = buf->head + buf->max_bytes;
	buf->limit = buf->error != 0 ? buf->tail : MAX(limit, buf->tail);
}

void buf_lend(struct buf *buf, void *mem, size_t size_bytes)
{
	if (buf->mem != NULL || mem == NULL)
		return;
	buf->mem = mem;
	buf->cap = size_bytes;
	buf->lent = true;
	set_limit(buf);
}

static char *fail(struct buf *buf, int error)
{
	buf->error = error;
	set_limit(buf);
	return NULL;
}

static void move_to_front(struct buf *buf)
{
	memmove(buf->mem, buf->mem + buf->head, buf_len(buf));
	buf->tail -= buf->head;
	buf->head = 0;
	set_limit(buf);
}

/* At least doubles the memory, so that what is copied is paid for by what was appended since the
 * last time. */
static int grow(struct buf *buf, size_t need_bytes)
{
	size_t cap = buf->cap, charged = buf_charged(buf);
	char *mem;

	do
		cap = cap > SIZE_MAX / 4 ? need_bytes : MAX(cap * 2, (size_t)BUF_FIRST_BYTES);
	while (cap < need_bytes);
	/* The doubled size may pass a limit that the needed one does not. */
	if (budget_charge(buf->budget, cap - charged) < 0) {
		if (need_bytes <= buf->cap)
			return 0;
		cap = need_bytes;
		if (budget_charge(buf->budget, cap - charged) < 0)
			return -ENOBUFS;
	}
	mem = mem_realloc(buf->lent ? NULL : buf->mem, cap);
	if (mem == NULL) {
		budget_release(buf->budget, cap - charged);
		return need_bytes <= buf->cap ? 0 : -ENOMEM;
	}
	if (buf->lent)
		memcpy(mem, buf->mem, buf->tail);
	buf->lent = false;
	buf->mem = mem;
	buf->cap = cap;
	set_limit(buf);
	return 0;
}

char *buf_reserve_more(struct buf *buf, size_t size_bytes)
{
	size_t len = buf_len(buf);
	bool worth_moving;
	int rc;

	if (UNLIKELY(buf->error != 0))
		return NULL;
	if (LIKELY(size_bytes <= buf->cap - buf->tail) && LIKELY(buf->mem != NULL) &&
	    LIKELY(buf->max_bytes == 0 || size_bytes <= buf->max_bytes - MIN(len, buf->max_bytes)))
		return buf->mem + buf->tail;
	if (size_bytes > SIZE_MAX / 4 - len ||
	    (buf->max_bytes != 0 && len + size_bytes > buf->max_bytes))
		return fail(buf, -ENOBUFS);
	/*
	 * The rest is moved to the front. That is cheap only where much was consumed; where little
	 * was, the memory grows too, lest a buffer that stays nearly full be moved for every few
	 * bytes.
	 */
	worth_moving = buf->head > 0 && buf->head >= len / 4;
	if (buf->head > 0)
		move_to_front(buf);
	if (!worth_moving || size_bytes > buf->cap - buf->tail) {
		rc = grow(buf, len + size_bytes);
		if (rc < 0)
			return fail(buf, rc);
	}
	return buf->mem + buf->tail;
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
	va_list again;
	int len, rc;

	if (buf->error != 0)
		return;
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0) {
		fail(buf, -EINVAL);
		return;
	}
	/* vsnprintf writes a NUL that is not content: reserve it against the memory, not the cap.
	 */
	if (buf_reserve(buf, (size_t)len) == NULL)
		return;
	if (buf->cap - buf->tail < (size_t)len + 1) {
		rc = grow(buf, buf->tail + (size_t)len + 1);
		if (rc < 0) {
			fail(buf, rc);
			return;
		}
	}
	vsnprintf(buf->mem + buf->tail, (size_t)len + 1, fmt, args);
	buf->tail += (size_t)len;
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(buf, fmt, args);
	va_end(args);
}

const char *buf_cstr(struct buf *buf)
{
	int rc;

	if (buf->error != 0)
		return NULL;
	if (buf->tail == buf->cap) {
		rc = grow(buf, buf->tail + 1);
		if (rc < 0) {
			fail(buf, rc);
			return NULL;
		}
	}
	buf->mem[buf->tail] = '\0';
	return buf_data(buf);
}

void buf_consume(struct buf *buf, size_t len)
{
	assert(len <= buf_len(buf));
	buf->head += len;
	if (buf->head == buf->tail)
		buf->head = buf->tail = 0;
	set_limit(buf);
}

void buf_truncate(struct buf *buf, size_t len)
{
	assert(len <= buf_len(buf));
	buf->tail = buf->head + len;
	buf->error = 0;
	set_limit(buf);
}

void buf_reset(struct buf *buf)
{
	buf->head = buf->tail = 0;
	buf->error = 0;
	set_limit(buf);
}
