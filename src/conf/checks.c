/* SPDX-License-Identifier: PostgreSQL */
/* What a configuration's keys must be to each other. Single values have been checked when they were
 * read. */
#include "base/nearest.h"
#include "conf/load.h"
#include "conf/units.h"

#include <assert.h>
#include <string.h>

/* 0: the key is not in the file. */
static unsigned given_line(const struct load_section *section, const char *name)
{
	const struct key *key = key_find(section->kind, name);

	assert(key != NULL);
	return section->key_lines[key_index(key)];
}

/* Where a mistake about the key is reported: its line, else the section's. */
static unsigned line_of(const struct load_section *section, const char *name)
{
	unsigned line = given_line(section, name);

	return line != 0 ? line : section->line;
}

/* A mistake between two keys stands at the later of them. */
static unsigned later_line(const struct load_section *section, const char *a, const char *b)
{
	return MAX(line_of(section, a), line_of(section, b));
}

static void check_sizes(struct load *load)
{
	const struct load_section *section = load->gatherd;
	const struct config *config = &load->private->config;
	const struct {
		const char *name;
		size_t size_bytes;
	} parts[] = {
		{"max_request", config->max_request_bytes},
		{"max_answer", config->max_answer_bytes},
		{"item_buffer", config->item_buffer_bytes},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char part[UNITS_TEXT_BYTES], limit[UNITS_TEXT_BYTES];

		if (parts[i].size_bytes <= config->memory_limit_bytes)
			continue;
		mistakes_add(load->mistakes, later_line(section, parts[i].name, "memory_limit"),
			     "%s (%s) is more than memory_limit (%s)", parts[i].name,
			     units_format_size(part, parts[i].size_bytes),
			     units_format_size(limit, config->memory_limit_bytes));
	}
}

static void check_timeouts(struct load *load)
{
	const struct load_section *section = load->gatherd;
	const struct config *config = &load->private->config;
	char timeout[UNITS_TEXT_BYTES], limit[UNITS_TEXT_BYTES];

	if (config->max_request_timeout_ns == 0 ||
	    config->request_timeout_ns <= config->max_request_timeout_ns)
		return;
	mistakes_add(load->mistakes, later_line(section, "request_timeout", "max_request_timeout"),
		     "request_timeout (%s) is more than max_request_timeout (%s)",
		     units_format_duration(timeout, config->request_timeout_ns),
		     units_format_duration(limit, config->max_request_timeout_ns));
}

static void report_unknown_database(struct load *load, unsigned line, const char *key,
				    const char *name)
{
	const struct config *config = &load->private->config;
	struct nearest nearest = nearest_to(name);
	char shown[MISTAKES_SHOWN_BYTES], question[NEAREST_QUESTION_BYTES];

	for (size_t i = 0; i < config->database_count; i++)
		nearest_try(&nearest, config->databases[i].name);
	mistakes_add(load->mistakes, line, "%s: there is no section [database %s]%s", key,
		     mistakes_show(shown, name), nearest_question(&nearest, question));
}

static void check_default_database(struct load *load)
{
	struct config *config = &load->private->config;
	const char *name = config->default_database;

	if (config->database_count == 0)
		mistakes_add(load->mistakes, 1, "there is no [database NAME] section");
	else if (name == NULL && config->database_count == 1)
		config->default_database = config->databases[0].name;
	else if (name != NULL && config_find_database(config, name) == NULL)
		report_unknown_database(load, line_of(load->gatherd, "default_database"),
					"default_database", name);
}

static void check_database(struct load *load, const struct load_section *section)
{
	const struct config_database *database = section->target;

	/* Given with a mistake is not missing. */
	if (given_line(section, "conninfo") == 0)
		mistakes_add(load->mistakes, section->line,
			     "[database %s] needs conninfo = CONNECTION STRING", section->name);
	if (database->pool_min > database->pool_max)
		mistakes_add(load->mistakes, later_line(section, "pool_min", "pool_max"),
			     "pool_min (%u) is more than pool_max (%u)", database->pool_min,
			     database->pool_max);
}

static void check_access(struct load *load, const struct load_section *section)
{
	const struct config_access *access = section->target;

	for (const char *const *name = access->databases; *name != NULL; name++) {
		if (config_find_database(&load->private->config, *name) == NULL)
			report_unknown_database(load, line_of(section, "databases"), "databases",
						*name);
	}
}

static void note_lines(struct load *load)
{
	struct config *config = &load->private->config;

	config->socket_line = given_line(load->gatherd, "socket");
	config->socket_group_line = given_line(load->gatherd, "socket_group");
	config->report_dir_line = given_line(load->gatherd, "report_dir");
}

void load_check(struct load *load)
{
	note_lines(load);
	check_sizes(load);
	check_timeouts(load);
	check_default_database(load);
	list_for_each (node, &load->sections) {
		const struct load_section *section = LIST_ENTRY(node, struct load_section, link);

		if (section->ignored)
			continue;
		if (section->kind == KEY_DATABASE)
			check_database(load, section);
		else if (section->kind == KEY_ACCESS)
			check_access(load, section);
	}
}
