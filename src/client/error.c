/* SPDX-License-Identifier: PostgreSQL */
/* The public accessors of errors. */
#include "client/event.h"

static const char *text_member(const struct gather_error *error, const char *key)
{
	return document_member_text(error->document, error->object, key);
}

const char *gather_error_code(const struct gather_error *error)
{
	const char *code = text_member(error, "code");

	return code != NULL ? code : "internal";
}

const char *gather_error_message(const struct gather_error *error)
{
	const char *message = text_member(error, "message");

	return message != NULL ? message : "";
}

const char *gather_error_sqlstate(const struct gather_error *error)
{
	return text_member(error, "sqlstate");
}

enum gather_effects gather_error_effects(const struct gather_error *error)
{
	const char *effects = text_member(error, "effects");

	if (effects != NULL && strcmp(effects, "none") == 0)
		return GATHER_EFFECTS_NONE;
	if (effects != NULL && strcmp(effects, "done") == 0)
		return GATHER_EFFECTS_DONE;
	return GATHER_EFFECTS_UNKNOWN;
}

int gather_error_position(const struct gather_error *error)
{
	int64_t position = document_member_int64(error->object, "position", 0);

	return position > 0 && position <= INT32_MAX ? (int)position : 0;
}

int gather_error_line(const struct gather_error *error)
{
	int64_t line = document_member_int64(error->object, "line", 0);

	return line > 0 && line <= INT32_MAX ? (int)line : 0;
}

const char *gather_error_field(const struct gather_error *error, const char *field)
{
	return text_member(error, field);
}

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

bool gather_error_may_retry(const struct gather_error *error)
{
	static const char *const codes[] = {"queue_full",      "unavailable", "shutting_down",
					    "connection_lost", "timeout",     NULL};
	static const char *const states[] = {"40001", "40P01", "53300", "57P01",
					     "57P02", "57P03", NULL};
	const char *code = gather_error_code(error), *state = gather_error_sqlstate(error);

	if (gather_error_effects(error) != GATHER_EFFECTS_NONE)
		return false;
	return is_one_of(code, codes) ||
	       (strcmp(code, "sql") == 0 && state != NULL && is_one_of(state, states));
}

const char *gather_status_text(int status)
{
	switch (status) {
	case GATHER_OK:
		return "no error";
	case GATHER_INVALID:
		return "invalid use";
	case GATHER_NO_MEMORY:
		return "out of memory";
	case GATHER_UNREACHABLE:
		return "gatherd cannot be reached";
	case GATHER_TIMED_OUT:
		return "no answer in time";
	case GATHER_INTERRUPTED:
		return "interrupted";
	case GATHER_LOST:
		return "gatherd went away before the answer";
	case GATHER_CLOSED:
		return "gatherd closed the connection";
	case GATHER_TOO_LARGE:
		return "an answer is longer than the limit";
	case GATHER_GARBLED:
		return "the answer makes no sense";
	case GATHER_REFUSED:
		return "gatherd refused the request";
	case GATHER_SYSTEM:
		return "the operating system failed";
	default:
		return "unknown error";
	}
}

const char *gather_version(void)
{
	return PACKAGE_VERSION;
}
