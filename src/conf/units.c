/* SPDX-License-Identifier: PostgreSQL */
/* Durations and sizes as text. Knows nothing of keys and their bounds. */
#include "conf/units.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* From the largest, so that formatting finds the shortest text first. */
static const struct unit duration_units[] = {
	{"h", 3600 * CLOCK_SECOND}, {"min", 60 * CLOCK_SECOND}, {"s", CLOCK_SECOND},
	{"ms", CLOCK_MS},	    {"us", CLOCK_US},
};
static const struct unit size_units[] = {
	{"G", INT64_C(1) << 30},
	{"M", INT64_C(1) << 20},
	{"K", INT64_C(1) << 10},
	{"", 1},
};

/* The digits at the beginning; *ret_rest is what follows them. */
static int parse_digits(const char *text, uint64_t *ret_number, const char **ret_rest)
{
	uint64_t number = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	*ret_number = number;
	*ret_rest = p;
	return 0;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	}
	return NULL;
}

int units_parse_count(const char *text, uint64_t *ret_count)
{
	uint64_t number;
	const char *rest;
	int rc = parse_digits(text, &number, &rest);

	if (rc < 0)
		return rc;
	if (*rest != '\0')
		return -EINVAL;
	*ret_count = number;
	return 0;
}

int units_parse_duration(const char *text, int64_t *ret_duration_ns)
{
	const struct unit *unit;
	uint64_t number;
	const char *rest;
	int64_t duration_ns;
	int rc = parse_digits(text, &number, &rest);

	if (rc < 0)
		return rc;
	if (*rest == '\0' && number == 0) {
		*ret_duration_ns = 0;
		return 0;
	}
	unit = find_unit(duration_units, ARRAY_SIZE(duration_units), rest);
	if (unit == NULL)
		return -EINVAL;
	if (__builtin_mul_overflow(number, unit->factor, &duration_ns))
		return -ERANGE;
	*ret_duration_ns = duration_ns;
	return 0;
}

int units_parse_size(const char *text, uint64_t *ret_size_bytes)
{
	const struct unit *unit;
	uint64_t number, size_bytes;
	const char *rest;
	int rc = parse_digits(text, &number, &rest);

	if (rc < 0)
		return rc;
	unit = find_unit(size_units, ARRAY_SIZE(size_units), rest);
	if (unit == NULL)
		return -EINVAL;
	if (__builtin_mul_overflow(number, (uint64_t)unit->factor, &size_bytes))
		return -ERANGE;
	*ret_size_bytes = size_bytes;
	return 0;
}

const char *units_format_duration(char out[UNITS_TEXT_BYTES], int64_t duration_ns)
{
	const struct unit *unit = duration_units;

	if (duration_ns < CLOCK_US) {
		snprintf(out, UNITS_TEXT_BYTES, "0");
		return out;
	}
	while (unit->factor > CLOCK_US && duration_ns % unit->factor != 0)
		unit++;
	snprintf(out, UNITS_TEXT_BYTES, "%" PRId64 "%s", duration_ns / unit->factor, unit->name);
	return out;
}

const char *units_format_size(char out[UNITS_TEXT_BYTES], uint64_t size_bytes)
{
	const struct unit *unit = size_units;

	while (unit->factor > 1 && (size_bytes == 0 || size_bytes % (uint64_t)unit->factor != 0))
		unit++;
	snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 "%s", size_bytes / (uint64_t)unit->factor,
		 unit->name);
	return out;
}
