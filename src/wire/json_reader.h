/* SPDX-License-Identifier: PostgreSQL */
/* A JSON reader at work, for the files that it is made of. Private to wire/. */
#ifndef WIRE_JSON_READER_H
#define WIRE_JSON_READER_H

#include "wire/json.h"

#include <errno.h>

struct json_reader {
	struct arena *arena;
	const char *start, *at, *end;
	/* struct json of the open array or struct json_member of the open object, innermost last */
	struct buf stack;
	const struct json_rules *rules;
	struct json_error error;
};

/* Both return -EINVAL. */
static inline int json_fail_at(struct json_reader *r, const char *at, const char *message)
{
	r->error = (struct json_error){.offset = (size_t)(at - r->start), .message = message};
	return -EINVAL;
}

static inline int json_fail(struct json_reader *r, const char *message)
{
	return json_fail_at(r, r->at, message);
}

static inline size_t json_rest(const struct json_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* At the opening quote; leaves it behind the closing one. */
int json_read_string(struct json_reader *r, struct str *ret_text, bool *ret_nul);
/* At a digit or a minus. */
int json_read_number(struct json_reader *r, struct json *value);

#endif
