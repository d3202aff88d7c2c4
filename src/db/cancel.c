/* SPDX-License-Identifier: PostgreSQL */
#include "db/cancel.h"

#include "base/sys.h"
#include "co/co.h"
#include "co/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define CANCEL_REQUEST_CODE 80877102 /* protocol version 1234.5678 */

void cancel_key_wipe(struct cancel_key *key)
{
	explicit_bzero(key, sizeof(*key));
}

#ifdef HAVE_PQCANCELSTART

/* Once the session's encryption is settled, libpq knows best how to reach the server. */
static int cancel_by_libpq(PGconn *pg, int64_t deadline_ns)
{
	PGcancelConn *cancel = PQcancelCreate(pg);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	int rc = 0;

	if (cancel == NULL)
		return -ENOMEM;
	if (!PQcancelStart(cancel))
		rc = -ECONNABORTED;
	while (rc >= 0 && status != PGRES_POLLING_OK) {
		rc = co_fd_wait(PQcancelSocket(cancel),
				status == PGRES_POLLING_READING ? CO_READ : CO_WRITE, deadline_ns);
		if (rc < 0)
			break;
		status = PQcancelPoll(cancel);
		if (status == PGRES_POLLING_FAILED)
			rc = -ECONNABORTED;
	}
	PQcancelFinish(cancel);
	return rc < 0 ? rc : 0;
}

#else

static int cancel_by_libpq(PGconn *pg, int64_t deadline_ns)
{
	(void)pg;
	(void)deadline_ns;
	return -ENOTSUP;
}

#endif

/* The postmaster answers nothing: it closes the connection once it has signalled the backend. */
static int wait_closed(int fd, int64_t deadline_ns)
{
	char ignored[64];
	ssize_t got;

	do {
		got = co_io_recv(fd, ignored, sizeof(ignored), deadline_ns);
	} while (got > 0);
	/* Closed with our packet unread, or by a postmaster that died: either way nothing comes
	 * from it any more. */
	return got == -ECONNRESET ? 0 : (int)got;
}

static int cancel_by_key(const struct cancel_key *key, int64_t deadline_ns)
{
	struct cancel_key own = *key; /* the caller's may go while we wait */
	uint32_t packet[4] = {
		htonl(sizeof(packet)),
		htonl(CANCEL_REQUEST_CODE),
		htonl((uint32_t)own.pid),
		htonl((uint32_t)own.secret),
	};
	int fd, rc;

	rc = fd = co_io_connect((const struct sockaddr *)&own.addr, own.addr_len, deadline_ns);
	if (fd >= 0) {
		rc = co_io_send_all(fd, packet, sizeof(packet), deadline_ns);
		if (rc == 0)
			rc = wait_closed(fd, deadline_ns);
		sys.close(fd);
	}
	explicit_bzero(packet, sizeof(packet));
	cancel_key_wipe(&own);
	return rc;
}

int cancel_send(const struct cancel_key *key, PGconn *pg, int64_t deadline_ns)
{
	int rc = pg != NULL ? cancel_by_libpq(pg, deadline_ns) : -ENOTSUP;

	if (rc == -ENOTSUP && key->valid)
		rc = cancel_by_key(key, deadline_ns);
	return rc;
}
