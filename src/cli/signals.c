/* SPDX-License-Identifier: PostgreSQL */
#include "cli/signals.h"

#include "base/macros.h"
#include "client/gather.h"

#include <stddef.h>
#include <unistd.h>

volatile sig_atomic_t signals_caught;
static struct gather *interrupted;

static void catch (int number)
{
	if (signals_caught != 0)
		_exit(128 + number);
	signals_caught = number;
	gather_interrupt(interrupted);
}

void signals_install(struct gather *gather)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = catch}, old;

	interrupted = gather;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&action.sa_mask);
	/* No SA_RESTART: a blocked write is to notice. */
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}
