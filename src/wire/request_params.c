/* SPDX-License-Identifier: PostgreSQL */
/* `params`, of items and reports: an array for $1… or an object for :name. */
#include "wire/request_read.h"

/* So many digits are less than a double can be. */
#define SAFE_DIGITS 300

/* For nearly all it need not be computed. */
static bool may_be_huge(struct str number)
{
	return number.len > SAFE_DIGITS || memchr(number.data, 'e', number.len) != NULL ||
	       memchr(number.data, 'E', number.len) != NULL;
}

/* A number beyond a double, here or further down; a value has no more depth than the reader let
 * pass. */
static const struct json *find_huge_number(const struct json *value)
{
	const struct json *found = NULL;
	double number;

	if (value->type == JSON_NUMBER)
		return may_be_huge(value->text) && !json_double(value, &number) ? value : NULL;
	if (value->type != JSON_ARRAY && value->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < value->count && found == NULL; i++)
		found = find_huge_number(value->type == JSON_ARRAY ? &value->items[i]
								   : &value->members[i].value);
	return found;
}

/* `$1`, or the name in quotes. */
static const char *label(struct request_reader *r, const struct request_param *param, size_t index)
{
	const char *text;

	if (param->name.data != NULL)
		return request_quote(r, param->name);
	text = arena_printf(r->arena, "$%zu", index + 1);
	return text != NULL ? text : "$?";
}

static int read_param(struct request_reader *r, struct str key, struct request_param *param,
		      size_t index)
{
	const struct json *huge = find_huge_number(param->value);

	if (param->name.len > 0 && memchr(param->name.data, '\0', param->name.len) != NULL)
		return request_refuse(r, key, "a parameter's name with \\u0000");
	if (huge != NULL)
		return request_refuse(r, key, "parameter %s: the number %s is beyond a double",
				      label(r, param, index), request_quote(r, huge->text));
	if (!request_is_reference(param->value))
		return 0;
	if (!r->place.in_item)
		return request_refuse(r, key,
				      "parameter %s: a report's parameters cannot refer to rows",
				      label(r, param, index));
	return request_read_reference(r, param->value, label(r, param, index), &param->reference);
}

int request_read_params(struct request_reader *r, const struct json_member *member,
			enum request_params *ret_kind, struct request_param **ret_params,
			size_t *ret_count)
{
	const struct json *params = &member->value;
	struct request_param *list;
	int rc = 0;

	if (params->type != JSON_ARRAY && params->type != JSON_OBJECT)
		return request_bad_value(r, member->key, "an array or an object");
	if (params->count == 0)
		return 0;
	list = arena_calloc(r->arena, params->count, sizeof(*list));
	if (list == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < params->count && rc == 0; i++) {
		if (params->type == JSON_OBJECT)
			list[i].name = params->members[i].key;
		list[i].value =
			params->type == JSON_OBJECT ? &params->members[i].value : &params->items[i];
		rc = read_param(r, member->key, &list[i], i);
	}
	if (rc < 0)
		return rc;
	*ret_kind = params->type == JSON_ARRAY ? REQUEST_PARAMS_POSITIONAL : REQUEST_PARAMS_NAMED;
	*ret_params = list;
	*ret_count = params->count;
	return 0;
}
