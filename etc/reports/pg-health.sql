-- SPDX-License-Identifier: PostgreSQL
-- report: pg-health
-- title: Health of a PostgreSQL server
-- param: top integer = 10
-- snapshot: no

-- What a DBA looks at first, about the server and the database that the report runs in. Plain reads of the catalogs and the
-- statistics views, for PostgreSQL 13 and later, on a primary or a standby. Any role may run it; one without pg_read_all_stats
-- (or pg_monitor) is shown less. Figures count from the last reset of the statistics; a standby has its own.
--
-- Three things recur:
-- * A column that is not in every version is read as to_jsonb(row) ->> 'column', which is null where there is none.
-- * A view that is not everywhere is read through ts_stat(), the one built-in function without a need for libxml that runs a
--   query given as text: each row travels as the JSON text of a single lexeme, which must stay below 2,046 bytes.
-- * Functions that open a relation wait for locks, and a report on a blocked server must not. So sizes come from
--   pg_class.relpages (as of the last VACUUM or ANALYZE), or from pg_relation_size() for what nobody has locked.

-- name: server
-- title: The server
select fact, value
from (values
    (1, 'version', current_setting('server_version')),
    (2, 'started', date_trunc('second', pg_postmaster_start_time())::text),
    (3, 'up for', date_trunc('second', now() - pg_postmaster_start_time())::text),
    (4, 'role', case when pg_is_in_recovery() then 'standby' else 'primary' end),
    (5, 'database', current_database()::text),
    (6, 'size of the database', case when has_database_privilege(current_database(), 'connect')
        then pg_size_pretty(pg_database_size(current_database())) end),
    (7, 'client connections', (select count(*) from pg_stat_activity
        where datid is not null and coalesce(backend_type, 'client backend') = 'client backend')::text),
    (8, 'connections allowed', current_setting('max_connections')
        || ', ' || current_setting('superuser_reserved_connections') || ' of them for superusers'),
    (9, 'WAL position', case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text),
    (10, 'configuration loaded', date_trunc('second', pg_conf_load_time())::text),
    (11, 'statistics reset', coalesce((select date_trunc('second', stats_reset)::text
        from pg_stat_database where datname = current_database()), 'never')),
    (12, 'report sees other sessions', case when pg_has_role('pg_read_all_stats', 'usage') then 'yes'
        else 'no: ' || current_user || ' is not a member of pg_read_all_stats' end)
) as facts (n, fact, value)
order by n
limit 20;

-- name: connections
-- title: Connections by database, user and state
select datname as database, usename as "user", coalesce(state, 'not shown') as state, count(*) as connections,
    count(*) filter (where wait_event_type = 'Lock') as wait_for_locks,
    date_trunc('second', max(now() - state_change)) as longest_in_state,
    date_trunc('second', max(now() - backend_start)) as oldest_connection
from pg_stat_activity
where datid is not null and coalesce(backend_type, 'client backend') = 'client backend'
group by datname, usename, state
order by connections desc, database, "user", state
limit :top;

-- name: long_transactions
-- title: Longest transactions and what they hold back
select pid, datname as database, usename as "user", application_name as application, state,
    date_trunc('second', now() - xact_start) as transaction_age,
    date_trunc('second', now() - query_start) as query_age,
    greatest(age(backend_xid), age(backend_xmin)) as held_back_transactions,
    concat_ws(': ', wait_event_type, wait_event) as waits_for,
    left(regexp_replace(query, '\s+', ' ', 'g'), 100) as query
from pg_stat_activity
where (xact_start is not null or backend_xmin is not null) and pid <> pg_backend_pid()
order by xact_start nulls last, held_back_transactions desc
limit :top;

-- name: blocked
-- title: Who waits for whom
with waiting as materialized (
    select distinct on (pid) pid, locktype, mode, relation, database
    from pg_locks
    where not granted
    order by pid
)
select w.pid as waiting_pid, wa.usename as waiting_user, date_trunc('second', now() - wa.query_start) as waits_for,
    concat_ws(' ', w.mode, 'on', coalesce(c.oid::regclass::text, w.locktype)) as wanted,
    case b.pid when 0 then 'a prepared transaction' else b.pid::text end as blocking_pid,
    ba.usename as blocking_user, ba.state as blocking_state,
    date_trunc('second', now() - ba.xact_start) as blocking_transaction_age,
    exists (select from waiting as also where also.pid = b.pid) as blocker_waits_too,
    left(regexp_replace(wa.query, '\s+', ' ', 'g'), 100) as waiting_query,
    left(regexp_replace(ba.query, '\s+', ' ', 'g'), 100) as blocking_query
from waiting as w
cross join lateral (select distinct unnest(pg_blocking_pids(w.pid)) as pid) as b
left join pg_stat_activity as wa on wa.pid = w.pid
left join pg_stat_activity as ba on ba.pid = b.pid
left join pg_database as d on d.oid = w.database
left join pg_class as c on c.oid = w.relation and d.datname = current_database()
order by blocker_waits_too, wa.query_start, waiting_pid, blocking_pid
limit :top;

-- name: locks
-- title: Locks that keep others from changing a table
select l.pid, d.datname as database,
    coalesce(c.oid::regclass::text, l.relation::text) as relation,
    l.mode, l.granted, a.usename as "user", a.state,
    date_trunc('second', now() - a.xact_start) as transaction_age,
    left(regexp_replace(a.query, '\s+', ' ', 'g'), 100) as query
