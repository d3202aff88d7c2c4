/* SPDX-License-Identifier: PostgreSQL */
/*
 * Snapshot gathers (daemon/snapshot.c) side by side on one small pool whose sessions die, while a standby may take the
 * server's place. Claims: no deadlock and nobody waits for ever, not even on a pool of 1; each item gets exactly one
 * answer; all items of a gather that are run see the same state.
 *
 * Without a rule: WAIT_FOR_MEMBERS TAKE_LATE NO_FINISH NO_IDENTITY_CHECK KEEP_LEASE LEADER_FAILS_ALL.
 */
#ifndef CONNS
#define CONNS 1
#endif
#define GATHERS 2
#define HOLDERS 2 /* of each gather; 0 is its leader */
#define ITEMS	2
#define LOSSES	1 /* sessions that die */
#define SERVERS 2

byte idle = CONNS;   /* connections of the pool that nobody has leased */
byte server, losses; /* the one that connects reach now; after a failover another, with another state */
byte exporter[GATHERS] = SERVERS; /* where a snapshot of this name can be imported; SERVERS: nowhere */
byte identity[GATHERS];		  /* snapshot.identity */
byte pending[GATHERS], imported[GATHERS], members[GATHERS], tasks[GATHERS];
byte answers[GATHERS], state_seen[GATHERS] = SERVERS;

inline answer() { answers[g]++; assert(answers[g] <= ITEMS) }

/* A statement on a lease: false if its session has died meanwhile. */
inline run_own(ok)
{
	if
	:: ok = true
	:: losses < LOSSES -> losses++; ok = false
	fi
}

/* holder_main() */
proctype Holder(byte g; bool leader)
{
	byte on;
	bool ok;
	atomic { idle > 0 -> idle--; on = server } /* db_lease_take() */
	if
	:: pending[g] == 0 -> goto leave /* nothing_left() */
	:: else
	fi;
	if
	:: leader -> /* export() */
		atomic { run_own(ok);
			if
			:: ok -> exporter[g] = on; identity[g] = on
			:: !ok -> answers[g] = answers[g] + pending[g]; pending[g] = 0; goto leave /* fail_pending() */
			fi }
		atomic { members[g] = HOLDERS - 1; tasks[g] = tasks[g] + HOLDERS - 1; /* start_members() */
			run Holder(g, false) }
#ifdef WAIT_FOR_MEMBERS
		imported[g] == members[g];
#endif
	:: !leader -> /* import(): any server may know a snapshot of that name */
		atomic { run_own(ok);
			imported[g]++;
			if
#ifndef NO_IDENTITY_CHECK
			:: ok && on != identity[g] -> goto leave
			:: ok && on == identity[g] && exporter[g] != on -> goto leave /* the leader is gone */
#endif
			:: !ok -> goto leave
			:: else
			fi }
	fi;
	do /* run_items() */
	:: atomic { ok && pending[g] > 0 ->
#ifndef TAKE_LATE
			pending[g]--
#else
			skip
#endif
		}
		atomic { run_own(ok);
#ifdef TAKE_LATE
			pending[g]--;
#endif
			if
			:: ok -> assert(state_seen[g] == SERVERS || state_seen[g] == on); state_seen[g] = on
			:: !ok /* query_lost() is its answer */
			fi;
			answer() }
	:: !ok || pending[g] == 0 -> break
	od;
leave:	atomic { /* leave(): commit, db_lease_release() */
		if
		:: leader -> exporter[g] = SERVERS
		:: else
		fi;
#ifdef LEADER_FAILS_ALL
		if
		:: leader && !ok -> answers[g] = answers[g] + pending[g]
		:: else
		fi;
#endif
#ifdef KEEP_LEASE
		if
		:: ok -> idle++
		:: !ok /* the connection died with the lease: the pool does not open another */
		fi;
#else
		idle++;
#endif
		tasks[g]--
	}
}

/* gather.c; snapshot_start(), snapshot_finish() */
proctype Gather(byte g)
{
	atomic { pending[g] = ITEMS; tasks[g] = 1; run Holder(g, true) }
	tasks[g] == 0;
	atomic {
#ifndef NO_FINISH
		answers[g] = answers[g] + pending[g]; pending[g] = 0; /* fail_pending() */
#endif
		assert(answers[g] == ITEMS)
	}
}

proctype Failover() { server = 1 }

init { atomic { run Gather(0); run Gather(1); run Failover() } }

ltl all_over { <> (answers[0] == ITEMS && answers[1] == ITEMS) }
