/* SPDX-License-Identifier: PostgreSQL */
/* From the reader's events to keys and fields. */
#include "conf/load.h"

#include "conf/conninfo.h"
#include "conf/reader.h"
#include "conf/text.h"
#include "conf/values.h"

#include <errno.h>
#include <string.h>

int load_init(struct load *load, struct config_private *private, struct mistakes *mistakes)
{
	*load = (struct load){.private = private, .mistakes = mistakes};
	list_init(&load->sections);
	buf_init(&load->value, LOAD_VALUE_MAX, NULL);
	load->gatherd = load_add_section(load, KEY_GATHERD, "", 0, &private->config);
	return load->gatherd == NULL ? -ENOMEM : 0;
}

void load_free(struct load *load)
{
	buf_free(&load->value);
}

/* The masked form, which also shows whether the string can be read at all. */
static int mask_conninfo(struct load *load, struct config_database *database, unsigned line)
{
	struct arena *arena = &load->private->arena;
	const char *problem = NULL;
	struct buf masked;
	int rc;

	buf_init(&masked, 0, NULL);
	rc = conninfo_mask(database->conninfo, &masked, &problem);
	if (rc < 0)
		mistakes_add(load->mistakes, line, "conninfo: %s", problem);
	else if (buf_error(&masked) == 0)
		database->conninfo_masked =
			arena_strndup(arena, buf_data(&masked), buf_len(&masked));
	if (rc == 0 && database->conninfo_masked == NULL)
		rc = -ENOMEM;
	buf_free(&masked);
	return rc;
}

static int set_value(struct load *load, const char *text)
{
	struct load_section *section = load->current;
	int rc = values_parse(load->key, text, section->target, &load->private->arena,
			      load->mistakes, load->key_line);

	if (rc < 0 || load->key->type != KEY_CONNINFO)
		return rc;
	((struct config_database *)section->target)->conninfo_line = load->key_line;
	return mask_conninfo(load, section->target, load->key_line);
}

/* The key above is complete: whatever comes is no line of its value. */
static void finish_key(struct load *load)
{
	const char *text;

	if (load->key == NULL)
		return;
	text = buf_cstr(&load->value);
	if (buf_error(&load->value) == -ENOBUFS)
		mistakes_add(load->mistakes, load->key_line, "%s: the value has more than %d bytes",
			     load->key->name, LOAD_VALUE_MAX);
	else if (text == NULL || set_value(load, text) == -ENOMEM)
		load->out_of_memory = true;
	load->key = NULL;
}

static void on_section(void *arg, unsigned line, const char *head)
{
	finish_key(arg);
	load_open_section(arg, line, head);
}

static const char *const heads[KEY_SECTIONS] = {"[gatherd]", "[database NAME]", "[access NAME]"};

static const char *elsewhere(const char *name, enum key_section kind)
{
	for (int other = 0; other < KEY_SECTIONS; other++) {
		if ((enum key_section)other != kind && key_find((enum key_section)other, name))
			return heads[other];
	}
	return NULL;
}

static void report_unknown_key(struct load *load, unsigned line, const char *name)
{
	enum key_section kind = load->current->kind;
	const char *head = elsewhere(name, kind);
	const struct key *near = key_nearest(kind, name);
	char shown[MISTAKES_SHOWN_BYTES];

	mistakes_show(shown, name);
	if (head != NULL)
		mistakes_add(load->mistakes, line, "key %s belongs into %s, not into %s", shown,
			     head, heads[kind]);
	else if (near != NULL)
		mistakes_add(load->mistakes, line, "unknown key %s; did you mean %s?", shown,
			     near->name);
	else
		mistakes_add(load->mistakes, line, "unknown key %s in %s", shown, heads[kind]);
}

static bool may_go_on(const struct key *key)
{
	return key->type == KEY_PATH || key->type == KEY_CONNINFO || key->type == KEY_LIST;
}

static enum reader_value on_key(void *arg, unsigned line, const char *name, const char *value)
{
	struct load *load = arg;
	struct load_section *section = load->current;
	const struct key *key;
	unsigned *first;

