/* SPDX-License-Identifier: PostgreSQL */
/*
 * What is wrong with a file: collected while it is read, told at the end in the order of its lines.
 * Bounded: after MISTAKES_MAX the others are only counted.
 */
#ifndef CONF_MISTAKES_H
#define CONF_MISTAKES_H

#include "base/arena.h"
#include "base/list.h"
#include "base/macros.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>

#define MISTAKES_MAX 500

struct mistakes {
	const char *path; /* what messages call the file; lives as long as this */
	struct arena arena;
	struct list list; /* sorted by line; the first found comes first within a line */
	size_t count;
	bool out_of_memory; /* some text could not be kept */
};

void mistakes_init(struct mistakes *mistakes, const char *path);
void mistakes_free(struct mistakes *mistakes);

/* Line 0: the file as a whole. */
void mistakes_add(struct mistakes *mistakes, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline bool mistakes_any(const struct mistakes *mistakes)
{
	return mistakes->count > 0;
}
void mistakes_report(const struct mistakes *mistakes, config_error_fn *report, void *arg);

#define MISTAKES_SHOWN_BYTES 80
/* A file's text as a message may quote it: cut to a readable length, nothing unprintable in it.
 * Returns `out`. */
const char *mistakes_show(char out[MISTAKES_SHOWN_BYTES], const char *text);

#endif
