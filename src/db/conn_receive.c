/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"
#include "db/conn_parts.h"
#include "db/pool.h"

#include <stdio.h>
#include <string.h>

/* The largest message where no query says another limit: of what the daemon itself asks. */
#define OWN_LIMIT_BYTES ((size_t)1024 * 1024)
/* Of a message besides its texts. */
#define MESSAGE_BYTES 9

/* Of what libpq has taken in, so much has come out. */
static void count_shown(struct conn *conn, size_t bytes)
{
	conn->hidden_bytes -= MIN(conn->hidden_bytes, bytes);
}

/*
 * libpq takes in a whole row before it shows any of it. What goes in while nothing comes out is
 * counted, and a row that grows beyond its limit ends the connection: there is no other way to be
 * rid of the rest of it.
 */
static void check_hidden(struct conn *conn)
{
	struct db_query *query = conn_head_query(conn);
	size_t limit_bytes = query == NULL || query->row_limit_bytes == 0 ? OWN_LIMIT_BYTES
									  : query->row_limit_bytes;
	bool chunk =
		query != NULL && conn->chunks && results_at_query(results_head(&conn->results));

	/* Of several rows the lengths, and what is shorter as JSON, might make the difference. */
	if (chunk)
		limit_bytes *= 2;
	if (conn->hidden_bytes <= limit_bytes)
		return;
	conn->lost = true;
	if (query != NULL && query->err.code == ERR_NONE)
		err_set(&query->err, query->arena, ERR_TOO_LARGE, ERR_EFFECTS_UNKNOWN,
			chunk ? "the rows are larger than %zu bytes"
			      : "a row or a message is larger than %zu bytes",
			limit_bytes);
}

/*
 * Where libpq has no memory for the result that a ReadyForQuery is, it waits on, for what has come
 * already: everybody behind it would wait for ever.
 */
static void check_readies(struct conn *conn)
{
	struct db_query *query = conn_head_query(conn);

	/* It is busy only where it has looked at all that came. */
	if (conn->transport.frames.lost ||
	    frames_readies(&conn->transport.frames) == conn->readies_taken ||
	    !PQisBusy(conn->link.pg))
		return;
	conn->lost = true;
	if (query != NULL && query->err.code == ERR_NONE)
		err_set(&query->err, query->arena, ERR_CONNECTION_LOST, ERR_EFFECTS_UNKNOWN,
			"the end of the server's answer got lost (out of memory?); the connection "
			"was dropped");
}

static void read_input(struct conn *conn)
{
	PGconn *pg = conn->link.pg;
	PGnotify *notify;

	/* 0 means that the connection is gone; PQstatus tells the same, and what came before is
	 * still to be read. */
	if (transport_read(&conn->transport, pg) == 0 && PQstatus(pg) != CONNECTION_BAD)
		conn->lost = true;
	conn->readable = conn->transport.more && !conn->lost;
	if (transport_reports_too_many(&conn->transport)) {
		snprintf(conn->last_notice, sizeof(conn->last_notice), "%s",
			 TRANSPORT_PARAMETERS_TEXT);
		conn->lost = true;
	}
	conn->hidden_bytes += conn->transport.received_bytes;
	if (conn->transport.received_bytes > 0 && conn->cancel_tried)
		conn_cancel_goes_on(conn);
	if (conn->mode_open)
		conn_choose_mode(conn); /* PQnotifies looks at what has come */
	while ((notify = PQnotifies(pg)) != NULL) {
		count_shown(conn, strlen(notify->relname) + strlen(notify->extra) + MESSAGE_BYTES);
		PQfreemem(notify);
	}
}

void conn_receive(struct conn *conn)
{
	PGconn *pg = conn->link.pg;

	if (!conn->paused)
		conn_take_held(conn);
	if (conn->readable && !conn->paused)
		read_input(conn);
	while (!conn->lost && !conn->paused && !results_empty(&conn->results)) {
		PGresult *result;

		if (conn->mode_open)
			conn_choose_mode(conn);
		if (PQisBusy(pg))
			break;
		result = PQgetResult(pg);
		if (PQstatus(pg) == CONNECTION_BAD && (result == NULL || conn_made_up(result))) {
			PQclear(result);
			break;
		}
		conn->hidden_bytes = 0;
		conn_take_result(conn, result);
	}
	/* Left where nothing is expected: libpq complains of it in a notice, once it looks. */
	if (!conn->lost && results_empty(&conn->results))
		(void)PQisBusy(pg);
	else if (!conn->lost && !conn->paused)
		check_readies(conn);
	check_hidden(conn);
	if (PQstatus(pg) == CONNECTION_BAD && !conn->paused)
		conn->lost = true;
}

static size_t notice_bytes(const PGresult *result)
{
	static const char fields[] = "SVCMDHPpqWstcdnFLR";
	size_t bytes = MESSAGE_BYTES;

	for (const char *field = fields; *field != '\0'; field++) {
		const char *text = PQresultErrorField(result, *field);

		bytes += text == NULL ? 0 : strlen(text) + 2;
	}
	return bytes;
}

void conn_note_last_words(struct conn *conn, const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (text != NULL)
		snprintf(conn->last_notice, sizeof(conn->last_notice), "%s", text);
}

void conn_on_notice(void *arg, const PGresult *result)
{
	struct conn *conn = arg;

	count_shown(conn, notice_bytes(result));
	/* libpq's own words: something came that has no place here. */
	if (PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL)
		conn->lost = true;
	/* While nothing runs even the end of the session comes as one. */
	if (conn_ends_session(result))
		conn->lost = true;
	/* Only a dying server's last words matter: WARNING 57P02 comes as a notice. */
	if (PQresultErrorField(result, PG_DIAG_SQLSTATE) != NULL &&
	    strncmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "57P", 3) == 0)
		conn_note_last_words(conn, result);
}
