/* SPDX-License-Identifier: PostgreSQL */
/*
 * Socket calls that wait, through base/sys.h. Descriptors are non-blocking. All are cancellation
 * points.
 */
#ifndef CO_IO_H
#define CO_IO_H

#include "base/macros.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A connected non-blocking, close-on-exec stream socket, or a negative errno. */
int co_io_connect(const struct sockaddr *addr, socklen_t len, int64_t deadline_ns) MUST_CHECK;
/* At least one byte; 0 at the end of the stream; or a negative errno. */
ssize_t co_io_recv(int fd, void *bytes, size_t len, int64_t deadline_ns) MUST_CHECK;
/* All of it: 0 or a negative errno. */
int co_io_send_all(int fd, const void *bytes, size_t len, int64_t deadline_ns) MUST_CHECK;

#endif
