/* SPDX-License-Identifier: PostgreSQL */
/* One line from the daemon, read as JSON. It owns all that results, errors and events point to. */
#ifndef CLIENT_DOCUMENT_H
#define CLIENT_DOCUMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"
#include "wire/json.h"

struct document {
	struct buf line; /* the text, once the document has been given it for keeps */
	struct arena arena;
	struct json root;
	bool raw_rows; /* nobody asks for the cells of an event's rows */
};

/* NULL: no memory. */
struct document *document_new(void) MUST_CHECK;
void document_free(struct document *document);
/*
 * Reads `text`, which must live as long as the document is used. What it read before is gone. 0,
 * -EINVAL (no JSON object) or -ENOMEM.
 */
int document_read(struct document *document, struct str text) MUST_CHECK;

/* NULL when absent, or when `object` is NULL or no object. */
struct json *document_member(const struct json *object, const char *key);
/* Strings decoded, anything else as written. */
static inline struct str document_str(const struct json *value)
{
	return value->type == JSON_STRING ? value->text : value->raw;
}
/* The same, terminated, and kept for the next time. NULL for null or NULL, and when there is no
 * memory. */
const char *document_text(struct document *document, struct json *value);
/* A string member as text; NULL when it is absent or none. */
const char *document_member_text(struct document *document, const struct json *object,
				 const char *key);
/* It is there, and true. */
bool document_member_true(const struct json *object, const char *key);
/* A number member, or `otherwise`. */
double document_member_double(const struct json *object, const char *key, double otherwise);
int64_t document_member_int64(const struct json *object, const char *key, int64_t otherwise);

#endif
