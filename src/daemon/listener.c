/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/listener.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "conf/config.h"
#include "daemon/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG	4096
#define LISTEN_FIRST_FD 3 /* sd_listen_fds(3) */
/* Clients accepted in one turn; the others are still there in the next. */
#define ACCEPTS_AT_ONCE 64
/* When there are no descriptors left and none of ours will be given back, others' may be. */
#define ACCEPT_AGAIN_NS (100 * CLOCK_MS)

/* ---- opening ---- */

static int inherited_fd(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long count = fds == NULL ? 0 : strtol(fds, NULL, 10);
	bool ours = pid != NULL && strtol(pid, NULL, 10) == (long)getpid();

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours || count < 1)
		return -1;
	if (count > 1)
		log_warning("the service manager passed %ld sockets; only the first is used",
			    count);
	return LISTEN_FIRST_FD;
}

static int use_inherited(struct listener *listener, int fd)
{
	int type = 0, accepts = 0, domain = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) < 0 || !accepts) {
		return -ENOTSOCK;
	}
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	listener->fd = fd;
	listener->activated = true;
	return 0;
}

static void make_address(const char *path, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	strncpy(addr->sun_path, path, sizeof(addr->sun_path) - 1);
}

/* A socket file that nobody listens on is left from a crash. */
static int remove_stale(const char *path)
{
	struct sockaddr_un addr;
	struct stat st;
	int fd, rc = 0;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	make_address(path, &addr);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN)
		rc = -EADDRINUSE;
	else if (errno == ECONNREFUSED)
		rc = unlink(path) == 0 ? 0 : -errno;
	else
		rc = -errno;
	close(fd);
	return rc;
}

static int set_owner(const char *path, const struct config *config)
{
	gid_t gid;
	int rc;

	if (chmod(path, config->socket_mode) < 0)
		return -errno;
	if (config->socket_group == NULL)
		return 0;
	if (!access_find_gid(config->socket_group, &gid)) {
		log_error("socket_group: the system has no group \"%s\"", config->socket_group);
		return -ESRCH;
	}
	if (gid == getegid() || chown(path, (uid_t)-1, gid) == 0)
		return 0;
	rc = -errno;
	log_error(
		"socket_group: the socket cannot be given to the group \"%s\", of which the daemon "
		"has to be a member: %s",
		config->socket_group, strerror(-rc));
	return rc;
}

static int bind_socket(int fd, const struct config *config)
{
	struct sockaddr_un addr;
	mode_t mask;
	int rc;

	make_address(config->socket, &addr);
	/* Nobody may connect before the mode is what the configuration says. */
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? 0 : -errno;
	umask(mask);
	return rc;
}

