/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/session_parts.h"
#include "daemon/step.h"
#include "daemon/subscription.h"

#include <errno.h>

/* Slower than this over client_write_timeout is as good as dead. */
#define MIN_READ_BYTES_PER_SECOND 1024

static void on_slow(void *arg);

static void watch_rate(struct session *session)
{
	int64_t limit_ns = session->server->config->client_write_timeout_ns;
	struct co_loop *loop = session->server->loop;

	session->slow_mark_bytes = session->output.written_bytes;
	if (limit_ns > 0 &&
	    co_timer_start(&session->slow, loop, clock_after_ns(co_loop_now_ns(loop), limit_ns),
			   on_slow, session) < 0)
		session_drop(session, "out of memory");
}

static void on_slow(void *arg)
{
	struct session *session = arg;
	uint64_t read_bytes = session->output.written_bytes - session->slow_mark_bytes;
	uint64_t wanted_bytes =
		(uint64_t)(session->server->config->client_write_timeout_ns / CLOCK_SECOND) *
		MIN_READ_BYTES_PER_SECOND;

	if (read_bytes < MAX(wanted_bytes, UINT64_C(1)))
		session_drop(session, "it does not read its answers (client_write_timeout)");
	else
		watch_rate(session);
}

static void want_writable(struct session *session, bool wanted)
{
	if (session->writable_wanted == wanted)
		return;
	session->writable_wanted = wanted;
	if (co_watch_change(&session->watch, CO_READ | CO_EDGE | (wanted ? CO_WRITE : 0)) < 0)
		session_drop(session, "cannot watch its socket");
}

static void resume_paused(struct session *session)
{
	struct list paused;

	if (output_backlog(&session->output) > session->server->config->item_buffer_bytes / 2)
		return;
	/* What is held of one is given at once: it may pause again, or the session end meanwhile,
	 * which takes those out that still wait. */
	list_init(&paused);
	list_splice_back(&paused, &session->paused);
	while (!list_empty(&paused))
		step_resume(LIST_ENTRY(paused.next, struct step, paused_node));
	while (!list_empty(&session->behind))
		subscription_catch_up(
			LIST_ENTRY(session->behind.next, struct subscription, behind_node));
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
}

void session_write(struct session *session)
{
	write_output(session);
	if (!session->gone)
		resume_paused(session);
}

void session_flush_rows(struct session *session)
{
	while (!list_empty(&session->unsent))
		step_flush_rows(LIST_ENTRY(session->unsent.next, struct step, unsent_node));
}

int session_output_changed(struct session *session)
{
	output_check(&session->output);
	session_end_turn(session);
	return session->output.failed ? -ENOMEM : 0;
}

void session_add_unsent(struct session *session, struct step *step)
{
	list_push_back(&session->unsent, &step->unsent_node);
	session_end_turn(session);
}

bool session_must_pause(struct session *session, struct step *step)
{
	size_t limit_bytes = session->server->config->item_buffer_bytes;

	if (session->gone || output_backlog(&session->output) <= limit_bytes)
		return false;
	/* Whom that lets go on does so when the turn ends: not inside of this one. */
	write_output(session);
	session_end_turn(session);
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
