/* SPDX-License-Identifier: PostgreSQL */
#include "db/lease.h"

#include "db/conn.h"
#include "db/pool.h"

#include <errno.h>

int db_lease_take(struct pool *pool, struct db_lease *lease, struct db_owner owner,
		  struct arena *arena, int64_t deadline_ns)
{
	*lease = (struct db_lease){
		.pool = pool,
		.query = {.kind = DB_QUERY_LEASE, .owner = owner, .arena = arena},
	};
	db_execute(pool, &lease->query, deadline_ns);
	return lease->query.err.code == ERR_NONE ? 0 : -ENOTCONN;
}

static void prepare(struct db_lease *lease, struct db_query *query)
{
	query_submitted(query, lease->pool);
	/* One that has become stale could not be run again in the middle of a transaction. */
	query->unprepared = true;
	query->conn = lease->query.conn;
	query->state = DB_QUERY_ASSIGNED;
}

static void refuse(struct db_query *query)
{
	err_set_static(&query->err, ERR_CONNECTION_LOST, ERR_EFFECTS_NONE,
		       "the connection was lost before this was sent");
	query_finish(query);
}

void db_lease_send(struct db_lease *lease, struct db_query *query)
{
	db_lease_send_batch(lease, &query, 1);
}

void db_lease_send_batch(struct db_lease *lease, struct db_query *const *queries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		prepare(lease, queries[i]);
		if (i > 0)
			list_push_back(&queries[0]->batch, &queries[i]->batch_node);
	}
	if (db_lease_holds(lease)) {
		conn_assign(lease->query.conn, queries[0]);
		return;
	}
	for (size_t i = 0; i < count; i++)
		refuse(queries[i]);
}

int db_lease_await(struct db_query *query, int64_t deadline_ns)
{
	return query_await(query, deadline_ns);
}

bool db_lease_holds(const struct db_lease *lease)
{
	return lease->query.conn != NULL;
}

void db_lease_release(struct db_lease *lease)
{
	if (db_lease_holds(lease))
		conn_release(lease->query.conn);
	lease->query.conn = NULL;
}
