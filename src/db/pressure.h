/* SPDX-License-Identifier: PostgreSQL */
/*
 * How hard pressed the server is, as seen from a pool's two lanes: whether those that are known to
 * be fast have become late, and what it would cost them to stand behind the others. From it follows
 * what counts as fast just now, and how many connections the slow may have beside the fast. Pure:
 * knows no clock, no connection.
 */
#ifndef DB_PRESSURE_H
#define DB_PRESSURE_H

#include <stddef.h>
#include <stdint.h>

struct pressure {
	/* Of the runs that had a connection to themselves, smoothed over some thirty. */
	double alone_ns, alone_ns2; /* their time, and its square */
	double wait_ns;		    /* for such a connection */
	int64_t ended_ns;	    /* when the last of them ended */
	int64_t crowded_ns;	    /* when somebody last waited for one, */
	int64_t crowded_since_ns;   /* and since when */

	/* What the shared connections spent, and of that what was late; less and less of it as time
	 * goes by. */
	double spent_ns, late_ns;
	int64_t spent_at_ns; /* when the last of them ended */
	int64_t late_at_ns;  /* when it was last too much */

	size_t most; /* connections that the slow may have while they are held back; 0: they are not
		      */
	int64_t most_since_ns;
};

void pressure_init(struct pressure *pressure);
/* A run on a connection of its own ended. */
void pressure_note_alone(struct pressure *pressure, int64_t elapsed_ns, int64_t waited_ns,
			 int64_t now_ns);
/* A run on a shared connection ended, or several in one batch. `busy`: connections of the slow. */
void pressure_note_shared(struct pressure *pressure, int64_t elapsed_ns, int64_t threshold_ns,
			  size_t busy, int64_t now_ns);
/* Somebody waits for a connection to himself. */
void pressure_note_crowd(struct pressure *pressure, int64_t now_ns);
/* Below this a run counts as fast now: `threshold_ns`, or more under pressure. */
int64_t pressure_limit_ns(const struct pressure *pressure, int64_t threshold_ns, int64_t now_ns);
/* How many connections of `max` the slow may have now beside the fast. */
size_t pressure_most(const struct pressure *pressure, size_t max);
/* How long the run is that one comes upon on a connection of the slow. */
int64_t pressure_alone_ns(const struct pressure *pressure);

#endif
