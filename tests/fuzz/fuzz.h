/* SPDX-License-Identifier: PostgreSQL */
/*
 * What fuzz targets stand on: checks that end the run, and an input taken apart from its front. A
 * target is a file with LLVMFuzzerTestOneInput() and an oracle: not crashing is not enough.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/buf.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* The input that breaks a promise is kept like one that crashes. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_broken(__FILE__, __LINE__, #condition);                               \
	} while (0)

static inline NORETURN void fuzz_broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
	abort();
}

/* Shown before a check that it explains. */
static inline void fuzz_show(const char *what, struct str text)
{
	fprintf(stderr, "%s: \"", what);
	for (size_t i = 0; i < MIN(text.len, (size_t)4000); i++) {
		unsigned char c = (unsigned char)text.data[i];

		fprintf(stderr, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	fprintf(stderr, "\"\n");
}

/* Two texts that must be the same. */
#define FUZZ_CHECK_SAME(a, b)                                                                      \
	do {                                                                                       \
		struct str fuzz_a = (a), fuzz_b = (b);                                             \
		if (!str_equal(fuzz_a, fuzz_b)) {                                                  \
			fuzz_show(#a, fuzz_a);                                                     \
			fuzz_show(#b, fuzz_b);                                                     \
			FUZZ_CHECK(!#a " is " #b);                                                 \
		}                                                                                  \
	} while (0)

/* ---- the input, as numbers and texts ---- */

struct fuzz_input {
	const char *at, *end;
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size_bytes)
{
	const char *at = size_bytes > 0 ? (const char *)data : "";

	return (struct fuzz_input){at, at + size_bytes};
}

/* 0 at the end. */
static inline unsigned fuzz_byte(struct fuzz_input *input)
{
	return input->at < input->end ? (unsigned char)*input->at++ : 0;
}

static inline struct str fuzz_bytes(struct fuzz_input *input, size_t len)
{
	struct str bytes = {input->at, MIN(len, (size_t)(input->end - input->at))};

	input->at += bytes.len;
	return bytes;
}

/* As long as the byte before it says. */
static inline struct str fuzz_text(struct fuzz_input *input)
{
	return fuzz_bytes(input, fuzz_byte(input));
}

static inline struct str fuzz_rest(struct fuzz_input *input)
{
	return fuzz_bytes(input, (size_t)(input->end - input->at));
}

static inline int64_t fuzz_int64(struct fuzz_input *input)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | fuzz_byte(input);
	return (int64_t)number;
}

/* Terminated, without any \0 in it; the caller's to free. */
static inline char *fuzz_cstr(struct str text)
{
	char *copy = mem_strndup(text.data, strnlen(text.data, text.len));

	if (copy == NULL)
		abort();
	return copy;
}

#endif
