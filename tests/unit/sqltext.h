/* SPDX-License-Identifier: PostgreSQL */
/* What the suites of src/sqltext share: exact copies for the sanitizers, and random SQL. */
#ifndef UNIT_SQLTEXT_H
#define UNIT_SQLTEXT_H

#include "base/macros.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block of exactly the text's size: a read beyond it is seen. To be freed with free_exact(). */
static inline struct str exact_copy(struct str text)
{
	char *copy = malloc(text.len > 0 ? text.len : 1);

	if (copy == NULL)
		abort();
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return (struct str){copy, text.len};
}

static inline void free_exact(struct str text)
{
	union {
		const char *in;
		char *out;
	} data = {.in = text.data};

	free(data.out);
}

static inline unsigned random_below(uint64_t *seed, unsigned limit)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (unsigned)(*seed >> 11) % limit;
}

/* A text of random fragments, most of which open, close or look like something. */
static inline size_t random_sql(uint64_t *seed, char *out, size_t size)
{
	static const char *const fragments[] = {
		"'",
		"''",
		"\"",
		"$",
		"$$",
		"$a$",
		"$b$",
		"$1",
		"a",
		"E'",
		"b'",
		"x'",
		"N'",
		"U&'",
		"u&\"",
		"u&",
		"\\",
		"\\'",
		"--",
		"/*",
		"*/",
		"/*+",
		"\n",
		"\r",
		" ",
		"\t",
		"+",
		"-",
		"*",
		"@",
		"=",
		"<",
		">",
		"~",
		"::",
		":=",
		":",
		":a",
		":b",
		"=>",
		"..",
		".",
		"1",
		"1.5",
		"1e",
		"0x",
		"_",
		"\xc3\xa9",
		"(",
		")",
		"[",
		"]",
		",",
		";",
		"\xff",
		"select",
		" for ",
		" update ",
		"with ",
		"case ",
		" end ",
		" into ",
		"begin atomic ",
		"array",
		"create ",
		"function ",
		"\n-- name: a\n",
		"\n-- param: a int = ",
		"\n-- title: t\n",
		"json_object(",
		" value ",
		"copy t from stdin",
		"nextval(",
		"{",
	};
	unsigned count = random_below(seed, 24);
	size_t len = 0;

	for (unsigned i = 0; i < count; i++) {
		const char *fragment = fragments[random_below(seed, ARRAY_SIZE(fragments))];
		size_t add = strlen(fragment);

		if (len + add > size)
			break;
		memcpy(out + len, fragment, add);
		len += add;
	}
	return len;
}

#endif
