/* SPDX-License-Identifier: PostgreSQL */
#include "cli/width.h"

#include "base/macros.h"
#include "base/utf8.h"
#include "cli/width_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TAB_COLUMNS 8

static bool in_ranges(const struct width_range *ranges, size_t count, unsigned point)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (point > ranges[middle].last)
			low = middle + 1;
		else if (point < ranges[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

static unsigned decode(const char *text, size_t len)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned point = (unsigned char)text[0] & masks[len];

	for (size_t i = 1; i < len; i++)
		point = point << 6 | ((unsigned char)text[i] & 0x3f);
	return point;
}

/* A character as it is shown: its own bytes, or `escape` when it would upset the terminal. */
struct shown {
	size_t len, width;
	char escape[12]; /* empty: as it is */
};

static struct shown show(const char *text, size_t len, size_t column)
{
	struct shown shown = {.len = utf8_char_len(text, len), .width = 1};
	unsigned char byte = (unsigned char)text[0];
	unsigned point;

	if (byte >= ' ' && byte < 0x7f)
		return shown;
	if (byte == '\t') {
		shown.width = TAB_COLUMNS - column % TAB_COLUMNS;
		snprintf(shown.escape, sizeof(shown.escape), "%*s", (int)shown.width, "");
		return shown;
	}
	point = shown.len > 0 ? decode(text, shown.len) : 0;
	if (byte == '\r')
		snprintf(shown.escape, sizeof(shown.escape), "\\r");
	else if (shown.len <= 1)
		snprintf(shown.escape, sizeof(shown.escape), "\\x%02X", byte);
	else if (point < 0xa0)
		snprintf(shown.escape, sizeof(shown.escape), "\\u%04X", point);
	else if (in_ranges(width_zero, ARRAY_SIZE(width_zero), point))
		shown.width = 0;
	else if (in_ranges(width_wide, ARRAY_SIZE(width_wide), point))
		shown.width = 2;
	if (shown.escape[0] != '\0')
		shown.width = strlen(shown.escape);
	shown.len = MAX(shown.len, (size_t)1);
	return shown;
}

size_t width_char(struct str text, size_t *ret_len)
{
	struct shown shown = show(text.data, text.len, 0);

	*ret_len = shown.len;
	return shown.width;
}

size_t width_of(struct str text, size_t *ret_lines)
{
	size_t widest = 0, column = 0, lines = 1;

	for (size_t at = 0; at < text.len;) {
		unsigned char byte = (unsigned char)text.data[at];
		struct shown shown;

		if (byte >= ' ' && byte < 0x7f) {
			column++;
			widest = MAX(widest, column);
			at++;
			continue;
		}
		if (byte == '\n') {
			column = 0;
			lines++;
			at++;
			continue;
		}
		shown = show(text.data + at, text.len - at, column);
		column += shown.width;
		widest = MAX(widest, column);
		at += shown.len;
	}
	if (ret_lines != NULL)
		*ret_lines = lines;
	return widest;
}

void width_show_line(struct buf *out, struct str *rest, size_t *ret_width)
{
	size_t at = 0, column = 0;

	while (at < rest->len && rest->data[at] != '\n') {
		struct shown shown = show(rest->data + at, rest->len - at, column);

		if (shown.escape[0] != '\0')
			buf_puts(out, shown.escape);
		else
			buf_append(out, rest->data + at, shown.len);
		column += shown.width;
		at += shown.len;
	}
	*ret_width = column;
	if (at < rest->len)
		*rest = (struct str){rest->data + at + 1, rest->len - at - 1};
	else
		*rest = (struct str){NULL, 0};
}
