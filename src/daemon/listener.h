/* SPDX-License-Identifier: PostgreSQL */
/* The socket that clients connect to: made by us, or handed down by the service manager. */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include "base/macros.h"
#include "co/co.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct config;

typedef void listener_accept_fn(void *arg, int fd);

struct listener {
	struct co_loop *loop;
	int fd;		/* -1: none */
	bool activated; /* the service manager's: it stays when we go */
	char *path;	/* ours to remove; NULL when activated */
	dev_t device;
	ino_t inode;
	struct co_watch watch;
	struct co_timer retry;
	size_t reserve; /* descriptors that clients leave to others */
	bool has_spare;
	int spare;    /* a descriptor kept for a client that would get one of the reserve */
	bool full;    /* the caller's word: no further client */
	bool starved; /* no descriptor for one; until `retry` */
	bool watching;
	listener_accept_fn *accept;
	void *arg;
};

/*
 * Opens it: the inherited descriptor if there is one ($LISTEN_FDS), else config's socket. 0, or a
 * negative errno with the reason logged. Clients are accepted from listener_start on.
 */
int listener_open(struct listener *listener, const struct config *config) MUST_CHECK;
int listener_start(struct listener *listener, struct co_loop *loop, listener_accept_fn *accept,
		   void *arg) MUST_CHECK;
/* How many descriptors clients leave to the databases; no more than half of all. */
void listener_set_reserve(struct listener *listener, size_t count);
/* While there is no room for another client. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* Stops accepting; removes the socket's file if it is ours. */
void listener_close(struct listener *listener);

#endif
