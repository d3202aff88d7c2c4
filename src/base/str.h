/* SPDX-License-Identifier: PostgreSQL */
/*
 * A counted piece of text. It owns nothing: it lives as long as what it was cut from. `data` is not
 * terminated unless the function that made it says so; NULL with len 0 is "absent".
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *data;
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

static inline struct str str_from(const char *text)
{
	return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
	return str_equal(a, str_from(text));
}

#endif
