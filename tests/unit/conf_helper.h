/* SPDX-License-Identifier: PostgreSQL */
/* Loading configurations from text, with what was said about them kept. */
#ifndef UNIT_CONF_HELPER_H
#define UNIT_CONF_HELPER_H

#include "conf/config.h"
#include "unit/suite.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELPER_PATH "f.ini"

struct helper_load {
	struct config *config;
	int rc;
	size_t mistakes;
	char said[65536]; /* a line each */
};

static inline void helper_say(void *arg, const char *text)
{
	struct helper_load *load = arg;
	size_t used = strlen(load->said);

	load->mistakes++;
	snprintf(load->said + used, sizeof(load->said) - used, "%s\n", text);
}

/* Also where the text holds NUL bytes. */
static inline struct helper_load helper_load_bytes(const void *bytes, size_t len)
{
	struct helper_load load = {.config = NULL};
	/* fmemopen takes no empty buffer */
	FILE *stream =
		len == 0 ? fopen("/dev/null", "r") : fmemopen((void *)(uintptr_t)bytes, len, "r");

	ck_assert_ptr_nonnull(stream);
	load.rc = config_load_stream(stream, HELPER_PATH, &load.config, helper_say, &load);
	fclose(stream);
	if (load.rc < 0)
		ck_assert_ptr_null(load.config);
	else
		ck_assert_ptr_nonnull(load.config);
	return load;
}

static inline struct helper_load helper_load_text(const char *text)
{
	return helper_load_bytes(text, strlen(text));
}

/* A configuration that must be right. */
static inline struct config *helper_must_load(const char *text)
{
	struct helper_load load = helper_load_text(text);

	ck_assert_msg(load.rc == 0, "rc %d:\n%s\nof:\n%s", load.rc, load.said, text);
	ck_assert_uint_eq(load.mistakes, 0);
	return load.config;
}

/* What is said about a text that must be wrong, exactly. */
static inline void helper_must_say(const char *text, const char *said)
{
	struct helper_load load = helper_load_text(text);

	ck_assert_int_eq(load.rc, -EINVAL);
	ck_assert_str_eq(load.said, said);
}

/* config_print's text; the caller frees it. */
static inline char *helper_print(const struct config *config)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(stream);
	config_print(config, stream);
	fclose(stream);
	return text;
}

#endif
