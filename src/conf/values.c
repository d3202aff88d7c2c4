/* SPDX-License-Identifier: PostgreSQL */
/* What the text of each type of key means. Knows the table's rows, but no single key. */
#include "conf/values.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "conf/keys.h"
#include "conf/mistakes.h"
#include "conf/text.h"
#include "conf/units.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static_assert(sizeof(enum key_type) == sizeof(unsigned), "enums are kept as unsigned");

#define SEPARATORS ", \t"
#define ITEM_MAX   128 /* fits a line */

struct parse {
	const struct key *key;
	const char *text;
	void *field;
	struct arena *arena;
	struct mistakes *mistakes;
	unsigned line;
};

static int wrong(const struct parse *parse, const char *expected)
{
	char shown[MISTAKES_SHOWN_BYTES];

	mistakes_add(parse->mistakes, parse->line, "%s = %s: expected %s%s", parse->key->name,
		     mistakes_show(shown, parse->text), expected,
		     strchr(parse->text, '#') != NULL ? " (a comment is a line of its own)" : "");
	return -EINVAL;
}

const char *values_format_number(char out[UNITS_TEXT_BYTES], enum key_type type, int64_t bound)
{
	switch (type) {
	case KEY_DURATION:
		return units_format_duration(out, bound);
	case KEY_SIZE:
		return units_format_size(out, (uint64_t)bound);
	case KEY_MODE:
		snprintf(out, UNITS_TEXT_BYTES, "%04" PRIo64, (uint64_t)bound);
		return out;
	default:
		snprintf(out, UNITS_TEXT_BYTES, "%" PRId64, bound);
		return out;
	}
}

static int out_of_bounds(const struct parse *parse)
{
	char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES], expected[2 * UNITS_TEXT_BYTES + 32];
	const struct key *key = parse->key;

	snprintf(expected, sizeof(expected), "%s to %s",
		 values_format_number(low, key->type, key->min),
		 values_format_number(high, key->type, key->max));
	return wrong(parse, expected);
}

static bool in_bounds(const struct key *key, uint64_t value)
{
	return value <= (uint64_t)key->max && value >= (uint64_t)key->min;
}

