/* SPDX-License-Identifier: PostgreSQL */
/*
 * Pool and queue: a user with more queries than there are connections, who may come back for ever, beside one with a
 * query at a time; sessions die, servers refuse. Claims: nobody waits for ever; between two turns of a user who waits there is
 * at most one of the other's; a connection has one query at a time.
 *
 * Without a rule: NO_DISPATCH_ON_SUBMIT NO_DISPATCH_ON_READY NO_FILL_ON_LOSS NO_RETRY NO_REQUEUE LIFO_QUEUE ONE_QUEUE.
 */
#ifndef CONNS
#define CONNS 1
#endif
#define CALLERS	 4
#define USERS	 2
#define user(q)	 ((q) / 3) /* callers 0 to 2 are user 0 */
#define LOSSES	 1	   /* sessions that die */
#define REFUSALS 1	   /* connects that fail */

mtype = { CLOSED, CONNECTING, IDLE, BUSY };
mtype state[CONNS] = CLOSED; /* conn.state */
byte query[CONNS];	     /* conn.unsent, then the head of conn.results */
bool sent[CONNS];

#ifdef ONE_QUEUE
#define line(q) 0
#else
#define line(q) user(q)
#endif
chan waiting[USERS] = [CALLERS] of { byte }; /* struct queue: a user's queries, oldest first */
byte turn, length;			     /* queue.ring, queue.length */
byte count[USERS], passed[USERS];	     /* a user's queries in it; turns of the other since the last of his */
bool waits[CALLERS];
byte connecting, losses, refusals;
bool backing_off; /* pool.retry_ns is still to come */
hidden byte d, i, q;

inline queue_push(x) /* queue.c */
{
	if
	:: empty(waiting[line(x)]) && empty(waiting[turn]) -> turn = line(x)
	:: else /* at the ring's end */
	fi;
	waiting[line(x)]!x;
	count[user(x)]++;
	length++
}

inline queue_pop()
{
#ifdef LIFO_QUEUE
	for (i : 2 .. len(waiting[turn])) { waiting[turn]?q; waiting[turn]!q }
#endif
	waiting[turn]?q;
	length--;
	count[user(q)]--;
	passed[user(q)] = 0;
	if
	:: count[1 - user(q)] > 0 -> passed[1 - user(q)]++; assert(passed[1 - user(q)] <= 1)
	:: else -> passed[1 - user(q)] = 0
	fi;
	if
	:: nempty(waiting[1 - turn]) -> turn = 1 - turn
	:: else
	fi
}

inline fill() /* pool.c; may_connect() */
{
	for (d : 0 .. CONNS - 1) {
		if
		:: state[d] == CLOSED && !backing_off && connecting < length -> state[d] = CONNECTING; connecting++
		:: else
		fi
	}
}

inline dispatch() /* pool.c; conn_assign() */
{
	for (d : 0 .. CONNS - 1) {
		if
		:: state[d] == IDLE && length > 0 -> queue_pop(); query[d] = q; sent[d] = false; state[d] = BUSY
		:: else
		fi
	};
	fill()
}

inline finish(x) { assert(waits[x]); waits[x] = false } /* query.c query_finish() */

/* query.c: db_execute(); pool.c: pool_submit() */
proctype Caller(byte me)
{
	do
	:: atomic { !waits[me] -> waits[me] = true; queue_push(me);
#ifndef NO_DISPATCH_ON_SUBMIT
			dispatch()
#endif
		}
	:: !waits[me] -> break
	od
}

/* conn: conn_main(), and what of pool.c it calls */
proctype Connection(byte c)
{
end:	do
	:: atomic { state[c] == CONNECTING -> /* pool_conn_ready() */
			connecting--; state[c] = IDLE; backing_off = false; dispatch() }
	:: atomic { state[c] == CONNECTING && refusals < REFUSALS -> /* pool_conn_failed(), back_off() */
			connecting--; refusals++; state[c] = CLOSED; backing_off = true }
	:: atomic { state[c] == BUSY && !sent[c] -> sent[c] = true }
	:: atomic { state[c] == BUSY && sent[c] -> finish(query[c]); state[c] = IDLE; /* pool_conn_ready() */
#ifndef NO_DISPATCH_ON_READY
			dispatch()
#endif
		}
	:: atomic { (state[c] == IDLE || state[c] == BUSY) && losses < LOSSES -> losses++; /* fail_queries() */
			if
			:: state[c] == BUSY && sent[c] -> finish(query[c]) /* query_lost() */
			:: state[c] == BUSY && !sent[c] ->
#ifndef NO_REQUEUE
				queue_push(query[c]) /* pool_requeue() */
#endif
			:: state[c] == IDLE
			fi;
			state[c] = CLOSED;
#ifndef NO_FILL_ON_LOSS
			dispatch() /* pool_conn_closing() */
#endif
		}
	od
}

/* pool.c: on_retry() */
proctype Retry()
{
end:	do
	:: atomic { backing_off -> backing_off = false;
#ifndef NO_RETRY
			fill()
#endif
		}
	od
}

init {
	byte n;
	atomic {
		for (n : 0 .. CALLERS - 1) { run Caller(n) }
		for (n : 0 .. CONNS - 1) { run Connection(n) }
		n = 0;
		run Retry()
	}
}

ltl all_served { [] ((waits[2] -> <> !waits[2]) && (waits[3] -> <> !waits[3])) }
