/* SPDX-License-Identifier: PostgreSQL */
/* Saying what is wrong with a request and where, and the values that its keys share. Knows no verb.
 */
#include "wire/request_read.h"

#include "base/clock.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <errno.h>

/* What of a client's text a message quotes. */
#define QUOTE_BYTES 80
/* Longer keys are cut in `key`: no key of the protocol comes near. */
#define KEY_BYTES 256

#define ELLIPSIS    "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"

/* A terminated copy, cut between characters, without NUL. Valid UTF-8 stays so. NULL: no memory. */
static const char *display(struct arena *arena, struct str text, size_t max_bytes,
			   const char *around)
{
	bool cut = text.len > max_bytes;
	size_t len = cut ? max_bytes : text.len;
	char *copy, *to;

	while (cut && len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
		len--;
	copy = to = arena_alloc(arena, len * 3 + sizeof(ELLIPSIS) + 2);
	if (copy == NULL)
		return NULL;
	to = stpcpy(to, around);
	for (size_t i = 0; i < len; i++) {
		if (text.data[i] == '\0')
			to = stpcpy(to, REPLACEMENT);
		else
			*to++ = text.data[i];
	}
	if (cut)
		to = stpcpy(to, ELLIPSIS);
	stpcpy(to, around);
	return copy;
}

const char *request_quote(struct request_reader *r, struct str text)
{
	const char *copy = display(r->arena, text, QUOTE_BYTES, "\"");

	return copy != NULL ? copy : "\"" ELLIPSIS "\"";
}

static const char *where(struct request_reader *r)
{
	const struct request_place *place = &r->place;
	const char *item, *text;

	if (!place->in_item)
		return "";
	item = place->item_name.data != NULL ? request_quote(r, place->item_name)
					     : arena_printf(r->arena, "%zu", place->item);
	if (item == NULL)
		return "";
	text = place->in_step ? arena_printf(r->arena, "item %s, step %zu: ", item, place->step)
			      : arena_printf(r->arena, "item %s: ", item);
	return text != NULL ? text : "";
}

static void PRINTF_LIKE(3, 0)
	set_error(struct request_reader *r, enum err_code code, const char *fmt, va_list args)
{
	const char *text = arena_vprintf(r->arena, fmt, args);

	err_set(r->err, r->arena, code, ERR_EFFECTS_NONE, "%s%s", where(r),
		text != NULL ? text : "bad request");
}

int request_refuse(struct request_reader *r, struct str key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_error(r, ERR_BAD_REQUEST, fmt, args);
	va_end(args);
	if (key.data != NULL)
		r->err->key = display(r->arena, key, KEY_BYTES, "");
	return -EINVAL;
}

int request_refuse_as(struct request_reader *r, enum err_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_error(r, code, fmt, args);
	va_end(args);
	return -EINVAL;
}

int request_no_memory(struct request_reader *r)
{
	err_set(r->err, NULL, ERR_INTERNAL, ERR_EFFECTS_NONE, "no memory to read the request");
	return -ENOMEM;
}

int request_bad_value(struct request_reader *r, struct str key, const char *must_be)
{
	return request_refuse(r, key, "%s must be %s", request_quote(r, key), must_be);
}

int request_unknown_key(struct request_reader *r, struct str key, const struct request_key *keys,
			size_t count)
{
	const char *typed = display(r->arena, key, KEY_BYTES, "");
	struct nearest nearest = nearest_to(typed != NULL ? typed : "");
	char question[NEAREST_QUESTION_BYTES];

	for (size_t i = 0; i < count; i++)
		nearest_try(&nearest, keys[i].name.data);
	return request_refuse(r, key, "unknown key %s%s", request_quote(r, key),
			      nearest_question(&nearest, question));
}

const struct request_key *request_find_key(const struct request_key *keys, size_t count,
					   struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(name, keys[i].name))
			return &keys[i];
	return NULL;
}

int request_read_name(struct request_reader *r, const struct json_member *member,
		      struct str *ret_name)
{
	if (member->value.type != JSON_STRING)
		return request_bad_value(r, member->key, "a string");
	if (member->value.has_nul)
		return request_bad_value(r, member->key, "a string without \\u0000");
	*ret_name = member->value.text;
	return 0;
}

int request_read_bool(struct request_reader *r, const struct json_member *member, bool *ret_value)
{
	if (member->value.type != JSON_TRUE && member->value.type != JSON_FALSE)
		return request_bad_value(r, member->key, "true or false");
	*ret_value = member->value.type == JSON_TRUE;
	return 0;
}

int request_read_choice(struct request_reader *r, const struct json_member *member,
			const char *first, const char *second, bool *ret_second)
{
	bool is_second = member->value.type == JSON_STRING && str_is(member->value.text, second);

	if (member->value.type != JSON_STRING || (!is_second && !str_is(member->value.text, first)))
		return request_refuse(r, member->key, "%s must be \"%s\" or \"%s\"",
				      request_quote(r, member->key), first, second);
	*ret_second = is_second;
	return 0;
}

int request_read_timeout(struct request_reader *r, const struct json_member *member,
			 int64_t *ret_ns)
{
	double seconds;

	if (!json_double(&member->value, &seconds) || seconds <= 0)
		return request_bad_value(r, member->key, "a number of seconds above 0");
	/* Longer than three centuries: as long as there is. Shorter than a nanosecond: the shortest
	 * there is. */
	if (seconds >= (double)INT64_MAX / (double)CLOCK_SECOND)
		*ret_ns = CLOCK_NEVER;
	else
		*ret_ns = MAX((int64_t)(seconds * (double)CLOCK_SECOND + 0.5), (int64_t)1);
	return 0;
}

int request_read_count(struct request_reader *r, const struct json_member *member,
		       uint64_t *ret_count)
{
	int64_t number;

	if (!json_int64(&member->value, &number) || number < 1)
		return request_bad_value(r, member->key, "an integer of 1 or more");
	*ret_count = (uint64_t)number;
	return 0;
}
