/* SPDX-License-Identifier: PostgreSQL */
/*
 * SIGINT, SIGTERM and SIGHUP: the first one is noted and interrupts the wait for the daemon, a
 * second one ends the program at once. The only state of the program that is not an object, because
 * handlers have no other.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>

struct gather;

/* Writing to a closed pipe is an error from now on, no signal. What is ignored already (nohup)
 * stays so. */
void signals_install(struct gather *gather);
/* The one that was caught; 0: none. */
extern volatile sig_atomic_t signals_caught;

#endif
