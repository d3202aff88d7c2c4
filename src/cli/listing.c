/* SPDX-License-Identifier: PostgreSQL */
#include "cli/listing.h"

#include "cli/ask.h"
#include "cli/complain.h"
#include "cli/format.h"
#include "cli/run.h"
#include "client/document.h"
#include "client/event.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* These answers take no query's time. */
#define ANSWER_MS 30000

static const char *request_line(enum options_verb verb)
{
	switch (verb) {
	case VERB_REPORTS:
		return "{\"reports\":true}";
	case VERB_STATS:
		return "{\"stats\":true}";
	default:
		return "{\"ping\":true}";
	}
}

/* One of the lines that listing_write_…() made, to the format. */
static int feed(struct format *format, struct document *document, struct str line, bool measure)
{
	const struct format_item item = {0};
	struct gather_event event;
	int rc;

	rc = document_read(document, line);
	if (rc == 0)
		rc = event_read(document, &event);
	if (rc != 0)
		return rc;
	if (!measure)
		format->ops->event(format, &item, &event);
	else if (format->ops->measure != NULL)
		format->ops->measure(format, &event);
	return format->output->error;
}

static int show_rows(struct format *format, struct document *document, struct str lines)
{
	int rc = 0;

	for (int pass = 0; pass < 2; pass++) {
		struct str rest = lines;

		while (rc == 0 && rest.len > 0) {
			size_t len = (size_t)((const char *)memchr(rest.data, '\n', rest.len) -
					      rest.data);

			rc = feed(format, document, (struct str){rest.data, len}, pass == 0);
			rest = (struct str){rest.data + len + 1, rest.len - len - 1};
		}
	}
	return rc;
}

static void write_pong(struct buf *out, struct document *document)
{
	const char *version = document_member_text(document, &document->root, "version");

	buf_printf(out, "gatherd %s is there, protocol %lld\n", version != NULL ? version : "?",
		   (long long)document_member_int64(&document->root, "protocol", 0));
}

static int show_answer(const struct options *options, struct document *document,
		       struct output *output)
{
	struct document *line_document;
	struct format format;
	struct buf lines;
	int rc = -ENOMEM;

	if (options->format == FORMAT_JSON || options->format == FORMAT_JSONL) {
		buf_append_str(&output->buf, document->root.raw);
		buf_putc(&output->buf, '\n');
		return output_flush(output);
	}
	if (options->verb == VERB_PING) {
		write_pong(&output->buf, document);
		return output_flush(output);
	}
	buf_init(&lines, 0, NULL);
	if (options->verb == VERB_STATS)
		listing_write_stats(&lines, &document->root);
	else
		listing_write_reports(&lines, &document->root);
	format_init(&format, options->format, output);
	line_document = document_new();
	if (line_document != NULL && buf_error(&lines) == 0)
		rc = show_rows(&format, line_document, buf_str(&lines));
	document_free(line_document);
	format_free(&format);
	buf_free(&lines);
	return rc < 0 ? rc : output_flush(output);
}

/* The answer's text, which lives with the connection. 0, or a gather_status after a message. */
static int ask(struct gather *gather, const struct options *options, struct str *ret_line)
{
	const char *request = request_line(options->verb);
	int rc;

	rc = ask_connect(gather, options);
	if (rc < 0)
		return rc;
	rc = gather_send_line(gather, request, strlen(request));
	if (rc == 0)
		rc = gather_receive_line(
			gather, options->max_time_ms > 0 ? options->max_time_ms : ANSWER_MS,
			&ret_line->data, &ret_line->len);
	if (rc < 0)
		complain("%s", gather_status_text(rc));
	return rc;
}

static int take_answer(const struct options *options, struct document *document, struct str line,
		       struct output *output)
{
	struct gather_event event;
	int rc;

	rc = document_read(document, line);
	if (rc == 0)
		rc = event_read(document, &event);
	if (rc != 0) {
		complain("%s",
			 rc == -ENOMEM ? "out of memory" : gather_status_text(GATHER_GARBLED));
		return EXIT_NOTHING;
	}
	if (event.kind == GATHER_EVENT_REFUSED) {
		complain("refused: %s: %s", gather_error_code(&event.error),
			 gather_error_message(&event.error));
		return EXIT_NOTHING;
	}
	rc = show_answer(options, document, output);
	if (rc == 0)
		rc = output_commit(output);
	if (rc == -EPIPE)
		return EXIT_SIGNAL(SIGPIPE);
	if (rc < 0)
		complain("%s: %s", output->what != NULL ? output->what : "standard output",
			 strerror(-rc));
	return rc < 0 ? EXIT_FAILED : EXIT_ALL_WELL;
}

int run_listing(const struct options *options)
{
	struct document *document = document_new();
	struct gather *gather = gather_new();
	int status = EXIT_NOTHING;
	struct output output;
	struct spool spool;
	struct str line;
	int rc;

	spool_init(&spool);
	signal(SIGPIPE, SIG_IGN);
	rc = output_open(&output, options->output, &spool, NULL);
	if (rc < 0)
		complain("%s: %s", options->output, output_why_not(rc));
	else if (document == NULL || gather == NULL)
		complain("out of memory");
	else if (ask(gather, options, &line) == 0)
		status = take_answer(options, document, line, &output);
	gather_free(gather);
	document_free(document);
	output_close(&output);
	spool_close(&spool);
	return status;
}
