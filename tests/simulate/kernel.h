/* SPDX-License-Identifier: PostgreSQL */
/*
 * The sockets of a schedule: descriptors that exist in memory only, and an epoll that knows them.
 * The daemon's system calls, libpq's and libevent's come here (kernel_calls.c); at the other end of
 * each socket stands somebody of the world.
 */
#ifndef SIMULATE_KERNEL_H
#define SIMULATE_KERNEL_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct world;

/* The first descriptor of ours; those below are the process's own. */
#define KERNEL_FIRST_FD 32
#define KERNEL_FDS	512

enum kernel_kind {
	KERNEL_FREE,
	KERNEL_INERT, /* an epoll, a timerfd, a pipe, an eventfd: never ready */
	KERNEL_NEW,   /* a socket that is not connected */
	KERNEL_LISTENER,
	KERNEL_STREAM
};

/* Bytes on their way. */
struct kernel_bytes {
	char *data;
	size_t begin, end, room;
};

struct kernel_socket;
/* What the other end of a socket hears. It may not call back into the daemon. */
struct kernel_peer {
	void (*sent)(void *ctx, const char *bytes, size_t len); /* the daemon sent */
	void (*read)(void *ctx);				/* it took some */
	void (*closed)(void *ctx);				/* the socket is no more */
};

struct kernel_socket {
	struct world *world;
	enum kernel_kind kind;
	int fd; /* the latest of them */
	unsigned descriptors;
	bool watched;
	struct epoll_event interest;
	bool edge; /* something happened since it was last reported */

	/* STREAM */
	const struct kernel_peer *peer;
	void *peer_ctx;
	struct kernel_bytes in; /* what the daemon may read */
	size_t in_room;		/* that fits */
	size_t out_room;	/* that the daemon may still send */
	bool in_ended;		/* no more will come */
	bool broken;		/* nobody takes what is sent */
	int error;		/* for the next read or write */
	unsigned uid;
	struct kernel_socket *other; /* both ends are the daemon's; NULL: no such pair */

	/* LISTENER */
	struct kernel_socket *backlog[64]; /* not yet accepted: without a descriptor */
	size_t backlog_count;
};

/* A process of the world that listens at a path. 0 and the peer of `socket`, or -errno. */
typedef int kernel_connect_fn(void *ctx, struct kernel_socket *socket, const char *path);

struct kernel {
	struct world *world;
	struct kernel_socket *sockets[KERNEL_FDS];
	int watched[KERNEL_FDS]; /* descriptors, in the order of their registration */
	size_t watched_count;
	size_t open_count, open_max;
	struct kernel_socket *listener; /* the daemon's */
	kernel_connect_fn *connect;
	void *connect_ctx;
	bool strict; /* no surprises: neither short reads nor interrupted calls */
};

/* Of this process: the one that the system calls meet. */
void kernel_install(struct kernel *kernel);
void kernel_init(struct kernel *kernel, struct world *world);

struct kernel_socket *kernel_open(struct kernel *kernel, enum kernel_kind kind);
void kernel_close(struct kernel *kernel, int fd);
/* Two ends, both the daemon's: 0, or -1. */
int kernel_pair(struct kernel *kernel, int fds[2]);
/* `fd` is closed and becomes another name of the socket. */
void kernel_duplicate(struct kernel *kernel, struct kernel_socket *socket, int fd);
/* A descriptor for a socket that has none: it, or -1 and errno. */
int kernel_give_fd(struct kernel *kernel, struct kernel_socket *socket);
/* The lowest that is free becomes one more name of the socket: it, or -1 and errno. */
int kernel_name_again(struct kernel *kernel, struct kernel_socket *socket);
struct kernel_socket *kernel_find(struct kernel *kernel, int fd);
int kernel_wait(struct kernel *kernel, struct epoll_event *events, int max, int timeout);
int kernel_control(struct kernel *kernel, int op, int fd, const struct epoll_event *event);
unsigned kernel_ready(const struct kernel_socket *socket);

/* ---- for those at the other end ---- */

/* A client connects to the daemon: NULL when nobody listens or the backlog is full. */
struct kernel_socket *kernel_connect_daemon(struct kernel *kernel, const struct kernel_peer *peer,
					    void *peer_ctx, unsigned uid);
size_t kernel_room(const struct kernel_socket *socket);
/* At most kernel_room() bytes. */
void kernel_deliver(struct kernel *kernel, struct kernel_socket *socket, const char *bytes,
		    size_t len);
void kernel_end(struct kernel *kernel, struct kernel_socket *socket); /* half-closed */
/* Closed altogether; `reset`: what was not read is lost, and an error. */
void kernel_break(struct kernel *kernel, struct kernel_socket *socket, bool reset);
void kernel_took(struct kernel *kernel, struct kernel_socket *socket, size_t bytes);

void bytes_add(struct world *world, struct kernel_bytes *bytes, const char *data, size_t len);
static inline size_t bytes_len(const struct kernel_bytes *bytes)
{
	return bytes->end - bytes->begin;
}
static inline const char *bytes_data(const struct kernel_bytes *bytes)
{
	return bytes->data + bytes->begin;
}
static inline void bytes_take(struct kernel_bytes *bytes, size_t len)
{
	bytes->begin += len;
}

#endif
