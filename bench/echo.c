/* SPDX-License-Identifier: PostgreSQL */
/*
 * echo: the floor of every command that asks a daemon: a static program that sends a line over a
 * Unix socket and reads one back, and (with -l) the server that it asks.
 */
#include <err.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void serve(int listener)
{
	char line[256];
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		ssize_t size = read(fd, line, sizeof(line));

		if (size > 0 && write(fd, line, (size_t)size) != size)
			warn("write");
		close(fd);
	}
	err(1, "accept");
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool listening = argc == 3 && !strcmp(argv[1], "-l");
	char line[256];
	int fd;

	if (argc != 2 + listening || strlen(argv[argc - 1]) >= sizeof(address.sun_path))
		errx(64, "usage: echo [-l] SOCKET");
	strcpy(address.sun_path, argv[argc - 1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		err(1, "socket");
	if (listening) {
		if (bind(fd, (void *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0)
			err(1, "%s", address.sun_path);
		serve(fd);
	}
	if (connect(fd, (void *)&address, sizeof(address)) < 0)
		err(1, "%s", address.sun_path);
	if (write(fd, "select 1\n", 9) != 9 || read(fd, line, sizeof(line)) != 9)
		err(1, "no answer");
	return 0;
}
