/* SPDX-License-Identifier: PostgreSQL */
#include "db/transport.h"

#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <sys/types.h>

/* As much as one turn reads of one connection: what a socket's buffer holds would keep the loop
 * for milliseconds. */
#define READ_BYTES ((size_t)64 * 1024)

/* Of the thread, since libpq's calls tell a descriptor and nothing else. */
static _Thread_local struct transport *current;

ssize_t transport_recv(int fd, void *bytes, size_t len, int flags) __asm__("recv")
	__attribute__((visibility("default"), used));
ssize_t transport_send(int fd, const void *bytes, size_t len, int flags) __asm__("send")
	__attribute__((visibility("default"), used));

ssize_t transport_recv(int fd, void *bytes, size_t len, int flags)
{
	struct transport *transport = current;
	ssize_t got;

	if (transport == NULL || transport->fd != fd)
		return sys.recv(fd, bytes, len, flags);
	if (transport->corked || transport->room_bytes == 0) {
		errno = EAGAIN;
		return -1;
	}
	got = sys.recv(fd, bytes, MIN(len, transport->room_bytes), flags);
	if (got > 0) {
		transport->room_bytes -= (size_t)got;
		transport->received_bytes += (size_t)got;
		transport->sends_heard = transport->sends;
		frames_take(&transport->frames, bytes, (size_t)got);
	} else {
		transport->dry = true;
	}
	return got;
}

ssize_t transport_send(int fd, const void *bytes, size_t len, int flags)
{
	struct transport *transport = current;
	ssize_t sent;

	if (transport == NULL || transport->fd != fd)
		return sys.send(fd, bytes, len, flags);
	if (transport->corked) {
		errno = EAGAIN;
		return -1;
	}
	sent = sys.send(fd, bytes, len, flags);
	transport->sends += sent > 0;
	return sent;
}

void transport_init(struct transport *transport, PGconn *pg)
{
	bool encrypted = PQsslInUse(pg) || PQgssEncInUse(pg);

	*transport = (struct transport){
		.fd = PQsocket(pg),
		.encrypted = encrypted,
		/* What came before is not known. */
		.frames = {.lost = encrypted, .reported = true},
	};
}

int transport_read(struct transport *transport, PGconn *pg)
{
	int rc;

	assert(current == NULL);
	transport->dry = false;
	transport->room_bytes = READ_BYTES;
	transport->received_bytes = 0;
	current = transport;
	rc = PQconsumeInput(pg);
	current = NULL;
	/* What has been read from the socket may wait, still encrypted or not any more, in libpq.
	 */
	transport->more = transport->encrypted && !transport->dry;
	return rc;
}

void transport_cork(struct transport *transport)
{
	assert(current == NULL);
	transport->corked = true;
	current = transport;
}

void transport_uncork(struct transport *transport)
{
	assert(current == transport);
	transport->corked = false;
	current = NULL;
}

int transport_flush(struct transport *transport, PGconn *pg)
{
	int rc;

	assert(current == NULL);
	transport->room_bytes = 0;
	current = transport;
	rc = PQflush(pg);
	current = NULL;
	return rc;
}

bool transport_heard_since(const struct transport *transport, uint64_t sends)
{
	return transport->sends_heard > sends;
}
