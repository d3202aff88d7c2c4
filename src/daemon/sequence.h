/* SPDX-License-Identifier: PostgreSQL */
/* Items with steps: sequences, where each step is a transaction of its own, and transactions. Both
 * run on a lease. */
#ifndef DAEMON_SEQUENCE_H
#define DAEMON_SEQUENCE_H

#include <stddef.h>

struct item;

/* Waits. Runs all steps to their ends; sets the item's error and a transaction's outcome. */
void sequence_run(struct item *item);
/* Steps from `first` on were not run. */
void sequence_skip_rest(struct item *item, size_t first);

#endif
