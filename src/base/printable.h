/* SPDX-License-Identifier: PostgreSQL */
/* Text from elsewhere as one line that a terminal shows and does not obey. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* For a text of n bytes there is room in PRINTABLE_GROWTH * n + PRINTABLE_ROOM_BYTES. */
#define PRINTABLE_GROWTH     4
#define PRINTABLE_ROOM_BYTES 7 /* the longest escape, and the end */

/* U+0080 to U+009F in UTF-8: to some terminals as good as ESC and a letter. */
static inline bool printable_is_c1(const unsigned char *text)
{
	return text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0;
}

/*
 * Writes the text with its control characters as \n, \x1b and \u009b, terminated, and cut where
 * there is no room. Returns its length.
 */
size_t printable_line(char *out, size_t size_bytes, const char *text);

#endif
