/* SPDX-License-Identifier: PostgreSQL */
/* The steps of an item in one transaction: BEGIN and the steps in one go, then COMMIT, and what
 * that means for each. A read-only database's steps run in no other way. */
#ifndef DAEMON_TRANSACTION_H
#define DAEMON_TRANSACTION_H

struct db_lease;
struct item;
struct step;

/* Waits. Runs it to its end on the lease; sets the item's error and outcome, and ends its steps. */
void transaction_run(struct item *item, struct db_lease *lease);

/*
 * Waits. A step of a sequence on a read-only database, which is sent in a transaction of its own
 * that cannot be made to write.
 */
void transaction_run_guarded(struct step *step, struct db_lease *lease);

#endif
