/* SPDX-License-Identifier: PostgreSQL */
#include "db/frames.h"

#include "base/macros.h"

#include <limits.h>
#include <stdint.h>

#define PARAMETER_STATUS 'S'
#define READY_FOR_QUERY	 'Z'
#define READY_LENGTH	 5
#define LENGTH_BYTES	 4

/* All that a server sends once a session is established, COPY included. */
static const bool is_type[UCHAR_MAX + 1] = {
	['1'] = true, ['2'] = true, ['3'] = true, ['A'] = true, ['C'] = true, ['D'] = true,
	['E'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['K'] = true, ['N'] = true,
	['R'] = true, ['S'] = true, ['T'] = true, ['V'] = true, ['W'] = true, ['Z'] = true,
	['c'] = true, ['d'] = true, ['n'] = true, ['s'] = true, ['t'] = true, ['v'] = true,
};

static void begin(struct frames *frames, const unsigned char *header)
{
	uint32_t length = (uint32_t)header[1] << 24 | (uint32_t)header[2] << 16 |
			  (uint32_t)header[3] << 8 | header[4];

	frames->type = header[0];
	if (header[0] == PARAMETER_STATUS) {
		frames->reported = true;
		frames->reports++;
	}
	frames->readies += header[0] == READY_FOR_QUERY;
	frames->lost = length < LENGTH_BYTES || length > INT32_MAX || !is_type[header[0]] ||
		       (header[0] == READY_FOR_QUERY && length != READY_LENGTH);
	frames->body_bytes = length - LENGTH_BYTES;
}

/* Of a header that comes in parts. Returns what is behind it, or behind what there is of it. */
static const unsigned char *collect(struct frames *frames, const unsigned char *at,
				    const unsigned char *end)
{
	while (at < end && frames->header_bytes < FRAMES_HEADER_BYTES)
		frames->header[frames->header_bytes++] = *at++;
	return at;
}

void frames_take(struct frames *frames, const void *bytes, size_t len)
{
	const unsigned char *at = bytes, *end = at + len;

	while (!frames->lost) {
		size_t part = MIN((size_t)(end - at), frames->body_bytes);
		const unsigned char *header = at + part;

		frames->body_bytes -= part;
		if (header == end)
			return;
		if (LIKELY(frames->header_bytes == 0 && end - header >= FRAMES_HEADER_BYTES)) {
			at = header + FRAMES_HEADER_BYTES;
		} else {
			at = collect(frames, header, end);
			if (frames->header_bytes < FRAMES_HEADER_BYTES)
				return;
			frames->header_bytes = 0;
			header = frames->header;
		}
		begin(frames, header);
	}
}

uint64_t frames_readies(const struct frames *frames)
{
	bool under_way = frames->type == READY_FOR_QUERY && frames->body_bytes > 0;

	return frames->readies - under_way;
}

void frames_forget_reports(struct frames *frames)
{
	if (frames->type == READY_FOR_QUERY && frames->header_bytes == 0 && frames->body_bytes == 0)
		frames->reported = false;
}
