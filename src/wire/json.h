/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reading and writing JSON (RFC 8259) over buffers. The reader is strict: UTF-8, no duplicate keys,
 * no depth beyond JSON_MAX_DEPTH, nothing after the value. Numbers keep their digits.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 64

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_member;

struct json {
	enum json_type type;
	bool has_nul;	 /* a string with \u0000 in it: PostgreSQL has no such text */
	size_t count;	 /* of items or members */
	struct str text; /* STRING: decoded; NUMBER: as written; else absent, see `raw` */
	struct str raw;	 /* the value as it stands in the input */
	union {
		struct json *items;	     /* ARRAY */
		struct json_member *members; /* OBJECT, in the input's order */
	};
};

struct json_member {
	struct str key;
	struct json value;
};

struct json_error {
	size_t offset;	     /* bytes from the start of the input */
	const char *message; /* static; NULL: no memory */
	struct str key;	     /* a repeated key; else absent */
};

/* Where an input is read otherwise than json_parse() does. */
struct json_rules {
	unsigned max_depth; /* of arrays and objects; each level takes some 200 bytes of stack */
	/* Repeated keys pass, all members are there; *ret_error tells of the first one (key and
	 * offset). */
	bool repeated_keys;
};

/*
 * The tree lives in the arena and points into `text` (strings without escapes are not copied),
 * which must live as long. Linear in the length of the text, whatever it holds. 0, -EINVAL
 * (*ret_error says what and where) or -ENOMEM.
 */
int json_parse(struct arena *arena, struct str text, struct json *ret_value,
	       struct json_error *ret_error) MUST_CHECK;
/* The same by other rules: what a peer embeds (a json column) may repeat keys and be deeper. */
int json_parse_rules(struct arena *arena, struct str text, const struct json_rules *rules,
		     struct json *ret_value, struct json_error *ret_error) MUST_CHECK;
/* NULL when absent; the first of repeated ones. Linear in the number of members. */
const struct json *json_member(const struct json *object, const char *key);
/* An integer as digits with or without a sign (no fraction, no exponent) in int64; false when it is
 * none. */
bool json_int64(const struct json *value, int64_t *ret_number);
/* The same of any size. */
bool json_is_integer(const struct json *value);
/* A finite double; false when it is none. */
bool json_double(const struct json *value, double *ret_number);
/* A string with \u0000 in it, here or further down; keys do not count. */
bool json_any_nul(const struct json *value);
/* Bytes of the longest number that text begins with; 0: none. */
size_t json_number_span(const char *text, size_t len);

/* Writes text as a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD, so the
 * output is always valid. */
void json_write_string(struct buf *out, struct str text);
/* The inside of such a string, without the quotes. */
void json_write_escaped(struct buf *out, struct str text);
void json_write_int(struct buf *out, int64_t number);
/* Seconds with up to nine digits, e.g. 2.0008; trailing zeros cut, at least one digit after the
 * point ("0.0"). */
void json_write_seconds(struct buf *out, int64_t duration_ns);
/* Writes a parsed value again, compact (numbers verbatim). */
void json_write_value(struct buf *out, const struct json *value);

#endif
