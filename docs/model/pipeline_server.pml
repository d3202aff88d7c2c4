/* SPDX-License-Identifier: PostgreSQL */
/* PostgreSQL's side of pipeline.pml, which includes this, and what may happen to its messages on the way. */

inline say(what)
{
	if
	:: to_daemon!what, q
	:: closed
	:: faults > 0 -> faults--
	:: faults > 0 -> faults--; to_daemon!what, q; to_daemon!what, q
	fi
}

proctype Server()
{
	byte q;
	bool failed;
end:	do
	:: closed -> break
	:: FAULTS > 0 -> hung_up = true; break
	:: to_server?q ->
		if
		:: failed -> truth[q] = NOT_RUN; say(SKIPPED)
		:: !failed -> truth[q] = WELL; say(ROW); say(END)
		:: !failed -> truth[q] = WELL; say(END)
		:: !failed -> truth[q] = FAILED; failed = true; say(ERROR)
		fi;
		if
		:: !last(q)
		:: last(q) && !failed && !batched(q) -> truth[q] = FAILED; say(ERROR); say(SYNC) /* at its commit */
		:: last(q) -> failed = false; say(SYNC)
		fi
	od
}
