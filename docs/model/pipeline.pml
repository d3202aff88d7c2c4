/* SPDX-License-Identifier: PostgreSQL */
/*
 * One connection with several segments in flight (db/results.c). Queries fail, also at their Sync (a deferred
 * constraint). With -DFAULTS=1 a message is lost or comes twice, anywhere, or the server hangs up. Claims: no row and no
 * success is taken for another's query; each query that was sent gets exactly one answer, also a batch's, of which the
 * rest is skipped after a failure; without faults every answer tells what became of the query, or that it is not known.
 *
 * Without a rule: NO_IDENTITY_CHECK RESYNCHRONISE LATE_ERROR_AMID ANSWER_AT_END FORGET_IN_FLIGHT.
 */
#ifndef FAULTS
#define FAULTS 0
#endif
#ifndef QUERIES
#define QUERIES 5
#endif
#define DEPTH 3 /* queries in flight at once */
/* 2 and 3 are a batch: up to one Sync. Each of the others has its own. */
#define batched(q) ((q) == 2 || (q) == 3)
#define last(q)	   ((q) != 2)

mtype = { ROW, END, ERROR, SKIPPED, SYNC };   /* what comes */
mtype = { NOTHING, WELL, FAILED, NOT_RUN, LOST }; /* what became of a query */

mtype truth[QUERIES] = NOTHING, answer[QUERIES] = NOTHING, told[QUERIES] = NOTHING;
byte answers[QUERIES];
chan to_server = [DEPTH] of { byte };
/* The wire does not say whose a message is: the number is there for the assertions alone. */
chan to_daemon = [8] of { mtype, byte };
bool hung_up, closed;
byte faults = FAULTS;

#include "pipeline_server.pml"

inline finish(x)
{
	answers[x]++;
	told[x] = answer[x];
	assert(answers[x] == 1)
}

inline command_end(what)
{
	answer[head] = what;
#ifdef ANSWER_AT_END
	finish(head);
#endif
	if
	:: last(head) -> ended = true
	:: else -> head++
	fi
}

/* conn: take_step(), finish_queries() */
inline sync()
{
#ifndef ANSWER_AT_END
	do
	:: first <= head -> finish(first); first++
	:: else -> break
	od;
#endif
	head++; first = head; ended = false; failed = false; late = false
}

/* results.c results_take(): what the head does not expect */
inline mismatch()
{
#ifdef NO_IDENTITY_CHECK
	skip
#else
#ifdef RESYNCHRONISE
	/* on with the next query after the next Sync */
	do
	:: what == SYNC -> break
	:: what != SYNC && nempty(to_daemon) -> to_daemon?what, q
	:: what != SYNC && hung_up && empty(to_daemon) -> break
	od;
	do
	:: !last(head) -> answer[head] = LOST; head++
	:: else -> answer[head] = LOST; break
	od;
	sync()
#else
	lost = true
#endif
#endif
}

/* A batch is one client's, in one transaction; a message lost in the middle of it comes out at its Sync. */
#define fits (q == head || (batched(q) && batched(head)))

/* With others behind, who could say whether the Sync between was lost, and the error is the next one's? */
#ifdef LATE_ERROR_AMID
#define late_error_fits true
#else
#define late_error_fits (head + 1 == sent)
#endif

/* conn: serve() */
proctype Driver()
{
	byte sent, head, first, q; /* head: whose results come next; first: of its segment */
	bool ended, failed, late, lost;
	mtype what;
	do
	:: atomic { !lost && sent < QUERIES && sent - first < DEPTH - 1 ->
			do
			:: to_server!sent; sent++;
				if
				:: last(sent - 1) -> break
				:: else
				fi
			od }
	:: atomic { !lost && head < sent && nempty(to_daemon) -> to_daemon?what, q;
			if
			:: what == ROW && !ended -> assert(fits)
			:: what == END && !ended -> assert(fits); command_end(WELL)
			:: what == SKIPPED && !ended && failed -> command_end(NOT_RUN)
			:: what == ERROR && !ended -> failed = true; command_end(FAILED)
			:: what == ERROR && ended && !failed && !late && late_error_fits -> late = true; answer[head] = FAILED
			:: what == SYNC && ended -> sync()
			:: else -> mismatch()
			fi;
			q = 0; what = 0 }
	:: atomic { hung_up && empty(to_daemon) -> lost = true }
	:: atomic { lost || first == QUERIES -> closed = true; break }
	od;
	atomic {
		/* conn: fail_queries() */
		do
		:: first < sent ->
#ifndef FORGET_IN_FLIGHT
			if
			:: answers[first] == 0 -> answer[first] = LOST; finish(first)
			:: else
			fi;
#endif
			first++
		:: else -> break
		od;
		for (q : 0 .. sent - 1) {
			assert(answers[q] == 1);
			assert(FAULTS > 0 || told[q] == LOST || told[q] == truth[q])
		}
	}
}

init { atomic { run Server(); run Driver() } }
