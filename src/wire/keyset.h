/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which texts of an array repeat: a set of positions in it. Linear even when a peer chooses the
 * texts so that they collide, for the hash has a secret key. Private to wire/.
 */
#ifndef WIRE_KEYSET_H
#define WIRE_KEYSET_H

#include "base/macros.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct budget;

struct keyset {
	struct keyset_slot *slots;
	size_t slot_count; /* a power of two */
	struct budget *budget;
	const char *first; /* the struct str of element 0 … */
	size_t stride;	   /* … and how far apart they are */
	uint64_t secret[2];
};

/* For `count` texts: the struct str inside an array of structs. 0 or -ENOMEM (then there is nothing
 * to free). */
int keyset_init(struct keyset *set, struct budget *budget, const struct str *first, size_t stride,
		size_t count) MUST_CHECK;
void keyset_free(struct keyset *set);
/*
 * The position of an equal text that was added before; `index` itself if there was none, and it is
 * now in the set. At most `count` may be in it; a text that is in it must not change.
 */
size_t keyset_add(struct keyset *set, size_t index);
/* The position of this text; SIZE_MAX: it is not in the set. */
size_t keyset_find(const struct keyset *set, struct str text);

#endif
