/* SPDX-License-Identifier: PostgreSQL */
/* Sections: what their heads mean, and their structs with the defaults in them. */
#include "conf/load.h"

#include "base/nearest.h"
#include "conf/reader.h"
#include "conf/values.h"

#include <stdio.h>
#include <string.h>

static const char *const no_items[] = {NULL};

static int set_defaults(struct load *load, struct load_section *section)
{
	struct arena *arena = &load->private->arena;
	int rc = 0;

	for (size_t i = 0; i < keys_count && rc == 0; i++) {
		char *field = (char *)section->target + keys[i].offset;

		if (keys[i].section != section->kind)
			continue;
		if (keys[i].default_text != NULL)
			rc = values_parse(&keys[i], keys[i].default_text, section->target, arena,
					  load->mistakes, section->line);
		else if (keys[i].type == KEY_LIST)
			*(const char *const **)(void *)field = no_items;
	}
	return rc;
}

struct load_section *load_add_section(struct load *load, enum key_section kind, const char *name,
				      unsigned line, void *target)
{
	struct arena *arena = &load->private->arena;
	struct load_section *section = arena_calloc(arena, 1, sizeof(*section));

	if (section == NULL)
		return NULL;
	section->kind = kind;
	section->line = line;
	section->name = arena_strdup(arena, name);
	section->target = target != NULL ? target : arena_calloc(arena, 1, key_section_size(kind));
	if (section->name == NULL || section->target == NULL || set_defaults(load, section) < 0)
		return NULL;
	list_push_back(&load->sections, &section->link);
	load->section_count++;
	return section;
}

static struct load_section *find_section(const struct load *load, enum key_section kind,
					 const char *name)
{
	list_for_each (node, &load->sections) {
		struct load_section *section = LIST_ENTRY(node, struct load_section, link);

		if (section->kind == kind && !section->ignored && strcmp(section->name, name) == 0)
			return section;
	}
	return NULL;
}

/* What a head means: its kind (KEY_SECTIONS: unknown) and the name behind it. */
static enum key_section parse_head(const char *head, const char **ret_name)
{
	size_t word_len = strcspn(head, " \t");

	*ret_name = head + word_len + strspn(head + word_len, " \t");
	for (int kind = 0; kind < KEY_SECTIONS; kind++) {
		const char *word = key_section_name((enum key_section)kind);

		if (strlen(word) == word_len && memcmp(word, head, word_len) == 0)
			return (enum key_section)kind;
	}
	return KEY_SECTIONS;
}

static void report_unknown_section(struct load *load, unsigned line, const char *head)
{
	char shown[MISTAKES_SHOWN_BYTES], word[READER_HEAD_MAX + 1];
	struct nearest nearest;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(head, " \t"), head);
	nearest = nearest_to(word);
	for (int kind = 0; kind < KEY_SECTIONS; kind++)
		nearest_try(&nearest, key_section_name((enum key_section)kind));
	if (nearest.found != NULL)
		mistakes_add(load->mistakes, line, "unknown section [%s]; did you mean [%s%s]?",
			     mistakes_show(shown, head), nearest.found,
			     strcmp(nearest.found, "gatherd") == 0 ? "" : " NAME");
	else
		mistakes_add(load->mistakes, line,
			     "unknown section [%s]; there are [gatherd], [database NAME] and "
			     "[access NAME]",
			     mistakes_show(shown, head));
}

/* Whether the head is right, reported if not. */
static bool check_head(struct load *load, unsigned line, enum key_section kind, const char *name)
{
	char shown[MISTAKES_SHOWN_BYTES];
	const char *word = key_section_name(kind), *problem;

	if (kind == KEY_GATHERD) {
		if (*name != '\0')
			mistakes_add(load->mistakes, line, "[gatherd] takes no name");
		return *name == '\0';
	}
	problem = values_name_problem(name);
	if (problem == NULL && strlen(name) > VALUES_NAME_MAX)
		problem = "a shorter name";
	if (problem != NULL)
		mistakes_add(load->mistakes, line, "[%s %s]: expected %s", word,
			     mistakes_show(shown, name), problem);
	return problem == NULL;
}

void load_open_section(struct load *load, unsigned line, const char *head)
{
	struct load_section *section, *first;
	char shown[MISTAKES_SHOWN_BYTES];
	enum key_section kind;
	const char *name;

	load->current = NULL;
	load->in_section = true;
	if (head == NULL)
		return;
	kind = parse_head(head, &name);
	if (kind == KEY_SECTIONS) {
		report_unknown_section(load, line, head);
		return;
	}
	if (!check_head(load, line, kind, name))
		return;
	first = find_section(load, kind, name);
	if (first != NULL && first->line == 0) {
		first->line = line;
		load->current = first;
		return;
	}
	if (load->section_count == LOAD_SECTIONS_MAX) {
		mistakes_add(load->mistakes, line, "more than %d sections", LOAD_SECTIONS_MAX - 1);
		return;
	}
	section = load_add_section(load, kind, name, line, NULL);
	if (section == NULL) {
		load->out_of_memory = true;
		return;
	}
	if (first != NULL) {
		mistakes_add(load->mistakes, line, "section [%s] is there already, in line %u",
			     mistakes_show(shown, head), first->line);
		section->ignored = true;
	}
	load->current = section;
}
