/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"

#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>

const char *err_code_name(enum err_code code)
{
	static const char *const names[ERR_CODE_COUNT] = {
		[ERR_NONE] = "none",
		[ERR_SQL] = "sql",
		[ERR_TIMEOUT] = "timeout",
		[ERR_CANCELLED] = "cancelled",
		[ERR_SKIPPED] = "skipped",
		[ERR_BAD_REQUEST] = "bad_request",
		[ERR_TOO_LARGE] = "too_large",
		[ERR_DENIED] = "denied",
		[ERR_UNKNOWN_DATABASE] = "unknown_database",
		[ERR_UNKNOWN_REPORT] = "unknown_report",
		[ERR_QUEUE_FULL] = "queue_full",
		[ERR_UNAVAILABLE] = "unavailable",
		[ERR_CONNECTION_LOST] = "connection_lost",
		[ERR_SHUTTING_DOWN] = "shutting_down",
		[ERR_INTERNAL] = "internal",
	};

	assert(code < ERR_CODE_COUNT);
	return names[code];
}

const char *err_effects_name(enum err_effects effects)
{
	static const char *const names[] = {
		[ERR_EFFECTS_NONE] = "none",
		[ERR_EFFECTS_DONE] = "done",
		[ERR_EFFECTS_UNKNOWN] = "unknown",
	};

	return names[effects];
}

void err_set(struct err *err, struct arena *arena, enum err_code code, enum err_effects effects,
	     const char *fmt, ...)
{
	va_list args;

	*err = (struct err){.code = code, .effects = effects, .message = fmt};
	if (arena == NULL)
		return;
	va_start(args, fmt);
	err->message = arena_vprintf(arena, fmt, args);
	va_end(args);
	if (err->message == NULL)
		err->message = "out of memory while describing the error";
}

void err_set_static(struct err *err, enum err_code code, enum err_effects effects,
		    const char *message)
{
	*err = (struct err){.code = code, .effects = effects, .message = message};
}