from pg_locks as l
join pg_database as d on d.oid = l.database
left join pg_class as c on c.oid = l.relation and d.datname = current_database()
left join pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'relation'
    and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
order by l.granted desc, a.xact_start, l.pid
limit :top;

-- name: statements_by_total_time
-- title: Statements that took most time altogether (pg_stat_statements)
with extension as (
    select format('%I.pg_stat_statements', n.nspname) as view
    from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace
    join pg_class as c on c.relnamespace = n.oid and c.relname = 'pg_stat_statements'
    where e.extname = 'pg_stat_statements'
        and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        -- known only where the library was loaded at the start of the server; the view fails otherwise
        and exists (select from pg_settings where name = 'pg_stat_statements.max')
), statements as (
    select word::jsonb as s
    from ts_stat(coalesce((select format($$
        select array_to_tsvector(array[jsonb_build_object('user', userid, 'database', dbid, 'calls', calls, 'rows', rows,
            'hit', shared_blks_hit, 'read', shared_blks_read, 'temp', temp_blks_written,
            'total', total, 'mean', total / greatest(calls, 1),
            'query', left(regexp_replace(left(query, 5000), '\s+', ' ', 'g'), 200))::text])
        from (
            select *, coalesce(to_jsonb(s) ->> 'total_exec_time', to_jsonb(s) ->> 'total_time')::float8 as total
            from %s as s
        ) as s
        order by total desc
        limit %s$$, view, :top) from extension), 'select null::tsvector where false'))
)
select round((s ->> 'total')::numeric) as total_ms,
    round(100 * (s ->> 'total')::numeric / nullif(sum((s ->> 'total')::numeric) over (), 0), 1) as percent_of_these,
    (s ->> 'calls')::bigint as calls, round((s ->> 'mean')::numeric, 3) as mean_ms, (s ->> 'rows')::bigint as rows,
    round(100 * (s ->> 'hit')::numeric / nullif((s ->> 'hit')::numeric + (s ->> 'read')::numeric, 0), 1) as cache_hit_percent,
    pg_size_pretty((s ->> 'temp')::bigint * current_setting('block_size')::integer) as temp_written,
    d.datname as database, u.rolname as "user", s ->> 'query' as query
from statements
left join pg_database as d on d.oid = (s ->> 'database')::oid
left join pg_roles as u on u.oid = (s ->> 'user')::oid
union all
select null, null, null, null, null, null, null, null, null, 'pg_stat_statements is not available in this database'
where not exists (select from extension)
order by total_ms desc, query
limit :top;

-- name: statements_by_mean_time
-- title: Slowest statements on average, of those that ran five times (pg_stat_statements)
with extension as (
    select format('%I.pg_stat_statements', n.nspname) as view
    from pg_extension as e
    join pg_namespace as n on n.oid = e.extnamespace
    join pg_class as c on c.relnamespace = n.oid and c.relname = 'pg_stat_statements'
    where e.extname = 'pg_stat_statements'
        and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        and exists (select from pg_settings where name = 'pg_stat_statements.max')
), statements as (
    select word::jsonb as s
    from ts_stat(coalesce((select format($$
        select array_to_tsvector(array[jsonb_build_object('user', userid, 'database', dbid, 'calls', calls, 'rows', rows,
            'mean', mean, 'max', max, 'deviation', deviation,
            'query', left(regexp_replace(left(query, 5000), '\s+', ' ', 'g'), 200))::text])
        from (
            select *, coalesce(to_jsonb(s) ->> 'mean_exec_time', to_jsonb(s) ->> 'mean_time')::float8 as mean,
                coalesce(to_jsonb(s) ->> 'max_exec_time', to_jsonb(s) ->> 'max_time')::float8 as max,
                coalesce(to_jsonb(s) ->> 'stddev_exec_time', to_jsonb(s) ->> 'stddev_time')::float8 as deviation
            from %s as s
            where calls >= 5
        ) as s
        order by mean desc
        limit %s$$, view, :top) from extension), 'select null::tsvector where false'))
)
select round((s ->> 'mean')::numeric, 3) as mean_ms, round((s ->> 'max')::numeric, 3) as slowest_ms,
    round((s ->> 'deviation')::numeric, 3) as deviation_ms, (s ->> 'calls')::bigint as calls,
    round((s ->> 'rows')::numeric / (s ->> 'calls')::numeric, 1) as rows_per_call,
    d.datname as database, u.rolname as "user", s ->> 'query' as query
from statements
left join pg_database as d on d.oid = (s ->> 'database')::oid
left join pg_roles as u on u.oid = (s ->> 'user')::oid
union all
select null, null, null, null, null, null, null, 'pg_stat_statements is not available in this database'
where not exists (select from extension)
order by mean_ms desc, query
limit :top;

-- name: databases
-- title: Databases: size, cache hits, transactions
select d.datname as database, pg_size_pretty(z.bytes) as size, z.bytes, s.numbackends as connections,
    round(100.0 * s.blks_hit / nullif(s.blks_hit + s.blks_read, 0), 2) as cache_hit_percent,
    s.xact_commit as commits, s.xact_rollback as rollbacks,
    round(100.0 * s.xact_rollback / nullif(s.xact_commit + s.xact_rollback, 0), 2) as rollback_percent,
    s.deadlocks, s.conflicts as cancelled_by_recovery, s.checksum_failures, s.stats_reset as since
