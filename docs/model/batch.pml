/* SPDX-License-Identifier: PostgreSQL */
/*
 * A shared connection of a read-only database (db/batch.c, conn_batch.c): two batches in flight, each BEGIN, one or
 * two queries, COMMIT, and one Sync. Queries fail, so does a COMMIT; callers give up, and the cancel for them may hit
 * any other; with -DHANGUP=1 the server hangs up. Claims: what is told as success was committed; an error that is told
 * is the query's own; each query gets one answer, is in two batches at most and alone once; no query runs outside of a
 * read-only transaction, nor does a batch meet an earlier one's once the connection was empty.
 *
 * Without a rule: TELL_BEFORE_COMMIT TELL_OF_COMMIT NO_ROLLBACK ANY_ERROR_IS_ITS_OWN NOT_SUSPECT FORGET_REFUSED.
 */
#ifndef HANGUP
#define HANGUP 0
#endif
#define QUERIES 4
#define NONE	QUERIES

mtype = { BEGIN, QUERY, COMMIT, ROLLBACK, SYNC };	 /* to the server */
mtype = { END, ERROR, CANCELLED, SKIPPED, READY };	 /* to the daemon */
mtype = { NO_TRANSACTION, OPEN, ABORTED };		 /* the session's */
chan to_server = [16] of { mtype, byte };
chan to_daemon = [16] of { mtype };
bool hung_up, closed;

bool committed[QUERIES], at_fault[QUERIES]; /* the truth */
bool stopped[QUERIES];
byte answers[QUERIES], batches[QUERIES], running = NONE;
bool cancel_sent; /* a cancel is on its way: to whom it comes nobody knows */

#include "batch_server.pml"

inline finish(x)
{
	answers[x]++;
	assert(answers[x] == 1)
}

/* lanes, conn: a query with a connection to itself; pipeline.pml has those */
#define run_alone(x) finish(x)

/* A batch in flight: its queries; NONE where there is one only. */
typedef Batch { byte first, second };

/* conn_batch.c finish_failed() */
inline finish_failed(x, own)
{
	if
	:: x == NONE
	:: x != NONE && stopped[x] -> skip /* it has its answer; what was left was an orphan's */
	:: x != NONE && !stopped[x] && own && batch[0].second == NONE -> assert(at_fault[x]); finish(x)
	:: x != NONE && !stopped[x] && !(own && batch[0].second == NONE) ->
		if
		:: refused && batches[x] < 2 -> waits[x] = true
#ifdef FORGET_REFUSED
		:: refused && batches[x] == 2
#else
		:: refused && batches[x] == 2 -> run_alone(x)
#endif
		:: !refused -> run_alone(x)
		fi
	fi
}

inline finish_well(x)
{
	if
	:: x == NONE || stopped[x]
	:: else -> assert(committed[x]); finish(x)
	fi
}

/* conn_batch.c conn_finish_reads() */
inline finish_batch()
{
	if
	:: failed -> finish_failed(batch[0].first, own_first); finish_failed(batch[0].second, own_second);
		batch_failed = true
	:: else ->
#ifndef TELL_BEFORE_COMMIT
		finish_well(batch[0].first); finish_well(batch[0].second)
#endif
	fi;
	batch[0].first = batch[1].first; batch[0].second = batch[1].second;
	batch[1].first = NONE; batch[1].second = NONE;
	in_flight--; place = 0; failed = false; refused = false; own_first = false; own_second = false
}

/* The next that waits, in `x`. */
inline take(x)
{
	x = 0;
	do
	:: x < QUERIES && !waits[x] -> x++
	:: else -> break
	od;
	if
	:: x < QUERIES -> waits[x] = false; batches[x]++; assert(batches[x] <= 2)
	:: else
	fi
}

