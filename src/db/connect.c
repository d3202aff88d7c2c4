/* SPDX-License-Identifier: PostgreSQL */
#include "db/connect.h"

#include "base/arena.h"
#include "base/err.h"
#include "db/search.h"

#include <errno.h>
#include <string.h>

static int kind_errno(enum connect_failure kind)
{
	static const int codes[] = {
		[CONNECT_FAILURE_NETWORK] = -EHOSTUNREACH,
		[CONNECT_FAILURE_STARTING] = -EAGAIN,
		[CONNECT_FAILURE_TOO_MANY] = -EBUSY,
		[CONNECT_FAILURE_REFUSED] = -EACCES,
	};

	return codes[kind];
}

enum connect_failure connect_classify(int rc)
{
	switch (rc) {
	case -EAGAIN:
		return CONNECT_FAILURE_STARTING;
	case -EBUSY:
		return CONNECT_FAILURE_TOO_MANY;
	case -EACCES:
	case -EINVAL:
		return CONNECT_FAILURE_REFUSED;
	default:
		return CONNECT_FAILURE_NETWORK;
	}
}

/* What the caller is told; returns what connect_open returns. */
static int report(struct search *search, int rc, struct arena *arena, struct err *err)
{
	const char *prefix = rc == -EINVAL	? "conninfo: "
			     : rc == -ETIMEDOUT ? "no connection in time: "
						: "";

	if (rc == -ECANCELED) {
		err_set(err, arena, ERR_CANCELLED, ERR_EFFECTS_NONE, "cancelled while connecting");
		return rc;
	}
	if (rc != -ECONNREFUSED && rc != -EINVAL && rc != -ETIMEDOUT) {
		err_set(err, arena, ERR_UNAVAILABLE, ERR_EFFECTS_NONE, "cannot connect: %s",
			strerror(-rc));
		/* no errno of the system's is taken for one of ours */
		return rc == -ENOMEM ? rc : -EHOSTUNREACH;
	}
	err_set(err, arena, ERR_UNAVAILABLE, ERR_EFFECTS_NONE, "%s%s", prefix,
		search_account(search));
	if (rc != -ECONNREFUSED)
		return rc;
	if (search->nearest.sqlstate[0] != '\0') {
		err->code = ERR_SQL;
		memcpy(err->sqlstate, search->nearest.sqlstate, sizeof(err->sqlstate));
		err->severity = arena_strdup(arena, search->nearest.severity);
	}
	return kind_errno(search->kind);
}

int connect_open(struct resolver *resolver, const struct connect_options *options,
		 struct arena *arena, int64_t deadline_ns, struct connect_link *ret_link,
		 struct err *ret_err)
{
	struct search search;
	int rc;

	search_init(&search, resolver, options, deadline_ns);
	rc = search_run(&search);
	if (rc == 0)
		*ret_link = search.link;
	else
		rc = report(&search, rc, arena, ret_err);
	search_free(&search);
	return rc;
}

void connect_link_close(struct connect_link *link)
{
	PQfinish(link->pg);
	link->pg = NULL;
	cancel_key_wipe(&link->key);
}
