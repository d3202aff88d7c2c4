/* SPDX-License-Identifier: PostgreSQL */
/* The request that the command line and its queries make. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/input.h"
#include "cli/options.h"
#include "client/gather.h"

#include <stdbool.h>

/* Always a stream. `input` has no queries for a report. 0, or a gather_status after a message. */
int ask_build(const struct options *options, const struct input *input, bool values_text,
	      struct gather_request **ret_request) MUST_CHECK;
/* Connects, within the time limit. 0, or a gather_status after a message. */
int ask_connect(struct gather *gather, const struct options *options) MUST_CHECK;

#endif
