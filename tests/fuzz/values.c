/* SPDX-License-Identifier: PostgreSQL */
/*
 * Values in both directions. Whatever text a server sends, its JSON is valid; text of a type that
 * has no JSON form of its own comes back unchanged; an array's JSON, given back as a parameter, is
 * the same array; a parameter that is an array reads in PostgreSQL's text as it was meant.
 */
#include "base/arena.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "strict.h"
#include "wire/json.h"
#include "wire/types.h"
#include "wire/value.h"

#include <errno.h>

#define TEXT_ARRAY_OID 1009
#define JSON_OID       114
#define JSONB_OID      3802

static void check_one_value(struct buf *out, const struct value_type *type, struct str text)
{
	buf_reset(out);
	value_write_json(out, type, text);
	FUZZ_CHECK(buf_error(out) == 0);
	if (!strict_json_line(buf_str(out))) {
		fuzz_show(type->name, text);
		fuzz_show("written", buf_str(out));
		FUZZ_CHECK(!"a value is valid JSON");
	}
}

static void parse(struct arena *arena, struct str text, struct json *ret_value)
{
	/* What a json column embeds may repeat keys and be deep. */
	static const struct json_rules rules = {.max_depth = 1000, .repeated_keys = true};
	struct json_error error;

	FUZZ_CHECK(json_parse_rules(arena, text, &rules, ret_value, &error) == 0);
}

static void check_type(struct arena *arena, const struct value_type *type, struct str text)
{
	struct strict_facts facts;
	struct json value;
	struct buf out;
	bool is_json = strict_json(text, &facts);

	buf_init(&out, 0, NULL);
	check_one_value(&out, type, text);
	strict_json(buf_str(&out), &facts);
	if (facts.depth < 1000)
		parse(arena, buf_str(&out), &value);
	switch (type->kind) {
	case VALUE_TEXT:
		FUZZ_CHECK(value.type == JSON_STRING);
		if (utf8_valid(text.data, text.len))
			FUZZ_CHECK_SAME(value.text, text);
		break;
	case VALUE_NUMBER:
		if (value.type == JSON_NUMBER)
			FUZZ_CHECK_SAME(value.raw, text);
		else
			FUZZ_CHECK(value.type == JSON_STRING);
		break;
	case VALUE_BOOL:
		FUZZ_CHECK((value.type == JSON_TRUE) == str_is(text, "t"));
		FUZZ_CHECK((value.type == JSON_FALSE) == str_is(text, "f"));
		break;
	case VALUE_JSON:
		/* Bytes that are no character are replaced; what is no JSON is a string. */
		if (!is_json && utf8_valid(text.data, text.len))
			FUZZ_CHECK(buf_data(&out)[0] == '"');
		break;
	case VALUE_ARRAY:
		FUZZ_CHECK(facts.depth >= 1000 || value.type == JSON_ARRAY ||
			   value.type == JSON_STRING);
		break;
	}
	buf_free(&out);
}

/* ---- arrays ---- */

static bool has_empty(const struct json *array)
{
	for (size_t i = 0; i < array->count; i++)
		if (array->items[i].type == JSON_ARRAY &&
		    (array->items[i].count == 0 || has_empty(&array->items[i])))
			return true;
	return false;
}

#define DIMS_MAX 1000

/* Each array as long as the first of its depth, and values at one depth alone. */
static bool fits(const struct json *value, const size_t *dims, size_t dim_count)
{
	if (value->type != JSON_ARRAY)
		return dim_count == 0;
	if (dim_count == 0 || value->count != dims[0])
		return false;
	for (size_t i = 0; i < value->count; i++)
		if (!fits(&value->items[i], dims + 1, dim_count - 1))
			return false;
	return true;
}

static bool is_regular(const struct json *array)
{
	size_t dims[DIMS_MAX], count = 0;

	for (const struct json *at = array; at->type == JSON_ARRAY; at = at->items) {
		dims[count++] = at->count;
		if (at->count == 0)
			break;
	}
	return fits(array, dims, count);
}

/* What a text[] with these elements is as JSON. */
static void write_expected(struct buf *out, const struct json *value)
{
	switch (value->type) {
	case JSON_ARRAY:
		buf_putc(out, '[');
		for (size_t i = 0; i < value->count; i++) {
			if (i > 0)
				buf_putc(out, ',');
			write_expected(out, &value->items[i]);
		}
		buf_putc(out, ']');
		break;
	case JSON_NULL:
		buf_puts(out, "null");
		break;
	case JSON_STRING:
		json_write_string(out, value->text);
		break;
	default:
		json_write_string(out, value->raw);
	}
}

/* A parameter, as the server that takes it would give it back. */
static void check_parameter(struct arena *arena, struct str text)
{
	const struct value_type *type = value_type_builtin(TEXT_ARRAY_OID);
	struct json_error error;
	struct buf expected, got;
	const char *array_text;
	struct json value;
	int rc;

	if (json_parse(arena, text, &value, &error) < 0)
		return;
	rc = value_param_text(arena, &value, &array_text);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL);
	if (rc == 0 && value.type == JSON_STRING)
		FUZZ_CHECK_SAME(str_from(array_text), value.text);
	if (value.type != JSON_ARRAY)
		return;
	rc = value_array_text(arena, &value, ',', false, &array_text);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL);
	if (rc < 0 || has_empty(&value))
		return;
	buf_init(&expected, 0, NULL);
	buf_init(&got, 0, NULL);
	write_expected(&expected, &value);
	check_one_value(&got, type, str_from(array_text));
	FUZZ_CHECK_SAME(buf_str(&got), buf_str(&expected));
	buf_free(&expected);
	buf_free(&got);
}

/* A server's array, given back as a parameter. */
static void check_array(struct arena *arena, struct str text)
{
	const struct value_type *type = value_type_builtin(TEXT_ARRAY_OID);
	const char *again;
	struct json value;
	struct buf first, second;

	buf_init(&first, 0, NULL);
	buf_init(&second, 0, NULL);
	check_one_value(&first, type, text);
	parse(arena, buf_str(&first), &value);
	if (value.type == JSON_ARRAY && !has_empty(&value)) {
		int rc = value_array_text(arena, &value, ',', false, &again);

		FUZZ_CHECK((rc == 0) == is_regular(&value));
		if (rc < 0)
			goto done;
		check_one_value(&second, type, str_from(again));
		FUZZ_CHECK_SAME(buf_str(&second), buf_str(&first));
	}
done:
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	const struct value_type *type = &types_builtin[fuzz_byte(&input) % types_builtin_count];
	struct str text = fuzz_rest(&input);
	struct arena arena;

	text.len = strnlen(text.data, text.len); /* the server's text has no \0 */
	arena_init(&arena, 0, NULL);
	check_type(&arena, type, text);
	check_type(&arena, value_type_builtin(JSON_OID), text);
	check_type(&arena, value_type_builtin(JSONB_OID), text);
	check_array(&arena, text);
	check_parameter(&arena, text);
	arena_free(&arena);
	return 0;
}
