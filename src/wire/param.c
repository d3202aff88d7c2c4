/* SPDX-License-Identifier: PostgreSQL */
/* JSON parameters as the text that PostgreSQL's input functions read. */
#include "wire/value.h"

#include <errno.h>

struct array_writer {
	struct buf out;
	char delimiter;
	bool element_json;
	size_t sizes[JSON_MAX_DEPTH]; /* of each dimension */
	size_t dimensions;
};

/* The client's own JSON text. */
static struct str json_text(const struct json *value)
{
	bool wrapped = value->type == JSON_OBJECT && value->count == 1 &&
		       str_is(value->members[0].key, "json");

	return wrapped ? value->members[0].value.raw : value->raw;
}

static int copy_text(struct arena *arena, struct str text, const char **ret_text)
{
	const char *copy = arena_strndup(arena, text.len > 0 ? text.data : "", text.len);

	if (copy == NULL)
		return -ENOMEM;
	*ret_text = copy;
	return 0;
}

int value_param_text(struct arena *arena, const struct json *value, const char **ret_text)
{
	switch (value->type) {
	case JSON_NULL:
		*ret_text = NULL;
		return 0;
	case JSON_STRING:
		return value->has_nul ? -EINVAL : copy_text(arena, value->text, ret_text);
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_NUMBER:
	case JSON_ARRAY:
		return copy_text(arena, value->raw, ret_text);
	case JSON_OBJECT:
		return copy_text(arena, json_text(value), ret_text);
	}
	return -EINVAL;
}

static void write_quoted(struct buf *out, struct str text)
{
	const char *run = text.data, *end = text.data + text.len;

	buf_putc(out, '"');
	for (const char *at = run; at < end; at++) {
		if (*at != '"' && *at != '\\')
			continue;
		buf_append(out, run, (size_t)(at - run));
		buf_putc(out, '\\');
		run = at;
	}
	buf_append(out, run, (size_t)(end - run));
	buf_putc(out, '"');
}

static bool is_dimension(const struct array_writer *w, const struct json *value)
{
	return value->type == JSON_ARRAY && !w->element_json;
}

/* The dimensions as the first elements have them; that the others agree is checked while they are
 * written. */
static int find_dimensions(struct array_writer *w, const struct json *array)
{
	const struct json *level = array;

	do {
		if (w->dimensions == JSON_MAX_DEPTH)
			return -EINVAL;
		w->sizes[w->dimensions++] = level->count;
		level = level->count > 0 ? &level->items[0] : NULL;
	} while (level != NULL && is_dimension(w, level));
	return 0;
}

static int write_element(struct array_writer *w, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		buf_puts(&w->out, "NULL");
		return 0;
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_NUMBER:
		buf_append_str(&w->out, value->raw);
		return 0;
	case JSON_STRING:
		write_quoted(&w->out, value->text);
		return value->has_nul ? -EINVAL : 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_quoted(&w->out, value->raw);
		return 0;
	}
	return -EINVAL;
}

static int write_dimension(struct array_writer *w, const struct json *array, size_t dimension)
{
	bool innermost = dimension + 1 == w->dimensions;
	int rc = 0;

	if (array->count != w->sizes[dimension])
		return -EINVAL;
	buf_putc(&w->out, '{');
	for (size_t i = 0; i < array->count && rc == 0; i++) {
		if (i > 0)
			buf_putc(&w->out, w->delimiter);
		if (is_dimension(w, &array->items[i]) == innermost)
			rc = -EINVAL;
		else if (innermost)
			rc = write_element(w, &array->items[i]);
		else
			rc = write_dimension(w, &array->items[i], dimension + 1);
	}
	buf_putc(&w->out, '}');
	return rc;
}

int value_array_text(struct arena *arena, const struct json *array, char delimiter,
		     bool element_json, const char **ret_text)
{
	struct array_writer w = {.delimiter = delimiter, .element_json = element_json};
	int rc;

	if (array->type != JSON_ARRAY)
		return -EINVAL;
	buf_init(&w.out, arena->max_bytes, arena->budget);
	rc = find_dimensions(&w, array);
	if (rc == 0)
		rc = write_dimension(&w, array, 0);
	/* No element at all: PostgreSQL knows one empty array, whatever its dimensions. */
	if (rc == 0 && w.sizes[w.dimensions - 1] == 0)
		rc = copy_text(arena, STR("{}"), ret_text);
	else if (rc == 0)
		rc = buf_error(&w.out) != 0 ? -ENOMEM : copy_text(arena, buf_str(&w.out), ret_text);
	buf_free(&w.out);
	return rc;
}
