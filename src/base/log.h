/* SPDX-License-Identifier: PostgreSQL */
/*
 * The daemon's log lines, to stderr. Only the daemon and main programs log; lower layers return
 * errors. A line never blocks: when stderr takes none it is dropped and counted.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * `journal`: begin lines with the journal's <N> priorities instead of time and level;
 * log_under_journal() says whether stderr is the journal's stream ($JOURNAL_STREAM).
 */
void log_open(int fd, enum log_level level, bool journal);
bool log_under_journal(int fd);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
uint64_t log_dropped(void);

/* One line, without its newline; control characters in it are escaped, so that one call is one
 * line. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                  \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
	} while (0)

#endif
