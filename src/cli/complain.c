/* SPDX-License-Identifier: PostgreSQL */
#include "cli/complain.h"

#include <errno.h>
#include <unistd.h>

/* Databases and servers put what they like in messages; a terminal is not to obey it. */
static void defuse(struct buf *text)
{
	char *data = buf_data(text); /* NULL: nothing was written */

	for (size_t i = 0; data != NULL && i < buf_len(text); i++) {
		unsigned char c = (unsigned char)data[i];

		/* U+0080 to U+009F: to some terminals as good as ESC and a letter */
		if (c == 0xc2 && i + 1 < buf_len(text) && (unsigned char)data[i + 1] < 0xa0)
			data[i] = data[i + 1] = '?';
		else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			data[i] = '?';
	}
}

void complain_text(struct buf *text)
{
	defuse(text);
	while (buf_len(text) > 0) {
		ssize_t n = write(STDERR_FILENO, buf_data(text), buf_len(text));

		if (n >= 0)
			buf_consume(text, (size_t)n);
		else if (errno != EINTR)
			break; /* nobody to tell */
	}
	buf_reset(text);
}

void complain(const char *fmt, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, 0, NULL);
	buf_puts(&text, "gather: ");
	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	buf_putc(&text, '\n');
	complain_text(&text);
	buf_free(&text);
}
