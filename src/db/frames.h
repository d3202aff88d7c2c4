/* SPDX-License-Identifier: PostgreSQL */
/*
 * Where messages begin in what a server sends, so that it is known without asking libpq whether a
 * report of a parameter (ParameterStatus) was among them, and how often the server was ready
 * (ReadyForQuery). Looks at each message's type and length, at nothing else, and keeps none of its
 * bytes.
 */
#ifndef DB_FRAMES_H
#define DB_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type and the length, which counts itself. */
#define FRAMES_HEADER_BYTES 5

struct frames {
	unsigned char header[FRAMES_HEADER_BYTES]; /* of a message whose header came in parts */
	size_t header_bytes;
	unsigned char type; /* of the message under way, or the last one */
	size_t body_bytes;  /* of the message under way, still to come */
	bool lost;	    /* these are no messages, or are encrypted: nothing is known any more */
	bool reported;	    /* a parameter, since frames_forget_reports() */
	uint64_t reports;   /* of parameters, in all */
	uint64_t readies;   /* whose header came */
};

/* The next bytes that came. Zeroed it stands at the begin of a message. */
void frames_take(struct frames *frames, const void *bytes, size_t len);
/* A report may have come, whole or in part. */
static inline bool frames_may_report(const struct frames *frames)
{
	return frames->reported || frames->lost;
}
/* How many ReadyForQuery came whole. */
uint64_t frames_readies(const struct frames *frames);
/*
 * When all messages that came have been looked at. Only at the end of a ReadyForQuery, where it is
 * certain that this is in step with the server; otherwise it does nothing.
 */
void frames_forget_reports(struct frames *frames);

#endif
