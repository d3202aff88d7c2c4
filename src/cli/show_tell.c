/* SPDX-License-Identifier: PostgreSQL */
/* What is told on stderr of queries that failed, and of what they came to together. */
#include "cli/show.h"

#include "cli/complain.h"
#include "cli/failure.h"

#include <errno.h>

bool show_is_stepped(const struct show *show)
{
	return show->together != TOGETHER_NOT;
}

void show_tell_failure(struct show *show, size_t index, const struct gather_error *error)
{
	const struct item *item = &show->items.all[index];
	const struct failure_place place = {.noun = show_is_stepped(show) ? "step" : "query",
					    .number = index + 1,
					    .name = item->name,
					    .query = item->query};
	struct buf text;

	/* One line for all of them is enough. */
	if (conclusion_is_consequence(error)) {
		show->cancelled_count++;
		return;
	}
	show->told = true;
	/* In a terminal or a log that gets both, in order. */
	if (!show->stopped)
		output_flush(show->format->output);
	progress_make_way(show->progress);
	buf_init(&text, 0, NULL);
	failure_write(&text, &place, error);
	complain_text(&text);
	buf_free(&text);
}

void show_tell_consequences(struct show *show)
{
	/* A reader who has gone wants nothing more, not even to know that nothing was done. */
	if (show->cancelled_count == 0 || show->format->output->error == -EPIPE)
		return;
	progress_make_way(show->progress);
	if (show_is_stepped(show))
		complain("%zu %s cancelled or not run, without any effect", show->cancelled_count,
			 show->cancelled_count == 1 ? "step was" : "steps were");
	else
		complain("%zu %s cancelled, without any effect", show->cancelled_count,
			 show->cancelled_count == 1 ? "query was" : "queries were");
	show->cancelled_count = 0;
}

int show_conclude(struct show *show)
{
	struct conclusion conclusion = {.together = show->together,
					.told = show->told,
					.failed = show->failed,
					.doubt = show->doubt,
					.stopped = show->stopped};
	struct format *format = show->format;
	struct gather_event closing;
	struct buf text;
	int rc;

	if (buf_len(&show->closing) == 0)
		return 0;
	rc = document_read(show->document, buf_str(&show->closing));
	if (rc == 0)
		rc = event_read(show->document, &closing);
	if (rc < 0) {
		/* Nobody is told what came of it. */
		show->doubt = true;
		return rc;
	}
	if (!format->unordered && !show->stopped && format->ops->close != NULL)
		format->ops->close(format, &closing);
	buf_init(&text, 0, NULL);
	conclusion_write(&text, &conclusion, &closing.result);
	if (!show->stopped && buf_len(&text) > 0)
		output_flush(format->output);
	if (buf_len(&text) > 0)
		progress_make_way(show->progress);
	complain_text(&text);
	buf_free(&text);
	show->failed = conclusion.failed;
	show->doubt = conclusion.doubt;
	show->outcome_told = conclusion.outcome_told;
	return 0;
}

static bool is_unprinted(const struct show *show, const struct item *item)
{
	const struct output *output = show->format->output;

	if (!item->wrote)
		return false;
	if (show->format->ops->whole && !output->per_query)
		return !show->whole || !output_has_reached(output, show->end);
	return !item->printed || !output_has_reached(output, item->end);
}

bool show_tell_carried_out(const struct show *show)
{
	const char *noun = show_is_stepped(show) ? "step" : "query";
	const char *nouns = show_is_stepped(show) ? "steps" : "queries";
	size_t count = 0;

	if (show->together == TOGETHER_TRANSACTION && !show->committed)
		return false;
	for (size_t i = 0; i < show->items.count; i++)
		count += is_unprinted(show, &show->items.all[i]);
	/* It was, and its writes were printed, but not all of its reads. */
	if (count == 0 && (!show->committed || show->outcome_told))
		return show->committed;
	progress_make_way(show->progress);
	if (count == 0)
		complain(CONCLUSION_COMMITTED);
	else if (count == 1)
		complain("1 %s was carried out; its result was not printed", noun);
	else
		complain("%zu %s were carried out; their results were not printed", count, nouns);
	return true;
}
