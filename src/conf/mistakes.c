/* SPDX-License-Identifier: PostgreSQL */
/* The list of a file's mistakes. Knows nothing of what may be wrong. */
#include "conf/mistakes.h"

#include "base/printable.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct mistake {
	struct list link; /* in struct mistakes' list */
	unsigned line;
	const char *text;
};

void mistakes_init(struct mistakes *mistakes, const char *path)
{
	*mistakes = (struct mistakes){.path = path};
	arena_init(&mistakes->arena, 0, NULL);
	list_init(&mistakes->list);
}

void mistakes_free(struct mistakes *mistakes)
{
	arena_free(&mistakes->arena);
	list_init(&mistakes->list);
}

static void insert_sorted(struct mistakes *mistakes, struct mistake *mistake)
{
	struct list *before = mistakes->list.prev;

	/* Nearly all come in order, so look from the end. */
	while (before != &mistakes->list &&
	       LIST_ENTRY(before, struct mistake, link)->line > mistake->line)
		before = before->prev;
	list_insert_between(&mistake->link, before, before->next);
}

/* Messages quote the file, and begin with its path. */
static const char *make_printable(struct arena *arena, const char *text)
{
	size_t size_bytes = PRINTABLE_GROWTH * strlen(text) + PRINTABLE_ROOM_BYTES;
	char *out = arena_alloc(arena, size_bytes);

	if (out != NULL)
		printable_line(out, size_bytes, text);
	return out;
}

void mistakes_add(struct mistakes *mistakes, unsigned line, const char *fmt, ...)
{
	struct arena *arena = &mistakes->arena;
	struct mistake *mistake;
	const char *what;
	va_list args;

	if (++mistakes->count > MISTAKES_MAX)
		return;
	va_start(args, fmt);
	what = arena_vprintf(arena, fmt, args);
	va_end(args);
	mistake = arena_alloc(arena, sizeof(*mistake));
	if (what == NULL || mistake == NULL)
		goto no_memory;
	mistake->line = line;
	mistake->text = line == 0 ? arena_printf(arena, "%s: %s", mistakes->path, what)
				  : arena_printf(arena, "%s:%u: %s", mistakes->path, line, what);
	if (mistake->text != NULL)
		mistake->text = make_printable(arena, mistake->text);
	if (mistake->text == NULL)
		goto no_memory;
	insert_sorted(mistakes, mistake);
	return;
no_memory:
	mistakes->out_of_memory = true;
}

void mistakes_report(const struct mistakes *mistakes, config_error_fn *report, void *arg)
{
	char more[64];

	list_for_each (node, &mistakes->list) {
		report(arg, LIST_ENTRY(node, struct mistake, link)->text);
	}
	if (mistakes->count > MISTAKES_MAX) {
		snprintf(more, sizeof(more), "and %zu more mistakes",
			 mistakes->count - MISTAKES_MAX);
		report(arg, more);
	}
}

const char *mistakes_show(char out[MISTAKES_SHOWN_BYTES], const char *text)
{
	static const char cut[] = "...";
	size_t len = strlen(text), used = 0;

	while (len > 0) {
		size_t char_len = utf8_char_len(text, len);
		bool plain = char_len > 1 ? !printable_is_c1((const unsigned char *)text)
					  : char_len == 1 && *text >= ' ' && *text != 0x7f;

		if (used + MAX(char_len, (size_t)1) > MISTAKES_SHOWN_BYTES - sizeof(cut)) {
			memcpy(out + used, cut, sizeof(cut));
			return out;
		}
		if (plain)
			memcpy(out + used, text, char_len);
		else
			out[used] = '?';
		used += plain ? char_len : 1;
		text += MAX(char_len, (size_t)1);
		len -= MAX(char_len, (size_t)1);
	}
	out[used] = '\0';
	return out;
}
