/* SPDX-License-Identifier: PostgreSQL */
/*
 * The inside of JSON strings: finding what must be looked at, many bytes at a time, and what a
 * backslash means. A byte is plain when it stands for itself and needs no look: ASCII from 0x20 on,
 * but for `"` and `\`. For readers and writers of JSON.
 */
#ifndef WIRE_ESCAPE_H
#define WIRE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* How many plain bytes text begins with: the best of the functions below. */
size_t escape_plain_span(const char *text, size_t len);

/* One for each instruction set, so that a test may hold them against each other. */
size_t escape_plain_span_scalar(const char *text, size_t len);
#ifdef __SSE2__
size_t escape_plain_span_sse2(const char *text, size_t len);
#endif
#ifdef __ARM_NEON
size_t escape_plain_span_neon(const char *text, size_t len);
#endif

/* What backslash and c stand for; '\0': nothing, or it is the u of \uXXXX. */
char escape_decode_simple(char c);
/*
 * \uXXXX, or a pair of them, at the start of text (backslash included): 6 or 12, the bytes used; 0
 * where there are no four hex digits. The code point of half a pair is that half: a surrogate.
 */
size_t escape_decode_unicode(const char *text, size_t len, unsigned *ret_code_point);
static inline bool escape_is_surrogate(unsigned code_point)
{
	return code_point >= 0xd800 && code_point <= 0xdfff;
}

#endif
