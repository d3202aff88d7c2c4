/* SPDX-License-Identifier: PostgreSQL */
/* PostgreSQL's side of batch.pml, which includes this: one session, and a cancel on its way to it. */

inline commit_all(well)
{
	byte x;
	for (x : 0 .. QUERIES - 1) {
		if
		:: ran[x] -> committed[x] = well; ran[x] = false
		:: else
		fi
	}
	x = 0
}

inline fail(what)
{
	skipping = true;
	to_daemon!what
}

inline run_query()
{
	assert(transaction == OPEN); /* else it could write */
	committed[q] = false; at_fault[q] = false;
	if
	:: ran[q] = true; to_daemon!END
	:: transaction = ABORTED; at_fault[q] = true; fail(ERROR)
	:: cancel_sent -> cancel_sent = false; transaction = ABORTED; fail(CANCELLED)
	fi
}

proctype Server()
{
	mtype transaction = NO_TRANSACTION, command;
	bool skipping, ran[QUERIES];
	byte q;

end:	do
	:: closed -> break
	:: HANGUP > 0 && !hung_up -> hung_up = true; break
	:: atomic { to_server?command, q ->
			if
			:: command == SYNC -> skipping = false; to_daemon!READY
			:: command != SYNC && skipping -> to_daemon!SKIPPED
			:: command == BEGIN && !skipping && transaction == ABORTED -> fail(ERROR)
			:: command == BEGIN && !skipping && transaction == NO_TRANSACTION -> transaction = OPEN; to_daemon!END
			:: command == QUERY && !skipping -> run_query()
			:: command == COMMIT && !skipping -> assert(transaction == OPEN); transaction = NO_TRANSACTION;
				if
				:: commit_all(true); to_daemon!END
				:: commit_all(false); fail(ERROR) /* a serialization failure */
				fi
			:: command == ROLLBACK && !skipping -> transaction = NO_TRANSACTION; commit_all(false); to_daemon!END
			fi;
			command = 0; q = 0 }
	od
}

/* It may also find nobody who runs, and be forgotten. */
proctype Cancel()
{
end:	do
	:: closed -> break
	:: atomic { cancel_sent -> cancel_sent = false }
	od
}
