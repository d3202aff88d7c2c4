/* SPDX-License-Identifier: PostgreSQL */
/*
 * What may stand before an opening parenthesis without anything being called that could leave
 * something behind in its transaction: words of SQL itself, types, and those of PostgreSQL's own
 * functions that reports and look-ups are made of.
 */
#ifndef SQLTEXT_KNOWN_H
#define SQLTEXT_KNOWN_H

#include "base/str.h"

#include <stdbool.h>

/* Of a word without schema and quotes, whatever its case. */
bool sql_word_is_known(struct str word);

#endif
