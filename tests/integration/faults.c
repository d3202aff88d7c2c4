/* SPDX-License-Identifier: PostgreSQL */
/*
 * Faults on demand: a library that is loaded before the others (LD_PRELOAD) and puts its own in
 * place of the C library's calls. What is to go wrong stands in a page that the test maps, too:
 * harness/faults.py, which has the same fields. Until the test asks for something, nothing changes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum call {
	CALL_RECV = 1,
	CALL_SEND = 2,
	CALL_SOCKET = 4,
	CALL_CONNECT = 8,
	CALL_ACCEPT = 16,
	CALL_ALLOC = 32,
	CALL_READ = 64,
	CALL_WRITE = 128,
	CALL_OPEN = 256,
	CALL_POLL = 512,
	CALL_KEEP = 1024, /* what makes a file one that stays */
};

enum side { SIDE_CLIENT = 1, SIDE_SERVER = 2 };

/* Instead of an errno */
enum action { ACTION_SHORT = 0, ACTION_END = -1, ACTION_FLIP = -2 };

struct page {
	/* The calls of the set `calls` on sockets of the set `sides`, from the `at`th on, `times`
	 * in all, end in `action`. `seen` and `hit` are counted here. */
	int64_t calls, sides, at, times, action, seen, hit;
	/* What servers send, all connections after each other: the byte at this position, from 0
	 * (-1: none), is the last before `byte_action`, or is changed. */
	int64_t byte_at, byte_action, byte_seen, byte_hit;
	/* The time of day is so much later. */
	int64_t clock_ns;
	/* While it is not 0, names that begin with "hang" are looked up without an end. */
	int64_t hang, hanging;
	/* Unless it is 0, no receive gives more bytes than that. */
	int64_t recv_max;
};

#define FDS 4096

static struct page *page;
static bool is_client[FDS];
static int64_t dead[FDS]; /* the action that has ended what a descriptor receives */

#define REAL(name)                                                                                 \
	static __typeof__(name) *real;                                                             \
	if (real == NULL)                                                                          \
	real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static bool known(int fd)
{
	return fd >= 0 && fd < FDS;
}

/* Whether this call is one to fail. */
static bool strikes(enum call call, int sides)
{
	int64_t n;

	if (page == NULL || (page->calls & call) == 0 || (page->sides & sides) == 0)
		return false;
	n = __atomic_add_fetch(&page->seen, 1, __ATOMIC_RELAXED);
	if (n < page->at || n >= page->at + page->times)
		return false;
	__atomic_add_fetch(&page->hit, 1, __ATOMIC_RELAXED);
	return true;
}

static int side_of(int fd)
{
	return known(fd) && is_client[fd] ? SIDE_CLIENT : SIDE_SERVER;
}

static ssize_t fail(int64_t action)
{
	if (action == ACTION_END)
		return 0;
	errno = (int)action;
	return -1;
}

/* ---- sockets ---- */

int socket(int domain, int type, int protocol)
{
	int fd;

	REAL(socket);
	if ((domain == AF_UNIX || domain == AF_INET || domain == AF_INET6) &&
	    strikes(CALL_SOCKET, SIDE_SERVER))
		return (int)fail(page->action);
	fd = real(domain, type, protocol);
	if (known(fd)) {
		is_client[fd] = false;
		dead[fd] = 0;
	}
	return fd;
}

int accept4(int listener, struct sockaddr *addr, socklen_t *len, int flags)
{
	int fd;

	REAL(accept4);
	if (strikes(CALL_ACCEPT, SIDE_CLIENT))
		return (int)fail(page->action);
	fd = real(listener, addr, len, flags);
	if (known(fd)) {
		is_client[fd] = true;
		dead[fd] = 0;
	}
	return fd;
}

/* The daemon's own connect(), which libpq calls, is made of this. */
long syscall(long number, ...)
{
	long args[6];
	va_list list;

	REAL(syscall);
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_connect && strikes(CALL_CONNECT, SIDE_SERVER))
		return fail(page->action);
	return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* Bytes of a server up to the one that is to be the last, or changed. */
static ssize_t recv_bytes(__typeof__(recvfrom) *real, int fd, void *bytes, size_t len, int flags)
{
	int64_t left = page->byte_at - page->byte_seen;
	ssize_t got;

	if (dead[fd] != 0)
		return fail(dead[fd]);
	if (left < 0 || page->byte_hit != 0)
		return real(fd, bytes, len, flags, NULL, NULL);
	if (left == 0 && page->byte_action != ACTION_FLIP) {
		page->byte_hit = 1;
		dead[fd] = page->byte_action;
		return fail(dead[fd]);
	}
	if (page->byte_action != ACTION_FLIP && (int64_t)len > left)
		len = (size_t)left;
	got = real(fd, bytes, len, flags, NULL, NULL);
	if (got <= 0)
		return got;
	if (page->byte_action == ACTION_FLIP && got > left) {
		page->byte_hit = 1;
		((char *)bytes)[left] ^= 0x55;
	}
	page->byte_seen += got;
	return got;
}

ssize_t recvfrom(int fd, void *bytes, size_t len, int flags, struct sockaddr *addr,
		 socklen_t *addr_len)
{
	REAL(recvfrom);
	if (strikes(CALL_RECV, side_of(fd))) {
		if (page->action != ACTION_SHORT)
			return fail(page->action);
		len = len > 1 ? 1 : len;
	}
	if (page != NULL && page->recv_max > 0 && len > (size_t)page->recv_max)
		len = (size_t)page->recv_max;
	if (page != NULL && page->byte_at >= 0 && addr == NULL && side_of(fd) == SIDE_SERVER &&
	    known(fd) && len > 0)
		return recv_bytes(real, fd, bytes, len, flags);
	return real(fd, bytes, len, flags, addr, addr_len);
}

