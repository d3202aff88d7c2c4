/* SPDX-License-Identifier: PostgreSQL */
/* What the suites of src/wire share: reproducible randomness, and text compared as text. */
#ifndef UNIT_WIRE_H
#define UNIT_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "unit/suite.h"
#include "wire/json.h"

#include <stdint.h>
#include <stdio.h>

/* splitmix64 */
static inline uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline size_t random_below(uint64_t *seed, size_t limit)
{
	return (size_t)(random_next(seed) % limit);
}

/* Bytes as they are met: mostly ASCII, many that mean something, some that are no UTF-8. */
static inline void random_text(uint64_t *seed, char *text, size_t len)
{
	static const char special[] =
		"\"\\{}[],:;=\n\r\t\x01\x1f\x7f\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xff";

	for (size_t i = 0; i < len; i++) {
		switch (random_below(seed, 4)) {
		case 0:
			text[i] = special[random_below(seed, sizeof(special))];
			break;
		case 1:
			text[i] = (char)random_next(seed);
			break;
		default:
			text[i] = (char)('a' + random_below(seed, 26));
		}
	}
}

#define ck_assert_text(text, wanted)                                                               \
	do {                                                                                       \
		struct str text_ = (text), wanted_ = (wanted);                                     \
		ck_assert_msg(str_equal(text_, wanted_), "got %.*s, wanted %.*s", (int)text_.len,  \
			      text_.data, (int)wanted_.len, wanted_.data);                         \
	} while (0)

/* Text out of a buffer's writer is JSON and UTF-8 on one line. Repeated keys pass, as a json column
 * may have them. */
static inline void assert_valid_json(struct str text)
{
	static const struct json_rules rules = {.max_depth = 1000, .repeated_keys = true};
	struct json_error error;
	struct json value;
	struct arena arena;

	arena_init(&arena, 0, NULL);
	ck_assert_msg(json_parse_rules(&arena, text, &rules, &value, &error) == 0,
		      "%s at %zu: %.*s", error.message, error.offset, (int)text.len, text.data);
	ck_assert(utf8_valid(text.data, text.len));
	ck_assert_ptr_null(memchr(text.data, '\n', text.len));
	ck_assert_ptr_null(memchr(text.data, '\r', text.len));
	arena_free(&arena);
}

#endif