from pg_database as d
left join pg_stat_database as s on s.datid = d.oid
cross join lateral (select case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage')
    then pg_database_size(d.oid) end as bytes) as z
order by z.bytes desc nulls last, database
limit :top;

-- name: temp_files
-- title: Temporary files: sorts and hashes larger than work_mem
select coalesce(datname, '(shared)') as database, temp_files as files, pg_size_pretty(temp_bytes) as written, temp_bytes as bytes,
    pg_size_pretty(temp_bytes / nullif(temp_files, 0)) as size_per_file, current_setting('work_mem') as work_mem,
    stats_reset as since
from pg_stat_database
where temp_files > 0
order by temp_bytes desc, database
limit :top;

-- name: cache_hits
-- title: Tables read most from outside the buffer cache
select format('%I.%I', schemaname, relname) as "table", heap_blks_read + coalesce(toast_blks_read, 0) as table_blocks_read,
    round(100.0 * heap_blks_hit / nullif(heap_blks_hit + heap_blks_read, 0), 2) as table_hit_percent,
    coalesce(idx_blks_read, 0) + coalesce(tidx_blks_read, 0) as index_blocks_read,
    round(100.0 * idx_blks_hit / nullif(idx_blks_hit + idx_blks_read, 0), 2) as index_hit_percent
from pg_statio_user_tables
where heap_blks_read + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0) + coalesce(tidx_blks_read, 0) > 0
order by heap_blks_read + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0) + coalesce(tidx_blks_read, 0) desc, "table"
limit :top;

-- name: biggest_tables
-- title: Biggest tables, with their indexes and TOAST
with locked as materialized (
    select relation
    from pg_locks
    where locktype = 'relation' and mode = 'AccessExclusiveLock' and relation is not null
), parts as (
    -- a TOAST table counts for its owner, an index for its table, the index of a TOAST table for the table's owner
    select coalesce(owner.oid, i.indrelid, c.oid) as table_id,
        case when owner.oid is not null then 'toast' when i.indrelid is not null then 'index' else 'table' end as part,
        case when c.oid in (select relation from locked)
            then c.relpages::bigint * current_setting('block_size')::integer
            else pg_relation_size(c.oid) end as bytes
    from pg_class as c
    left join pg_index as i on i.indexrelid = c.oid
    left join pg_class as owner on owner.reltoastrelid = coalesce(i.indrelid, c.oid)
    where c.relkind in ('r', 'm', 't', 'i')
), sums as (
    select table_id, sum(bytes)::bigint as bytes, sum(bytes) filter (where part = 'table')::bigint as own,
        sum(bytes) filter (where part = 'index')::bigint as indexes, sum(bytes) filter (where part = 'toast')::bigint as toast
    from parts
    group by table_id
)
select c.oid::regclass::text as "table", pg_size_pretty(s.bytes) as size, s.bytes, pg_size_pretty(s.own) as rows_alone,
    pg_size_pretty(coalesce(s.indexes, 0)) as indexes, pg_size_pretty(coalesce(s.toast, 0)) as toast,
    case when c.reltuples >= 0 then c.reltuples::bigint end as rows_estimated
from sums as s
join pg_class as c on c.oid = s.table_id
order by s.bytes desc, "table"
limit :top;

-- name: biggest_indexes
-- title: Biggest indexes and how much they are used
with locked as materialized (
    select relation
    from pg_locks
    where locktype = 'relation' and mode = 'AccessExclusiveLock' and relation is not null
)
select c.oid::regclass::text as index, i.indrelid::regclass::text as "table", am.amname as method,
    pg_size_pretty(z.bytes) as size, z.bytes, s.idx_scan as scans, s.idx_tup_read as entries_read,
    i.indisunique as "unique"
from pg_class as c
join pg_index as i on i.indexrelid = c.oid
join pg_am as am on am.oid = c.relam
left join pg_stat_all_indexes as s on s.indexrelid = c.oid
cross join lateral (select case when c.oid in (select relation from locked)
    then c.relpages::bigint * current_setting('block_size')::integer
    else pg_relation_size(c.oid) end as bytes) as z
where c.relkind = 'i'
order by z.bytes desc, index
limit :top;

-- name: unused_indexes
-- title: Indexes never used here since the statistics began (look at the standbys too)
select s.indexrelid::regclass::text as index, s.relid::regclass::text as "table",
    pg_size_pretty(c.relpages::bigint * current_setting('block_size')::integer) as size,
    t.n_tup_ins + t.n_tup_upd - t.n_tup_hot_upd as writes_that_kept_it_up,
    (select stats_reset from pg_stat_database where datname = current_database()) as since
from pg_stat_user_indexes as s
join pg_index as i on i.indexrelid = s.indexrelid
join pg_class as c on c.oid = s.indexrelid
join pg_stat_user_tables as t on t.relid = s.relid
where s.idx_scan = 0 and i.indisvalid and not i.indisunique and not i.indisexclusion and not i.indisreplident
    and c.relpages > 1
order by c.relpages desc, index
limit :top;

