/* SPDX-License-Identifier: PostgreSQL */
#include "db/keycatch.h"

#include "base/sys.h"
#include "db/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct keycatch {
	struct sockaddr_storage addr; /* where PQcancel would have gone */
	socklen_t addr_len;
	int far_end; /* where it went; -1: nowhere yet */
	int error;
};

/* Of the thread, while PQcancel runs. */
static _Thread_local struct keycatch *current;

int keycatch_connect(int fd, const struct sockaddr *addr, socklen_t len) __asm__("connect")
	__attribute__((visibility("default"), used));

/* `fd` becomes one end of a pair whose other end says nothing more. 0 or a negative errno. */
static int divert(struct keycatch *catch, int fd, const struct sockaddr *addr, socklen_t len)
{
	int pair[2], rc = 0;

	if (catch->far_end >= 0 || len > sizeof(catch->addr))
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	if (shutdown(pair[1], SHUT_WR) != 0 || dup3(pair[0], fd, O_CLOEXEC) < 0)
		rc = -errno;
	close(pair[0]);
	if (rc < 0) {
		close(pair[1]);
		return rc;
	}
	memcpy(&catch->addr, addr, len);
	catch->addr_len = len;
	catch->far_end = pair[1];
	return 0;
}

int keycatch_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (current == NULL) {
		transport_note_connect(fd);
		return sys.connect(fd, addr, len);
	}
	current->error = divert(current, fd, addr, len);
	if (current->error == 0)
		return 0;
	errno = -current->error;
	return -1;
}

#ifndef HAVE_PQCANCELSTART

static void key_fill(const struct keycatch *catch, PGconn *pg, struct cancel_key *key)
{
	uint32_t packet[4]; /* length, code, pid, secret */

	if (read(catch->far_end, packet, sizeof(packet)) != sizeof(packet))
		return;
	key->addr = catch->addr;
	key->addr_len = catch->addr_len;
	key->pid = (int)ntohl(packet[2]);
	key->secret = (int)ntohl(packet[3]);
	key->valid = key->pid != 0 && key->pid == PQbackendPID(pg);
	explicit_bzero(packet, sizeof(packet));
}

int keycatch_take(PGconn *pg, struct cancel_key *ret_key)
{
	struct keycatch catch = {.far_end = -1, .error = -EMFILE};
	PGcancel *cancel = PQgetCancel(pg);
	struct cancel_key key = {0};
	char why[256];
	int sent;

	if (cancel == NULL)
		return -ENOMEM;
	current = &catch;
	sent = PQcancel(cancel, why, sizeof(why));
	current = NULL;
	PQfreeCancel(cancel);
	if (sent)
		key_fill(&catch, pg, &key);
	if (catch.far_end >= 0)
		close(catch.far_end);
	/* It had no descriptor for its socket, or we none for the pair: there is nothing else that
	 * can fail. */
	if (!sent)
		return catch.error < 0 ? catch.error : -EIO;
	*ret_key = key;
	cancel_key_wipe(&key);
	return 0;
}

#else

int keycatch_take(PGconn *pg, struct cancel_key *ret_key)
{
	(void)pg;
	*ret_key = (struct cancel_key){0};
	return 0;
}

#endif
