/* SPDX-License-Identifier: PostgreSQL */
/*
 * A growing byte buffer with a cap: bytes are appended at the end and consumed at the front.
 *
 * Errors are sticky: after a failed append (cap or budget: -ENOBUFS, memory: -ENOMEM) the buffer
 * takes nothing more until it is truncated or reset, so that a writer checks `buf_error` once, at
 * its end. What was appended before the failing call is still there; buf_truncate() takes back a
 * half-written piece.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/macros.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct budget;

struct buf {
	char *mem;
	size_t head; /* consumed bytes at the front of mem */
	size_t tail; /* end of the content; content = mem[head..tail) */
	size_t cap;
	size_t limit;	  /* up to here an append needs neither memory nor a look; not below tail */
	size_t max_bytes; /* cap on content; 0: none */
	struct budget *budget; /* what `cap` is charged to; may be NULL */
	int error;
	bool lent; /* `mem` is another's: neither charged nor freed */
};

/* Allocates nothing yet. `budget` may be NULL; it must outlive the buffer. */
void buf_init(struct buf *buf, size_t max_bytes, struct budget *budget);
/* Memory that a buffer begins with that has none yet: another's, who keeps it for as long as the
 * buffer is used. NULL is fine. */
void buf_lend(struct buf *buf, void *mem, size_t size_bytes);
/* Gives everything back; the buffer can be used again. Fine on a zeroed one. */
void buf_free(struct buf *buf);

static inline char *buf_data(const struct buf *buf)
{
	return buf->mem == NULL ? NULL : buf->mem + buf->head;
}
static inline size_t buf_len(const struct buf *buf)
{
	return buf->tail - buf->head;
}
static inline struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->mem == NULL ? "" : buf_data(buf), buf_len(buf)};
}
/* What it holds of its budget. */
static inline size_t buf_charged(const struct buf *buf)
{
	return buf->lent ? 0 : buf->cap;
}
/* 0, -ENOBUFS or -ENOMEM. */
static inline int buf_error(const struct buf *buf)
{
	return buf->error;
}

/* For buf_reserve(). */
char *buf_reserve_more(struct buf *buf, size_t size_bytes);
/*
 * Room for at least `size_bytes` more at the end, or NULL (the error is then set). What is written
 * there counts after buf_commit(). Pointers into the buffer die with the next call that may grow
 * it.
 */
static inline char *buf_reserve(struct buf *buf, size_t size_bytes)
{
	/* 0 bytes are never less than what is left: what failed goes on failing. */
	if (LIKELY(size_bytes - 1 < buf->limit - buf->tail))
		return buf->mem + buf->tail;
	return buf_reserve_more(buf, size_bytes);
}
static inline void buf_commit(struct buf *buf, size_t size_bytes)
{
	buf->tail += size_bytes;
}

/* Inline, since most that is appended is short and its length is known to the compiler. */
static inline void buf_append(struct buf *buf, const void *bytes, size_t len)
{
	char *at = len > 0 ? buf_reserve(buf, len) : NULL;

	if (LIKELY(at != NULL)) {
		memcpy(at, bytes, len);
		buf->tail += len;
	}
}
static inline void buf_append_str(struct buf *buf, struct str text)
{
	buf_append(buf, text.data, text.len);
}
static inline void buf_puts(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}
static inline void buf_putc(struct buf *buf, char c)
{
	char *at = buf_reserve(buf, 1);

	if (LIKELY(at != NULL)) {
		*at = c;
		buf->tail++;
	}
}
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/* Appends a terminating NUL that does not count as content, and returns the text; NULL on error. */
const char *buf_cstr(struct buf *buf);

/* Takes `len` bytes off the front. */
void buf_consume(struct buf *buf, size_t len);
/* Cuts the content to its first `len` bytes and clears a sticky error. */
void buf_truncate(struct buf *buf, size_t len);
/* Empties it, clears the error, keeps the memory. */
void buf_reset(struct buf *buf);

#endif
