/* SPDX-License-Identifier: PostgreSQL */
/* The public accessors of single values: of either JSON type, so that a request's "values" need not
 * be known. */
#include "client/event.h"

#include <math.h>

bool gather_value_is_null(const struct gather_result *result, size_t row, size_t column)
{
	const struct json *cell = result_cell(result, row, column);

	return cell == NULL || cell->type == JSON_NULL;
}

const char *gather_value_text(const struct gather_result *result, size_t row, size_t column)
{
	struct json *cell = result_cell(result, row, column);

	return cell != NULL ? document_text(result->document, cell) : NULL;
}

size_t gather_value_length(const struct gather_result *result, size_t row, size_t column)
{
	const struct json *cell = result_cell(result, row, column);

	return cell != NULL && cell->type != JSON_NULL ? document_str(cell).len : 0;
}

/* A value that may be a number: itself, or a string's content ("values": "text", NaN). */
static bool as_number(const struct json *cell, struct json *ret_number)
{
	if (cell == NULL || (cell->type != JSON_NUMBER && cell->type != JSON_STRING))
		return false;
	*ret_number = *cell;
	ret_number->type = JSON_NUMBER;
	return true;
}

/* PostgreSQL spells numbers as JSON does. */
static bool is_number(struct str text)
{
	return text.len > 0 && json_number_span(text.data, text.len) == text.len;
}

int gather_value_int64(const struct gather_result *result, size_t row, size_t column,
		       int64_t *ret_value)
{
	struct json number;

	if (!as_number(result_cell(result, row, column), &number) || !is_number(number.text))
		return GATHER_INVALID;
	return json_int64(&number, ret_value) ? 0 : GATHER_INVALID;
}

int gather_value_double(const struct gather_result *result, size_t row, size_t column,
			double *ret_value)
{
	struct json number;

	if (!as_number(result_cell(result, row, column), &number))
		return GATHER_INVALID;
	if (str_is(number.text, "NaN"))
		*ret_value = (double)NAN;
	else if (str_is(number.text, "Infinity"))
		*ret_value = (double)INFINITY;
	else if (str_is(number.text, "-Infinity"))
		*ret_value = -(double)INFINITY;
	else if (!is_number(number.text) || !json_double(&number, ret_value))
		return GATHER_INVALID;
	return 0;
}

int gather_value_bool(const struct gather_result *result, size_t row, size_t column,
		      bool *ret_value)
{
	const struct json *cell = result_cell(result, row, column);

	if (cell == NULL)
		return GATHER_INVALID;
	if (cell->type == JSON_TRUE || (cell->type == JSON_STRING && str_is(cell->text, "t")))
		*ret_value = true;
	else if (cell->type == JSON_FALSE || (cell->type == JSON_STRING && str_is(cell->text, "f")))
		*ret_value = false;
	else
		return GATHER_INVALID;
	return 0;
}
