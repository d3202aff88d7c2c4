/* SPDX-License-Identifier: PostgreSQL */
/*
 * The one table of configuration keys. Parsing, defaults, bounds, --print-config, the sample file's
 * and the manual page's tests all read it: a key is added here, in struct config, etc/gatherd.ini
 * and gatherd.ini(5), and nowhere else.
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_section { KEY_GATHERD, KEY_DATABASE, KEY_ACCESS, KEY_SECTIONS };

enum key_type {
	KEY_BOOL,     /* bool */
	KEY_COUNT,    /* unsigned */
	KEY_MODE,     /* unsigned, octal */
	KEY_SIZE,     /* size_t */
	KEY_DURATION, /* int64_t, nanoseconds */
	KEY_CHOICE,   /* an enum whose values are the indices of `choices` */
	KEY_PATH,     /* const char *, absolute, at most `max` bytes */
	KEY_NAME,     /* const char * */
	KEY_CONNINFO, /* const char * */
	KEY_LIST      /* const char *const *, NULL-terminated */
};

struct key {
	enum key_section section;
	size_t offset; /* in the section's struct */
	const char *name;
	enum key_type type;
	const char *default_text;   /* as in a file; NULL: absent, and KEY_CONNINFO must be given */
	int64_t min, max;	    /* of the value as it is kept; a 0 needs a `min` of 0 */
	const char *const *choices; /* NULL-terminated */
	const char *help;	    /* one line, no full stop */
};

#define KEYS_MAX 48 /* at least the table's rows */
extern const struct key keys[];
extern const size_t keys_count;

/* What stands in the brackets: "gatherd", "database", "access". */
const char *key_section_name(enum key_section section);
/* The struct that the section's keys are in. */
size_t key_section_size(enum key_section section);

/* NULL when the section has no such key. */
const struct key *key_find(enum key_section section, const char *name);
/* The section's key that a mistyped name may mean, or NULL. */
const struct key *key_nearest(enum key_section section, const char *name);
/*
 * The text reads as KEY = VALUE with a key of any section. An indented line like that is hardly
 * meant as text of the value above; no option of libpq has such a name.
 */
bool key_begins(const char *text);
static inline size_t key_index(const struct key *key)
{
	return (size_t)(key - keys);
}

#endif