static int open_own(struct listener *listener, const struct config *config)
{
	struct stat st;
	int rc = remove_stale(config->socket);
	int fd;

	if (rc < 0)
		return rc;
	listener->path = mem_strdup(config->socket);
	if (listener->path == NULL)
		return -ENOMEM;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	listener->fd = fd;
	rc = bind_socket(fd, config);
	if (rc < 0)
		return rc;
	/* Removed at the end only if it is still this one. */
	if (stat(config->socket, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	rc = set_owner(config->socket, config);
	if (rc == 0 && listen(fd, LISTEN_BACKLOG) < 0)
		rc = -errno;
	return rc;
}

static const char *why_not(int rc)
{
	switch (rc) {
	case -EADDRINUSE:
		return "another process does; is gatherd running already?";
	case -EEXIST:
		return "the file is there, and is no socket";
	case -ENOENT:
		return "its directory does not exist";
	case -EACCES:
		return "no permission to make it there (the user that runs gatherd has to own the "
		       "directory)";
	case -ENOTSOCK:
		return "it is no listening Unix stream socket";
	case -ESRCH:
		return "its group cannot be set";
	default:
		return strerror(-rc);
	}
}

int listener_open(struct listener *listener, const struct config *config)
{
	int fd = inherited_fd();
	int rc;

	*listener = (struct listener){.fd = -1};
	rc = fd >= 0 ? use_inherited(listener, fd) : open_own(listener, config);
	if (rc < 0) {
		log_error("cannot listen on %s: %s",
			  fd < 0 ? config->socket : "the service manager's socket", why_not(rc));
		listener_close(listener);
	}
	return rc;
}

static void release_spare(struct listener *listener)
{
	if (listener->has_spare)
		close(listener->spare);
	listener->has_spare = false;
}

void listener_close(struct listener *listener)
{
	struct stat st;

	co_watch_stop(&listener->watch);
	co_timer_stop(&listener->retry);
	if (listener->path != NULL && listener->inode != 0 && stat(listener->path, &st) == 0 &&
	    st.st_ino == listener->inode && st.st_dev == listener->device)
		unlink(listener->path);
	mem_free(listener->path);
	release_spare(listener);
	if (listener->fd >= 0)
		close(listener->fd);
	*listener = (struct listener){.fd = -1};
}

/* ---- accepting ---- */

static void watch(struct listener *listener)
{
	bool wanted = !listener->full && !listener->starved;

	/* Should it fail, an event that is not wanted comes again, and this with it. */
	if (listener->fd >= 0 && wanted != listener->watching &&
	    co_watch_change(&listener->watch, wanted ? CO_READ : 0) == 0)
		listener->watching = wanted;
}

static void on_retry(void *arg)
{
	struct listener *listener = arg;

	listener->starved = false;
	watch(listener);
}

/*
 * No descriptor for the next client: it waits in the kernel's queue, and we look again a little
 * later. Not when one of our clients ends: something else may take what it leaves, and a storm of
 * clients would have us try, fail and tell of it with each.
 */
static void out_of_descriptors(struct listener *listener)
{
	log_warning("no descriptor for a new client: %s", strerror(errno));
	listener->starved =
		co_timer_start(&listener->retry, listener->loop,
			       clock_after_ns(co_loop_now_ns(listener->loop), ACCEPT_AGAIN_NS),
			       on_retry, listener) == 0;
	watch(listener);
}

void listener_set_reserve(struct listener *listener, size_t count)
{
	listener->reserve = count;
}

/*
 * Clients have the descriptors below this one. Which one the next will get cannot be known, and who
 * is accepted cannot be put back: so the lowest that is free is kept, and who gets one of the
 * reserve is moved there.
 */
static rlim_t first_reserved(const struct listener *listener)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return RLIM_INFINITY;
	return limit.rlim_cur - MIN((rlim_t)listener->reserve, limit.rlim_cur / 2);
}

static bool keep_spare(struct listener *listener, rlim_t reserved)
{
	if (listener->has_spare && (rlim_t)listener->spare < reserved)
		return true;
	release_spare(listener);
	listener->spare = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
	listener->has_spare = listener->spare >= 0;
	if (!listener->has_spare || (rlim_t)listener->spare < reserved)
		return listener->has_spare;
	release_spare(listener);
	errno = EMFILE;
	return false;
}

static int accept_client(const struct listener *listener)
{
	return sys.accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static int accept_below(struct listener *listener, rlim_t reserved)
{
	int fd = accept_client(listener);

	/* The reserve is in use, but what we keep is not. */
	if (fd < 0 && errno == EMFILE) {
		release_spare(listener);
		fd = accept_client(listener);
	} else if (fd >= 0 && (rlim_t)fd >= reserved && dup3(fd, listener->spare, O_CLOEXEC) >= 0) {
		close(fd);
		fd = listener->spare;
		listener->has_spare = false;
	}
	return fd;
}

static void on_event(void *arg, unsigned events)
{
	struct listener *listener = arg;
	rlim_t reserved = first_reserved(listener);

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE && listener->fd >= 0; i++) {
		int fd;

		if (listener->full || listener->starved) {
			watch(listener);
			break;
		}
		if (!keep_spare(listener, reserved)) {
			out_of_descriptors(listener);
			break;
		}
		fd = accept_below(listener, reserved);
		if (fd >= 0) {
			listener->accept(listener->arg, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			out_of_descriptors(listener);
		break;
	}
}

int listener_start(struct listener *listener, struct co_loop *loop, listener_accept_fn *accept,
		   void *arg)
{
	int rc = co_watch_start(&listener->watch, loop, listener->fd, CO_READ, on_event, listener);

	if (rc < 0)
		return rc;
	listener->loop = loop;
	listener->accept = accept;
	listener->arg = arg;
	listener->watching = true;
	return 0;
}

void listener_pause(struct listener *listener)
{
	listener->full = true;
	watch(listener);
}

void listener_resume(struct listener *listener)
{
	listener->full = false;
	watch(listener);
}
