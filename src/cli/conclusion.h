/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a sequence or transaction came to as a whole, by the event that closes it: in words, and for
 * the exit status. What its steps said is told before, elsewhere.
 */
#ifndef CLI_CONCLUSION_H
#define CLI_CONCLUSION_H

#include "base/buf.h"
#include "cli/options.h"
#include "client/gather.h"

#include <stdbool.h>

struct conclusion {
	enum options_together together;
	bool told;    /* the error of some step was, which is the whole's too */
	bool failed;  /* some step did */
	bool doubt;   /* some step may have taken effect without an answer */
	bool stopped; /* by a signal, or since the output failed */
	bool outcome_told;
};

#define CONCLUSION_COMMITTED "the transaction was committed all the same"

/* Appends some lines, or nothing; sets `failed`, `doubt` and `outcome_told` to what is true of the
 * whole. */
void conclusion_write(struct buf *out, struct conclusion *conclusion,
		      const struct gather_result *result);
/* The failure is only that something else failed or was cancelled, and had no effect. */
bool conclusion_is_consequence(const struct gather_error *error);

#endif