/* The places in a batch are BEGIN, first, second, COMMIT, Sync. */
inline take_result()
{
	to_daemon?what;
	if
	:: place == 0 && what == ERROR -> failed = true; refused = true;
		assert(!alone_in_session) /* nothing of an earlier one's is left */
	:: place == 0 && what == END
	:: (place == 1 || place == 2) && what == END ->
#ifdef TELL_BEFORE_COMMIT
		if
		:: place == 1 -> finish_well(batch[0].first)
		:: place == 2 -> finish_well(batch[0].second)
		fi
#else
		skip
#endif
	:: (place == 1 || place == 2) && (what == ERROR || what == CANCELLED) -> failed = true;
#ifdef ANY_ERROR_IS_ITS_OWN
		own_first = (place == 1); own_second = (place == 2)
#else
		own_first = (place == 1 && (what == ERROR || !suspect));
		own_second = (place == 2 && (what == ERROR || !suspect))
#endif
#ifdef TELL_OF_COMMIT
	:: place == 3 && what == ERROR
#else
	:: place == 3 && what == ERROR -> failed = true
#endif
	:: place == 3 && what == END
	:: place < 4 && what == SKIPPED -> assert(failed)
	:: place == 4 && what == READY
	fi;
	if
	:: place == 4 -> finish_batch()
	:: place == 1 && batch[0].second == NONE -> place = 3
	:: place < 4 && !(place == 1 && batch[0].second == NONE) -> place++
	fi;
	what = 0
}

inline send_batch()
{
	alone_in_session = (in_flight == 0);
	take(a); b = NONE;
	if
	:: take(b)
	:: true
	fi;
	to_server!BEGIN, NONE; to_server!QUERY, a;
	if
	:: b < QUERIES -> to_server!QUERY, b
	:: else -> b = NONE
	fi;
	to_server!COMMIT, NONE; to_server!SYNC, NONE;
	batch[in_flight].first = a; batch[in_flight].second = b;
	in_flight++; a = 0; b = 0
}

#define somebody_waits (waits[0] || waits[1] || waits[2] || waits[3])
#define all_answered   (answers[0] + answers[1] + answers[2] + answers[3] == QUERIES)

/* conn.c serve() */
proctype Driver()
{
	Batch batch[2];
	bool waits[QUERIES];
	byte in_flight, place, a, b;
	bool failed, refused, own_first, own_second; /* of the first batch in flight */
	bool alone_in_session, batch_failed, suspect;
	mtype what;

	atomic { batch[0].first = NONE; batch[0].second = NONE; batch[1].first = NONE; batch[1].second = NONE;
		waits[0] = true; waits[1] = true; waits[2] = true; waits[3] = true }
	do
	:: atomic { !hung_up && !batch_failed && !suspect && in_flight < 2 && somebody_waits -> send_batch() }
	:: atomic { in_flight > 0 && nempty(to_daemon) -> take_result() }
		/* query.c: who gives up is answered at once; conn_cancel.c: and the server is asked to end it */
	:: atomic { in_flight > 0 && !cancel_sent && !suspect && !stopped[batch[0].first] && answers[batch[0].first] == 0 ->
			stopped[batch[0].first] = true; finish(batch[0].first); cancel_sent = true;
#ifndef NOT_SUSPECT
			suspect = true
#endif
			}
	:: atomic { suspect && in_flight == 0 && !cancel_sent -> suspect = false }
	:: atomic { batch_failed && in_flight == 0 && !cancel_sent && !hung_up ->
#ifndef NO_ROLLBACK
			to_server!ROLLBACK, NONE; to_server!SYNC, NONE;
#endif
			batch_failed = false }
#ifndef NO_ROLLBACK
		/* its answers come before the next batch's */
		atomic { nempty(to_daemon) || hung_up ->
			if
			:: to_daemon?END
			:: empty(to_daemon)
			fi }
		atomic { nempty(to_daemon) || hung_up ->
			if
			:: to_daemon?READY
			:: empty(to_daemon)
			fi }
#endif
	:: atomic { hung_up && empty(to_daemon) -> break }
	:: atomic { all_answered && in_flight == 0 -> break }
	od;
	atomic {
		closed = true; a = 0;
		do
		:: a < QUERIES ->
			if
			:: answers[a] == 0 -> finish(a) /* connection_lost; what was not sent is another connection's */
			:: else
			fi;
			a++
		:: else -> break
		od
	}
}

init { atomic { run Server(); run Cancel(); run Driver() } }
