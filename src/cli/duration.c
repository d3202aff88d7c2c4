/* SPDX-License-Identifier: PostgreSQL */
#include "cli/duration.h"

#include <errno.h>
#include <string.h>

/* All in nanoseconds, so that fractions of any unit are exact to there. */
static const struct {
	const char *name;
	int64_t ns;
} units[] = {{"", INT64_C(1000000000)},	    {"us", INT64_C(1000)},
	     {"ms", INT64_C(1000000)},	    {"s", INT64_C(1000000000)},
	     {"min", INT64_C(60000000000)}, {"h", INT64_C(3600000000000)}};

static int unit_ns(const char *name, int64_t *ret_ns)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(name, units[i].name) == 0) {
			*ret_ns = units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

int duration_parse_ms(const char *text, int64_t *ret_ms)
{
	const char *whole = text, *fraction = NULL, *at = text;
	int64_t ns = 0, unit, scale, digit_ns;
	int rc;

	at += strspn(at, "0123456789");
	if (*at == '.') {
		fraction = ++at;
		at += strspn(at, "0123456789");
	}
	/* A digit there must be: neither "ms" nor "." is a duration. */
	if (at == text || (fraction == text + 1 && at == fraction))
		return -EINVAL;
	rc = unit_ns(at, &unit);
	if (rc < 0)
		return rc;
	for (; *whole >= '0' && *whole <= '9'; whole++)
		if (__builtin_mul_overflow(ns, 10, &ns) ||
		    __builtin_add_overflow(ns, *whole - '0', &ns))
			return -ERANGE;
	if (__builtin_mul_overflow(ns, unit, &ns))
		return -ERANGE;
	scale = unit;
	for (; fraction != NULL && *fraction >= '0' && *fraction <= '9'; fraction++) {
		scale /= 10;
		digit_ns = (*fraction - '0') * scale;
		if (__builtin_add_overflow(ns, digit_ns, &ns))
			return -ERANGE;
	}
	if (ns <= 0)
		return -ERANGE;
	*ret_ms = ns < 1000000 ? 1 : ns / 1000000;
	return 0;
}
