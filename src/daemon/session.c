/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "daemon/dispatch.h"
#include "daemon/gather.h"
#include "daemon/server.h"
#include "daemon/step.h"
#include "daemon/subscription.h"
#include "wire/reply.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

/* One client's share of a turn; the others wait no longer than this takes. */
#define READ_TURN_BYTES (256 * 1024)
#define READ_ONCE_BYTES 16384
/* A client that sends requests and reads no answers: no further request beyond this. */
#define BACKLOG_BYTES (1024 * 1024)
/* Slower than this over client_write_timeout is as good as dead. */
#define MIN_READ_BYTES_PER_SECOND 1024

static const char no_room[] = "the daemon's memory_limit leaves no room for this request";

static void pump(struct session *session);

/* ---- its end ---- */

static void free_session(struct session *session)
{
	struct server *server = session->server;

	assert(session->request_count == 0);
	co_watch_stop(&session->watch);
	co_timer_stop(&session->again);
	co_timer_stop(&session->unfinished);
	co_timer_stop(&session->slow);
	co_hook_stop(&session->flush);
	sys.close(session->fd);
	output_free(&session->output);
	buf_free(&session->input);
	access_release(&session->access);
	list_remove(&session->node);
	mem_free(session);
	server_session_ended(server);
}

static void on_flush(void *arg);

/* What ends a session may be called from inside of it: the end itself comes when the turn ends. */
static void end_soon(struct session *session)
{
	co_hook_start(&session->flush, session->server->loop, on_flush, session);
}

static void end_subscriptions(struct session *session, const struct err *err)
{
	while (!list_empty(&session->subscriptions))
		subscription_end(LIST_ENTRY(session->subscriptions.next, struct subscription, node),
				 err);
}

void session_close(struct session *session)
{
	if (session->gone)
		return;
	session->gone = session->closing = true;
	list_for_each (node, &session->requests)
		gather_cancel(LIST_ENTRY(node, struct gather, node), ERR_CANCELLED);
	end_subscriptions(session, NULL);
	/* Those that were paused for want of reading read on, to their end. */
	list_for_each_safe (node, &session->paused)
		step_resume(LIST_ENTRY(node, struct step, paused_node));
	end_soon(session);
}

static void count_dropped(struct session *session, const char *why)
{
	session->server->clients_dropped++;
	log_warning("client %llu (pid %d, uid %u): dropped: %s",
		    (unsigned long long)session->number, (int)session->access.pid,
		    (unsigned)session->access.uid, why);
}

static void drop(struct session *session, const char *why)
{
	if (session->gone)
		return;
	count_dropped(session, why);
	session_close(session);
}

/* While it waits for an answer, what it asks for meanwhile is refused; then it ends. */
static void close_if_drained(struct session *session)
{
	if (session->server->state < SERVER_DRAINING || session->request_count > 0)
		return;
	session->closing = true;
	end_soon(session);
}

void session_drain(struct session *session)
{
	struct err err;

	/* Subscriptions would never end by themselves. */
	err_set_static(&err, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE, "gatherd is shutting down");
	session->readable = true;
	pump(session);
	end_subscriptions(session, &err);
	close_if_drained(session);
}

/* ---- writing ---- */

static void on_slow(void *arg);

static void watch_rate(struct session *session)
{
	int64_t limit_ns = session->server->config->client_write_timeout_ns;
	struct co_loop *loop = session->server->loop;

	session->slow_mark_bytes = session->output.written_bytes;
	if (limit_ns > 0 &&
	    co_timer_start(&session->slow, loop, clock_after_ns(co_loop_now_ns(loop), limit_ns),
			   on_slow, session) < 0)
		drop(session, "out of memory");
}

static void on_slow(void *arg)
{
	struct session *session = arg;
	uint64_t read_bytes = session->output.written_bytes - session->slow_mark_bytes;
	uint64_t wanted_bytes =
		(uint64_t)(session->server->config->client_write_timeout_ns / CLOCK_SECOND) *
		MIN_READ_BYTES_PER_SECOND;

	if (read_bytes < MAX(wanted_bytes, UINT64_C(1)))
		drop(session, "it does not read its answers (client_write_timeout)");
	else
		watch_rate(session);
}

static void want_writable(struct session *session, bool wanted)
{
	if (session->writable_wanted == wanted)
		return;
	session->writable_wanted = wanted;
	if (co_watch_change(&session->watch, CO_READ | CO_EDGE | (wanted ? CO_WRITE : 0)) < 0)
		drop(session, "cannot watch its socket");
}

static void resume_paused(struct session *session)
{
	if (output_backlog(&session->output) > session->server->config->item_buffer_bytes / 2)
		return;
	list_for_each_safe (node, &session->paused)
		step_resume(LIST_ENTRY(node, struct step, paused_node));
	list_for_each_safe (node, &session->behind)
		subscription_catch_up(LIST_ENTRY(node, struct subscription, behind_node));
}

static void write_output(struct session *session)
{
	int rc;

	if (session->gone)
		return;
	rc = output_write(&session->output, session->fd);
	if (rc < 0 && rc != -EAGAIN) {
		/* Gone between two answers is no news; EPIPE and ECONNRESET are how clients go. */
		session_close(session);
		return;
	}
	if (rc == -EAGAIN && session->slow.heap_index == 0)
		watch_rate(session);
	if (rc == 0)
		co_timer_stop(&session->slow);
	want_writable(session, rc == -EAGAIN);
	resume_paused(session);
}

