/* SPDX-License-Identifier: PostgreSQL */
/*
 * Cancel: queries that may be given up at any moment share connections whose sessions may die at any moment. A cancel
 * addresses a session, not a query, and travels by itself. Claims: each query is answered exactly once and begun at most
 * once; a cancel hits none that nobody has given up; all are answered, although query 0 goes on until it is cancelled.
 *
 * PATIENT: the server is never stuck, and nobody has a limit for how long a cancel may take.
 * Without a rule: NO_WAIT_FOR_CANCEL NO_WAIT_FOR_CLOSE KEEP_AFTER_FAILURE CANCEL_ONCE NO_GRACE SEND_AGAIN DROP_UNSENT.
 */
#ifndef CONNS
#define CONNS 1
#endif
#ifndef QUERIES
#define QUERIES 3
#endif
#define LOSSES 1 /* sessions that die by themselves */
#define NONE   255

mtype = { NEW, QUEUED, ASSIGNED, RUNNING, DONE };
mtype state[QUERIES] = NEW;
bool stop[QUERIES]; /* db_query.stop */
byte answers[QUERIES], begun[QUERIES], conn_of[QUERIES];
byte ended, losses;

chan queue = [QUERIES] of { byte }; /* its order is pool.pml's matter */

/* struct conn */
byte unsent[CONNS] = NONE, head[CONNS] = NONE;
bool idle[CONNS] = true, cancelling[CONNS], cancel_failed[CONNS], lost[CONNS];

/* What a session is to the server; its number stands for process id and secret key. */
byte session[CONNS], running[CONNS] = NONE;
bool interrupted[CONNS]; /* SIGINT has come, and has not been looked at */
chan to_server[CONNS] = [1] of { byte };
chan from_server[CONNS] = [1] of { byte }; /* the last of a query's results, and its Sync */

chan request = [CONNS + 1] of { byte, byte }; /* cancel requests under way: connection, session */
bool closed[CONNS];			      /* by the server: the transport of the latest */

#define wanted(c) (!lost[c] && head[c] != NONE && stop[head[c]]) /* cancel_wanted() */

inline finish(q) /* query.c query_finish() */
{
	assert(state[q] != DONE);
	state[q] = DONE;
	answers[q]++;
	ended++
}

/* query.c: query_await(), stop() */
proctype Caller(byte me)
{
	atomic { state[me] = QUEUED; queue!me }
	if
	:: me != 0 -> goto await
	:: true
	fi;
	atomic {
		if
		:: state[me] == QUEUED -> queue??eval(me); finish(me)
		:: state[me] == ASSIGNED -> stop[me] = true
		:: state[me] == RUNNING -> stop[me] = true; cancelling[conn_of[me]] = true /* start_cancel() */
		:: state[me] == DONE
		fi
	}
await:	atomic { state[me] == DONE -> assert(answers[me] == 1 && begun[me] <= 1) }
}

#include "cancel_request.pml"

/* conn: fail_queries(); what was sent is never sent again, what was not goes back into the queue */
inline fail_queries(c)
{
	if
	:: head[c] == NONE
	:: head[c] != NONE ->
#ifdef SEND_AGAIN
		state[head[c]] = QUEUED; queue!head[c];
#else
		finish(head[c]);
#endif
		head[c] = NONE
	fi;
	if
	:: unsent[c] == NONE
	:: unsent[c] != NONE ->
#ifndef DROP_UNSENT
		if
		:: stop[unsent[c]] -> finish(unsent[c])
		:: else -> state[unsent[c]] = QUEUED; queue!unsent[c]
		fi;
#endif
		unsent[c] = NONE
	fi
}

inline new_session(c)
{
	session[c]++;
	running[c] = NONE; interrupted[c] = false; cancel_failed[c] = false; lost[c] = false;
	if
	:: to_server[c]?q
	:: empty(to_server[c])
	fi;
	if
	:: from_server[c]?q
	:: empty(from_server[c])
	fi;
	q = 0;
	idle[c] = true
}

#ifdef NO_WAIT_FOR_CANCEL
#define may_use(c) (!lost[c])
#else
#define may_use(c) (!lost[c] && !cancelling[c])
#endif

/* conn: serve(), settle() */
proctype Driver(byte c)
{
	byte q;
end:	do
	:: atomic { idle[c] && !lost[c] && nempty(queue) -> queue?q; /* conn_assign() */
			idle[c] = false; unsent[c] = q; conn_of[q] = c; state[q] = ASSIGNED; q = 0 }
	:: atomic { unsent[c] != NONE && may_use(c) -> /* send_unsent() */
			q = unsent[c]; unsent[c] = NONE;
			if
			:: stop[q] -> finish(q)
			:: else -> head[c] = q; state[q] = RUNNING; to_server[c]!q
			fi;
			q = 0 }
	:: atomic { !lost[c] && nempty(from_server[c]) -> from_server[c]?q; /* read_results() */
			assert(q == head[c]); head[c] = NONE; finish(q); q = 0 }
	:: atomic { !idle[c] && head[c] == NONE && unsent[c] == NONE && may_use(c) -> /* settle() */
			if
#ifndef KEEP_AFTER_FAILURE
			:: cancel_failed[c] -> lost[c] = true
#endif
			:: else -> cancel_failed[c] = false; idle[c] = true
			fi }
#if !defined(PATIENT) && !defined(NO_GRACE)
	:: atomic { wanted(c) -> lost[c] = true } /* CANCEL_GRACE_NS is over */
#endif
	:: atomic { !lost[c] && losses < LOSSES -> losses++; lost[c] = true }
	:: atomic { lost[c] -> idle[c] = false; fail_queries(c) }
		atomic { !cancelling[c] -> new_session(c) }
	od
}

init {
	byte i;
	atomic {
		for (i : 0 .. QUERIES - 1) { run Caller(i) }
		for (i : 0 .. CONNS - 1) { run Driver(i); run Backend(i); run Canceller(i) }
		i = 0;
		run CancelProcess()
	}
}

ltl all_answered { <> (ended == QUERIES) }
