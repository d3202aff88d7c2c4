/* SPDX-License-Identifier: PostgreSQL */
#include "base/log.h"

#include "base/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A pipe that polls writable takes PIPE_BUF bytes at once, so a longer line could block: it is cut.
 */
#define LOG_LINE_BYTES 4000

static struct {
	int fd;
	int own; /* opened here; -1: none */
	enum log_level level;
	bool journal;
	bool torn; /* of the last line only the beginning was taken */
	uint64_t dropped;
	uint64_t dropped_reported;
} logger = {.fd = STDERR_FILENO, .own = -1, .level = LOG_LEVEL_INFO};

/*
 * A pipe or a terminal anew, where we may say that nothing waits: `fd` is shared with whoever
 * started us, and with his other programs. Not everybody may do it. -1: `fd` has to do.
 */
static int open_own(int fd)
{
	char path[32];
	struct stat st;

	if (!isatty(fd) && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_open(int fd, enum log_level level, bool journal)
{
	if (logger.own >= 0)
		close(logger.own);
	logger.own = open_own(fd);
	logger.fd = logger.own >= 0 ? logger.own : fd;
	logger.torn = false;
	logger.level = level;
	logger.journal = journal;
}

bool log_under_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat st;

	if (stream == NULL || fstat(fd, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_set_level(enum log_level level)
{
	logger.level = level;
}

bool log_enabled(enum log_level level)
{
	return level <= logger.level;
}

uint64_t log_dropped(void)
{
	return logger.dropped;
}

static ssize_t write_bytes(const char *bytes, size_t len)
{
	struct pollfd pfd = {.fd = logger.fd, .events = POLLOUT};
	ssize_t sent = send(logger.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0 || errno != ENOTSOCK)
		return sent;
	/* Without a reader it would take the line and raise SIGPIPE. */
	if (poll(&pfd, 1, 0) != 1 || pfd.revents != POLLOUT)
		return -1;
	return write(logger.fd, bytes, len);
}

static bool write_line(const char *line, size_t len)
{
	ssize_t sent;

	if (logger.torn && write_bytes("\n", 1) != 1)
		return false;
	sent = write_bytes(line, len);
	logger.torn = sent > 0 && sent < (ssize_t)len;
	return sent == (ssize_t)len;
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
	static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
	static const int priorities[] = {3, 4, 6, 7};
	struct timespec ts;
	struct tm tm;
	size_t len;

	if (logger.journal)
		return (size_t)snprintf(line, size, "<%d>", priorities[level]);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(line + len, size - len, ".%03ldZ %s ", ts.tv_nsec / 1000000,
				      names[level]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_BYTES], line[LOG_LINE_BYTES];
	size_t len;
	va_list args;

	if (!log_enabled(level))
		return;
	if (logger.dropped > logger.dropped_reported) {
		len = write_prefix(line, sizeof(line), LOG_LEVEL_WARNING);
		len += (size_t)snprintf(
			line + len, sizeof(line) - len, "%llu log lines were dropped\n",
			(unsigned long long)(logger.dropped - logger.dropped_reported));
		if (write_line(line, len))
			logger.dropped_reported = logger.dropped;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = write_prefix(line, sizeof(line), level);
	len += printable_line(line + len, sizeof(line) - len - 1, text);
	line[len++] = '\n';
	if (!write_line(line, len))
		logger.dropped++;
}
