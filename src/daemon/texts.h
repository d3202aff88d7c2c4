/* SPDX-License-Identifier: PostgreSQL */
/*
 * What was found out by reading the texts of queries, so that one that comes again is not read
 * again. Holds the last used, up to a number of bytes. Knows nothing of databases: a text is the
 * same on all of them.
 */
#ifndef DAEMON_TEXTS_H
#define DAEMON_TEXTS_H

#include "base/list.h"
#include "base/str.h"
#include "sqltext/classify.h"

#include <stddef.h>

/* Of all of them, with what is known of each. */
#define TEXTS_MAX_BYTES ((size_t)1024 * 1024)
/* A longer one is read each time. */
#define TEXTS_MAX_TEXT_BYTES ((size_t)16384)

struct texts_entry;

struct texts {
	struct texts_entry *entries; /* hash by text */
	struct list by_use;	     /* the one used longest ago first */
	size_t bytes;
};

/* Allocates nothing. */
void texts_init(struct texts *texts);
void texts_free(struct texts *texts);
/* As sql_classify(), whatever memory there is. */
struct sql_class texts_classify(struct texts *texts, struct str sql);

#endif