	finish_key(load);
	if (section == NULL) {
		if (!load->in_section)
			mistakes_add(load->mistakes, line,
				     "a key before the first section; begin with [gatherd] or "
				     "[database NAME]");
		return READER_VALUE_IGNORED;
	}
	key = key_find(section->kind, name);
	if (key == NULL) {
		report_unknown_key(load, line, name);
		return READER_VALUE_IGNORED;
	}
	first = &section->key_lines[key_index(key)];
	if (*first != 0) {
		mistakes_add(load->mistakes, line, "key %s is there already, in line %u", name,
			     *first);
		return READER_VALUE_IGNORED;
	}
	*first = line;
	load->key = key;
	load->key_line = line;
	buf_reset(&load->value);
	buf_puts(&load->value, value);
	return may_go_on(key) ? READER_VALUE_OPEN : READER_VALUE_SINGLE;
}

/* Given, if wrongly, is not missing; and what is left of a value that lost a line is not worth a
 * look. */
static void on_spoiled(void *arg, unsigned line, bool of_value, struct str name)
{
	struct load *load = arg;
	struct load_section *section = load->current;

	if (of_value)
		load->key = NULL;
	else
		finish_key(load);
	for (size_t i = 0; section != NULL && i < keys_count; i++) {
		unsigned *first = &section->key_lines[i];

		if (keys[i].section == section->kind && str_is(name, keys[i].name) && *first == 0)
			*first = line;
	}
}

static void on_more(void *arg, unsigned line, const char *text)
{
	struct load *load = arg;

	if (key_begins(text))
		mistakes_add(load->mistakes, line,
			     "the line is indented, so it would go on with the value of %s; keys "
			     "begin in the first column",
			     load->key->name);
	else
		text_join(&load->value, text);
}

/* The sections of a kind as the array that the configuration shows. */
static int collect(struct load *load, enum key_section kind, void *ret_array, size_t *ret_count)
{
	size_t size_bytes = key_section_size(kind), count = 0;
	char *array = arena_calloc(&load->private->arena, load->section_count, size_bytes);

	if (array == NULL)
		return -ENOMEM;
	list_for_each (node, &load->sections) {
		struct load_section *section = LIST_ENTRY(node, struct load_section, link);

		if (section->kind != kind || section->ignored)
			continue;
		memcpy(array + count++ * size_bytes, section->target, size_bytes);
	}
	memcpy(ret_array, &array, sizeof(array));
	*ret_count = count;
	return 0;
}

static bool is_empty(const struct load_section *section)
{
	for (size_t i = 0; i < ARRAY_SIZE(section->key_lines); i++)
		if (section->key_lines[i] != 0)
			return false;
	return true;
}

static void name_sections(struct load *load)
{
	list_for_each (node, &load->sections) {
		struct load_section *section = LIST_ENTRY(node, struct load_section, link);
		struct config_database *database = section->target;
		struct config_access *access = section->target;

		if (section->kind == KEY_DATABASE) {
			database->name = section->name;
			database->line = section->line;
		} else if (section->kind == KEY_ACCESS) {
			access->name = section->name;
			access->line = section->line;
			access->empty = is_empty(section);
		}
	}
}

int load_run(struct load *load, FILE *stream)
{
	static const struct reader_events events = {
		.section = on_section, .key = on_key, .spoiled = on_spoiled, .more = on_more};
	struct config *config = &load->private->config;
	int rc = reader_run(stream, &events, load, load->mistakes);

	finish_key(load);
	if (rc < 0)
		return rc;
	name_sections(load);
	rc = collect(load, KEY_DATABASE, &config->databases, &config->database_count);
	if (rc == 0)
		rc = collect(load, KEY_ACCESS, &config->accesses, &config->access_count);
	if (rc < 0 || load->out_of_memory)
		return -ENOMEM;
	load_check(load);
	return load->out_of_memory ? -ENOMEM : 0;
}
