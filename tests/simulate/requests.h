/* SPDX-License-Identifier: PostgreSQL */
/* Makes up what clients ask, and notes in the ledger what is to come of it. */
#ifndef SIMULATE_REQUESTS_H
#define SIMULATE_REQUESTS_H

struct client;
struct plan_request;
struct scenario;

/* NULL when the ledger is full. */
struct plan_request *request_make(struct scenario *scenario, struct client *client);

#endif
