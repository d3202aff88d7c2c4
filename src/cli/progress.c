/* SPDX-License-Identifier: PostgreSQL */
#include "cli/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

static void put(const char *text, size_t len)
{
	ssize_t ignored = write(STDERR_FILENO, text, len);

	(void)ignored;
}

void progress_start(struct progress *progress, bool quiet)
{
	int64_t now_ns = clock_now_ns(&clock_system);

	*progress = (struct progress){.on = !quiet && isatty(STDERR_FILENO) == 1,
				      .start_ns = now_ns,
				      .next_ns = now_ns + CLOCK_SECOND};
}

void progress_show(struct progress *progress, size_t done, size_t total, uint64_t rows)
{
	char text[128];
	int64_t now_ns;
	int len;

	if (!progress->on)
		return;
	now_ns = clock_now_ns(&clock_system);
	if (now_ns < progress->next_ns)
		return;
	progress->next_ns = now_ns + PROGRESS_TICK_MS * CLOCK_MS;
	progress->visible = true;
	/* Back to the start, clear the line. */
	len = snprintf(text, sizeof(text), "\r\033[K%zu of %zu queries, %llu rows, %lld s", done,
		       total, (unsigned long long)rows,
		       (long long)((now_ns - progress->start_ns) / CLOCK_SECOND));
	put(text, (size_t)len);
}

void progress_hide(struct progress *progress)
{
	if (!progress->visible)
		return;
	progress->visible = false;
	put("\r\033[K", 4);
}