-- name: duplicate_indexes
-- title: Indexes that another index makes superfluous
with indexes as (
    select i.indexrelid, i.indrelid, i.indisunique, i.indisprimary, i.indisreplident, c.relam, c.relpages,
        i.indnkeyatts = i.indnatts as without_include,
        array_to_string(i.indkey, ' ') || ' ' as columns, array_to_string(i.indclass, ' ') || ' ' as classes,
        array_to_string(i.indcollation, ' ') || ' ' as collations, array_to_string(i.indoption, ' ') || ' ' as options,
        -- compared as stored, but for the places in the text that they came from: pg_get_expr() would lock the table
        coalesce(regexp_replace(i.indexprs::text, ':location -?\d+', '', 'g'), '') as expressions,
        coalesce(regexp_replace(i.indpred::text, ':location -?\d+', '', 'g'), '') as predicate,
        concat_ws(' ', i.indimmediate, to_jsonb(i) ->> 'indnullsnotdistinct') as uniqueness
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    join pg_class as t on t.oid = i.indrelid
    where i.indisvalid and not i.indisexclusion and c.relkind = 'i' and t.relkind in ('r', 'm')
)
select a.indexrelid::regclass::text as superfluous_index, b.indexrelid::regclass::text as covered_by,
    a.indrelid::regclass::text as "table",
    case when a.columns = b.columns then 'same columns' else 'its columns are the first ones of the other' end as why,
    pg_size_pretty(a.relpages::bigint * current_setting('block_size')::integer) as size
from indexes as a
join indexes as b on b.indrelid = a.indrelid and b.indexrelid <> a.indexrelid and b.relam = a.relam
    and b.predicate = a.predicate
where not a.indisprimary and not a.indisreplident and a.without_include and (
        -- the same twice: the one that promises less goes, or the younger
        (a.columns = b.columns and a.classes = b.classes and a.collations = b.collations and a.options = b.options
            and a.expressions = b.expressions and b.without_include
            and (b.indisunique and not a.indisunique
                or b.indisunique = a.indisunique and (not a.indisunique or a.uniqueness = b.uniqueness)
                    and (b.indisprimary or b.indisreplident or b.indexrelid < a.indexrelid)))
        or (not a.indisunique and a.relam = (select oid from pg_am where amname = 'btree')
            and a.expressions = '' and b.expressions = '' and a.columns <> b.columns
            and starts_with(b.columns, a.columns) and starts_with(b.classes, a.classes)
            and starts_with(b.collations, a.collations) and starts_with(b.options, a.options)))
order by a.relpages desc, superfluous_index, covered_by
limit :top;

-- name: invalid_indexes
-- title: Invalid indexes: kept up by every write, used by no query
select i.indexrelid::regclass::text as index, i.indrelid::regclass::text as "table",
    case when p.pid is not null then 'being built by ' || p.pid || ': ' || p.phase
        when not i.indislive then 'being dropped'
        when not i.indisready then 'build failed early'
        else 'build failed' end as state,
    pg_size_pretty(c.relpages::bigint * current_setting('block_size')::integer) as size
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
left join pg_stat_progress_create_index as p on p.index_relid = i.indexrelid
where not (i.indisvalid and i.indisready and i.indislive)
order by c.relpages desc, index
limit :top;

-- name: missing_foreign_key_indexes
-- title: Foreign keys without an index: each delete or key change of the other table scans this one
with recursive members as (
    select oid as root, oid as member from pg_class where relkind = 'p' and not relispartition
    union all
    select m.root, i.inhrelid from members as m join pg_inherits as i on i.inhparent = m.member
), sizes as (
    select root, sum(c.relpages) as pages from members as m join pg_class as c on c.oid = m.member group by root
)
select f.conrelid::regclass::text as "table", f.conname as foreign_key,
    (select string_agg(quote_ident(a.attname), ', ' order by k.n)
        from unnest(f.conkey) with ordinality as k (attnum, n)
        join pg_attribute as a on a.attrelid = f.conrelid and a.attnum = k.attnum) as columns,
    f.confrelid::regclass::text as referenced_table,
    pg_size_pretty(z.pages * current_setting('block_size')::integer) as table_size,
    pg_stat_get_tuples_deleted(f.confrelid) as deletes_there, pg_stat_get_tuples_updated(f.confrelid) as updates_there
from pg_constraint as f
join pg_class as c on c.oid = f.conrelid
cross join lateral (select coalesce((select pages from sizes where root = c.oid), c.relpages)::bigint as pages) as z
where f.contype = 'f' and f.conparentid = 0 and not exists (
    select
    from pg_index as i
    where i.indrelid = f.conrelid and i.indisvalid and i.indpred is null and i.indnkeyatts >= cardinality(f.conkey)
        -- indkey counts from 0; the order of the columns does not matter
        and (i.indkey::smallint[])[0 : cardinality(f.conkey) - 1] @> f.conkey
        and (i.indkey::smallint[])[0 : cardinality(f.conkey) - 1] <@ f.conkey)
order by z.pages desc, "table", foreign_key
limit :top;

-- name: sequential_scans
-- title: Tables that are read from end to end most
select s.relid::regclass::text as "table", s.seq_scan as sequential_scans, s.seq_tup_read as rows_read_by_them,
    round(s.seq_tup_read::numeric / s.seq_scan) as rows_per_scan, coalesce(s.idx_scan, 0) as index_scans,
    round(100.0 * s.seq_scan / (s.seq_scan + coalesce(s.idx_scan, 0)), 1) as sequential_percent,
    pg_size_pretty(c.relpages::bigint * current_setting('block_size')::integer) as table_size
