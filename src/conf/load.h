/* SPDX-License-Identifier: PostgreSQL */
/* A configuration while it is being read: its sections, and which line gave which key. Inside conf/
 * only. */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/macros.h"
#include "conf/config.h"
#include "conf/keys.h"
#include "conf/mistakes.h"

#include <stdbool.h>
#include <stddef.h>

#define LOAD_SECTIONS_MAX 2000
#define LOAD_VALUE_MAX	  65536

/* What owns a configuration's text. */
struct config_private {
	struct config config;
	struct arena arena;
};

struct load_section {
	struct list link; /* in struct load's sections, in the file's order */
	enum key_section kind;
	const char *name;	      /* "" for [gatherd] */
	unsigned line;		      /* 0: [gatherd] is not in the file */
	bool ignored;		      /* a duplicate: read for its mistakes only */
	void *target;		      /* the kind's struct */
	unsigned key_lines[KEYS_MAX]; /* 0: not given; by key_index() */
};

struct load {
	struct config_private *private;
	struct mistakes *mistakes;
	struct list sections;
	const struct load_section *gatherd; /* the first of them; always there */
	size_t section_count;
	struct load_section *current; /* NULL: none, or an unknown one */
	bool in_section;	      /* some head was there, if only a wrong one */
	/* The key whose value may still go on; NULL: none. */
	const struct key *key;
	unsigned key_line;
	struct buf value;
	bool out_of_memory;
};

int load_init(struct load *load, struct config_private *private,
	      struct mistakes *mistakes) MUST_CHECK;
void load_free(struct load *load);
/* Reads the stream, checks what concerns more than one key, and fills in the configuration. 0 also
 * with mistakes. */
int load_run(struct load *load, FILE *stream) MUST_CHECK;

/* sections.c: another section with its defaults; `target` NULL: in a struct of its own. NULL: no
 * memory. */
struct load_section *load_add_section(struct load *load, enum key_section kind, const char *name,
				      unsigned line, void *target) MUST_CHECK;
/* sections.c: what follows belongs to the section of this head; NULL: to none. */
void load_open_section(struct load *load, unsigned line, const char *head);
/* checks.c: what concerns more than one key. */
void load_check(struct load *load);

#endif
