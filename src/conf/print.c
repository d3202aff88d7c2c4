/* SPDX-License-Identifier: PostgreSQL */
/* A configuration as a file that loads to the same. Allocates nothing. */
#include "conf/config.h"

#include "conf/keys.h"
#include "conf/text.h"
#include "conf/units.h"
#include "conf/values.h"

#include <string.h>

/* Widest line of a list. */
#define LIST_WIDTH 90

static void print_list(const char *name, const char *const *items, FILE *stream)
{
	size_t width = strlen(name) + 2;

	fprintf(stream, "%s =", name);
	for (; *items != NULL; items++) {
		if (width + strlen(*items) > LIST_WIDTH) {
			fprintf(stream, "\n");
			width = 0;
		}
		fprintf(stream, " %s%s", *items, items[1] != NULL ? "," : "");
		width += strlen(*items) + 2;
	}
	fprintf(stream, "\n");
}

static void print_value(const struct key *key, const void *source, FILE *stream)
{
	const void *field = (const char *)source + key->offset;
	char text[UNITS_TEXT_BYTES];

	switch (key->type) {
	case KEY_BOOL:
		fprintf(stream, "%s = %s\n", key->name, *(const bool *)field ? "yes" : "no");
		return;
	case KEY_COUNT:
	case KEY_MODE:
		values_format_number(text, key->type, *(const unsigned *)field);
		break;
	case KEY_SIZE:
		units_format_size(text, *(const size_t *)field);
		break;
	case KEY_DURATION:
		units_format_duration(text, *(const int64_t *)field);
		break;
	case KEY_CHOICE:
		fprintf(stream, "%s = %s\n", key->name, key->choices[*(const unsigned *)field]);
		return;
	case KEY_LIST:
		if ((*(const char *const *const *)field)[0] == NULL)
			fprintf(stream, "; %s is absent\n", key->name);
		else
			print_list(key->name, *(const char *const *const *)field, stream);
		return;
	case KEY_PATH:
	case KEY_NAME:
	case KEY_CONNINFO:
		if (*(const char *const *)field == NULL)
			fprintf(stream, "; %s is absent\n", key->name);
		else
			text_print(stream, key->name, *(const char *const *)field);
		return;
	}
	fprintf(stream, "%s = %s\n", key->name, text);
}

static void print_keys(enum key_section kind, const void *source, FILE *stream)
{
	for (size_t i = 0; i < keys_count; i++) {
		if (keys[i].section == kind)
			print_value(&keys[i], source, stream);
	}
}

void config_print(const struct config *config, FILE *stream)
{
	fprintf(stream, "[gatherd]\n");
	print_keys(KEY_GATHERD, config, stream);
	for (size_t i = 0; i < config->database_count; i++) {
		struct config_database shown = config->databases[i];

		shown.conninfo = shown.conninfo_masked;
		fprintf(stream, "\n[database %s]\n", shown.name);
		print_keys(KEY_DATABASE, &shown, stream);
	}
	for (size_t i = 0; i < config->access_count; i++) {
		fprintf(stream, "\n[access %s]\n", config->accesses[i].name);
		print_keys(KEY_ACCESS, &config->accesses[i], stream);
	}
}
