/* SPDX-License-Identifier: PostgreSQL */
#include "base/sys.h"
#include "daemon/dispatch.h"
#include "daemon/session_parts.h"
#include "wire/reply.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* One client's share of a turn; the others wait no longer than this takes. */
#define READ_TURN_BYTES (256 * 1024)
#define READ_ONCE_BYTES 16384
/* A client that sends requests and reads no answers: no further request beyond this. */
#define BACKLOG_BYTES (1024 * 1024)

static const char no_room[] = "the daemon's memory_limit leaves no room for this request";

bool session_may_take_request(const struct session *session)
{
	unsigned limit =
		access_max_requests(&session->access, session->server->config->max_requests);

	return !session->gone && !session->closing && session->request_count < limit &&
	       output_backlog(&session->output) < BACKLOG_BYTES;
}

static void answer_error(struct session *session, enum err_code code, const char *message)
{
	struct buf *tail = output_tail(&session->output);
	char id[24];
	struct err err;

	snprintf(id, sizeof(id), "%llu", (unsigned long long)session->line);
	err_set_static(&err, code, ERR_EFFECTS_NONE, message);
	server_count_error(session->server, code);
	session_log_debug(session, "refused: %s: %s", err_code_name(code), message);
	if (tail != NULL)
		reply_write_error_line(tail, str_from(id), &err);
	session_output_changed(session);
}

/* Answers, and then nothing more is read, so nobody can end what he listens to any more. */
static void refuse_more(struct session *session, enum err_code code, const char *message)
{
	struct err err;

	answer_error(session, code, message);
	session->closing = true;
	err_set_static(&err, code, ERR_EFFECTS_NONE, message);
	session_end_subscriptions(session, &err);
}

/* The whole input makes no sense any more: answer, then close. */
static void refuse_input(struct session *session, enum err_code code, const char *message)
{
	session->line++;
	refuse_more(session, code, message);
	buf_free(&session->input);
	co_timer_stop(&session->unfinished);
	session_end_turn(session);
}

static void on_unfinished(void *arg)
{
	struct session *session = arg;

	if (session->gone || session->closing)
		return;
	session_count_dropped(session, "its request has no end (client_read_timeout)");
	refuse_input(session, ERR_TIMEOUT,
		     "the request line had no end within client_read_timeout");
}

/* Of a line that has begun we have the rest to wait for: it holds memory, and not for ever. */
static void expect_end_of_line(struct session *session)
{
	int64_t limit_ns = session->server->config->client_read_timeout_ns;
	struct co_loop *loop = session->server->loop;

	if (buf_len(&session->input) == 0)
		co_timer_stop(&session->unfinished);
	else if (session->unfinished.heap_index == 0 && limit_ns > 0 &&
		 co_timer_start(&session->unfinished, loop,
				clock_after_ns(co_loop_now_ns(loop), limit_ns), on_unfinished,
				session) < 0)
		session_drop(session, "out of memory");
}

static void take_line(struct session *session, struct str line)
{
	session->line++;
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return;
	if (line.data[0] != '{') {
		refuse_more(session, ERR_BAD_REQUEST,
			    "a request is a JSON object: it begins with {");
		return;
	}
	dispatch_line(session, line);
}

static bool take_lines(struct session *session)
{
	struct buf *input = &session->input;
	size_t limit_bytes = session->server->config->max_request_bytes;

	while (session_may_take_request(session)) {
		const char *data = buf_data(input), *newline = NULL;
		struct str line;

		if (data != NULL && buf_len(input) > session->scanned)
			newline = memchr(data + session->scanned, '\n',
					 buf_len(input) - session->scanned);
		if (newline == NULL) {
			session->scanned = buf_len(input);
			if (session->scanned > limit_bytes)
				refuse_input(session, ERR_TOO_LARGE,
					     "the request line is longer than max_request");
			else
				expect_end_of_line(session);
			return true;
		}
		session->scanned = 0;
		co_timer_stop(&session->unfinished);
		line = (struct str){data, (size_t)(newline - data)};
		if (line.len > limit_bytes) {
			refuse_input(session, ERR_TOO_LARGE,
				     "the request line is longer than max_request");
			return true;
		}
		take_line(session, line);
		buf_consume(input, line.len + 1);
	}
	/* While we read nothing, its line cannot come to its end. */
	co_timer_stop(&session->unfinished);
	return false;
}

/* The end of what it sends: a last line needs no newline. */
static void take_end(struct session *session)
{
	struct buf *input = &session->input;

	if (buf_len(input) > 0) {
		take_line(session, buf_str(input));
		buf_free(input);
	}
	co_timer_stop(&session->unfinished);
	session->closing = true;
	session_end_turn(session);
}

bool session_peer_is_gone(const struct session *session)
{
	struct pollfd pfd = {.fd = session->fd, .events = 0};

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR)) != 0;
}

/* Whoever has sent most gives up what it has sent; false when that is this one. */
static bool make_room(struct session *session)
{
	struct session *largest = session;
	size_t most_bytes = session->input.cap + READ_ONCE_BYTES;

	list_for_each (node, &session->server->sessions) {
		struct session *other = LIST_ENTRY(node, struct session, node);

		if (other->input.cap > most_bytes) {
			largest = other;
			most_bytes = other->input.cap;
		}
	}
	if (largest == session)
		return false;
	refuse_input(largest, ERR_QUEUE_FULL, no_room);
	return true;
}

static char *reserve(struct session *session)
{
	struct buf *input = &session->input;
	char *room;

	while ((room = buf_reserve(input, READ_ONCE_BYTES)) == NULL) {
		int error = buf_error(input);

		buf_truncate(input, buf_len(input));
		if (error != -ENOBUFS || !make_room(session))
			break;
	}
	return room;
}

/* 0: nothing more for now; > 0: read some; -errno. */
static ssize_t receive(struct session *session)
{
	char *room = reserve(session);
	ssize_t got;

	if (room == NULL)
		return -ENOMEM;
	do
		got = sys.recv(session->fd, room, READ_ONCE_BYTES, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		buf_commit(&session->input, (size_t)got);
		return got;
	}
	if (got == 0)
		session->ended = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		return -errno;
	session->readable = false;
	return 0;
}

static void on_again(void *arg)
{
	session_pump(arg);
}

/* Takes what is there: lines first, then the socket, until there is nothing or it is another's
 * turn. */
void session_pump(struct session *session)
{
	size_t turn_bytes = 0;

	while (take_lines(session) && session->readable && !session->closing) {
		ssize_t got;

		if (turn_bytes >= READ_TURN_BYTES) {
			if (co_timer_start(&session->again, session->server->loop,
					   co_loop_now_ns(session->server->loop), on_again,
					   session) < 0)
				session_drop(session, "out of memory");
			return;
		}
		got = receive(session);
		if (got == -ENOMEM) {
			refuse_input(session, ERR_QUEUE_FULL, no_room);
			break;
		}
		if (got < 0) {
			session_close(session);
			return;
		}
		turn_bytes += (size_t)got;
	}
	/* An idle client holds no buffer. */
	if (buf_len(&session->input) == 0)
		buf_free(&session->input);
	/* No event comes any more: the one that told of its end may have told of its last request
	 * too. */
	if (session->ended && session_peer_is_gone(session)) {
		session_close(session);
		return;
	}
	if (session->ended && !session->closing && session_may_take_request(session))
		take_end(session);
	if (session->closing)
		session_end_turn(session);
}
