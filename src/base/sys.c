/* SPDX-License-Identifier: PostgreSQL */
#include "base/sys.h"

#include <unistd.h>

#define REAL_OPS                                                                                   \
	{                                                                                          \
		.socket = socket, .connect = connect, .accept4 = accept4, .recv = recv,            \
		.send = send, .sendmsg = sendmsg, .close = close,                                  \
	}

const struct sys_ops sys_real = REAL_OPS;
struct sys_ops sys = REAL_OPS;
