/* SPDX-License-Identifier: PostgreSQL */
/* The file names of -o: %n stands for a query's name, %% for %. */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include "base/macros.h"

#include <stdbool.h>

/* 0; -EINVAL: a % that is neither; -ENOENT: empty. *ret_per_query: it has a %n. */
int template_check(const char *template, bool *ret_per_query) MUST_CHECK;
/* The path, to be freed with mem_free(); NULL: no memory. `name` may be NULL where there is no %n.
 */
char *template_expand(const char *template, const char *name) MUST_CHECK;
/* Whether files can be made where they are to be, as far as one can tell beforehand: 0 or negative
 * errno. */
int template_check_directory(const char *template) MUST_CHECK;
/* Whether a query's name can be part of a file's name, without leaving its directory. */
bool template_name_valid(const char *name);

#endif
