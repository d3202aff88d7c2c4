/* SPDX-License-Identifier: PostgreSQL */
/* The keys of row objects: unique whatever the columns are called, written once for all rows. */
#include "wire/reply.h"

#include "wire/json.h"
#include "wire/keyset.h"

#include <errno.h>
#include <stdio.h>

/* As many columns as PostgreSQL has (1664) fit 20 digits. */
#define SUFFIX_BYTES 24

struct key {
	/* As it will be written, since names that differ may be written alike: bytes that are no
	 * UTF-8 are all U+FFFD. */
	struct str name;
	size_t again; /* how often the name came so far; 0: not the first of its name */
};

/* Gives a repeated name its number: the first that no other key has. */
static int number_key(struct arena *arena, struct keyset *set, struct key *keys, size_t index,
		      struct key *first)
{
	size_t len = first->name.len;
	char *name = arena_alloc(arena, len + SUFFIX_BYTES);

	if (name == NULL)
		return -ENOMEM;
	if (len > 0)
		memcpy(name, first->name.data, len);
	do {
		int suffix = snprintf(name + len, SUFFIX_BYTES, ":%zu", ++first->again);

		keys[index].name = (struct str){name, len + (size_t)suffix};
	} while (keyset_add(set, index) != index);
	return 0;
}

/* The names as they are go first, so that a column that is itself called "id:2" keeps its name. */
static int make_keys(struct arena *arena, struct keyset *set, struct key *keys, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count; i++)
		keys[i].again = keyset_add(set, i) == i;
	for (size_t i = 0; i < count && rc == 0; i++)
		if (keys[i].again == 0)
			rc = number_key(arena, set, keys, i, &keys[keyset_add(set, i)]);
	return rc;
}

static int keep_text(struct arena *arena, const struct buf *text, struct str *ret_kept)
{
	const char *copy = NULL;

	if (buf_error(text) == 0)
		copy = arena_strndup(arena, buf_str(text).data, buf_len(text));
	*ret_kept = (struct str){copy, buf_len(text)};
	return copy != NULL ? 0 : -ENOMEM;
}

static int make_prefixes(struct arena *arena, const struct key *keys, size_t count,
			 struct str *prefixes)
{
	struct buf text;
	int rc = 0;

	buf_init(&text, arena->max_bytes, arena->budget);
	for (size_t i = 0; i < count && rc == 0; i++) {
		buf_reset(&text);
		buf_puts(&text, i > 0 ? ",\"" : "{\"");
		buf_append_str(&text, keys[i].name);
		buf_puts(&text, "\":");
		rc = keep_text(arena, &text, &prefixes[i]);
	}
	buf_free(&text);
	return rc;
}

static int escape_names(struct arena *arena, const struct reply_column *columns, size_t count,
			struct key *keys)
{
	struct buf text;
	int rc = 0;

	buf_init(&text, arena->max_bytes, arena->budget);
	for (size_t i = 0; i < count && rc == 0; i++) {
		buf_reset(&text);
		json_write_escaped(&text, columns[i].name);
		rc = keep_text(arena, &text, &keys[i].name);
	}
	buf_free(&text);
	return rc;
}

static int make_object_prefixes(struct arena *arena, const struct reply_column *columns,
				size_t count, struct str **ret_prefixes)
{
	struct str *prefixes = arena_calloc(arena, count, sizeof(*prefixes));
	struct key *keys = arena_calloc(arena, count, sizeof(*keys));
	struct keyset set;
	int rc;

	if (prefixes == NULL || keys == NULL)
		return -ENOMEM;
	rc = escape_names(arena, columns, count, keys);
	if (rc == 0)
		rc = keyset_init(&set, arena->budget, &keys->name, sizeof(*keys), count);
	if (rc < 0)
		return rc;
	rc = make_keys(arena, &set, keys, count);
	keyset_free(&set);
	if (rc == 0)
		rc = make_prefixes(arena, keys, count, prefixes);
	if (rc == 0)
		*ret_prefixes = prefixes;
	return rc;
}

int reply_shape_make(struct arena *arena, struct reply_style style,
		     const struct reply_column *columns, size_t column_count,
		     struct reply_shape *ret_shape)
{
	struct reply_shape shape = {
		.style = style,
		.columns = columns,
		.column_count = column_count,
	};
	int rc = 0;

	if (style.row_objects)
		rc = make_object_prefixes(arena, columns, column_count, &shape.prefixes);
	if (rc == 0)
		*ret_shape = shape;
	return rc;
}
