/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "daemon/gather.h"
#include "daemon/session_parts.h"
#include "daemon/step.h"
#include "daemon/subscription.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define LOG_TEXT_BYTES 512

void session_log_debug(const struct session *session, const char *fmt, ...)
{
	char text[LOG_TEXT_BYTES];
	va_list args;

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_debug("client %llu (pid %d, uid %u): %s", (unsigned long long)session->number,
		  (int)session->access.pid, (unsigned)session->access.uid, text);
}

/* ---- its end ---- */

static void free_session(struct session *session)
{
	struct server *server = session->server;

	assert(session->request_count == 0);
	session_log_debug(session, "gone");
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

void session_end_subscriptions(struct session *session, const struct err *err)
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
	session_end_subscriptions(session, NULL);
	/* Those that were paused for want of reading read on, to their end. */
	list_for_each_safe (node, &session->paused)
		step_resume(LIST_ENTRY(node, struct step, paused_node));
	session_end_turn(session);
}

void session_count_dropped(struct session *session, const char *why)
{
	session->server->clients_dropped++;
	log_warning("client %llu (pid %d, uid %u): dropped: %s",
		    (unsigned long long)session->number, (int)session->access.pid,
		    (unsigned)session->access.uid, why);
}

void session_drop(struct session *session, const char *why)
{
	if (session->gone)
		return;
	session_count_dropped(session, why);
	session_close(session);
}

/* While it waits for an answer, what it asks for meanwhile is refused; then it ends. */
static void close_if_drained(struct session *session)
{
	if (session->server->state < SERVER_DRAINING || session->request_count > 0)
		return;
	session->closing = true;
	session_end_turn(session);
}

void session_drain(struct session *session)
{
	struct err err;

	/* Subscriptions would never end by themselves. */
	err_set_static(&err, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE, "gatherd is shutting down");
	session->readable = true;
	session_pump(session);
	session_end_subscriptions(session, &err);
	close_if_drained(session);
}

/* ---- its turns ---- */

/* The turn is over: everything that was answered in it goes out in one write. */
static void on_flush(void *arg)
{
	struct session *session = arg;

	session_flush_rows(session);
	if (session->output.failed)
		session_drop(session, "no memory for its answers");
	session_write(session);
	/* With its answers written it may have further requests. Those that are here already no
	 * event tells of. */
	if (!session->gone && !session->closing && session->again.heap_index == 0)
		session_pump(session);
	if (!session->gone && !session->closing)
		return;
	if (session->request_count == 0 && (session->gone || output_empty(&session->output)))
		free_session(session);
}

void session_end_turn(struct session *session)
{
	co_hook_start(&session->flush, session->server->loop, on_flush, session);
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
	if ((session->ended || session->closing || !session_may_take_request(session)) &&
	    session_peer_is_gone(session)) {
		session_close(session);
		return;
	}
	if (events & CO_WRITE)
		session_write(session);
	session_pump(session);
}

void session_request_ended(struct session *session, struct gather *gather)
{
	histogram_record(&session->server->request_latency, co_now_ns() - gather->read_ns);
	session->request_count--;
	session->server->requests_running--;
	gather_free(gather);
	session_output_changed(session);
	if (!session->gone)
		session_pump(session);
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
	session_log_debug(session, "connected");
	/* What it sent before it was accepted is there already. */
	session->readable = true;
	session_pump(session);
	return 0;
}
