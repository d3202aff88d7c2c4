/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the files of request have in common: saying what is wrong and where, and reading values that
 * are checked. All readers return 0, -EINVAL or -ENOMEM with *err set. Private to wire/.
 */
#ifndef WIRE_REQUEST_READ_H
#define WIRE_REQUEST_READ_H

#include "wire/request.h"

/* Where in a gather the reader is: what messages begin with, e.g. `item 3, step 0: `. */
struct request_place {
	bool in_item, in_step;
	size_t item, step;
	struct str item_name; /* of an object gather's item */
};

/* A reference as it was read: what it refers to is known when all items are. In the arena. */
struct request_pending {
	struct request_reference reference; /* its item is not set yet */
	struct str from;
	struct request_place place;
	const char *label; /* of its parameter */
	struct request_pending *next;
};

struct request_reader {
	struct arena *arena;
	const struct request_limits *limits;
	struct err *err;
	struct request_place place;
	struct request_pending *pending, **pending_end; /* in the order of the items */
	size_t pending_count;
};

/* A key that a request may have, and how it is read. */
struct request_key {
	struct str name;
	unsigned goes_with; /* bits 1 << verb, or 1 << kind of item */
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
/* With the one of the keys that may be meant. */
int request_unknown_key(struct request_reader *r, struct str key, const struct request_key *keys,
			size_t count);

/* A string without NUL; the output is a struct str. */
int request_read_name(struct request_reader *r, const struct json_member *member,
		      struct str *ret_name);
int request_read_bool(struct request_reader *r, const struct json_member *member, bool *ret_value);
/* One of two words: *ret_second says which. */
int request_read_choice(struct request_reader *r, const struct json_member *member,
			const char *first, const char *second, bool *ret_second);
int request_read_timeout(struct request_reader *r, const struct json_member *member,
			 int64_t *ret_ns);

/* An integer of 1 or more that fits int64. */
int request_read_count(struct request_reader *r, const struct json_member *member,
		       uint64_t *ret_count);

/* request_params.c */
int request_read_params(struct request_reader *r, const struct json_member *member,
			enum request_params *ret_kind, struct request_param **ret_params,
			size_t *ret_count);

/* request_reference.c */
bool request_is_reference(const struct json *value);
/* One of an item's parameters, by its label. */
int request_read_reference(struct request_reader *r, const struct json *value, const char *label,
			   const struct request_reference **ret_reference);
/* When all items are read and their names are unique: who takes whose values. */
int request_resolve_references(struct request_reader *r, struct request_gather *gather);

/* request_item.c */
/* `item` may have its name already. `query` is for an item that is one. */
int request_read_item(struct request_reader *r, const struct json *value, struct request_item *item,
		      struct request_query *query);
/* Whether an item or a step may have it: then it stands in the wrong place. */
bool request_is_item_key(struct str name);
/* What it counts against max_queries, whether or not it is well formed. */
size_t request_item_queries(const struct json *value);

/* request_gather.c */
int request_read_gather(struct request_reader *r, const struct json_member *member,
			struct request_gather *ret_gather);
/* A gather that asks for a snapshot can have one, as far as the request alone tells. */
int request_check_snapshot(struct request_reader *r, const struct request *request);

/* request_listen.c */
int request_read_listen(struct request_reader *r, const struct json_member *member,
			struct request *request);

#endif