static void flush_unsent(struct session *session)
{
	while (!list_empty(&session->unsent))
		step_flush_rows(LIST_ENTRY(session->unsent.next, struct step, unsent_node));
}

/* The turn is over: everything that was answered in it goes out in one write. */
static void on_flush(void *arg)
{
	struct session *session = arg;

	flush_unsent(session);
	if (session->output.failed)
		drop(session, "no memory for its answers");
	write_output(session);
	/* With its answers written it may have further requests. Those that are here already no
	 * event tells of. */
	if (!session->gone && !session->closing && session->again.heap_index == 0)
		pump(session);
	if (!session->gone && !session->closing)
		return;
	if (session->request_count == 0 && (session->gone || output_empty(&session->output)))
		free_session(session);
}

int session_output_changed(struct session *session)
{
	output_check(&session->output);
	co_hook_start(&session->flush, session->server->loop, on_flush, session);
	return session->output.failed ? -ENOMEM : 0;
}

void session_add_unsent(struct session *session, struct step *step)
{
	list_push_back(&session->unsent, &step->unsent_node);
	co_hook_start(&session->flush, session->server->loop, on_flush, session);
}

bool session_must_pause(struct session *session, struct step *step)
{
	size_t limit_bytes = session->server->config->item_buffer_bytes;

	if (session->gone || output_backlog(&session->output) <= limit_bytes)
		return false;
	write_output(session);
	if (session->gone || output_backlog(&session->output) <= limit_bytes)
		return false;
	if (list_empty(&step->paused_node))
		list_push_back(&session->paused, &step->paused_node);
	return true;
}

bool session_is_behind(const struct session *session)
{
	return output_backlog(&session->output) > session->server->config->item_buffer_bytes;
}

/* ---- reading ---- */

static bool may_take_request(const struct session *session)
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
	end_subscriptions(session, &err);
}

/* The whole input makes no sense any more: answer, then close. */
static void refuse_input(struct session *session, enum err_code code, const char *message)
{
	session->line++;
	refuse_more(session, code, message);
	buf_free(&session->input);
	co_timer_stop(&session->unfinished);
	end_soon(session);
}

static void on_unfinished(void *arg)
{
	struct session *session = arg;

	if (session->gone || session->closing)
		return;
	count_dropped(session, "its request has no end (client_read_timeout)");
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
		drop(session, "out of memory");
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

	while (may_take_request(session)) {
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
	end_soon(session);
}

static bool peer_is_gone(const struct session *session)
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
	pump(arg);
}

/* Takes what is there: lines first, then the socket, until there is nothing or it is another's
 * turn. */
static void pump(struct session *session)
{
	size_t turn_bytes = 0;

	while (take_lines(session) && session->readable && !session->closing) {
		ssize_t got;

		if (turn_bytes >= READ_TURN_BYTES) {
			if (co_timer_start(&session->again, session->server->loop,
					   co_loop_now_ns(session->server->loop), on_again,
					   session) < 0)
				drop(session, "out of memory");
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
	if (session->ended && peer_is_gone(session)) {
		session_close(session);
		return;
	}
	if (session->ended && !session->closing && may_take_request(session))
		take_end(session);
	if (session->closing)
		end_soon(session);
}

static void on_event(void *arg, unsigned events)
{
	struct session *session = arg;

	if (session->gone)
		return;
	if (events & CO_READ)
		session->readable = true;
	/* After its last byte, or while nothing is read, only the kernel can tell that it has gone
	 * altogether. */
	if ((session->ended || session->closing || !may_take_request(session)) &&
	    peer_is_gone(session)) {
		session_close(session);
		return;
	}
	if (events & CO_WRITE)
		write_output(session);
	pump(session);
}

void session_request_ended(struct session *session, struct gather *gather)
{
	histogram_record(&session->server->request_latency, co_now_ns() - gather->read_ns);
	session->request_count--;
	session->server->requests_running--;
	gather_free(gather);
	session_output_changed(session);
	if (!session->gone)
		pump(session);
	close_if_drained(session);
}

void session_subscription_began(struct session *session)
{
	session->request_count++;
	session->server->requests_running++;
}

void session_subscription_ended(struct session *session)
{
	session->request_count--;
	session->server->requests_running--;
	/* Further requests are read when this turn ends. */
	session_output_changed(session);
	close_if_drained(session);
}

struct db_owner session_owner(const struct session *session, uint64_t request)
{
	return (struct db_owner){
		.user = session->access.uid, .client = session->number, .request = request};
}

int session_new(struct server *server, int fd)
{
	struct session *session = mem_calloc(1, sizeof(*session));
	int rc;

	if (session == NULL)
		return -ENOMEM;
	session->server = server;
	session->fd = fd;
	list_init(&session->node);
	list_init(&session->requests);
	list_init(&session->unsent);
	list_init(&session->paused);
	list_init(&session->subscriptions);
	list_init(&session->behind);
	buf_init(&session->input, 0, &server->input);
	output_init(&session->output, &server->memory);
	rc = access_identify(&session->access, server->access, fd);
	if (rc == 0)
		rc = co_watch_start(&session->watch, server->loop, fd, CO_READ | CO_EDGE, on_event,
				    session);
	if (rc < 0) {
		access_release(&session->access);
		mem_free(session);
		return rc;
	}
	session->number = ++server->clients_accepted;
	list_push_back(&server->sessions, &session->node);
	server->session_count++;
	/* What it sent before it was accepted is there already. */
	session->readable = true;
	pump(session);
	return 0;
}
