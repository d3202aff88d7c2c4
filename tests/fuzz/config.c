/* SPDX-License-Identifier: PostgreSQL */
/*
 * Configuration files. Either there are mistakes and all are told, in the file's order and fit for
 * a terminal; or the file loads, and what config_print() makes of it loads to the same.
 */
#include "conf/config.h"

#include "conf/mistakes.h"
#include "fuzz.h"

#include <ctype.h>
#include <errno.h>

#define PATH "fuzz.conf"

struct told {
	size_t count;
	unsigned long last_line;
};

static void take_mistake(void *arg, const char *text)
{
	struct told *told = arg;
	unsigned long line = 0;
	const char *rest = text + strlen(PATH);
	char *end;

	if (told->count++ == MISTAKES_MAX) {
		FUZZ_CHECK(strncmp(text, "and ", 4) == 0); /* so many more */
		return;
	}
	FUZZ_CHECK(strncmp(text, PATH ":", strlen(PATH ":")) == 0);
	if (isdigit((unsigned char)rest[1])) {
		line = strtoul(rest + 1, &end, 10);
		FUZZ_CHECK(end[0] == ':' && end[1] == ' ' && end[2] != '\0');
	} else {
		FUZZ_CHECK(rest[1] == ' ' && rest[2] != '\0');
	}
	/* Those of the file as a whole have no line, and may stand at either end. */
	FUZZ_CHECK(line == 0 || line >= told->last_line);
	told->last_line = MAX(line, told->last_line);
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		FUZZ_CHECK(*c >= 0x20 && *c != 0x7f);
		FUZZ_CHECK(*c != 0xc2 || c[1] >= 0xa0);
	}
}

static int load(struct str text, struct config **ret_config)
{
	/* fmemopen takes no empty buffer for reading in every libc; a file may end in a newline. */
	FILE *stream = text.len > 0 ? fmemopen((void *)(uintptr_t)text.data, text.len, "r")
				    : fopen("/dev/null", "r");
	struct told told = {0};
	int rc;

	FUZZ_CHECK(stream != NULL);
	rc = config_load_stream(stream, PATH, ret_config, take_mistake, &told);
	fclose(stream);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL);
	FUZZ_CHECK((rc == 0) == (told.count == 0));
	return rc;
}

static void check_list(const char *const *list)
{
	FUZZ_CHECK(list != NULL);
	for (; *list != NULL; list++)
		FUZZ_CHECK((*list)[0] != '\0');
}

static void check_config(const struct config *config)
{
	FUZZ_CHECK(config->socket != NULL && config->max_clients > 0);
	FUZZ_CHECK(config->max_request_timeout_ns >= 0 && config->request_timeout_ns >= 0);
	if (config->default_database != NULL)
		FUZZ_CHECK(config_find_database(config, config->default_database) != NULL);
	for (size_t i = 0; i < config->database_count; i++) {
		const struct config_database *database = &config->databases[i];

		FUZZ_CHECK(config_find_database(config, database->name) == database);
		FUZZ_CHECK(database->pool_max >= 1 && database->pool_min <= database->pool_max);
		FUZZ_CHECK(database->conninfo != NULL && database->conninfo_masked != NULL);
		FUZZ_CHECK(database->server_connect_timeout_ns >= 0);
	}
	for (size_t i = 0; i < config->access_count; i++) {
		check_list(config->accesses[i].users);
		check_list(config->accesses[i].groups);
		check_list(config->accesses[i].databases);
	}
}

static char *print(const struct config *config, size_t *ret_len)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, ret_len);

	FUZZ_CHECK(stream != NULL);
	config_print(config, stream);
	fclose(stream);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	struct config *config = NULL, *again = NULL;
	char *printed, *printed_again;
	size_t len, len_again;

	if (load(fuzz_rest(&input), &config) < 0) {
		FUZZ_CHECK(config == NULL);
		return 0;
	}
	check_config(config);
	printed = print(config, &len);
	if (load((struct str){printed, len}, &again) < 0) {
		fuzz_show("printed", (struct str){printed, len});
		FUZZ_CHECK(!"what was printed loads");
	}
	FUZZ_CHECK(again->database_count == config->database_count);
	FUZZ_CHECK(again->access_count == config->access_count);
	printed_again = print(again, &len_again);
	FUZZ_CHECK_SAME(((struct str){printed_again, len_again}), ((struct str){printed, len}));
	free(printed);
	free(printed_again);
	config_free(config);
	config_free(again);
	return 0;
}
