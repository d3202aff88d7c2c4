/* SPDX-License-Identifier: PostgreSQL */
/*
 * Those who ask. A client sends what its scenario says, reads at its own pace, and holds each line
 * that comes against the ledger.
 */
#ifndef SIMULATE_CLIENT_H
#define SIMULATE_CLIENT_H

#include "simulate/kernel.h"
#include "simulate/world.h"

struct plan_request;

struct client {
	struct world *world;
	unsigned number, uid;
	struct kernel_socket *socket; /* NULL: not connected, or not any more */
	struct kernel_bytes inbox;    /* sent to it, not yet taken */
	struct kernel_bytes lines;    /* taken, not yet a line */
	struct kernel_bytes outbox;   /* to be sent, as there is room */
	bool prompt;		      /* reads at once; else: */
	size_t read_bytes;	      /* so many at a time */
	int64_t read_every_ns;
	size_t socket_room; /* what the kernel holds for it */
	bool read_scheduled, send_scheduled;
	int64_t deaf_until_ns;
	bool always_prompt; /* and never deaf */

	bool half_closes;    /* after its last request */
	unsigned line_count; /* sent so far */
	unsigned to_send;    /* gathers that are still to come */
	unsigned waiting;    /* answers that are still to come, those to other verbs too */
	bool half_closed, closed, dropped;
};

void client_connect(struct client *client);
/* Sends it if the client is still there. */
void client_ask(struct client *client, struct plan_request *request);
/* Its number among the client's; 0: the client is not there any more. */
unsigned client_send(struct client *client, const char *line);
/* A line that is no gather: one answer comes. */
void client_say(struct client *client, const char *line);
/* It closes, or dies. */
void client_leave(struct client *client);
/* Nothing more will come of it. */
bool client_is_done(const struct client *client);

/* What it waits for, to stderr. */
void client_tell(const struct client *client);

#endif
