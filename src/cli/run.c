/* SPDX-License-Identifier: PostgreSQL */
#include "cli/run.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/complain.h"
#include "cli/input.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "cli/signals.h"
#include "cli/template.h"
#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* How long the daemon may take beyond the time limit that it was told, while it says nothing at
 * all. */
#define GRACE_NS (10 * CLOCK_SECOND)
/* And to say what a cancel came to. */
#define CANCEL_NS (5 * CLOCK_SECOND)

struct run {
	const struct options *options;
	struct gather *gather;
	struct show show;
	struct titles titles;
	struct format format;
	struct output output;
	struct spool spool;
	struct progress progress;
	int64_t id;
	int64_t deadline_ns; /* for the daemon to say something */
	bool cancelling;
	bool refused, ended;
	int lost; /* the gather_status that ended it early, or 0 */
};

/* Until the daemon, a signal or the output's reader has something for us, or the time is over. */
static void wait_ready(struct run *run, int64_t timeout_ms)
{
	struct pollfd fds[] = {
		{gather_fd(run->gather), POLLIN, 0},
		{run->gather->wake_fd, POLLIN, 0},
		{output_blocked(&run->output) ? run->output.fd : -1, POLLOUT, 0},
	};

	if (gather_wants_write(run->gather))
		fds[0].events |= POLLOUT;
	/* Whatever it says: all of them are tried again. */
	(void)poll(fds, ARRAY_SIZE(fds), (int)MIN(timeout_ms, (int64_t)INT32_MAX));
}

/*
 * What was printed last is seen before a wait, but not every line costs a write. 0, a
 * gather_status, or 1: the output failed.
 */
static int wait_event(struct run *run, const struct gather_event **ret_event)
{
	int64_t now_ns, left_ms;
	int rc;

	while ((rc = gather_next(run->gather, 0, ret_event)) == GATHER_TIMED_OUT) {
		if (!run->show.stopped && output_flush(&run->output) < 0)
			return 1;
		progress_show(&run->progress, run->show.items.closed_count, run->show.items.count,
			      run->show.items.row_count);
		now_ns = clock_now_ns(&clock_system);
		if (now_ns >= run->deadline_ns)
			return GATHER_TIMED_OUT;
		left_ms = run->deadline_ns == CLOCK_NEVER
				  ? -1
				  : (run->deadline_ns - now_ns) / CLOCK_MS + 1;
		if (run->progress.on)
			left_ms = left_ms < 0 ? PROGRESS_TICK_MS : MIN(left_ms, PROGRESS_TICK_MS);
		wait_ready(run, left_ms);
	}
	return rc;
}

/* No more output; the daemon is asked to stop everything and to say what came of it. */
static void cancel(struct run *run)
{
	if (run->cancelling)
		return;
	run->cancelling = true;
	run->show.stopped = true;
	run->deadline_ns = clock_after_ns(clock_now_ns(&clock_system), CANCEL_NS);
	/* If it fails the connection has, which the next wait tells. */
	(void)gather_cancel(run->gather, run->id);
}

/* The output or the spool took no more. Says why, but for a reader who has gone and a signal. */
static void output_failed(struct run *run, int error)
{
	/* What was there before the nonsense is good. */
	if (error == -EPROTO && !run->show.stopped)
		output_flush(&run->output);
	run->show.stopped = true;
	if (error == -EPROTO) {
		run->lost = GATHER_GARBLED;
		return;
	}
	if (run->output.error == 0)
		run->output.error = error;
	progress_hide(&run->progress);
	if (run->cancelling || error == -EPIPE || error == -EINTR)
		return;
	progress_make_way(&run->progress);
	output_complain(&run->output);
}

/* What of the command line a key of its request stands for; NULL: nothing that its user wrote. */
static const char *option_of(const char *key)
{
	static const struct {
		const char *key, *option;
	} options[] = {{"concurrency", "-j"}, {"snapshot", "--snapshot"}, {"timeout", "-m"}};

	for (size_t i = 0; key != NULL && i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].key, key) == 0)
			return options[i].option;
	return NULL;
}

static void refused(struct run *run, const struct gather_error *error)
{
	const char *option = option_of(gather_error_field(error, "key"));

	run->refused = true;
	progress_make_way(&run->progress);
	complain("refused: %s: %s%s%s%s", gather_error_code(error), gather_error_message(error),
		 option != NULL ? " (" : "", option != NULL ? option : "",
		 option != NULL ? ")" : "");
}

static int take_event(struct run *run, const struct gather_event *event)
{
	switch (event->kind) {
	case GATHER_EVENT_REFUSED:
		refused(run, &event->error);
		run->ended = true;
		return 0;
	case GATHER_EVENT_END:
		run->ended = true;
		return show_end(&run->show, event);
	case GATHER_EVENT_ANSWER:
		return -EPROTO;
	default:
		return show_event(&run->show, event);
	}
}

/* The time limit is the daemon's to keep; this is for one that does not. It counts from the last
 * sign of life. */
static void renew_deadline(struct run *run, int64_t started_ns)
{
	int64_t limit_ns;

	if (run->cancelling || run->options->max_time_ms == 0)
		return;
	limit_ns = clock_after_ns(started_ns, run->options->max_time_ms > INT64_MAX / CLOCK_MS
						      ? CLOCK_NEVER
						      : run->options->max_time_ms * CLOCK_MS);
	run->deadline_ns = clock_after_ns(MAX(limit_ns, clock_now_ns(&clock_system)), GRACE_NS);
}

