/* SPDX-License-Identifier: PostgreSQL */
/*
 * Where an event's rows end, for those who only pass them on. 64 bytes are looked at at once, and
 * only for what can be a bracket; what stands inside a row is not judged.
 */
#ifndef CLIENT_SKIP_H
#define CLIENT_SKIP_H

#include "base/str.h"

#include <stddef.h>

/*
 * `text` begins with an opening bracket. The length of the array, and how many rows are in it; 0:
 * it does not end, or has anything but arrays and objects in it, with a comma between each two.
 */
size_t skip_rows(struct str text, size_t *ret_count);
/* The same in plain C, for the tests. */
size_t skip_rows_scalar(struct str text, size_t *ret_count);

#endif
