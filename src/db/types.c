/* SPDX-License-Identifier: PostgreSQL */
#include "db/types.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "co/co.h"
#include "db/connect.h"
#include "db/pool.h"

#include <errno.h>
#include <stdlib.h>

/* A database with more types than this in its answers gets the rest as text. */
#define TYPES_MAX 65536

/* How long what others may change behind our back is taken for true. */
#define FRESH_NS (60 * CLOCK_SECOND)
/* One look-up costs a connection: not for every DDL statement, nor for every answer while it fails.
 */
#define REFRESH_PAUSE_NS CLOCK_SECOND
#define FAILED_PAUSE_NS	 CLOCK_SECOND
#define REFRESH_LIMIT_NS (5 * CLOCK_SECOND)
#define REFRESH_MAX	 64

struct type_entry {
	struct db_type type;
	int64_t learned_ns;
	UT_hash_handle hh;
	char name[]; /* what type.name points to */
};

struct types {
	struct type_entry *entries; /* hash by oid */
	int64_t altered_ns;
	int64_t failed_ns;    /* when a look-up last failed; 0: never */
	int64_t refreshed_ns; /* when the last refresh began */
	bool refreshing;      /* these: */
	uint32_t stale[REFRESH_MAX];
	size_t stale_count;
};

int types_new(struct types **ret_types)
{
	struct types *types = mem_calloc(1, sizeof(*types));

	if (types == NULL)
		return -ENOMEM;
	*ret_types = types;
	return 0;
}

void types_free(struct types *types)
{
	struct type_entry *entry, *next;

	if (types == NULL)
		return;
	HASH_ITER (hh, types->entries, entry, next) {
		HASH_DELETE(hh, types->entries, entry);
		mem_free(entry);
	}
	mem_free(types);
}

static struct type_entry *find(const struct types *types, uint32_t oid)
{
	struct type_entry *entry;

	HASH_FIND(hh, types->entries, &oid, sizeof(oid), entry);
	return entry;
}

const struct db_type *types_find(const struct types *types, uint32_t oid)
{
	struct type_entry *entry = find(types, oid);

	return entry == NULL ? NULL : &entry->type;
}

static bool contains(const uint32_t *oids, size_t count, uint32_t oid)
{
	for (size_t i = 0; i < count; i++)
		if (oids[i] == oid)
			return true;
	return false;
}

size_t types_unknown(const struct types *types, const PGresult *result, uint32_t *oids, size_t max)
{
	size_t count = 0;

	if (types->failed_ns != 0 && co_now_ns() - types->failed_ns < FAILED_PAUSE_NS)
		return 0;
	for (int i = 0; i < PQnfields(result) && count < max; i++) {
		uint32_t oid = PQftype(result, i);

		if (oid >= DB_TYPE_FIRST_OID && types_find(types, oid) == NULL &&
		    !contains(oids, count, oid))
			oids[count++] = oid;
	}
	return count;
}

