/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/share.h"

#include "base/err.h"
#include "base/mem.h"
#include "co/co.h"
#include "daemon/database.h"
#include "db/queue.h"

#include <errno.h>
#include <string.h>

struct share {
	struct list node; /* database.shares */
	char *section;
	unsigned refs;
	size_t used;
	struct queue queue; /* of struct turn */
};

/* One that waits: known to the queue as a query that is never sent. */
struct turn {
	struct db_query query;
	bool come;
};

struct share *share_ref(struct database *database, const char *section)
{
	struct share *share;

	list_for_each (node, &database->shares) {
		share = LIST_ENTRY(node, struct share, node);
		if (strcmp(share->section, section) == 0) {
			share->refs++;
			return share;
		}
	}
	share = mem_calloc(1, sizeof(*share));
	if (share == NULL)
		return NULL;
	share->section = mem_strdup(section);
	if (share->section == NULL) {
		mem_free(share);
		return NULL;
	}
	share->refs = 1;
	queue_init(&share->queue);
	list_push_back(&database->shares, &share->node);
	return share;
}

void share_unref(struct share *share)
{
	if (share == NULL || --share->refs > 0)
		return;
	list_remove(&share->node);
	mem_free(share->section);
	mem_free(share);
}

static int await_turn(struct share *share, struct db_owner owner, int64_t deadline_ns)
{
	struct turn turn = {.query = {.owner = owner, .task = co_task_current()}};
	int rc = 0;

	list_init(&turn.query.node);
	if (queue_push(&share->queue, &turn.query) < 0)
		return -ENOMEM;
	while (!turn.come && rc == 0)
		rc = co_park(deadline_ns);
	if (turn.come)
		return 0;
	queue_remove(&share->queue, &turn.query);
	return rc;
}

int share_take(struct share *share, unsigned limit, struct db_owner owner, int64_t deadline_ns)
{
	if (share == NULL)
		return 0;
	if (share->used >= limit)
		return await_turn(share, owner, deadline_ns);
	share->used++;
	return 0;
}

void share_give(struct share *share, unsigned limit)
{
	if (share == NULL)
		return;
	share->used--;
	/* More than one where a reload has raised the limit. */
	while (share->used < limit && share->queue.length > 0) {
		struct turn *turn = CONTAINER_OF(queue_pop(&share->queue), struct turn, query);

		turn->come = true;
		share->used++;
		co_unpark(turn->query.task);
	}
}

size_t share_awaited(const struct share *share)
{
	return share == NULL ? 0 : share->queue.length;
}

void share_refused(int rc, struct err *ret_err)
{
	if (rc == -ETIMEDOUT || rc == -ECANCELED)
		db_query_set_unsent(ret_err, rc == -ETIMEDOUT);
	else
		err_no_memory(ret_err);
}
