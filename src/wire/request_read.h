/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the files of request have in common: saying what is wrong and where, and reading values that
 * are checked. All readers return 0, -EINVAL or -ENOMEM with *err set. Private to wire/.
 */
#ifndef WIRE_REQUEST_READ_H
#define WIRE_REQUEST_READ_H

#include "wire/request.h"

struct request_reader {
	struct arena *arena;
	const struct request_limits *limits;
	struct err *err;
	/* What messages begin with, e.g. `item 3: `; "" outside items. Made when it is needed. */
	bool in_item;
	size_t item;
	struct str item_name; /* of an object gather's item */
};

/* A key that a request may have, and how it is read. */
struct request_key {
	struct str name;
	unsigned verbs; /* bits 1 << verb that it goes with; only of the request's own keys */
	/* NULL: nothing to be read here */
	int (*read)(struct request_reader *r, const struct json_member *member, void *target);
};

#define KEY(literal)                                                                               \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

/* NULL when there is none of that name. */
const struct request_key *request_find_key(const struct request_key *keys, size_t count,
					   struct str name);

/* Sets a bad_request with the key at fault; returns -EINVAL. */
int request_refuse(struct request_reader *r, struct str key, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The same with another code and no key. */
int request_refuse_as(struct request_reader *r, enum err_code code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
int request_no_memory(struct request_reader *r);
/* Client text for a message: in quotes, cut to a sane length, terminated. Never NULL. */
const char *request_quote(struct request_reader *r, struct str text);

/* `what it must be` follows the key's name in the message. */
int request_bad_value(struct request_reader *r, struct str key, const char *must_be);
int request_unknown_key(struct request_reader *r, struct str key);
int request_unsupported(struct request_reader *r, struct str key);

/* A string without NUL; the output is a struct str. */
int request_read_name(struct request_reader *r, const struct json_member *member,
		      struct str *ret_name);
int request_read_bool(struct request_reader *r, const struct json_member *member, bool *ret_value);
/* One of two words: *ret_second says which. */
int request_read_choice(struct request_reader *r, const struct json_member *member,
			const char *first, const char *second, bool *ret_second);
int request_read_timeout(struct request_reader *r, const struct json_member *member,
			 int64_t *ret_ns);

/* request_params.c */
int request_read_params(struct request_reader *r, const struct json_member *member,
			enum request_params *ret_kind, struct request_param **ret_params,
			size_t *ret_count);
/* request_item.c */
int request_read_gather(struct request_reader *r, const struct json_member *member,
			struct request_gather *ret_gather);

#endif