from pg_stat_user_tables as s
join pg_class as c on c.oid = s.relid
where s.seq_scan > 0 and s.seq_tup_read > 0
order by s.seq_tup_read desc, "table"
limit :top;

-- name: dead_rows
-- title: Tables with most dead rows
select relid::regclass::text as "table", n_live_tup as live_rows, n_dead_tup as dead_rows,
    round(100.0 * n_dead_tup / (n_live_tup + n_dead_tup), 1) as dead_percent,
    round(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), 1) as hot_update_percent,
    date_trunc('second', now() - greatest(last_vacuum, last_autovacuum)) as since_vacuum,
    date_trunc('second', now() - greatest(last_analyze, last_autoanalyze)) as since_analyze,
    vacuum_count + autovacuum_count as vacuums
from pg_stat_all_tables
where n_dead_tup > 0
order by n_dead_tup desc, "table"
limit :top;

-- name: table_bloat
-- title: Tables that are larger than their rows (an estimate from the planner's statistics)
with widths as (
    select c.oid, count(*) as columns, count(s.attname) as known, max(s.null_frac) as null_fraction,
        sum((1 - s.null_frac) * s.avg_width) as width
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_stats as s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
        and not s.inherited
    where c.relkind in ('r', 'm') and c.relpages >= 16 and c.reltuples > 0
    group by c.oid
), pages as (
    -- a row: its pointer, its header with the null bitmap, its data, each aligned to 8 bytes
    select c.oid, c.relpages::bigint as pages, ceil(c.reltuples * (4
            + 8 * ceil((23 + case when w.null_fraction > 0 then (w.columns + 7) / 8 else 0 end) / 8.0)
            + 8 * ceil(w.width / 8.0))
        / ((b.size - 24) * coalesce((select option_value::float8 from pg_options_to_table(c.reloptions)
            where option_name = 'fillfactor'), 100) / 100))::bigint as needed, b.size
    from widths as w
    join pg_class as c on c.oid = w.oid
    cross join (select current_setting('block_size')::integer as size) as b
    where w.known = w.columns
)
select oid::regclass::text as "table", pg_size_pretty(pages * size) as size,
    pg_size_pretty((pages - needed) * size) as wasted, (pages - needed) * size as wasted_bytes,
    round(100.0 * (pages - needed) / pages) as wasted_percent
from pages
where pages > needed
order by wasted_bytes desc, "table"
limit :top;

-- name: index_bloat
-- title: B-tree indexes that are larger than their entries (an estimate from the planner's statistics)
with widths as (
    select i.indexrelid, count(*) as columns, count(s.attname) as known, max(s.null_frac) as null_fraction,
        sum((1 - s.null_frac) * s.avg_width) as width
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    join pg_am as am on am.oid = c.relam and am.amname = 'btree'
    join pg_class as t on t.oid = i.indrelid
    join pg_namespace as n on n.oid = t.relnamespace
    join pg_attribute as a on a.attrelid = i.indexrelid and a.attnum > 0
    left join pg_attribute as ta on ta.attrelid = i.indrelid and ta.attnum = i.indkey[a.attnum - 1] and ta.attnum <> 0
    -- the statistics of an expression stand under the index's own name
    left join pg_stats as s on s.schemaname = n.nspname and not s.inherited
        and s.tablename = case when ta.attnum is null then c.relname else t.relname end
        and s.attname = coalesce(ta.attname, a.attname)
    where c.relkind = 'i' and i.indisvalid and c.relpages >= 16 and c.reltuples > 0
    group by i.indexrelid
), pages as (
    select c.oid, i.indrelid, c.relpages::bigint as pages, ceil(c.reltuples * (4
            + case when w.null_fraction > 0 then 16 else 8 end
            + 8 * ceil(w.width / 8.0))
        / ((b.size - 40) * coalesce((select option_value::float8 from pg_options_to_table(c.reloptions)
            where option_name = 'fillfactor'), 90) / 100))::bigint as needed, b.size
    from widths as w
    join pg_class as c on c.oid = w.indexrelid
    join pg_index as i on i.indexrelid = w.indexrelid
    cross join (select current_setting('block_size')::integer as size) as b
    where w.known = w.columns
)
select oid::regclass::text as index, indrelid::regclass::text as "table", pg_size_pretty(pages * size) as size,
    pg_size_pretty((pages - needed) * size) as wasted, (pages - needed) * size as wasted_bytes,
    round(100.0 * (pages - needed) / pages) as wasted_percent
from pages
where pages > needed
order by wasted_bytes desc, index
limit :top;

-- name: autovacuum_due
-- title: Tables that autovacuum should visit: a percentage of 100 or more is due
with options as (
    select c.oid, greatest(c.reltuples, 0) as rows,
        coalesce(bool_and(o.option_value::boolean) filter (where o.option_name = 'autovacuum_enabled'), true) as enabled,
        coalesce(max(o.option_value) filter (where o.option_name = 'autovacuum_vacuum_threshold'),
            current_setting('autovacuum_vacuum_threshold'))::float8 as vacuum_base,
        coalesce(max(o.option_value) filter (where o.option_name = 'autovacuum_vacuum_scale_factor'),
            current_setting('autovacuum_vacuum_scale_factor'))::float8 as vacuum_scale,
        coalesce(max(o.option_value) filter (where o.option_name = 'autovacuum_vacuum_insert_threshold'),
            current_setting('autovacuum_vacuum_insert_threshold'))::float8 as insert_base,
        coalesce(max(o.option_value) filter (where o.option_name = 'autovacuum_vacuum_insert_scale_factor'),
            current_setting('autovacuum_vacuum_insert_scale_factor'))::float8 as insert_scale,
        coalesce(max(o.option_value) filter (where o.option_name = 'autovacuum_analyze_threshold'),
            current_setting('autovacuum_analyze_threshold'))::float8 as analyze_base,
        coalesce(max(o.option_value) filter (where o.option_name = 'autovacuum_analyze_scale_factor'),
            current_setting('autovacuum_analyze_scale_factor'))::float8 as analyze_scale
    from pg_class as c
    left join lateral pg_options_to_table(c.reloptions) as o on true
    where c.relkind in ('r', 'm', 't') and c.relpersistence <> 't'
    group by c.oid, c.reltuples
), percentages as (
    select o.oid, o.enabled, s.n_dead_tup, s.n_ins_since_vacuum, s.n_mod_since_analyze,
        greatest(s.last_vacuum, s.last_autovacuum) as vacuumed, greatest(s.last_analyze, s.last_autoanalyze) as analyzed,
        round((100 * s.n_dead_tup / nullif(vacuum_base + vacuum_scale * rows, 0))::numeric) as for_dead,
        round(case when insert_base >= 0 then
            100 * s.n_ins_since_vacuum / nullif(insert_base + insert_scale * rows, 0) end::numeric) as for_inserts,
        case when s.schemaname <> 'pg_toast' and s.relid <> 'pg_statistic'::regclass then
            round((100 * s.n_mod_since_analyze / nullif(analyze_base + analyze_scale * rows, 0))::numeric) end as for_analyze
    from options as o
    join pg_stat_all_tables as s on s.relid = o.oid
)
select oid::regclass::text as "table", n_dead_tup as dead_rows, for_dead as vacuum_for_dead_rows_percent,
    n_ins_since_vacuum as inserted_rows, for_inserts as vacuum_for_inserts_percent,
    n_mod_since_analyze as changed_rows, for_analyze as analyze_percent,
    case when enabled and current_setting('autovacuum')::boolean then 'on' else 'off' end as autovacuum,
    date_trunc('second', vacuumed) as vacuumed, date_trunc('second', analyzed) as analyzed
from percentages
where greatest(for_dead, for_inserts, for_analyze) >= 50
order by greatest(for_dead, for_inserts, for_analyze) desc, "table"
limit :top;

-- name: vacuum_running
-- title: Vacuums at work
select p.pid, p.datname as database,
    coalesce(c.oid::regclass::text, p.relid::text) as "table",
    case when a.backend_type = 'autovacuum worker' then 'autovacuum'
        else coalesce(a.usename::text, 'not shown') end as started_by,
    p.phase, date_trunc('second', now() - a.xact_start) as runs_for,
    round(100.0 * p.heap_blks_scanned / nullif(p.heap_blks_total, 0), 1) as scanned_percent,
    round(100.0 * p.heap_blks_vacuumed / nullif(p.heap_blks_total, 0), 1) as vacuumed_percent,
    p.index_vacuum_count as index_passes, current_setting('autovacuum_max_workers') as workers_allowed
from pg_stat_progress_vacuum as p
left join pg_stat_activity as a on a.pid = p.pid
left join pg_class as c on c.oid = p.relid and p.datname = current_database()
order by a.xact_start, p.pid
limit :top;

-- name: wraparound_databases
-- title: Transaction and multixact age of the databases
select datname as database, age(datfrozenxid) as transaction_age,
    round(100.0 * age(datfrozenxid) / current_setting('autovacuum_freeze_max_age')::bigint, 1) as percent_to_forced_vacuum,
    round(100.0 * age(datfrozenxid) / 2147483647, 1) as percent_to_wraparound,
    mxid_age(datminmxid) as multixact_age,
    round(100.0 * mxid_age(datminmxid) / 2147483647, 1) as percent_to_multixact_wraparound
from pg_database
order by greatest(age(datfrozenxid), mxid_age(datminmxid)) desc, database
limit :top;

-- name: wraparound_tables
-- title: Oldest tables of this database
select coalesce(owner.oid, c.oid)::regclass::text || case when owner.oid is null then '' else ' (TOAST)' end as "table",
    age(c.relfrozenxid) as transaction_age, mxid_age(c.relminmxid) as multixact_age,
    round(100.0 * age(c.relfrozenxid) / current_setting('autovacuum_freeze_max_age')::bigint, 1) as percent_to_forced_vacuum,
    pg_size_pretty(c.relpages::bigint * current_setting('block_size')::integer) as size
from pg_class as c
left join pg_class as owner on owner.reltoastrelid = c.oid and c.relkind = 't'
where c.relkind in ('r', 'm', 't') and c.relfrozenxid <> '0'::xid
order by greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) desc, c.relpages desc, "table"
limit :top;

-- name: checkpoints
-- title: Checkpoints and the background writer
with both_views as (
    -- PostgreSQL 17 moved the checkpointer's counters to a view of its own
    select (select word::jsonb from ts_stat(format('select array_to_tsvector(array[to_jsonb(s)::text]) from pg_catalog.%I as s',
            case when to_regclass('pg_catalog.pg_stat_checkpointer') is null then 'pg_stat_bgwriter'
                else 'pg_stat_checkpointer' end))) as c,
        (select to_jsonb(s) from pg_stat_bgwriter as s) as w
), counters as (
    select coalesce(c ->> 'num_timed', c ->> 'checkpoints_timed')::bigint as timed,
        coalesce(c ->> 'num_requested', c ->> 'checkpoints_req')::bigint as requested,
        coalesce(c ->> 'write_time', c ->> 'checkpoint_write_time')::numeric as write_ms,
        coalesce(c ->> 'sync_time', c ->> 'checkpoint_sync_time')::numeric as sync_ms,
        coalesce(c ->> 'buffers_written', c ->> 'buffers_checkpoint')::bigint as written,
        c ->> 'restartpoints_done' as restartpoints,
        (w ->> 'buffers_clean')::bigint as cleaned, w ->> 'maxwritten_clean' as stopped,
        (w ->> 'buffers_backend')::bigint as by_backends, (c ->> 'stats_reset')::timestamptz as since,
        current_setting('block_size')::integer as block
    from both_views
)
select fact, value
from counters, lateral (values
    (1, 'checkpoints by time', timed::text),
    (2, 'checkpoints because of WAL or a command', requested::text),
    (3, 'of all, percent', round(100.0 * requested / nullif(timed + requested, 0), 1)::text),
    (4, 'restart points', restartpoints),
    (5, 'mean minutes between checkpoints',
        round((extract(epoch from now() - greatest(since, pg_postmaster_start_time())) / 60)::numeric
            / nullif(timed + requested, 0), 1)::text),
    (6, 'written by checkpoints', pg_size_pretty(written * block)),
    (7, 'written by the background writer', pg_size_pretty(cleaned * block)),
    (8, 'written by backends', pg_size_pretty(by_backends * block)),
    (9, 'background writer stopped at its limit', stopped),
    (10, 'seconds of writing', round(write_ms / 1000, 1)::text),
    (11, 'seconds of syncing', round(sync_ms / 1000, 1)::text),
    (12, 'max_wal_size', current_setting('max_wal_size')),
    (13, 'checkpoint_timeout', current_setting('checkpoint_timeout')),
    (14, 'counted since', date_trunc('second', since)::text)
) as facts (n, fact, value)
where value is not null
order by n
limit 20;

-- name: archiving
-- title: WAL archiving
select current_setting('archive_mode') as archive_mode, archived_count as archived, last_archived_wal, last_archived_time,
    failed_count as failures, last_failed_wal, last_failed_time,
    case when current_setting('archive_mode') = 'off' then 'off'
        when last_failed_time > coalesce(last_archived_time, '-infinity') then 'failing'
        else 'fine' end as state
from pg_stat_archiver
limit 1;

-- name: replication
-- title: Standbys and other receivers of WAL
select r.pid, r.usename as "user", r.application_name as application, r.client_addr as address, r.state, r.sync_state,
    pg_size_pretty(pg_wal_lsn_diff(here.lsn, r.sent_lsn)) as not_sent,
    pg_size_pretty(pg_wal_lsn_diff(r.sent_lsn, r.flush_lsn)) as not_flushed,
    pg_size_pretty(pg_wal_lsn_diff(here.lsn, r.replay_lsn)) as not_replayed,
    r.write_lag, r.flush_lag, r.replay_lag, date_trunc('second', now() - r.backend_start) as connected_for
from pg_stat_replication as r
cross join (select case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end as lsn) as here
order by pg_wal_lsn_diff(here.lsn, r.replay_lsn) desc nulls last, r.pid
limit :top;

-- name: replication_slots
-- title: Replication slots and the WAL they keep
select s.slot_name as slot, s.slot_type as type, s.database, s.active, s.wal_status,
    pg_size_pretty(pg_wal_lsn_diff(here.lsn, s.restart_lsn)) as wal_kept,
    pg_size_pretty(s.safe_wal_size) as wal_until_lost,
    greatest(age(s.xmin), age(s.catalog_xmin)) as held_back_transactions,
    to_jsonb(s) ->> 'inactive_since' as inactive_since, to_jsonb(s) ->> 'invalidation_reason' as invalid_because
from pg_replication_slots as s
cross join (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn) as here
order by pg_wal_lsn_diff(here.lsn, s.restart_lsn) desc nulls last, slot
limit :top;

-- name: standby
-- title: This server as a standby
select pg_last_wal_receive_lsn() as received, pg_last_wal_replay_lsn() as replayed,
    pg_size_pretty(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())) as not_replayed,
    date_trunc('second', pg_last_xact_replay_timestamp()) as last_transaction,
    date_trunc('second', now() - pg_last_xact_replay_timestamp()) as last_transaction_ago,
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() end as paused,
    (select status from pg_stat_wal_receiver limit 1) as receiver,
    (select slot_name from pg_stat_wal_receiver limit 1) as slot
