/* SPDX-License-Identifier: PostgreSQL */
/*
 * Room for rows: in one combined answer (max_answer), and in the daemon (memory_limit). Where there
 * is no more of it, the item that holds most is ended as too_large, whoever asks: a large one never
 * costs its small neighbours theirs, and nothing fails where all of it fits.
 */
#ifndef DAEMON_ROOM_H
#define DAEMON_ROOM_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

struct err;
struct gather;
struct step;

/* What stands around the items of a combined answer counts from the start. */
void room_begin(struct gather *gather);
/* `bytes` that have just been written to the step's buffers count for the combined answer. False:
 * there is no room for it, and it has been ended. */
bool room_take(struct step *step, size_t bytes) MUST_CHECK;
void room_give_back(struct gather *gather, size_t bytes);
/* The error's text counts, too: where there is no room for it, it is left out. */
void room_take_error(struct gather *gather, struct err *err);

/* The buffers of all rows are full, and this step needs `bytes` more: true when others gave up
 * theirs, so that it is worth to try again. */
bool room_make(struct step *step, size_t bytes) MUST_CHECK;

#endif