/* Whoever cannot be written to is gone: libpq looks for its last words. */
static ssize_t fail_send(int fd)
{
	if (page->action == EPIPE)
		shutdown(fd, SHUT_RDWR);
	return fail(page->action);
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *addr,
	       socklen_t addr_len)
{
	REAL(sendto);
	if (strikes(CALL_SEND, side_of(fd))) {
		if (page->action != ACTION_SHORT)
			return fail_send(fd);
		len = len > 1 ? 1 : len;
	}
	return real(fd, bytes, len, flags, addr, addr_len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr some = *message;
	struct iovec first;

	REAL(sendmsg);
	if (strikes(CALL_SEND, side_of(fd))) {
		if (page->action != ACTION_SHORT)
			return fail_send(fd);
		first = message->msg_iov[0];
		first.iov_len = first.iov_len > 1 ? 1 : first.iov_len;
		some.msg_iov = &first;
		some.msg_iovlen = 1;
	}
	return real(fd, &some, flags);
}

/* ---- files: what the command reads and writes ---- */

/* How many bytes one of these calls may take; -1: it fails. */
static ssize_t part(enum call call, size_t len)
{
	if (!strikes(call, SIDE_SERVER))
		return (ssize_t)len;
	if (page->action != ACTION_SHORT)
		return -1;
	return len > 1 ? 1 : (ssize_t)len;
}

ssize_t read(int fd, void *bytes, size_t len)
{
	ssize_t some = part(CALL_READ, len);

	REAL(read);
	return some < 0 ? fail(page->action) : real(fd, bytes, (size_t)some);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t some = part(CALL_WRITE, len);

	REAL(write);
	return some < 0 ? fail(page->action) : real(fd, bytes, (size_t)some);
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t at)
{
	ssize_t some = part(CALL_READ, len);

	REAL(pread64);
	return some < 0 ? fail(page->action) : real(fd, bytes, (size_t)some, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	ssize_t some = part(CALL_WRITE, len);

	REAL(pwrite64);
	return some < 0 ? fail(page->action) : real(fd, bytes, (size_t)some, at);
}

/* The C library has two names for each, by the size of an offset; here it has one. */
ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
	return pread64(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite64(fd, bytes, len, at);
}

static int open_with(const char *path, int flags, va_list list)
{
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;

	if (strikes(CALL_OPEN, SIDE_SERVER))
		return (int)fail(page->action);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list list;
	int fd;

	va_start(list, flags);
	fd = open_with(path, flags, list);
	va_end(list);
	return fd;
}

int open64(const char *path, int flags, ...)
{
	va_list list;
	int fd;

	va_start(list, flags);
	fd = open_with(path, flags, list);
	va_end(list);
	return fd;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	REAL(poll);
	return strikes(CALL_POLL, SIDE_SERVER) ? (int)fail(page->action)
					       : real(fds, count, timeout_ms);
}

int fsync(int fd)
{
	REAL(fsync);
	return strikes(CALL_KEEP, SIDE_SERVER) ? (int)fail(page->action) : real(fd);
}

int rename(const char *from, const char *to)
{
	REAL(rename);
	return strikes(CALL_KEEP, SIDE_SERVER) ? (int)fail(page->action) : real(from, to);
}

/* ---- memory; with the address sanitizer its own come first, and these are not used ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static bool no_memory(void)
{
	if (!strikes(CALL_ALLOC, SIDE_SERVER))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return no_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return no_memory() ? NULL : __libc_realloc(block, size);
}

/* ---- time of day ---- */

/* The sanitizer's allocator asks for it while it is at work: dlsym, which allocates, would be too
 * much. */
static long kernel_clock_gettime(clockid_t id, struct timespec *now)
{
#ifdef __x86_64__
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(SYS_clock_gettime), "D"((long)id), "S"(now)
			 : "rcx", "r11", "memory");
	if (rc == 0)
		return 0;
	errno = (int)-rc;
	return -1;
#else
	return syscall(SYS_clock_gettime, id, now);
#endif
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int64_t ns;

	if (kernel_clock_gettime(id, now) != 0)
		return -1;
	if (id != CLOCK_REALTIME || page == NULL)
		return 0;
	ns = now->tv_nsec + page->clock_ns % 1000000000;
	now->tv_sec += page->clock_ns / 1000000000 + (ns < 0 ? -1 : ns / 1000000000);
	now->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec time;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &time);
	*now = (struct timeval){.tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *ret_now)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now != NULL)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

/* ---- names ---- */

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret_list)
{
	REAL(getaddrinfo);
	if (page != NULL && node != NULL && strncmp(node, "hang", 4) == 0 &&
	    (hints == NULL || (hints->ai_flags & AI_NUMERICHOST) == 0)) {
		__atomic_add_fetch(&page->hanging, 1, __ATOMIC_RELAXED);
		while (__atomic_load_n(&page->hang, __ATOMIC_RELAXED) != 0)
			usleep(10000);
		__atomic_add_fetch(&page->hanging, -1, __ATOMIC_RELAXED);
		node = "127.0.0.1";
	}
	return real(node, service, hints, ret_list);
}

__attribute__((constructor)) static void map_page(void)
{
	const char *path = getenv("GATHERD_FAULTS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		page = mapped;
}
