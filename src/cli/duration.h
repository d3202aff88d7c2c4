/* SPDX-License-Identifier: PostgreSQL */
/* Durations on the command line: 5, 0.5, 500ms, 2min. */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

#include "base/macros.h"

#include <stdint.h>

/*
 * A number with a unit of us, ms, s, min or h; seconds without one. More than 0; what is shorter
 * than a millisecond is one. 0, -EINVAL (no duration) or -ERANGE.
 */
int duration_parse_ms(const char *text, int64_t *ret_ms) MUST_CHECK;

#endif
