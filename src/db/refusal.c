/* SPDX-License-Identifier: PostgreSQL */
#include "db/refusal.h"

#include "base/arena.h"
#include "db/pgerror.h"

#include <errno.h>
#include <string.h>

enum connect_failure refusal_classify(const char *sqlstate)
{
	static const struct {
		const char *prefix;
		enum connect_failure kind;
	} kinds[] = {
		{"08", CONNECT_FAILURE_NETWORK}, /* a pooler that cannot reach its server */
		{"53", CONNECT_FAILURE_TOO_MANY}, {"57P", CONNECT_FAILURE_STARTING},
		{"57", CONNECT_FAILURE_NETWORK}, /* authentication took too long */
		{"58", CONNECT_FAILURE_NETWORK},  {"XX", CONNECT_FAILURE_NETWORK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strncmp(sqlstate, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].kind;
	}
	return CONNECT_FAILURE_REFUSED; /* 28, 3D, 42, 22023 (a bad option), 55000 (no connections
					   allowed), … */
}

static bool is_sqlstate(const char *text)
{
	return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
}

/* Finds `SEVERITY:  CODE: ` in a line. */
static const char *find_sqlstate(const char *line)
{
	for (const char *at = strstr(line, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
		if (is_sqlstate(at + 3) && at[8] == ':' && at[9] == ' ')
			return at + 3;
	}
	return NULL;
}

/* The word that ends at `end`. */
static const char *severity_before(const char *line, const char *end, struct arena *arena)
{
	const char *begin = end;

	while (begin > line && begin[-1] != ' ')
		begin--;
	return arena_strndup(arena, begin, (size_t)(end - begin));
}

/*
 * While connecting libpq keeps no result, only text, which we have it write with the codes in it.
 * One account may hold several refusals, with TLS and without: the first is of the way that was
 * preferred.
 */
int refusal_parse(const char *text, struct arena *arena, struct refusal *ret_refusal)
{
	struct refusal refusal = {.kind = CONNECT_FAILURE_NETWORK};
	char *copy = arena_strdup(arena, text), *clean = arena_calloc(arena, 1, strlen(text) + 2);
	char *out = clean, *rest = copy;

	if (copy == NULL || clean == NULL)
		return -ENOMEM;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		const char *code = find_sqlstate(line);

		if (strncmp(line, "LOCATION:  ", 11) == 0)
			continue; /* PostgreSQL's own source */
		if (code != NULL && refusal.sqlstate[0] == '\0') {
			memcpy(refusal.sqlstate, code, 5);
			refusal.kind = refusal_classify(refusal.sqlstate);
			refusal.severity = severity_before(line, code - 3, arena);
			if (refusal.severity == NULL)
				return -ENOMEM;
		}
		if (code != NULL) {
			out = mempcpy(out, line, (size_t)(code - 2 - line));
			line += code + 6 - line; /* at the blank behind it */
		}
		out = stpcpy(out, line);
		*out++ = '\n';
		*out = '\0';
	}
	refusal.message = pgerror_tidy(arena, clean);
	*ret_refusal = refusal;
	return 0;
}
