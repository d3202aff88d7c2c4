/* SPDX-License-Identifier: PostgreSQL */
#include "cli/lines.h"

#include "cli/ask.h"
#include "cli/complain.h"
#include "cli/output.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "client/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES     (64 * 1024)
#define LINE_BYTES_MAX (1024 * 1024 * 1024)

struct lines {
	struct gather *gather;
	struct output output;
	struct spool spool; /* of the output */
	struct document *document;
	int fd;		/* of the requests; -1: all are read */
	struct buf in;	/* read, not sent */
	size_t scanned; /* of `in`: has no newline */
	size_t sent, answered, refused;
	bool failed, doubt;
	int lost;  /* what ended it other than the daemon's close, or 0 */
	int error; /* of reading the requests or writing the answers */
};

static void judge_error(struct lines *lines, const struct gather_error *error)
{
	lines->failed = true;
	lines->doubt |= gather_error_effects(error) != GATHER_EFFECTS_NONE;
}

/* What a line of the daemon's means for the exit status. */
static void judge(struct lines *lines, struct str line)
{
	const struct json *ok;
	struct gather_event event;
	int rc;

	rc = document_read(lines->document, line);
	if (rc == 0)
		rc = event_read(lines->document, &event);
	if (rc != 0) {
		lines->lost = rc == -ENOMEM ? GATHER_NO_MEMORY : GATHER_GARBLED;
		return;
	}
	ok = document_member(&lines->document->root, "ok");
	lines->failed |= ok != NULL && ok->type == JSON_FALSE;
	/* A step's is its item's too, but that says what came of all of it. */
	if (event.kind == GATHER_EVENT_ERROR && !event.has_step)
		judge_error(lines, &event.error);
	for (size_t i = 0; event.kind == GATHER_EVENT_ANSWER && i < event.answer.count; i++)
		if (event.answer.results[i].error.object != NULL)
			judge_error(lines, &event.answer.results[i].error);
	lines->refused += event.kind == GATHER_EVENT_REFUSED;
	/* Other verbs have one line as their answer, streams end with an event. */
	lines->answered +=
		event_is_final(&event) || document_member(&lines->document->root, "event") == NULL;
}

/* Prints what has come. 0, or what ended it. */
static int print_answers(struct lines *lines)
{
	const char *line;
	size_t len;
	int rc;

	while ((rc = gather_receive_line(lines->gather, 0, &line, &len)) == 0) {
		buf_append(&lines->output.buf, line, len);
		buf_putc(&lines->output.buf, '\n');
		output_pump(&lines->output);
		if (lines->output.error < 0)
			return 0;
		judge(lines, (struct str){line, len});
	}
	return rc == GATHER_TIMED_OUT ? 0 : rc;
}

static int send_line(struct lines *lines, struct str line)
{
	int rc = gather_send_line(lines->gather, line.data, line.len);

	lines->sent += rc == 0 && line.len > 0;
	return rc;
}

/* Hands over whole lines, one behind the other as the socket takes them. */
static int send_lines(struct lines *lines)
{
	while (!gather_wants_write(lines->gather)) {
		struct str in = buf_str(&lines->in);
		const char *newline =
			in.len > lines->scanned
				? memchr(in.data + lines->scanned, '\n', in.len - lines->scanned)
				: NULL;
		size_t len = newline != NULL ? (size_t)(newline - in.data) : in.len;
		int rc;

		lines->scanned = newline != NULL ? 0 : in.len;
		if (newline == NULL && (lines->fd >= 0 || in.len == 0))
			break;
		rc = send_line(lines, (struct str){in.data, len});
		if (rc < 0)
			return rc;
		buf_consume(&lines->in, newline != NULL ? len + 1 : len);
	}
	if (lines->fd < 0 && buf_len(&lines->in) == 0)
		return gather_finish(lines->gather);
	return 0;
}

static void close_requests(struct lines *lines)
{
	if (lines->fd > STDIN_FILENO)
		close(lines->fd);
	lines->fd = -1;
}

static void read_requests(struct lines *lines)
{
	char *at = buf_reserve(&lines->in, READ_BYTES);
	ssize_t n = at != NULL ? read(lines->fd, at, READ_BYTES) : -1;

	if (n > 0) {
		buf_commit(&lines->in, (size_t)n);
	} else if (n == 0) {
		close_requests(lines);
	} else if (at == NULL || (errno != EINTR && errno != EAGAIN)) {
		lines->error = at == NULL ? buf_error(&lines->in) : -errno;
		complain("requests: %s", strerror(-lines->error));
		/* What was read in part is not sent. */
		buf_reset(&lines->in);
		close_requests(lines);
	}
}

