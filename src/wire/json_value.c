/* SPDX-License-Identifier: PostgreSQL */
/* Asking a parsed JSON value: members, and numbers without loss or locale. */
#include "wire/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* More digits than these cannot matter to a double but for not being zero. */
#define SIGNIFICANT_DIGITS 40
/* Further than any double, so that exponents of any length are counted without overflow. */
#define EXPONENT_CAP INT64_C(1000000000000)

const struct json *json_member(const struct json *object, const char *key)
{
	struct str wanted = str_from(key);

	for (size_t i = 0; object->type == JSON_OBJECT && i < object->count; i++)
		if (str_equal(object->members[i].key, wanted))
			return &object->members[i].value;
	return NULL;
}

bool json_is_integer(const struct json *value)
{
	if (value->type != JSON_NUMBER)
		return false;
	for (size_t i = value->text.data[0] == '-' ? 1 : 0; i < value->text.len; i++)
		if (value->text.data[i] < '0' || value->text.data[i] > '9')
			return false;
	return true;
}

bool json_int64(const struct json *value, int64_t *ret_number)
{
	int64_t number = 0;
	bool negative;

	if (!json_is_integer(value))
		return false;
	negative = value->text.data[0] == '-';
	/* Counted below zero, where int64 reaches further. */
	for (size_t i = negative ? 1 : 0; i < value->text.len; i++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_sub_overflow(number, value->text.data[i] - '0', &number))
			return false;
	if (!negative && __builtin_sub_overflow(0, number, &number))
		return false;
	*ret_number = number;
	return true;
}

/* The digits of an exponent with its sign, capped. */
static int64_t read_exponent(const char *at, const char *end)
{
	bool negative = *at == '-';
	int64_t exponent = 0;

	if (*at == '-' || *at == '+')
		at++;
	for (; at < end && exponent < EXPONENT_CAP; at++)
		exponent = exponent * 10 + (*at - '0');
	return negative ? -exponent : exponent;
}

/* Short numbers without an exponent are exact: both the digits and the power of ten fit a double.
 */
static bool read_short_double(struct str text, double *ret_number)
{
	static const double powers[] = {1e0, 1e1, 1e2,	1e3,  1e4,  1e5,  1e6,	1e7,
					1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool negative = text.data[0] == '-';
	size_t fraction = 0;
	int64_t digits = 0;

	if (text.len > 15)
		return false;
	for (size_t i = negative; i < text.len; i++) {
		if (text.data[i] == '.')
			fraction = text.len - i - 1;
		else if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		else
			digits = digits * 10 + (text.data[i] - '0');
	}
	*ret_number = (double)(negative ? -digits : digits) / powers[fraction];
	return true;
}

/*
 * A number as DIGITSe±N for strtod(): short however long it was, and without a point, which
 * strtod() would want as the locale has it.
 */
bool json_double(const struct json *value, double *ret_number)
{
	char text[SIGNIFICANT_DIGITS + 32];
	const char *at, *end;
	int64_t exponent = 0;
	size_t len = 0, first;
	bool fraction = false, sticky = false;
	double number;

	if (value->type != JSON_NUMBER)
		return false;
	if (read_short_double(value->text, ret_number))
		return true;
	at = value->text.data;
	end = at + value->text.len;
	if (*at == '-')
		text[len++] = *at++;
	first = len;
	for (; at < end && *at != 'e' && *at != 'E'; at++) {
		if (*at == '.') {
			fraction = true;
		} else if (len < first + SIGNIFICANT_DIGITS) {
			if (len > first || *at != '0')
				text[len++] = *at;
			exponent -= fraction;
		} else {
			sticky |= *at != '0';
			exponent += !fraction;
		}
	}
	if (len == first) {
		*ret_number = 0;
		return true;
	}
	if (sticky) {
		text[len++] = '1';
		exponent--;
	}
	if (at < end)
		exponent += read_exponent(at + 1, end);
	if (exponent > 400)
		return false;
	snprintf(text + len, sizeof(text) - len, "e%d", (int)(exponent < -1000 ? -1000 : exponent));
	number = strtod(text, NULL);
	if (!isfinite(number))
		return false;
	*ret_number = number;
	return true;
}

bool json_any_nul(const struct json *value)
{
	if (value->type == JSON_ARRAY || value->type == JSON_OBJECT)
		for (size_t i = 0; i < value->count; i++)
			if (json_any_nul(value->type == JSON_ARRAY ? &value->items[i]
								   : &value->members[i].value))
				return true;
	return value->has_nul;
}
