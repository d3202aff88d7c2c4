/* SPDX-License-Identifier: PostgreSQL */
#include "cli/show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int show_init(struct show *show, const struct input *input, struct format *format,
	      struct spool *spool, struct progress *progress)
{
	*show = (struct show){.format = format, .spool = spool, .progress = progress};
	buf_init(&show->line, 0, NULL);
	buf_init(&show->closing, 0, NULL);
	show->document = document_new();
	if (show->document == NULL)
		return -ENOMEM;
	return items_init(&show->items, input);
}

void show_free(struct show *show)
{
	items_free(&show->items);
	buf_free(&show->line);
	buf_free(&show->closing);
	document_free(show->document);
}

/* With a file for each query: the one of the query whose turn it is. */
static int open_file(struct show *show, size_t index)
{
	const struct item *item = &show->items.all[index];
	char number[32];
	int rc;

	if (!show->format->output->per_query || show->file_open)
		return 0;
	snprintf(number, sizeof(number), "%zu", index + 1);
	rc = output_begin_file(show->format->output, item->name != NULL ? item->name : number);
	show->file_open = rc == 0;
	return rc;
}

/* An event of the query whose turn it is. */
static int deliver(struct show *show, size_t index, const struct gather_event *event)
{
	struct item *item = &show->items.all[index];
	struct format *format = show->format;
	struct format_item shown = {.name = item->name};
	int rc = 0;

	if (item->query != NULL)
		shown.title = item->query->title;
	else if (show->titles != NULL)
		shown.title = titles_find(show->titles, item->name);
	if (!show->stopped) {
		rc = open_file(show, index);
		if (rc == 0) {
			progress_hide(show->progress);
			format->ops->event(format, &shown, event);
			rc = format->output->error;
		}
		if (event->kind == GATHER_EVENT_DONE) {
			item->printed = rc == 0;
			item->end = output_place(format->output);
		}
	}
	/* Told after it was shown, since reading an error's texts is for people alone. */
	if (event->kind == GATHER_EVENT_ERROR)
		show_tell_failure(show, index, &event->error);
	return rc;
}

enum pass { MEASURE, SHOW };

/* A line that comes back from the spool. */
static int replay_line(struct show *show, size_t index, enum pass pass)
{
	const struct item *item = &show->items.all[index];
	struct gather_event event;
	int rc;

	rc = document_read(show->document, buf_str(&show->line));
	if (rc == 0)
		rc = event_read(show->document, &event);
	if (rc != 0)
		return rc;
	/* What came before an error is void. */
	if (item->failed && event.kind != GATHER_EVENT_ERROR)
		return 0;
	if (pass == SHOW)
		return deliver(show, index, &event);
	show->format->ops->measure(show->format, &event);
	return show->format->output->error;
}

