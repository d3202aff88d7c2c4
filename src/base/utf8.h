/* SPDX-License-Identifier: PostgreSQL */
/* UTF-8 as PostgreSQL and JSON mean it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character that begins at text[0] (1..4), 0 if there is none. len > 0. */
size_t utf8_char_len(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);
/* Encodes a code point (no surrogate, ≤ 0x10FFFF); returns the bytes written, at most 4. */
size_t utf8_encode(char *out, unsigned code_point);

#endif
