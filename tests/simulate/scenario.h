/* SPDX-License-Identifier: PostgreSQL */
/*
 * What happens in one schedule, all of it from its seed: configuration, clients and what they ask,
 * faults of servers and paths, reload, shutdown, memory that runs out.
 */
#ifndef SIMULATE_SCENARIO_H
#define SIMULATE_SCENARIO_H

#include "simulate/client.h"
#include "simulate/postgres.h"
#include "simulate/world.h"

enum { SCENARIO_CLIENTS = 4, SCENARIO_DATABASES = 2 };

struct scenario {
	struct world *world;
	struct postgres *postgres;
	struct client clients[SCENARIO_CLIENTS];
	unsigned client_count;
	unsigned database_count;
	unsigned pool_max[SCENARIO_DATABASES];
	unsigned server_of[SCENARIO_DATABASES];
	const char *settings[SCENARIO_DATABASES]; /* beside pool_max */
	const char *common;
	unsigned requests_at_once; /* of a client */
	bool faulty;		   /* servers fail in this one */
	bool stopped, quiet_checked;
	int64_t shutdown_timeout_ns;
	const struct kernel_socket *waits; /* to be accepted, since there were no descriptors */
};

/* Sets up all of it; nothing has happened yet. */
void scenario_begin(struct world *world);
/* The configuration file as it is now. */
const char *scenario_config(struct scenario *scenario);

#endif
