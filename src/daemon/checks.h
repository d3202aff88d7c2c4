/* SPDX-License-Identifier: PostgreSQL */
/*
 * What `gatherd --check` finds beside the mistakes of the file itself: what the file says of this
 * system that is not so, [access] sections that hardly say what was meant, and the mistakes of the
 * reports. Looks, and changes nothing.
 */
#ifndef DAEMON_CHECKS_H
#define DAEMON_CHECKS_H

#include "base/macros.h"
#include "conf/config.h"

/*
 * Tells `report` of all of it, each with its file and line. 0; -EINVAL when the daemon would not
 * start (the rest are warnings: a reload checks as well, and a name may have gone from the system);
 * or -ENOMEM.
 */
int checks_run(const struct config *config, config_error_fn *report, void *arg) MUST_CHECK;

#endif
