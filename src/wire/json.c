/* SPDX-License-Identifier: PostgreSQL */
/*
 * The JSON reader: one pass that builds a tree in an arena. What a container holds is collected on
 * a stack of bytes and copied to the arena once its number is known, so nothing is grown twice.
 * Writing is json_write.c's, asking the tree json_value.c's.
 */
#include "wire/json_reader.h"

#include "base/budget.h"
#include "wire/keyset.h"

#include <string.h>

/* What a usual request needs, so that its stack is allocated once. */
#define STACK_FIRST_BYTES 4096
/* Up to here comparing every pair of keys is cheaper than a set. */
#define FEW_MEMBERS 12

static void skip_space(struct json_reader *r)
{
	while (r->at < r->end &&
	       (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static int read_word(struct json_reader *r, struct json *value, struct str word,
		     enum json_type type)
{
	if (json_rest(r) < word.len || memcmp(r->at, word.data, word.len) != 0)
		return json_fail(r, "expected a value");
	value->type = type;
	r->at += word.len;
	return 0;
}

static int push(struct json_reader *r, const void *element, size_t size_bytes)
{
	buf_append(&r->stack, element, size_bytes);
	return buf_error(&r->stack) == 0 ? 0 : -ENOMEM;
}

/* Moves what is above `base` to the arena. */
static int pop(struct json_reader *r, size_t base, void **ret_elements)
{
	size_t size_bytes = buf_len(&r->stack) - base;
	void *elements = NULL;

	if (size_bytes > 0) {
		elements = arena_alloc(r->arena, size_bytes);
		if (elements == NULL)
			return -ENOMEM;
		memcpy(elements, buf_data(&r->stack) + base, size_bytes);
		buf_truncate(&r->stack, base);
	}
	*ret_elements = elements;
	return 0;
}

static int note_repeated(struct json_reader *r, const struct json_member *member)
{
	const char *at = member->key.data - 1;

	if (r->rules->repeated_keys && r->error.key.data != NULL)
		return 0;		   /* only the first is told */
	if (at < r->start || at >= r->end) /* a decoded key stands elsewhere */
		at = member->value.raw.data;
	json_fail_at(r, at, "a repeated key");
	r->error.key = member->key;
	return r->rules->repeated_keys ? 0 : -EINVAL;
}

static int check_few_keys(struct json_reader *r, const struct json *object)
{
	for (size_t i = 1; i < object->count; i++)
		for (size_t j = 0; j < i; j++)
			if (str_equal(object->members[i].key, object->members[j].key))
				return note_repeated(r, &object->members[i]);
	return 0;
}

static int check_keys(struct json_reader *r, const struct json *object)
{
	struct keyset keys;
	int rc = 0;

	if (object->count <= FEW_MEMBERS)
		return check_few_keys(r, object);
	rc = keyset_init(&keys, r->arena->budget, &object->members->key, sizeof(*object->members),
			 object->count);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < object->count && rc == 0; i++)
		if (keyset_add(&keys, i) != i)
			rc = note_repeated(r, &object->members[i]);
	keyset_free(&keys);
	return rc;
}

static int read_value(struct json_reader *r, struct json *value, unsigned depth);

/* Behind an element: true when another one follows its comma, else the container is closed. */
static int read_separator(struct json_reader *r, char close, const char *message, bool *ret_more)
{
	skip_space(r);
	if (r->at == r->end || (*r->at != ',' && *r->at != close))
		return json_fail(r, message);
	*ret_more = *r->at++ == ',';
	return 0;
}

static int read_array(struct json_reader *r, struct json *array, unsigned depth)
{
	size_t base = buf_len(&r->stack);
	bool more = true;
	void *items;
	int rc;

	array->type = JSON_ARRAY;
	r->at++;
	skip_space(r);
	if (r->at < r->end && *r->at == ']') {
		r->at++;
		return 0;
	}
	while (more) {
		struct json item;

		rc = read_value(r, &item, depth + 1);
		if (rc == 0)
			rc = push(r, &item, sizeof(item));
		if (rc == 0)
			rc = read_separator(r, ']', "expected , or ]", &more);
		if (rc < 0)
			return rc;
		array->count++;
	}
	rc = pop(r, base, &items);
	if (rc == 0)
		array->items = items;
	return rc;
}

static int read_member(struct json_reader *r, unsigned depth)
{
	struct json_member member;
	bool has_nul;
	int rc;

	skip_space(r);
	if (r->at == r->end || *r->at != '"')
		return json_fail(r, "expected a key in quotes");
	rc = json_read_string(r, &member.key, &has_nul);
	if (rc < 0)
		return rc;
	skip_space(r);
	if (r->at == r->end || *r->at != ':')
		return json_fail(r, "expected : after a key");
	r->at++;
	rc = read_value(r, &member.value, depth + 1);
	return rc < 0 ? rc : push(r, &member, sizeof(member));
}

static int read_object(struct json_reader *r, struct json *object, unsigned depth)
{
	size_t base = buf_len(&r->stack);
	bool more = true;
	void *members;
	int rc;

	object->type = JSON_OBJECT;
	r->at++;
	skip_space(r);
	if (r->at < r->end && *r->at == '}') {
		r->at++;
		return 0;
	}
	while (more) {
		rc = read_member(r, depth);
		if (rc == 0)
			rc = read_separator(r, '}', "expected , or }", &more);
		if (rc < 0)
			return rc;
		object->count++;
	}
	rc = pop(r, base, &members);
	if (rc < 0)
		return rc;
	object->members = members;
	return check_keys(r, object);
}

static int read_string_value(struct json_reader *r, struct json *value)
{
	value->type = JSON_STRING;
	return json_read_string(r, &value->text, &value->has_nul);
}

/* depth: of the containers around it. */
static int read_value(struct json_reader *r, struct json *value, unsigned depth)
{
	const char *start;
	int rc;

	skip_space(r);
	start = r->at;
	if (start == r->end)
		return json_fail(r, "expected a value");
	*value = (struct json){0};
	switch (*start) {
	case '"':
		rc = read_string_value(r, value);
		break;
	case '{':
	case '[':
		if (depth >= r->rules->max_depth)
			return json_fail(r, "nested too deeply");
		rc = *start == '{' ? read_object(r, value, depth) : read_array(r, value, depth);
		break;
	case 't':
		rc = read_word(r, value, STR("true"), JSON_TRUE);
		break;
	case 'f':
		rc = read_word(r, value, STR("false"), JSON_FALSE);
		break;
	case 'n':
		rc = read_word(r, value, STR("null"), JSON_NULL);
		break;
	default:
		if (*start != '-' && (*start < '0' || *start > '9'))
			return json_fail(r, "expected a value");
		rc = json_read_number(r, value);
	}
	value->raw = (struct str){start, (size_t)(r->at - start)};
	return rc;
}

int json_parse_rules(struct arena *arena, struct str text, const struct json_rules *rules,
		     struct json *ret_value, struct json_error *ret_error)
{
	struct json_reader r = {.arena = arena, .rules = rules};
	struct json value;
	int rc = 0;

	if (text.data == NULL)
		text.data = "";
	r.start = r.at = text.data;
	r.end = text.data + text.len;
	buf_init(&r.stack, arena->max_bytes, arena->budget);
	if (text.len > STACK_FIRST_BYTES / 16 && buf_reserve(&r.stack, STACK_FIRST_BYTES) == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = read_value(&r, &value, 0);
	if (rc == 0) {
		skip_space(&r);
		if (r.at < r.end)
			rc = json_fail(&r, "something after the value");
	}
	buf_free(&r.stack);
	if (rc == -ENOMEM)
		json_fail(&r, NULL);
	*ret_error = r.error;
	if (rc == 0)
		*ret_value = value;
	return rc;
}

int json_parse(struct arena *arena, struct str text, struct json *ret_value,
	       struct json_error *ret_error)
{
	static const struct json_rules strict = {.max_depth = JSON_MAX_DEPTH};

	return json_parse_rules(arena, text, &strict, ret_value, ret_error);
}
