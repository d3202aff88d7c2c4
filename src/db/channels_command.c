/* SPDX-License-Identifier: PostgreSQL */
/*
 * What is said to the server in the session that listens, and what it answers. Commands go one at a
 * time, in the simple protocol: several statements are one transaction there, so a request's
 * channels are all listened to, or none.
 */
#include "db/channels_parts.h"
#include "db/pgerror.h"

#include <string.h>

/* What has not answered a LISTEN by then does not answer. */
#define ANSWER_NS (30 * CLOCK_SECOND)

/* A database without an encoding holds any bytes; asked for UTF8 it would refuse them. The other
 * setting is unknown to old servers. */
static const char setup_sql[] =
	"select case when pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'"
	" then pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) end,"
	" (select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings"
	" where name = 'idle_session_timeout')";

void channels_flush(struct channels *channels)
{
	int rc = transport_flush(&channels->transport, channels->link.pg);

	channels->unflushed = rc > 0;
	if (rc < 0)
		channels->lost = true;
}

void channels_forget_err(struct channels *channels)
{
	channels->err = (struct err){.code = ERR_NONE};
	arena_free(&channels->arena);
}

static void send_command(struct channels *channels, enum channels_command command, const char *sql)
{
	channels_forget_err(channels);
	channels->command = command;
	channels->answer_by_ns = clock_after_ns(co_now_ns(), ANSWER_NS);
	/* What libpq cannot send it would read to make room for, and without end. */
	transport_cork(&channels->transport);
	if (sql == NULL || PQsendQuery(channels->link.pg, sql) != 1)
		channels->lost = true;
	transport_uncork(&channels->transport);
	if (!channels->lost)
		channels_flush(channels);
}

/* listen "a""b"; */
static void add_statement(struct channels *channels, const char *verb, const char *name)
{
	struct buf *sql = &channels->sql;

	channels->statements++;
	buf_puts(sql, verb);
	buf_puts(sql, " \"");
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_putc(sql, '"');
		buf_putc(sql, *name);
	}
	buf_puts(sql, "\";");
}

static void ask_for(struct channels *channels, struct channel *channel)
{
	if (channel->active || channel->asked)
		return;
	channel->asked = true;
	list_push_back(&channels->asked, &channel->node);
	add_statement(channels, "listen", channel->name);
}

static void send_sql(struct channels *channels, enum channels_command command)
{
	send_command(channels, command, buf_cstr(&channels->sql));
	buf_free(&channels->sql);
}

static void synchronise(struct channels *channels)
{
	channels->synced = true;
	channels->opened_ns = co_now_ns();
	channels->connects++;
	channels->refused = false;
	channels->error[0] = '\0';
	/* Of those who were told before, none has heard what was sent meanwhile. */
	channels_resync(channels);
}

static void relisten(struct channels *channels)
{
	struct channel *channel, *next;

	HASH_ITER (hh, channels->table, channel, next)
		if (channels_is_heard(channel))
			ask_for(channels, channel);
	if (list_empty(&channels->asked))
		synchronise(channels);
	else
		send_sql(channels, CHANNELS_RELISTEN);
}

static void unlisten(struct channels *channels)
{
	while (!list_empty(&channels->unheard)) {
		struct channel *channel = LIST_ENTRY(channels->unheard.next, struct channel, node);

		add_statement(channels, "unlisten", channel->name);
		channels_drop(channels, channel);
	}
	send_sql(channels, CHANNELS_UNLISTEN);
}

void channels_send_next(struct channels *channels)
{
	if (!list_empty(&channels->unheard)) {
		unlisten(channels);
		return;
	}
	while (!list_empty(&channels->waiting)) {
		struct channels_listener *listener =
			LIST_ENTRY(channels->waiting.next, struct channels_listener, node);

		for (size_t i = 0; i < listener->member_count; i++)
			ask_for(channels, listener->members[i].channel);
		if (!list_empty(&channels->asked)) {
			channels->served = listener;
			send_sql(channels, CHANNELS_LISTEN);
			return;
		}
		channels_establish(channels, listener);
	}
}

void channels_send_setup(struct channels *channels)
{
	channels->statements = 1;
	send_command(channels, CHANNELS_SETUP, setup_sql);
}

/* ---- answers ---- */

/* The server has ended the session with these words: the listener is not at fault. */
static bool is_fatal(const struct err *err)
{
	return err->code != ERR_SQL || err->severity == NULL || strcmp(err->severity, "ERROR") != 0;
}

static void take_listen(struct channels *channels, bool listens)
{
	struct channels_listener *listener = channels->served;

	channels->served = NULL;
	channels_answered(channels, listens);
	if (listener != NULL && listens)
		channels_establish(channels, listener);
	else if (listener != NULL)
		channels_fail(listener, &channels->err);
}

static void take_answer(struct channels *channels)
{
	enum channels_command command = channels->command;
	bool good = channels->err.code == ERR_NONE;
	/* With fewer answers than statements this is the end of something else. */
	bool whole = !good || channels->statements == 0;

	channels->command = CHANNELS_IDLE;
	channels->statements = 0;
	if (!whole || PQtransactionStatus(channels->link.pg) != PQTRANS_IDLE ||
	    (!good && (is_fatal(&channels->err) || command != CHANNELS_LISTEN))) {
		channels->lost = true;
		return;
	}
	switch (command) {
	case CHANNELS_SETUP:
		relisten(channels);
		break;
	case CHANNELS_RELISTEN:
		channels_answered(channels, true);
		synchronise(channels);
		break;
	case CHANNELS_LISTEN:
		take_listen(channels, good);
		break;
	case CHANNELS_UNLISTEN:
	case CHANNELS_IDLE:
		break;
	}
}

static void note_result(struct channels *channels, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		channels->lost = channels->lost || channels->statements == 0;
		channels->statements -= channels->statements > 0;
	} else if (channels->err.code == ERR_NONE) {
		pgerror_from_result(&channels->err, &channels->arena, result, ERR_EFFECTS_NONE);
	}
}

void channels_read_answers(struct channels *channels)
{
	PGconn *pg = channels->link.pg;

	while (channels->command != CHANNELS_IDLE && !channels->lost && PQisBusy(pg) == 0) {
		PGresult *result = PQgetResult(pg);

		channels->hidden_bytes = 0;
		if (result == NULL) {
			take_answer(channels);
			continue;
		}
		note_result(channels, result);
		PQclear(result);
	}
}