where pg_is_in_recovery()
limit 1;

-- name: prepared_transactions
-- title: Prepared transactions: each holds its locks and holds back vacuum
select gid, database, owner, prepared, date_trunc('second', now() - prepared) as age,
    age(transaction) as held_back_transactions
from pg_prepared_xacts
order by prepared, gid
limit :top;

-- name: sequences
-- title: Sequences nearest to their end, by the smaller of their own limit and their column's type
with locked as materialized (
    select relation
    from pg_locks
    where locktype = 'relation' and mode in ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        and relation is not null
), positions as (
    select s.seqrelid, a.attrelid, a.attname, a.atttypid, s.seqincrement, s.seqcycle,
        -- null where it was never used, may not be seen or is locked; unlogged ones cannot be read on a standby
        case when c.relpersistence = 'p' and has_sequence_privilege(c.oid, 'select, usage')
                and c.oid not in (select relation from locked)
            then pg_sequence_last_value(c.oid) end as last_value,
        case when s.seqincrement > 0 then least(s.seqmax, t.highest) else greatest(s.seqmin, -t.highest - 1) end as ends_at,
        case when s.seqincrement > 0 then s.seqmin else s.seqmax end as begins_at
    from pg_sequence as s
    join pg_class as c on c.oid = s.seqrelid
    left join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid
        and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
    left join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    cross join lateral (select case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647
        else 9223372036854775807 end as highest) as t
)
select seqrelid::regclass::text as sequence, attrelid::regclass::text as "table", attname as column,
    format_type(atttypid, null) as type, last_value, ends_at,
    round(100 * (last_value::numeric - begins_at) / nullif(ends_at::numeric - begins_at, 0), 2) as used_percent,
    seqcycle as starts_again
