/* SPDX-License-Identifier: PostgreSQL */
/*
 * Values of several lines. Indented lines are joined with one space; with nothing where the line
 * above ends in a backslash (an odd number of them: two are an escaped one in a conninfo), or where
 * the value is a URI, which holds no space.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct buf;

/* Appends the value's next line. */
void text_join(struct buf *value, const char *line);
/* The value's last line asks for another one. */
bool text_unfinished(const char *value);
/* Writes `key = value` in as many lines as it needs, so that it reads to the same value. */
void text_print(FILE *stream, const char *key, const char *value);

#endif
