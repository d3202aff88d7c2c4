/* SPDX-License-Identifier: PostgreSQL */
/* For suites that need a server: they run themselves under with-postgres, so that each still runs
 * alone by its name. */
#ifndef UNIT_POSTGRES_H
#define UNIT_POSTGRES_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* At the begin of main: returns once there is a server (PGHOST, PGPORT, … are set, see
 * with-postgres). */
static inline void suite_need_postgres(char **argv)
{
	char wrapper[] = WITH_POSTGRES;
	char *args[] = {wrapper, argv[0], NULL};

	if (getenv("TEST_POSTGRES_TLS") != NULL)
		return;
	execv(wrapper, args);
	perror(wrapper);
	exit(99);
}

#endif
