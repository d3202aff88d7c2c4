/* SPDX-License-Identifier: PostgreSQL */
/* Parts that combined answers and events have in common: members without braces. Private to wire/.
 */
#ifndef WIRE_REPLY_WRITE_H
#define WIRE_REPLY_WRITE_H

#include "wire/reply.h"

/* "count":1,"command":"SELECT", with the comma behind */
void reply_write_completion(struct buf *out, const struct reply_outcome *outcome);
/* "outcome":"committed", with the comma behind; nothing where there is no transaction */
void reply_write_transaction(struct buf *out, enum reply_transaction transaction);
/* "queued":0.0,"elapsed":0.002 */
void reply_write_times(struct buf *out, const struct reply_outcome *outcome);
/* "ok":false,"failed":1,"elapsed":2.0008,"snapshot":{…} */
void reply_write_tally(struct buf *out, size_t failed, int64_t elapsed_ns,
		       const struct reply_snapshot *snapshot);

#endif
