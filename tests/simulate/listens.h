/* SPDX-License-Identifier: PostgreSQL */
/*
 * Those who listen: what they ask, what is notified on the servers, and each event that they get
 * held against that. Each notification at most once and in order; one that is missing was told of
 * by a resync; one end.
 */
#ifndef SIMULATE_LISTENS_H
#define SIMULATE_LISTENS_H

#include "simulate/world.h"

#include <stdbool.h>

enum {
	LISTENS_FIRST_ID = 3000, /* beyond those of gathers, and of their cancels */
	LISTENS_MAX = 4,	 /* of a schedule: one of each client */
	LISTENS_CHANNELS = 3,
	LISTENS_REFUSED = LISTENS_CHANNELS, /* a channel that the server does not take */
	LISTENS_NOTES = 128
};

struct client;
struct json;
struct scenario;

/* The client listens from then on, until it cancels or leaves; there are notifications. */
void listens_plan(struct scenario *scenario, struct client *client, int64_t at_ns);
/* Number of a channel by its name, as the server has it; -1: none. */
int listens_channel(const char *name);
const char *listens_name(unsigned channel);

/* Whether the answer was one's. */
bool listens_answer(struct world *world, unsigned client, int64_t id, const struct json *answer);
/* The same, where the daemon had no memory for its id: the number of its line. */
bool listens_refused(struct world *world, unsigned client, int64_t line);
/* The daemon has closed the client's connection, or the other way round. */
void listens_abandon(struct world *world, unsigned client);
/* Nobody is still to be told of the end of his. */
bool listens_done(const struct world *world, unsigned client);

#endif
