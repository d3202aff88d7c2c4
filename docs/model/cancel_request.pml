/* SPDX-License-Identifier: PostgreSQL */
/* The way of a cancel request, on both sides, and the backend that it meets. Part of cancel.pml. */

/* conn: cancel_main(), cancel.c: cancel_send() */
proctype Canceller(byte c)
{
end:	do
	:: cancelling[c] ->
		do
		:: !wanted(c) -> break
		:: atomic { wanted(c) && nfull(request) -> closed[c] = false; request!c, session[c] }
			if
#ifdef NO_WAIT_FOR_CLOSE
			:: true
#endif
			:: closed[c]
#ifndef PATIENT
			:: cancel_failed[c] = true; break /* refused, or its time is over */
#endif
			fi
#ifdef CANCEL_ONCE
			!wanted(c)
#endif
#ifndef PATIENT
		:: full(request) -> cancel_failed[c] = true; break
#endif
		od;
		cancelling[c] = false
	od
}

/* Whom the postmaster has see to cancel requests. It takes its time, and may be stuck for ever. */
proctype CancelProcess()
{
	byte c, s;
end:	do
	:: request?c, s ->
#ifndef PATIENT
		if
		:: true
		:: true -> goto end_stuck
		fi;
#endif
		if
		:: atomic { session[c] == s && running[c] != NONE -> interrupted[c] = true }
		:: atomic { session[c] != s || running[c] == NONE } /* gone, or waits for a command */
		fi;
		atomic {
			if
			:: session[c] == s -> closed[c] = true
			:: else
			fi;
			c = 0; s = 0
		}
	od;
end_stuck:
	false
}

/* PostgreSQL's backend. It forgets an interrupt when it takes the next command. */
proctype Backend(byte c)
{
end:	do
	:: atomic { to_server[c]?running[c] -> interrupted[c] = false; begun[running[c]]++ }
	:: atomic { running[c] != NONE && (running[c] != 0 || interrupted[c]) ->
			if
			:: interrupted[c] -> assert(stop[running[c]]) /* else it hits an innocent */
			:: running[c] != 0
			fi;
			from_server[c]!running[c]; running[c] = NONE }
	od
}