/* Until the answer is complete, or never will be. */
static void receive(struct run *run)
{
	int64_t started_ns = clock_now_ns(&clock_system);

	run->deadline_ns = CLOCK_NEVER;
	while (!run->ended && run->lost == 0) {
		const struct gather_event *event;
		int rc;

		renew_deadline(run, started_ns);
		rc = wait_event(run, &event);
		if (rc > 0) {
			output_failed(run, run->output.error);
		} else if (rc == 0) {
			rc = take_event(run, event);
			if (rc < 0)
				output_failed(run, rc);
		} else if (rc != GATHER_INTERRUPTED) {
			run->lost = rc;
		}
		if (signals_caught != 0 || run->output.error < 0)
			cancel(run);
	}
}

static void tell_loss(struct run *run)
{
	progress_make_way(&run->progress);
	if (run->lost == GATHER_TIMED_OUT)
		complain("no answer from gatherd in time");
	else if (run->lost == GATHER_GARBLED)
		complain("%s", gather_status_text(run->lost));
	else
		complain("%s", gather_message(run->gather));
}

static int status_of(struct run *run)
{
	if (signals_caught != 0)
		return EXIT_SIGNAL(signals_caught);
	if (run->output.error == -EPIPE)
		return EXIT_SIGNAL(SIGPIPE);
	if (run->refused)
		return EXIT_NOTHING;
	if (run->lost == GATHER_LOST && gather_effects(run->gather) == GATHER_EFFECTS_NONE)
		return EXIT_NOTHING;
	if (run->lost != 0 || run->show.doubt)
		return EXIT_DOUBT;
	return run->show.failed || run->output.error < 0 ? EXIT_FAILED : EXIT_ALL_WELL;
}

/* Once the request has been sent: to its end, whatever that is. */
static int finish(struct run *run)
{
	int status;

	receive(run);
	/* Nothing is to be read any more: now there is time for a slow reader. */
	if (!run->show.stopped && output_finish(&run->output) < 0)
		output_failed(run, run->output.error);
	if (!run->ended)
		show_abandon(&run->show);
	if (run->lost != 0)
		tell_loss(run);
	status = status_of(run);
	if (signals_caught != 0 && run->output.error != -EPIPE) {
		progress_make_way(&run->progress);
		complain(run->show.doubt || run->lost != 0
				 ? "cancelled; some query may have taken effect"
				 : "cancelled");
	}
	if (status == EXIT_ALL_WELL && output_commit(&run->output) < 0) {
		progress_make_way(&run->progress);
		output_complain(&run->output);
		status = EXIT_FAILED;
	}
	if (status != EXIT_ALL_WELL && show_tell_carried_out(&run->show) && status == EXIT_FAILED)
		status = EXIT_DOUBT;
	return status;
}

/* Names that are known beforehand and cannot be files. */
static int check_file_names(const struct output *output, const struct input *input)
{
	for (size_t i = 0; output->per_query && i < input->count; i++) {
		const char *name = input->queries[i].name;

		if (name != NULL && !template_name_valid(name)) {
			complain("%s:%u: %s cannot be a file's name", input->queries[i].file,
				 input->queries[i].line, name);
			return -EINVAL;
		}
	}
	return 0;
}

static int start(struct run *run, const struct input *input, struct gather_request *request)
{
	int rc;

	rc = output_open(&run->output, run->options->output, &run->spool, &signals_caught);
	if (rc < 0) {
		complain("%s: %s", run->options->output, output_why_not(rc));
		return rc;
	}
	rc = check_file_names(&run->output, input);
	if (rc < 0)
		return rc;
	progress_share(&run->progress, &run->output);
	run->format.stepped = run->options->together != TOGETHER_NOT;
	run->format.by_name =
		run->options->verb == VERB_REPORT || (input->all_named && !run->format.stepped);
	run->format.unordered = run->options->format == FORMAT_JSONL && !run->output.per_query;
	rc = show_init(&run->show, input, &run->format, &run->spool, &run->progress);
	if (rc < 0) {
		complain("out of memory");
		return rc;
	}
	run->show.together = run->options->together;
	run->show.document->raw_rows = run->gather->document->raw_rows = run->format.ops->raw_rows;
	run->show.titles = &run->titles;
	rc = ask_connect(run->gather, run->options);
	if (rc < 0)
		return rc;
	signals_install(run->gather);
	/* Before the report, so that they are there when its first query is. */
	if (run->options->verb == VERB_REPORT && run->options->format == FORMAT_TABLE)
		rc = titles_ask(&run->titles, run->gather);
	if (rc == 0)
		rc = gather_send(run->gather, request, &run->id);
	if (rc < 0)
		complain("%s", gather_message(run->gather));
	return rc;
}

int run_queries(struct arena *arena, const struct options *options)
{
	struct run run = {.options = options};
	struct gather_request *request = NULL;
	struct input input = {0};
	int status = EXIT_NOTHING;

	if (options->verb == VERB_QUERIES && input_load(arena, options, &input) < 0)
		return EXIT_NOTHING;
	titles_init(&run.titles, arena, options->report);
	progress_start(&run.progress, options->quiet);
	format_init(&run.format, options->format, &run.output);
	run.output.fd = -1;
	spool_init(&run.spool);
	run.gather = gather_new();
	if (run.gather == NULL)
		complain("out of memory");
	else if (ask_build(options, &input, run.format.ops->values_text, &request) == 0 &&
		 start(&run, &input, request) == 0)
		status = finish(&run);
	gather_request_free(request);
	gather_free(run.gather);
	show_free(&run.show);
	format_free(&run.format);
	output_close(&run.output);
	spool_close(&run.spool);
	return status;
}
