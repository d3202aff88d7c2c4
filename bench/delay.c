/* SPDX-License-Identifier: PostgreSQL */
/*
 * delay: a network between two Unix sockets. What comes in on one side leaves on the other half a
 * round trip later, in order; nothing else is changed.
 *
 * Every piece is late by the same time, so one queue for all connections is in the order of what is
 * due. Writes block: a client that does not read holds up the others, which no client here does.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define S_NS	   INT64_C(1000000000)
#define READ_BYTES 65536

/* One direction of a connection; `back` is the other one. Freed, both, when nothing of either is in
 * the queue or open. */
struct link {
	int from, to;
	bool ended;	/* EOF has been read */
	size_t pending; /* pieces in the queue */
	struct link *back;
};

struct piece {
	struct piece *next;
	struct link *link;
	int64_t due_ns;
	size_t size; /* 0: EOF */
	char data[];
};

struct proxy {
	int epoll_fd, listener;
	int64_t half_ns;
	struct sockaddr_un target;
	struct piece *first, **last;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * S_NS + now.tv_nsec;
}

static void proxy_watch(struct proxy *proxy, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(proxy->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void proxy_accept(struct proxy *proxy)
{
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct link *there = calloc(1, sizeof(*there)), *back = calloc(1, sizeof(*back));

	if (client < 0 || server < 0 || !there || !back)
		err(1, "accept");
	if (connect(server, (void *)&proxy->target, sizeof(proxy->target)) < 0)
		err(1, "%s", proxy->target.sun_path);
	*there = (struct link){.from = client, .to = server, .back = back};
	*back = (struct link){.from = server, .to = client, .back = there};
	proxy_watch(proxy, client, there);
	proxy_watch(proxy, server, back);
}

static void proxy_read(struct proxy *proxy, struct link *link)
{
	static char buffer[READ_BYTES];
	ssize_t size = read(link->from, buffer, sizeof(buffer));
	struct piece *piece;

	if (size <= 0) {
		size = 0;
		link->ended = true;
		epoll_ctl(proxy->epoll_fd, EPOLL_CTL_DEL, link->from, NULL);
	}
	piece = malloc(sizeof(*piece) + (size_t)size);
	if (!piece)
		err(1, "memory");
	*piece = (struct piece){
		.link = link, .due_ns = now_ns() + proxy->half_ns, .size = (size_t)size};
	memcpy(piece->data, buffer, (size_t)size);
	link->pending++;
	*proxy->last = piece;
	proxy->last = &piece->next;
}

static void link_write(struct link *link, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = send(link->to, data, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* the reader has gone: its own EOF tells the other side */
		data += sent;
		size -= (size_t)sent;
	}
}

static void proxy_deliver(struct proxy *proxy)
{
	int64_t now = now_ns();

	while (proxy->first && proxy->first->due_ns <= now) {
		struct piece *piece = proxy->first;
		struct link *link = piece->link;

		proxy->first = piece->next;
		if (!proxy->first)
			proxy->last = &proxy->first;
		if (piece->size)
			link_write(link, piece->data, piece->size);
		else
			shutdown(link->to, SHUT_WR);
		link->pending--;
		free(piece);
		if (link->ended && link->back->ended && !link->pending && !link->back->pending) {
			close(link->from);
			close(link->to);
			free(link->back);
			free(link);
		}
	}
}

static void proxy_run(struct proxy *proxy)
{
	struct epoll_event events[64];

	for (;;) {
		int64_t left_ns = proxy->first ? proxy->first->due_ns - now_ns() : S_NS;
		struct timespec wait;
		int count;

		left_ns = left_ns < 0 ? 0 : left_ns;
		wait = (struct timespec){left_ns / S_NS, left_ns % S_NS};
		count = epoll_pwait2(proxy->epoll_fd, events, 64, &wait, NULL);
		if (count < 0 && errno != EINTR)
			err(1, "epoll_pwait2");
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				proxy_read(proxy, events[i].data.ptr);
			else
				proxy_accept(proxy);
		}
		proxy_deliver(proxy);
	}
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long for a socket's path", path);
	strcpy(address.sun_path, path);
	return address;
}

int main(int argc, char **argv)
{
	struct proxy proxy = {.last = &proxy.first};
	struct sockaddr_un address;

	if (argc != 4)
		errx(64, "usage: delay ROUND-TRIP-MS LISTEN-SOCKET SERVER-SOCKET");
	proxy.half_ns = (int64_t)(atof(argv[1]) * 1e6 / 2);
	address = unix_address(argv[2]);
	proxy.target = unix_address(argv[3]);
	proxy.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	proxy.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (proxy.epoll_fd < 0 || bind(proxy.listener, (void *)&address, sizeof(address)) < 0 ||
	    listen(proxy.listener, 1024) < 0)
		err(1, "%s", argv[2]);
	proxy_watch(&proxy, proxy.listener, NULL);
	proxy_run(&proxy);
}
