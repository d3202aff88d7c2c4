/* SPDX-License-Identifier: PostgreSQL */
/*
 * JSON and UTF-8 judged by the letter of RFC 8259 and RFC 3629, and nothing else: a second opinion
 * that shares no code with the product's readers and writers.
 */
#ifndef FUZZ_STRICT_H
#define FUZZ_STRICT_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct strict_facts {
	size_t depth;	      /* of the deepest array or object; 0: neither */
	bool lone_surrogates; /* \ud800 without its other half, which the RFC leaves open */
};

bool strict_utf8(struct str text);
/* Exactly one value, with white space around it. `ret_facts` may be NULL. */
bool strict_json(struct str text, struct strict_facts *ret_facts);
/* The same, and it can be a line: neither CR nor LF, no half characters. */
bool strict_json_line(struct str text);

#endif
