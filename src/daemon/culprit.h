/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which parameter an error of the server is about. It says $1, also where the client has written
 * :day.
 */
#ifndef DAEMON_CULPRIT_H
#define DAEMON_CULPRIT_H

#include <stddef.h>

struct err;

/* Its number, from 1; 0 where the error is about none, or says nothing of it. */
size_t culprit_number(const struct err *err);

#endif
