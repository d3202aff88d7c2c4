/* SPDX-License-Identifier: PostgreSQL */
/*
 * The daemon inside of a schedule: the real server_run, which is given the world's time, its
 * listener, its signals and its configuration where it would ask the system for them.
 */
#ifndef SIMULATE_DAEMON_H
#define SIMULATE_DAEMON_H

struct world;

/* Of this process. */
void daemon_install(struct world *world);
/* Runs it to its end; then nothing of it may be left. */
void daemon_run(struct world *world);
void daemon_signal(struct world *world, int number);
/* What holds in each moment. */
void daemon_check(struct world *world);
/* Nobody asks for anything: nothing may be under way. */
void daemon_check_rest(struct world *world);

#endif
