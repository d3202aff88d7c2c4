/* SPDX-License-Identifier: PostgreSQL */
#include "client/document.h"

#include "base/mem.h"
#include "client/reader.h"

#include <errno.h>
#include <stdint.h>

/* Marks a string whose text is terminated; `count` is otherwise unused in strings. */
#define TERMINATED SIZE_MAX

struct document *document_new(void)
{
	struct document *document = mem_calloc(1, sizeof(*document));

	if (document == NULL)
		return NULL;
	buf_init(&document->line, 0, NULL);
	arena_init(&document->arena, 0, NULL);
	return document;
}

void document_free(struct document *document)
{
	if (document == NULL)
		return;
	arena_free(&document->arena);
	buf_free(&document->line);
	mem_free(document);
}

int document_read(struct document *document, struct str text)
{
	int rc;

	arena_free(&document->arena);
	document->root = (struct json){.type = JSON_NULL};
	rc = reader_parse(&document->arena, text, document->raw_rows, &document->root);
	if (rc < 0)
		return rc;
	return document->root.type == JSON_OBJECT ? 0 : -EINVAL;
}

struct json *document_member(const struct json *object, const char *key)
{
	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++)
		if (str_is(object->members[i].key, key))
			return &object->members[i].value;
	return NULL;
}

const char *document_text(struct document *document, struct json *value)
{
	bool terminated;
	struct str text;
	char *copy;

	if (value == NULL || value->type == JSON_NULL)
		return NULL;
	/* Other values than strings have no use for has_nul, but arrays and objects need their
	 * count. */
	terminated = value->type == JSON_STRING ? value->count == TERMINATED : value->has_nul;
	if (terminated)
		return value->text.data;
	text = document_str(value);
	copy = arena_strndup(&document->arena, text.data, text.len);
	if (copy == NULL)
		return NULL;
	value->text = (struct str){copy, text.len};
	if (value->type == JSON_STRING)
		value->count = TERMINATED;
	else
		value->has_nul = true;
	return copy;
}

const char *document_member_text(struct document *document, const struct json *object,
				 const char *key)
{
	struct json *value = document_member(object, key);

	return value != NULL && value->type == JSON_STRING ? document_text(document, value) : NULL;
}

bool document_member_true(const struct json *object, const char *key)
{
	const struct json *value = document_member(object, key);

	return value != NULL && value->type == JSON_TRUE;
}

double document_member_double(const struct json *object, const char *key, double otherwise)
{
	const struct json *value = document_member(object, key);
	double number;

	return value != NULL && value->type == JSON_NUMBER && json_double(value, &number)
		       ? number
		       : otherwise;
}

int64_t document_member_int64(const struct json *object, const char *key, int64_t otherwise)
{
	const struct json *value = document_member(object, key);
	int64_t number;

	return value != NULL && value->type == JSON_NUMBER && json_int64(value, &number)
		       ? number
		       : otherwise;
}
