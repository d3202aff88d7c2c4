/* SPDX-License-Identifier: PostgreSQL */
#include "base/printable.h"

#include <stdio.h>

size_t printable_line(char *out, size_t size_bytes, const char *text)
{
	size_t len = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (len + PRINTABLE_ROOM_BYTES > size_bytes)
			break;
		if (printable_is_c1(p))
			len += (size_t)sprintf(out + len, "\\u%04x", *++p);
		else if (*p == '\n')
			len += (size_t)sprintf(out + len, "\\n");
		else if (*p < 0x20 || *p == 0x7f)
			len += (size_t)sprintf(out + len, "\\x%02x", *p);
		else
			out[len++] = (char)*p;
	}
	out[len] = '\0';
	return len;
}