from positions
where last_value is not null
order by used_percent desc nulls last, sequence
limit :top;

-- name: settings
-- title: Settings worth a look
with remarks (importance, name, value, remark) as (values
    (1, 'fsync', 'off', 'a crash of the machine destroys the cluster'),
    (1, 'full_page_writes', 'off', 'a crash of the machine may corrupt pages'),
    (1, 'autovacuum', 'off', 'tables bloat, statistics age, wraparound comes near'),
    (1, 'track_counts', 'off', 'autovacuum is blind'),
    (1, 'zero_damaged_pages', 'on', 'damaged pages are cleared without a word'),
    (1, 'ignore_checksum_failure', 'on', 'damaged pages are used'),
    (1, 'allow_system_table_mods', 'on', 'nothing protects the catalogs'),
    (2, 'synchronous_commit', 'off', 'a crash loses the last commits'),
    (2, 'data_checksums', 'off', 'damage on disk is not noticed'),
    (2, 'max_wal_size', '1024', 'the default; frequent checkpoints under load'),
    (2, 'shared_buffers', '16384', 'the default of 128 MB; a quarter of the memory is usual'),
    (2, 'idle_in_transaction_session_timeout', '0', 'a forgotten transaction may hold locks for ever'),
    (2, 'password_encryption', 'md5', 'scram-sha-256 is safer'),
    (2, 'enable_seqscan', 'off', 'meant for experiments'),
    (2, 'enable_indexscan', 'off', 'meant for experiments'),
    (2, 'enable_nestloop', 'off', 'meant for experiments'),
    (2, 'enable_hashjoin', 'off', 'meant for experiments'),
    (2, 'enable_mergejoin', 'off', 'meant for experiments'),
    (3, 'maintenance_work_mem', '65536', 'the default; vacuum and index builds like more'),
    (3, 'random_page_cost', '4', 'the default, for rotating disks'),
    (3, 'log_lock_waits', 'off', 'waits for locks leave no trace'),
    (3, 'log_temp_files', '-1', 'temporary files leave no trace'),
    (3, 'log_checkpoints', 'off', 'checkpoints leave no trace'),
    (3, 'log_autovacuum_min_duration', '-1', 'autovacuum leaves no trace'),
    (3, 'track_io_timing', 'off', 'plans and statistics do not show time spent on I/O'),
    (3, 'statement_timeout', '0', 'a statement may run for ever'),
    (3, 'ssl', 'off', 'connections over TCP are not encrypted')
), found as (
    select r.importance, s.name, s.setting, s.unit, s.source, r.remark
    from pg_settings as s
    join remarks as r on r.name = s.name and r.value = s.setting
    union all
    select 1, name, setting, unit, source, 'changed in the file, waits for a restart'
    from pg_settings
    where pending_restart
    union all
    select 3, name, setting, unit, source, 'many; a pooler is cheaper than so many backends'
    from pg_settings
    where name = 'max_connections' and setting::integer > 500
    union all
    select 3, 'pg_stat_statements', 'not loaded', null, null, 'shows which statements cost most'
    where not exists (select from pg_settings where name = 'pg_stat_statements.max')
)
select case importance when 1 then 'danger' when 2 then 'warning' else 'hint' end as level, name,
    case when unit is null or setting::numeric <= 0 then setting
        when unit ~ 'B$' then
            pg_size_pretty(setting::numeric * pg_size_bytes(case when unit ~ '^[0-9]' then unit else '1' || unit end))
        else setting || ' ' || unit end as value,
    source, remark
from found
order by importance, name, remark
limit greatest(:top, 40);