/* Until something can be read or written. */
static void wait_ready(struct lines *lines)
{
	bool wants_write = gather_wants_write(lines->gather);
	short events = POLLIN | (wants_write ? POLLOUT : 0);
	struct pollfd fds[] = {
		{gather_fd(lines->gather), events, 0},
		{lines->gather->wake_fd, POLLIN, 0},
		/* Not more than can be sent. */
		{wants_write ? -1 : lines->fd, POLLIN, 0},
		{output_blocked(&lines->output) ? lines->output.fd : -1, POLLOUT, 0},
	};

	if (poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[2].revents != 0)
		read_requests(lines);
}

static void relay(struct lines *lines)
{
	int rc = 0;

	while (signals_caught == 0) {
		if (rc == 0 && gather_fd(lines->gather) >= 0)
			rc = send_lines(lines);
		if (rc == 0)
			rc = print_answers(lines);
		if (output_flush(&lines->output) < 0 || lines->lost != 0)
			return;
		if (rc == GATHER_CLOSED) {
			/* As we have asked for it; but before that nobody had read the requests. */
			if (lines->fd >= 0 || buf_len(&lines->in) > 0)
				lines->lost = GATHER_LOST;
			return;
		}
		if (rc < 0 && rc != GATHER_INTERRUPTED) {
			lines->lost = rc;
			return;
		}
		rc = 0;
		wait_ready(lines);
	}
}

static int status_of(struct lines *lines)
{
	if (signals_caught != 0)
		return EXIT_SIGNAL(signals_caught);
	if (lines->output.error == -EPIPE)
		return EXIT_SIGNAL(SIGPIPE);
	if (lines->doubt || lines->answered < lines->sent)
		return EXIT_DOUBT;
	if (lines->refused > 0 && lines->refused == lines->answered)
		return EXIT_NOTHING;
	if (lines->lost != 0 || lines->error < 0)
		return lines->answered > 0 ? EXIT_FAILED : EXIT_NOTHING;
	return lines->failed || lines->refused > 0 || lines->output.error < 0 ? EXIT_FAILED
									      : EXIT_ALL_WELL;
}

static int start(struct lines *lines, const struct options *options)
{
	int rc;

	rc = output_open(&lines->output, options->output, &lines->spool, &signals_caught);
	if (rc < 0) {
		complain("%s: %s", options->output, output_why_not(rc));
		return -1;
	}
	lines->fd = STDIN_FILENO;
	if (strcmp(options->lines_path, "-") != 0)
		lines->fd = open(options->lines_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (lines->fd < 0) {
		complain("%s: %s", options->lines_path, strerror(errno));
		return -1;
	}
	rc = ask_connect(lines->gather, options);
	if (rc == 0)
		signals_install(lines->gather);
	return rc;
}

static int finish(struct lines *lines)
{
	int status;

	relay(lines);
	output_finish(&lines->output);
	status = status_of(lines);
	if (lines->lost == GATHER_LOST && lines->answered >= lines->sent)
		complain("gatherd closed the connection; nothing more was sent");
	else if (lines->lost != 0 && signals_caught == 0)
		complain("%s", gather_status_text(lines->lost));
	else if (status == EXIT_DOUBT && lines->answered < lines->sent)
		complain("%zu of %zu requests have no answer", lines->sent - lines->answered,
			 lines->sent);
	if (status == EXIT_ALL_WELL && output_commit(&lines->output) < 0)
		status = EXIT_FAILED;
	if (lines->output.error < 0 && lines->output.error != -EPIPE && signals_caught == 0)
		output_complain(&lines->output);
	return status;
}

int run_lines(const struct options *options)
{
	struct lines lines = {.fd = -1, .output = {.fd = -1}};
	int status = EXIT_NOTHING;

	spool_init(&lines.spool);
	buf_init(&lines.in, LINE_BYTES_MAX, NULL);
	lines.gather = gather_new();
	lines.document = document_new();
	if (lines.gather == NULL || lines.document == NULL)
		complain("out of memory");
	else if (start(&lines, options) == 0)
		status = finish(&lines);
	close_requests(&lines);
	gather_free(lines.gather);
	document_free(lines.document);
	buf_free(&lines.in);
	output_close(&lines.output);
	spool_close(&lines.spool);
	return status;
}