static int replay_all(struct show *show, size_t index, enum pass pass)
{
	struct item *item = &show->items.all[index];
	int rc;

	while ((rc = spool_get(show->spool, &item->queue, &show->line)) > 0) {
		rc = replay_line(show, index, pass);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int replay(struct show *show, size_t index)
{
	struct item *item = &show->items.all[index];
	int rc = 0;

	if (show->format->ops->measure != NULL && !show->stopped) {
		rc = replay_all(show, index, MEASURE);
		spool_rewind(&item->queue);
	}
	if (rc == 0)
		rc = replay_all(show, index, SHOW);
	return rc == 0 ? spool_drop(show->spool, &item->queue) : rc;
}

/* The query whose turn it is has been shown; the next one follows. */
static int pass_turn(struct show *show)
{
	show->turn++;
	format_next_item(show->format);
	if (!show->file_open)
		return 0;
	show->file_open = false;
	return output_end_file(show->format->output);
}

/* Shows what can be shown now. */
static int advance(struct show *show)
{
	int rc = 0;

	while (rc == 0 && show->turn < show->items.count) {
		struct item *item = &show->items.all[show->turn];

		if (!item->closed &&
		    (show->format->ops->measure != NULL || item->queue.written == 0))
			break;
		rc = replay(show, show->turn);
		if (rc < 0 || !item->closed)
			break;
		rc = pass_turn(show);
	}
	return rc;
}

/* A query has one answer, and columns before rows; a report's queries are not known before. */
static bool is_next(const struct show *show, size_t index, enum gather_event_kind kind)
{
	const struct item *item = index < show->items.count ? &show->items.all[index] : NULL;

	if (item != NULL ? item->closed : show->items.fixed)
		return false;
	if (kind == GATHER_EVENT_COLUMNS)
		return item == NULL || !item->has_columns;
	return kind != GATHER_EVENT_ROWS || (item != NULL && item->has_columns);
}

/* Where the event belongs: 0, -EPROTO, or 1: it closes the item whose steps the queries are. */
static int place_event(const struct show *show, const struct gather_event *event, size_t *ret_index)
{
	bool closes = event->kind == GATHER_EVENT_DONE || event->kind == GATHER_EVENT_ERROR;
	size_t index = show_is_stepped(show) ? event->step : event->item;

	if (show_is_stepped(show) && (event->item != 0 || buf_len(&show->closing) > 0))
		return -EPROTO;
	if (show_is_stepped(show) && !event->has_step)
		return closes && show->items.closed_count == show->items.count ? 1 : -EPROTO;
	if (event->has_step != show_is_stepped(show) || !is_next(show, index, event->kind))
		return -EPROTO;
	*ret_index = index;
	return 0;
}

/* For the end, when all of the steps have been shown. */
static int keep_closing(struct show *show, const struct gather_event *event)
{
	struct format *format = show->format;

	buf_append_str(&show->closing, event->document->root.raw);
	show->committed = gather_result_outcome(&event->result) == GATHER_OUTCOME_COMMITTED;
	if (format->unordered && !show->stopped && format->ops->close != NULL)
		format->ops->close(format, event);
	return buf_error(&show->closing);
}

int show_event(struct show *show, const struct gather_event *event)
{
	bool closes = event->kind == GATHER_EVENT_DONE || event->kind == GATHER_EVENT_ERROR;
	struct item *item;
	size_t index;
	int rc;

	rc = place_event(show, event, &index);
	if (rc != 0)
		return rc < 0 ? rc : keep_closing(show, event);
	item = items_note(&show->items, index, event);
	if (item == NULL)
		return -ENOMEM;
	if (event->kind == GATHER_EVENT_ERROR) {
		show->failed = true;
		show->doubt |= gather_error_effects(&event->error) != GATHER_EFFECTS_NONE;
	}
	if (show->format->unordered)
		return deliver(show, index, event);
	/* Nothing needs to wait for its turn, nor can it where the spool is what has failed. */
	if (show->stopped)
		return event->kind == GATHER_EVENT_ERROR ? deliver(show, index, event) : 0;
	if (show->format->ops->measure == NULL && index == show->turn) {
		rc = deliver(show, index, event);
		if (rc < 0 || !closes)
			return rc;
		rc = pass_turn(show);
		return rc < 0 ? rc : advance(show);
	}
	rc = spool_put(show->spool, &item->queue, event->document->root.raw);
	if (rc < 0 || index != show->turn || !closes)
		return rc;
	return advance(show);
}

int show_end(struct show *show, const struct gather_event *end)
{
	struct format *format = show->format;
	int rc, concluded;

	progress_hide(show->progress);
	if (show->items.closed_count < show->items.count ||
	    (show_is_stepped(show) && buf_len(&show->closing) == 0))
		return -EPROTO;
	rc = format->unordered ? 0 : advance(show);
	if (rc < 0)
		show->stopped = true;
	show_tell_consequences(show);
	concluded = show_conclude(show);
	rc = rc == 0 ? concluded : rc;
	if (rc < 0 || show->stopped)
		return rc;
	if (format->ops->end != NULL)
		format->ops->end(format, end);
	show->whole = true;
	show->end = output_place(format->output);
	return output_flush(format->output);
}

void show_abandon(struct show *show)
{
	show->stopped = true;
	for (; !show->format->unordered && show->turn < show->items.count; show->turn++)
		if (show->items.all[show->turn].failed && replay(show, show->turn) < 0)
			break;
	show_tell_consequences(show);
	progress_hide(show->progress);
	show_conclude(show); /* for lack of memory the loss is told alone */
}
