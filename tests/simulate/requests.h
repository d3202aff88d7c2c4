/* SPDX-License-Identifier: PostgreSQL */
/* Makes up what clients ask, and notes in the ledger what is to come of it. */
#ifndef SIMULATE_REQUESTS_H
#define SIMULATE_REQUESTS_H

struct client;
struct plan_request;
struct plan_item;
struct plan_step;
struct scenario;
struct world;

/* The next step of an item. */
struct plan_step *step_new(struct plan_request *request, struct plan_item *item,
			   struct world *world);
/* NULL when the ledger is full. */
struct plan_request *request_make(struct scenario *scenario, struct client *client);

#endif