static int parse_bool(const struct parse *parse)
{
	static const char *const names[][2] = {
		{"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};

	for (size_t i = 0; i < ARRAY_SIZE(names) * 2; i++) {
		if (strcasecmp(parse->text, names[i / 2][i % 2]) == 0) {
			*(bool *)parse->field = i % 2 == 1;
			return 0;
		}
	}
	return wrong(parse, "yes or no (or true, false, on, off, 1, 0)");
}

static int parse_count(const struct parse *parse)
{
	uint64_t count = 0;
	int rc = units_parse_count(parse->text, &count);

	/* A whole number below 0 is one that is out of bounds. */
	if (rc == -EINVAL && parse->text[0] == '-' &&
	    units_parse_count(parse->text + 1, &count) != -EINVAL)
		return out_of_bounds(parse);
	if (rc == -EINVAL)
		return wrong(parse, "a whole number");
	if (rc < 0 || !in_bounds(parse->key, count))
		return out_of_bounds(parse);
	*(unsigned *)parse->field = (unsigned)count;
	return 0;
}

static int parse_mode(const struct parse *parse)
{
	size_t len = strlen(parse->text);
	unsigned mode = 0;

	if (len == 0 || len > 5 || strspn(parse->text, "01234567") != len)
		return wrong(parse, "octal permissions such as 0660");
	for (size_t i = 0; i < len; i++)
		mode = mode * 8 + (unsigned)(parse->text[i] - '0');
	if (!in_bounds(parse->key, mode))
		return out_of_bounds(parse);
	*(unsigned *)parse->field = mode;
	return 0;
}

static int parse_size(const struct parse *parse)
{
	uint64_t size_bytes = 0;
	int rc = units_parse_size(parse->text, &size_bytes);

	if (rc == -EINVAL)
		return wrong(parse, "a size: bytes, or a number with K, M or G, such as 16M");
	if (rc < 0 || !in_bounds(parse->key, size_bytes))
		return out_of_bounds(parse);
	*(size_t *)parse->field = (size_t)size_bytes;
	return 0;
}

static int parse_duration(const struct parse *parse)
{
	int64_t duration_ns = 0;
	int rc = units_parse_duration(parse->text, &duration_ns);

	if (rc == -EINVAL)
		return wrong(parse, "a duration: 0, or a number with us, ms, s, min or h, such as "
				    "500ms");
	if (rc < 0 || !in_bounds(parse->key, (uint64_t)duration_ns))
		return out_of_bounds(parse);
	*(int64_t *)parse->field = duration_ns;
	return 0;
}

static int parse_choice(const struct parse *parse)
{
	const char *const *choices = parse->key->choices;
	char expected[128] = "";
	size_t used = 0;

	for (unsigned i = 0; choices[i] != NULL; i++) {
		if (strcmp(parse->text, choices[i]) == 0) {
			*(unsigned *)parse->field = i;
			return 0;
		}
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 i == 0			  ? ""
					 : choices[i + 1] == NULL ? " or "
								  : ", ",
					 choices[i]);
		assert(used < sizeof(expected));
	}
	return wrong(parse, expected);
}

static int keep_text(const struct parse *parse)
{
	const char *copy = arena_strdup(parse->arena, parse->text);

	if (copy == NULL)
		return -ENOMEM;
	*(const char **)parse->field = copy;
	return 0;
}

static int parse_path(const struct parse *parse)
{
	size_t len = strlen(parse->text);

	if (parse->text[0] != '/' || text_unfinished(parse->text))
		return wrong(parse, "an absolute path");
	if (len > (size_t)parse->key->max) {
		mistakes_add(parse->mistakes, parse->line,
			     "%s: the path has %zu bytes, and may have %" PRId64, parse->key->name,
			     len, parse->key->max);
		return -EINVAL;
	}
	return keep_text(parse);
}

const char *values_name_problem(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "a name";
	if (len > ITEM_MAX)
		return "a shorter name";
	if (!utf8_valid(name, len))
		return "a name in UTF-8";
	if (strpbrk(name, SEPARATORS "\n;#[]\\\"'=") != NULL)
		return "a name without white space and any of , ; # [ ] \\ \" ' =";
	return NULL;
}

static int parse_name(const struct parse *parse)
{
	const char *problem = values_name_problem(parse->text);

	return problem != NULL ? wrong(parse, problem) : keep_text(parse);
}

/* Its form was checked with the masking; of a conninfo no text may stand in a message. */
static int parse_conninfo(const struct parse *parse)
{
	const char *problem = NULL;

	if (parse->text[0] == '\0')
		problem = "it is empty; expected a libpq connection string, such as service=NAME";
	else if (parse->text[0] == ';' || parse->text[0] == '#')
		problem = "a connection string does not begin with ; or #";
	else if (text_unfinished(parse->text))
		problem = "it ends with a backslash, which joins a line with the one below";
	if (problem == NULL)
		return keep_text(parse);
	mistakes_add(parse->mistakes, parse->line, "%s: %s", parse->key->name, problem);
	return -EINVAL;
}

/* DOMAIN\user is a user's name where the host is in a domain. */
static const char *item_problem(const char *item)
{
	if (!utf8_valid(item, strlen(item)))
		return "names in UTF-8";
	if (strlen(item) > ITEM_MAX)
		return "shorter names";
	if (strpbrk(item, ";#=[]") != NULL || text_unfinished(item))
		return "names, separated by commas or spaces";
	return NULL;
}

static int parse_list(const struct parse *parse)
{
	size_t count = 0;
	char *copy = arena_strdup(parse->arena, parse->text), *rest = NULL;
	/* Every second byte may be a name. */
	const char **items =
		arena_calloc(parse->arena, strlen(parse->text) / 2 + 2, sizeof(*items));

	if (copy == NULL || items == NULL)
		return -ENOMEM;
	for (char *item = strtok_r(copy, SEPARATORS, &rest); item != NULL;
	     item = strtok_r(NULL, SEPARATORS, &rest)) {
		const char *problem = item_problem(item);

		if (problem != NULL)
			return wrong(parse, problem);
		items[count++] = item;
	}
	if (count == 0)
		return wrong(parse, "names, separated by commas or spaces");
	*(const char *const **)parse->field = items;
	return 0;
}

int values_parse(const struct key *key, const char *text, void *target, struct arena *arena,
		 struct mistakes *mistakes, unsigned line)
{
	static int (*const parsers[])(const struct parse *parse) = {
		[KEY_BOOL] = parse_bool,	 [KEY_COUNT] = parse_count,
		[KEY_MODE] = parse_mode,	 [KEY_SIZE] = parse_size,
		[KEY_DURATION] = parse_duration, [KEY_CHOICE] = parse_choice,
		[KEY_PATH] = parse_path,	 [KEY_NAME] = parse_name,
		[KEY_CONNINFO] = parse_conninfo, [KEY_LIST] = parse_list,
	};
	struct parse parse = {
		.key = key,
		.text = text,
		.field = (char *)target + key->offset,
		.arena = arena,
		.mistakes = mistakes,
		.line = line,
	};

	return parsers[key->type](&parse);
}
