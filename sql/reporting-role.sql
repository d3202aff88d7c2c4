-- SPDX-License-Identifier: PostgreSQL
--
-- A role for reports that can read what it is shown and change nothing. Run this in the database that the reports read, as
-- a role that may create roles and owns the schema, or as a superuser:
--
--     psql -d DATABASE -f reporting-role.sql
--     psql -d DATABASE -v schema=sales -v owner=sales_admin -v monitor=pg_read_all_stats -f reporting-role.sql
--
-- Variables, each set with -v NAME=VALUE:
--     role              gatherd_report   made where it is missing; refused where it has rights that a report must not have
--     schema            store            run the script again for each further schema; the last one is the search_path
--     owner             schema's owner   whose future tables in the schema are readable too; whoever creates the tables
--     monitor           none             pg_read_all_stats, or the wider pg_monitor: lets pg-health see everybody's sessions
--     statement_timeout 5min             no report's query may take longer
--     idle_timeout      1min             a transaction in which nothing happens ends
--     connections       20               at most so many: the sum of pool_max of all daemons, and some for cancelling
--     strict_public     no               yes: takes CREATE in schema public and TEMPORARY from everybody (see the end)
--
-- What holds and what only helps. The rights below are the wall: the role owns nothing, and has CONNECT, USAGE and SELECT alone.
-- The settings (read only, time-outs) are defaults that its own SET can change; they are there against accidents. The
-- daemon's read_only = yes, which runs everything inside BEGIN READ ONLY, cannot be changed by a client.
--
-- No password is set. Over a Unix socket use peer authentication with a map in pg_ident.conf, else \password ROLE.
-- Running it again changes nothing, and it takes nothing back. It runs on PostgreSQL 13 and later.

\set ON_ERROR_STOP on
\if :{?role}
\else
\set role gatherd_report
\endif
\if :{?schema}
\else
\set schema store
\endif
\if :{?monitor}
\else
\set monitor none
\endif
\if :{?statement_timeout}
\else
\set statement_timeout 5min
\endif
\if :{?idle_timeout}
\else
\set idle_timeout 1min
\endif
\if :{?connections}
\else
\set connections 20
\endif
\if :{?strict_public}
\else
\set strict_public no
\endif
\if :{?owner}
\else
select coalesce((select pg_get_userbyid(nspowner) from pg_namespace where nspname = :'schema'), '') as owner \gset
\endif

begin;

-- Mistakes first, before anything is changed. A DO block sees no variables of psql, so they travel as settings.
select set_config('report.role', :'role', true) as role, set_config('report.schema', :'schema', true) as schema,
    set_config('report.monitor', :'monitor', true) as monitor \gset checked_
do $$
declare
    reason text;
begin
    if to_regnamespace(quote_ident(current_setting('report.schema'))) is null then
        raise exception 'there is no schema "%" in database "%"', current_setting('report.schema'), current_database();
    end if;
    if current_setting('report.monitor') not in ('none', 'pg_read_all_stats', 'pg_monitor') then
        raise exception 'monitor is "%", not none, pg_read_all_stats or pg_monitor', current_setting('report.monitor');
    end if;
    select case
            when rolsuper then 'is a superuser'
            when rolcreaterole or rolcreatedb then 'may create roles or databases'
            when rolreplication or rolbypassrls then 'may replicate or pass by row security'
            when exists (select from pg_auth_members where member = r.oid
                and roleid::regrole::text not in ('pg_read_all_stats', 'pg_monitor')) then 'is a member of other roles'
            when exists (select from pg_shdepend where refobjid = r.oid and refclassid = 'pg_authid'::regclass
                and deptype = 'o') then 'owns objects'
        end
    into reason
    from pg_roles as r
    where rolname = current_setting('report.role');
    if reason is not null then
        raise exception 'role "%" % and is no role for reports', current_setting('report.role'), reason;
    end if;
end
$$;

select format('create role %I login', :'role')
where not exists (select from pg_roles where rolname = :'role')
\gexec

alter role :"role" login connection limit :connections;
comment on role :"role" is 'Reads for reports; made by reporting-role.sql';

-- Settings of its sessions.
alter role :"role" set default_transaction_read_only = on;
alter role :"role" set statement_timeout = :'statement_timeout';
alter role :"role" set idle_in_transaction_session_timeout = :'idle_timeout';
-- a query that meets a lock gives up, instead of holding one of the daemon's connections for as long as somebody else likes
alter role :"role" set lock_timeout = '10s';
-- Names without a schema mean this schema, or the catalogs, which always come first; not what others put into "public".
-- pg_temp stands last, so that a temporary table cannot take the place of a real one.
select format('alter role %I in database %I set search_path = %I, pg_temp', :'role', current_database(), :'schema')
\gexec

-- Rights.
select format('grant connect on database %I to %I', current_database(), :'role')
\gexec
grant usage on schema :"schema" to :"role";
grant select on all tables in schema :"schema" to :"role";
alter default privileges for role :"owner" in schema :"schema" grant select on tables to :"role";

-- For pg-health: without it others' sessions and statements show as '<insufficient privilege>'.
select format('grant %I to %I', rolname, :'role')
from pg_roles
where rolname = :'monitor' and not pg_has_role(:'role', oid, 'member')
\gexec

-- What PUBLIC may do, this role may do too, and only taking it from PUBLIC takes it away:
-- * CREATE in schema public, which everybody has in databases made before PostgreSQL 15;
-- * TEMPORARY in the database, which everybody has. Temporary tables fill the disk as well as others; yet statements of
--   other roles that use them need this right, so it is taken only where strict_public asks for it. Those roles are then to be
--   given it by name: grant temporary on database DATABASE to ROLE. Reports need none of it;
-- * EXECUTE on functions, which everybody has on new ones. A function with SECURITY DEFINER does what its owner may do:
--   revoke execute on those that write.
\if :strict_public
revoke create on schema public from public;
select format('revoke temporary on database %I from public', current_database())
\gexec
\endif

commit;
