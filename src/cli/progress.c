/* SPDX-License-Identifier: PostgreSQL */
#include "cli/progress.h"

#include "base/clock.h"
#include "cli/output.h"

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

	bool terminal = isatty(STDERR_FILENO) == 1;

	*progress = (struct progress){.on = !quiet && terminal,
				      .terminal = terminal,
				      .start_ns = now_ns,
				      .next_ns = now_ns + CLOCK_SECOND};
}

void progress_share(struct progress *progress, const struct output *output)
{
	if (progress->terminal && output->fd >= 0 && isatty(output->fd) == 1)
		progress->output = output;
}

/* What has begun a line, or would go on behind the progress. */
static bool is_output_busy(const struct output *output)
{
	return output != NULL && (output->within_line || output_blocked(output));
}

void progress_show(struct progress *progress, size_t done, size_t total, uint64_t rows)
{
	char text[128];
	int64_t now_ns;
	int len;

	if (!progress->on || is_output_busy(progress->output))
		return;
	now_ns = clock_now_ns(&clock_system);
	if (now_ns < progress->next_ns)
		return;
	progress->next_ns = now_ns + PROGRESS_TICK_MS * CLOCK_MS;
	progress->visible = true;
	/* Back to the start, clear the line. */
	len = snprintf(text, sizeof(text), "\r\033[K%zu of %zu %s, %llu %s, %lld s", done, total,
		       total == 1 ? "query" : "queries", (unsigned long long)rows,
		       rows == 1 ? "row" : "rows",
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

void progress_make_way(struct progress *progress)
{
	const struct output *output = progress->output;

	progress_hide(progress);
	if (output == NULL || !output->within_line || output->written == progress->broken_at)
		return;
	progress->broken_at = output->written;
	put("\n", 1);
}
