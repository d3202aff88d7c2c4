/* SPDX-License-Identifier: PostgreSQL */
/* The channels of a listen. */
#include "wire/request_read.h"

#include <errno.h>

static int read_channel(struct request_reader *r, struct str key, const struct json *value,
			const char **ret_channel)
{
	const char *copy;

	if (value->type != JSON_STRING || value->has_nul || value->text.len == 0)
		return request_refuse(r, key,
				      "a channel is a string that is not empty, without \\u0000");
	if (value->text.len > REQUEST_CHANNEL_MAX_BYTES)
		return request_refuse(r, key, "a channel has at most %d bytes: %s",
				      REQUEST_CHANNEL_MAX_BYTES, request_quote(r, value->text));
	copy = arena_strndup(r->arena, value->text.data, value->text.len);
	if (copy == NULL)
		return request_no_memory(r);
	*ret_channel = copy;
	return 0;
}

static bool stands_before(const char *const *channels, size_t count, const char *channel)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(channels[i], channel) == 0)
			return true;
	return false;
}

int request_read_listen(struct request_reader *r, const struct json_member *member,
			struct request *request)
{
	const struct json *value = &member->value;
	const char **channels;

	if (value->type != JSON_ARRAY || value->count == 0)
		return request_bad_value(r, member->key, "an array of one channel or more");
	if (value->count > REQUEST_MAX_CHANNELS)
		return request_refuse_as(r, ERR_TOO_LARGE,
					 "%zu channels in one request, at most %d are allowed",
					 value->count, REQUEST_MAX_CHANNELS);
	channels = arena_calloc(r->arena, value->count, sizeof(*channels));
	if (channels == NULL)
		return request_no_memory(r);
	for (size_t i = 0; i < value->count; i++) {
		int rc = read_channel(r, member->key, &value->items[i], &channels[i]);

		if (rc < 0)
			return rc;
		if (stands_before(channels, i, channels[i]))
			return request_refuse(r, member->key, "channel %s stands there twice",
					      request_quote(r, value->items[i].text));
	}
	request->channels = channels;
	request->channel_count = value->count;
	return 0;
}
