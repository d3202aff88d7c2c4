/* SPDX-License-Identifier: PostgreSQL */
/*
 * One line of the file before inih sees it: what kind it is, where its parts are, and what would go
 * wrong with it. Pure text.
 */
#ifndef CONF_RAWLINE_H
#define CONF_RAWLINE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum rawline_kind {
	RAWLINE_BLANK,
	RAWLINE_COMMENT,
	RAWLINE_SECTION,  /* part: between the brackets */
	RAWLINE_KEY,	  /* name, part: the value */
	RAWLINE_INDENTED, /* part: the text without the white space around it */
	RAWLINE_BAD	  /* problem */
};

struct rawline {
	enum rawline_kind kind;
	bool indented;
	bool head;	 /* it begins as a section's head, whatever became of it */
	struct str name; /* also of a bad line, as far as it has one */
	struct str part;
	const char *problem;
};

/* `line` has no line end. The parts point into it. */
struct rawline rawline_classify(struct str line);

#endif