static uint32_t oid_at(const PGresult *result, int row, int column)
{
	return (uint32_t)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

static int add(struct types *types, const PGresult *result, int row, int64_t asked_ns)
{
	const char *name = PQgetvalue(result, row, 1);
	struct type_entry *entry;
	uint32_t oid = oid_at(result, row, 0);

	entry = find(types, oid);
	if (entry != NULL) {
		HASH_DELETE(hh, types->entries, entry);
		mem_free(entry);
	}
	if (HASH_COUNT(types->entries) >= TYPES_MAX)
		return -ENOBUFS;
	entry = mem_calloc(1, sizeof(*entry) + strlen(name) + 1);
	if (entry == NULL)
		return -ENOMEM;
	memcpy(entry->name, name, strlen(name) + 1);
	entry->learned_ns = asked_ns;
	entry->type = (struct db_type){
		.oid = oid,
		.name = entry->name,
		.base_oid = oid_at(result, row, 2),
		.element_oid = oid_at(result, row, 3),
		.element_base_oid = oid_at(result, row, 4),
		.delimiter = *PQgetvalue(result, row, 5),
	};
	HASH_ADD(hh, types->entries, type.oid, sizeof(oid), entry);
	if (!HASH_ADDED(hh, entry)) {
		mem_free(entry);
		return -ENOMEM;
	}
	return 0;
}

/*
 * The types that are wanted with all that they are made of, domains on arrays of domains included;
 * then of each what stands at the bottom of its domains. In a database without an encoding names
 * are any bytes, which the server would not give as UTF8.
 */
static const char lookup_sql[] =
	"with recursive wanted as ("
	" select pg_catalog.unnest($1::pg_catalog.oid[]) as oid"
	" union"
	" select part.oid from wanted w join pg_catalog.pg_type t on t.oid = w.oid"
	"  cross join lateral (values (t.typbasetype),"
	"   (case when t.typcategory = 'A' then t.typelem else 0 end)) part (oid)"
	"  where part.oid <> 0),"
	" below as ("
	" select t.oid as start, t.oid, t.typbasetype, t.typtype from pg_catalog.pg_type t"
	"  where t.oid in (select oid from wanted)"
	" union all"
	" select b.start, t.oid, t.typbasetype, t.typtype from below b"
	"  join pg_catalog.pg_type t on t.oid = b.typbasetype where b.typtype = 'd'),"
	" base as (select start, oid from below where typtype <> 'd'),"
	" encoding as (select case when pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'"
	"  then pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) end)"
	" select t.oid, coalesce(e.typname || '[]', t.typname),"
	" coalesce(tb.oid, t.oid), case when t.typcategory = 'A' then t.typelem else 0 end,"
	" case when t.typcategory = 'A' then coalesce(eb.oid, t.typelem) else 0 end,"
	" coalesce(e.typdelim, t.typdelim)"
	" from encoding cross join pg_catalog.pg_type t"
	" left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'"
	" left join base tb on tb.start = t.oid"
	" left join base eb on eb.start = t.typelem"
	" where t.oid in (select oid from wanted) and t.oid >= 10000";

/* The answer has a row for each of a few types. */
#define ANSWER_BYTES_MAX ((size_t)1024 * 1024)

/* Waits, unless there is more at hand. */
static int read_more(struct connect_link *link, unsigned events, int64_t deadline_ns,
		     size_t *room_bytes)
{
	struct transport *transport = &link->transport;
	int rc = transport->more ? co_yield() : co_fd_wait(PQsocket(link->pg), events, deadline_ns);

	if (rc < 0 || (!transport->more && !(rc & CO_READ)))
		return rc;
	if (transport_read(transport, link->pg) == 0)
		return -ECONNRESET;
	if (transport->received_bytes > *room_bytes || transport_reports_too_many(transport))
		return -EMSGSIZE;
	*room_bytes -= transport->received_bytes;
	return 0;
}

static int await_result(struct connect_link *link, int64_t deadline_ns, PGresult **ret_result)
{
	size_t room_bytes = ANSWER_BYTES_MAX;
	int rc = 0, flushed = 0;

	while (rc >= 0 && (flushed = transport_flush(&link->transport, link->pg)) == 1)
		rc = read_more(link, CO_READ | CO_WRITE, deadline_ns, &room_bytes);
	while (rc >= 0 && flushed == 0 && PQisBusy(link->pg))
		rc = read_more(link, CO_READ, deadline_ns, &room_bytes);
	if (rc < 0)
		return rc;
	*ret_result = PQgetResult(link->pg);
	return 0;
}

static int look_up(struct types *types, struct connect_link *link, const char *oids,
		   int64_t deadline_ns)
{
	const char *values[] = {oids};
	int64_t asked_ns = co_now_ns();
	PGresult *result = NULL;
	int rc;

	transport_init(&link->transport, link->pg);
	transport_cork(&link->transport);
	rc = PQsendQueryParams(link->pg, lookup_sql, 1, NULL, values, NULL, NULL, 0);
	transport_uncork(&link->transport);
	if (rc != 1)
		return -EIO;
	rc = await_result(link, deadline_ns, &result);
	if (rc < 0)
		return rc;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		rc = -EIO;
	for (int row = 0; rc == 0 && row < PQntuples(result); row++)
		rc = add(types, result, row, asked_ns);
	PQclear(result);
	return rc;
}

int types_learn(struct pool *pool, const uint32_t *oids, size_t count, int64_t deadline_ns)
{
	struct connect_options options = {
		.conninfo = pool->conf->conninfo,
		.application_name = "gatherd",
		.address_timeout_ns = pool->conf->server_connect_timeout_ns,
	};
	struct connect_link link;
	struct arena arena;
	struct buf array;
	struct err err;
	int rc;

	arena_init(&arena, 0, NULL);
	buf_init(&array, 0, NULL);
	buf_putc(&array, '{');
	for (size_t i = 0; i < count; i++)
		buf_printf(&array, "%s%u", i > 0 ? "," : "", oids[i]);
	buf_putc(&array, '}');
	rc = buf_cstr(&array) == NULL ? -ENOMEM : 0;
	if (rc == 0)
		rc = connect_open(pool->resolver, &options, &arena, deadline_ns, &link, &err);
	if (rc == 0) {
		rc = look_up(pool->types, &link, buf_data(&array), deadline_ns);
		connect_link_close(&link);
	}
	buf_free(&array);
	arena_free(&arena);
	if (rc < 0 && rc != -ENOMEM && rc != -ECANCELED)
		pool->types->failed_ns = co_now_ns();
	return rc;
}

void types_altered(struct types *types)
{
	types->altered_ns = co_now_ns();
}

int64_t types_valid_since_ns(const struct types *types)
{
	return MAX(types->altered_ns, co_now_ns() - FRESH_NS);
}

static int refresh_main(void *arg)
{
	struct pool *pool = arg;
	struct types *types = pool->types;
	int rc = types_learn(pool, types->stale, types->stale_count,
			     clock_after_ns(co_now_ns(), REFRESH_LIMIT_NS));

	/* If it fails, what was known stands, and the next answer asks again. */
	(void)rc;
	types->refreshing = false;
	return 0;
}

void types_refresh(struct pool *pool, const uint32_t *oids, size_t count)
{
	struct types *types = pool->types;
	int64_t now_ns = co_now_ns();

	if (types->entries == NULL || types->refreshing ||
	    (types->refreshed_ns != 0 && now_ns - types->refreshed_ns < REFRESH_PAUSE_NS))
		return;
	types->stale_count = 0;
	for (size_t i = 0; i < count && types->stale_count < ARRAY_SIZE(types->stale); i++) {
		const struct type_entry *entry = find(types, oids[i]);

		/* In the same instant may be before or after. */
		if (entry != NULL && entry->learned_ns <= types_valid_since_ns(types) &&
		    !contains(types->stale, types->stale_count, oids[i]))
			types->stale[types->stale_count++] = oids[i];
	}
	if (types->stale_count == 0 ||
	    co_group_go(&pool->group, refresh_main, pool, "db types") < 0)
		return;
	types->refreshing = true;
	types->refreshed_ns = now_ns;
}
