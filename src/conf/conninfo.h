/* SPDX-License-Identifier: PostgreSQL */
/*
 * libpq's connection strings as text: enough of their two forms to hide what is secret in them and
 * to see where they cannot be read. Without libpq, and without judging options: that is libpq's.
 */
#ifndef CONF_CONNINFO_H
#define CONF_CONNINFO_H

#include "base/macros.h"

#include <stdbool.h>

struct buf;

/* postgresql:// or postgres:// */
bool conninfo_is_uri(const char *conninfo);
/*
 * Appends the string with **** for each password. 0, or -EINVAL where its form is wrong: then
 * *ret_problem says what, in words without any text of it, and nothing was appended.
 */
int conninfo_mask(const char *conninfo, struct buf *out, const char **ret_problem) MUST_CHECK;

#endif
