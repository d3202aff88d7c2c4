/* SPDX-License-Identifier: PostgreSQL */
/* The steps of an item in one transaction: BEGIN and the steps in one go, then COMMIT, and what
 * that means for each. */
#ifndef DAEMON_TRANSACTION_H
#define DAEMON_TRANSACTION_H

struct db_lease;
struct item;

/* Waits. Runs it to its end on the lease; sets the item's error and outcome, and ends its steps. */
void transaction_run(struct item *item, struct db_lease *lease);

#endif
