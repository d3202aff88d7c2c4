/* SPDX-License-Identifier: PostgreSQL */
/* The session that listens, and the coroutine that alone talks to it. */
#include "conf/config.h"
#include "db/backoff.h"
#include "db/channels_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* The session stays so long without listeners: those who come and go cost no session each. */
#define LINGER_NS (250 * CLOCK_MS)
/* What is told in one turn of the loop, to all listeners together; the others wait no longer than
 * this takes. */
#define TOLD_PER_TURN 4096
/* A session that lived so long was a good one: backing off begins anew. */
#define GOOD_NS CLOCK_SECOND
/* The largest message that libpq is let take in. A notification has 8000 bytes at most. */
#define HIDDEN_BYTES_MAX ((size_t)1024 * 1024)

static void on_notice(void *arg, const PGresult *result)
{
	struct channels *channels = arg;
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	channels->hidden_bytes = 0;
	/* libpq's own words: something came that has no place here. */
	if (PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL)
		channels->lost = true;
	if (text != NULL)
		snprintf(channels->notice, sizeof(channels->notice), "%s", text);
}

static void on_event(void *arg, unsigned events)
{
	struct channels *channels = arg;

	if (events & CO_READ)
		channels->readable = true;
	co_unpark(channels->driver);
}

static void drop(struct channels *channels, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void drop(struct channels *channels, const char *fmt, ...)
{
	va_list args;

	channels->lost = true;
	va_start(args, fmt);
	vsnprintf(channels->notice, sizeof(channels->notice), fmt, args);
	va_end(args);
}

static void read_input(struct channels *channels)
{
	const struct transport *transport = &channels->transport;

	if (transport_read(&channels->transport, channels->link.pg) != 1)
		channels->lost = true;
	channels->readable = transport->more;
	channels->hidden_bytes += transport->received_bytes;
	if (transport_reports_too_many(transport))
		drop(channels, "%s", TRANSPORT_PARAMETERS_TEXT);
}

static void read_session(struct channels *channels)
{
	PGconn *pg = channels->link.pg;
	PGnotify *notify;
	size_t told = 0;

	/* One read at a time, and none before what the last one brought has been told. */
	if (channels->readable && !channels->behind)
		read_input(channels);
	channels_read_answers(channels);
	while (told < TOLD_PER_TURN && (notify = PQnotifies(pg)) != NULL) {
		struct channels_notification notification = {.channel = notify->relname,
							     .payload = notify->extra,
							     .pid = notify->be_pid};

		channels->hidden_bytes = 0;
		told += 1 + channels_deliver(channels, &notification);
		PQfreemem(notify);
	}
	channels->behind = told >= TOLD_PER_TURN;
	/* What makes no sense it finds out when it is asked, and then closes the socket: nothing
	 * would ever wake us. */
	if (PQstatus(pg) == CONNECTION_BAD)
		channels->lost = true;
	if (channels->hidden_bytes > HIDDEN_BYTES_MAX)
		drop(channels, "a message is larger than %zu bytes", HIDDEN_BYTES_MAX);
}

/* ---- the session ---- */

/* Waits. */
static int open_session(struct channels *channels)
{
	const struct config_database *conf = channels->conf;
	struct connect_options options = {
		.conninfo = conf->conninfo,
		.application_name = "gatherd listen",
		.address_timeout_ns = conf->server_connect_timeout_ns,
		.read_only = conf->read_only,
	};
	int rc;

	channels_forget_err(channels);
	channels->notice[0] = '\0';
	channels->hidden_bytes = 0;
	channels->lost = channels->readable = channels->unflushed = channels->behind = false;
	rc = connect_open(channels->resolver, &options, &channels->arena, CLOCK_NEVER,
			  &channels->link, &channels->err);
	if (rc < 0)
		return rc;
	channels->transport = channels->link.transport;
	transport_init(&channels->transport, channels->link.pg);
	PQsetNoticeReceiver(channels->link.pg, on_notice, channels);
	rc = co_watch_start(&channels->watch, channels->loop, PQsocket(channels->link.pg), CO_READ,
			    on_event, channels);
	if (rc == 0)
		channels_send_setup(channels);
	return rc;
}

static int64_t next_deadline_ns(const struct channels *channels)
{
	if (channels->command != CHANNELS_IDLE)
		return channels->answer_by_ns;
	return channels_wanted(channels) ? CLOCK_NEVER
					 : clock_after_ns(channels->unused_ns, LINGER_NS);
}

/* Waits, until the session is lost or nobody wants it any more: 0, or -ECANCELED. */
static int serve(struct channels *channels)
{
	for (;;) {
		int64_t deadline_ns;
		bool at_once;
		int rc;

		read_session(channels);
		if (!channels->lost && channels->command == CHANNELS_IDLE)
			channels_send_next(channels);
		if (!channels->lost && channels->unflushed)
			channels_flush(channels);
		deadline_ns = next_deadline_ns(channels);
		if (channels->lost ||
		    (channels->command == CHANNELS_IDLE && deadline_ns <= co_now_ns()))
			return 0;
		rc = co_watch_change(&channels->watch,
				     (channels->behind ? 0 : CO_READ) |
					     (channels->unflushed ? CO_WRITE : 0));
		at_once = channels->behind || channels->readable;
		if (rc == 0)
			rc = co_park(at_once ? co_now_ns() : deadline_ns);
		if (rc == -ECANCELED)
			return rc;
		if (rc == -ETIMEDOUT && (at_once || channels->command == CHANNELS_IDLE))
			continue;
		/* The server does not answer; or it cannot even be watched. */
		if (rc < 0)
			channels->lost = true;
	}
}

static const char *reason(const struct channels *channels, int rc)
{
	if (channels->err.code != ERR_NONE)
		return channels->err.message;
	if (rc < 0)
		return strerror(-rc);
	return channels->notice[0] != '\0' ? channels->notice : "the connection was lost";
}

/* There is no session, or none any more. */
static void back_off(struct channels *channels, int rc)
{
	int64_t now_ns = co_now_ns();

	snprintf(channels->error, sizeof(channels->error), "%s", reason(channels, rc));
	if (!channels->synced)
		channels->connect_failures++;
	else if (now_ns - channels->opened_ns >= GOOD_NS)
		channels->failures = 0;
	channels->lost_count += channels->synced;
	channels->refused = rc < 0 && connect_classify(rc) == CONNECT_FAILURE_REFUSED;
	channels->failures++;
	channels->retry_ns = clock_after_ns(
		now_ns, backoff_ns(channels->failures, channels->refused, &channels->random));
}

static void close_session(struct channels *channels)
{
	co_watch_stop(&channels->watch);
	connect_link_close(&channels->link);
	channels_forget(channels);
	if (channels->refused)
		channels_refuse_waiting(channels, true);
	channels_forget_err(channels);
}

/* Waits until it may be tried, or nobody wants it any more. */
static int wait_turn(struct channels *channels)
{
	while (channels_wanted(channels) && co_now_ns() < channels->retry_ns)
		if (co_park(channels->retry_ns) == -ECANCELED)
			return -ECANCELED;
	return 0;
}

int channels_driver_main(void *arg)
{
	struct channels *channels = arg;
	int rc = 0;

	channels->driver = co_task_current();
	while (rc != -ECANCELED && wait_turn(channels) == 0 && channels_wanted(channels)) {
		rc = open_session(channels);
		if (rc == 0)
			rc = serve(channels);
		if (rc != -ECANCELED && (rc < 0 || channels->lost))
			back_off(channels, rc);
		else
			channels->failures = 0;
		close_session(channels);
	}
	channels->driver = NULL;
	channels->driven = false;
	return 0;
}
