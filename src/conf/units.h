/* SPDX-License-Identifier: PostgreSQL */
/*
 * Numbers with units as the configuration file writes them. Strict: nothing but digits and a unit,
 * no sign, no fraction, no white space, so that what was read is what was meant.
 */
#ifndef CONF_UNITS_H
#define CONF_UNITS_H

#include "base/macros.h"

#include <stdint.h>

#define UNITS_TEXT_BYTES 32

/* All return 0, -EINVAL (not of that form) or -ERANGE (more than the result can hold). */

/* Digits only. */
int units_parse_count(const char *text, uint64_t *ret_count) MUST_CHECK;
/* 0, or digits and one of us, ms, s, min, h. */
int units_parse_duration(const char *text, int64_t *ret_duration_ns) MUST_CHECK;
/* Digits, and K, M or G (powers of 1024) or nothing (bytes). */
int units_parse_size(const char *text, uint64_t *ret_size_bytes) MUST_CHECK;

/* The shortest text that parses to the same; what is below a microsecond is lost. Both return
 * `out`. */
const char *units_format_duration(char out[UNITS_TEXT_BYTES], int64_t duration_ns);
const char *units_format_size(char out[UNITS_TEXT_BYTES], uint64_t size_bytes);

#endif
