/* SPDX-License-Identifier: PostgreSQL */
#include "db/transport.h"

#include "base/sys.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
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
int transport_ssl_read(void *ssl, void *bytes, int len) __asm__("SSL_read")
	__attribute__((visibility("default"), used));

static void take_plain(struct transport *transport, const char *bytes, size_t len)
{
	/* One byte says whether there will be encryption; an error comes as a message instead. */
	size_t answer = transport->asked && bytes[0] != 'E' ? 1 : 0;

	transport->asked = false;
	frames_take(&transport->frames, bytes + answer, len - answer);
}

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
	transport->full = got > 0 && (size_t)got == len;
	if (got > 0) {
		if (!transport->decrypted)
			take_plain(transport, bytes, (size_t)got);
		transport->room_bytes -= (size_t)got;
		transport->received_bytes += (size_t)got;
		transport->sends_heard = transport->sends;
	} else {
		transport->dry = true;
	}
	return got;
}

/* OpenSSL's; no type of it is needed here. */
int transport_ssl_read(void *ssl, void *bytes, int len)
{
	static _Thread_local int (*real)(void *ssl, void *bytes, int len);
	struct transport *transport = current;
	int got;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "SSL_read");
	if (real == NULL)
		return -1;
	got = real(ssl, bytes, len);
	if (transport == NULL || got <= 0)
		return got;
	/* What recv() has had was the way to it. */
	if (!transport->decrypted)
		transport->frames = (struct frames){.reported = true};
	transport->decrypted = true;
	frames_take(&transport->frames, bytes, (size_t)got);
	return got;
}

/* SSLRequest or GSSENCRequest: it is answered by one byte, which is no message. */
static bool asks_for_encryption(const void *bytes, size_t len)
{
	static const uint8_t ssl[] = {0, 0, 0, 8, 4, 210, 22, 47},
			     gss[] = {0, 0, 0, 8, 4, 210, 22, 48};

	return len == sizeof(ssl) && (memcmp(bytes, ssl, len) == 0 || memcmp(bytes, gss, len) == 0);
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
	if (transport->connecting && sent > 0 && asks_for_encryption(bytes, len))
		transport->asked = true;
	return sent;
}

void transport_begin_connect(struct transport *transport, PGconn *pg)
{
	assert(current == NULL);
	transport->connecting = true;
	if (pg != NULL)
		transport->fd = PQsocket(pg);
	transport->room_bytes = READ_BYTES;
	current = transport;
}

void transport_end_connect(struct transport *transport)
{
	assert(current == transport);
	transport->connecting = false;
	current = NULL;
}

void transport_note_connect(int fd)
{
	struct transport *transport = current;

	if (transport != NULL && transport->connecting)
		*transport =
			(struct transport){.fd = fd, .connecting = true, .room_bytes = READ_BYTES};
}

void transport_init(struct transport *transport, PGconn *pg)
{
	struct frames frames = transport->frames;

	*transport = (struct transport){
		.fd = PQsocket(pg),
		.encrypted = PQsslInUse(pg) || PQgssEncInUse(pg),
		.decrypted = transport->decrypted,
		.frames = frames,
	};
	/* What came before has not been looked at. */
	transport->frames.reported = true;
	/* GSSAPI's can be read nowhere. */
	if (PQgssEncInUse(pg))
		transport->decrypted = transport->frames.lost = true;
}

static void note_more(struct transport *transport)
{
	transport->turn_bytes += transport->received_bytes;
	/* What has been read from the socket may wait, still encrypted or not any more, in libpq.
	 */
	if (transport->encrypted)
		transport->more = !transport->dry;
	/* What filled libpq's buffer, of 16 KiB as a rule, was hardly all; to ask the kernel for
	 * each of them would cost more than to read it. */
	else
		transport->more = transport->full && transport->turn_bytes < READ_BYTES;
	if (!transport->more)
		transport->turn_bytes = 0;
}

int transport_read(struct transport *transport, PGconn *pg)
{
	int rc;

	assert(current == NULL);
	transport->dry = transport->full = false;
	transport->room_bytes = READ_BYTES;
	transport->received_bytes = 0;
	current = transport;
	rc = PQconsumeInput(pg);
	current = NULL;
	note_more(transport);
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
