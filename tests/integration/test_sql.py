# SPDX-License-Identifier: PostgreSQL
"""The demo store, the role for reports and the reports that are shipped, against PostgreSQL alone: no daemon is needed."""
import copy
import os
import re

import pytest

from harness.postgres import Postgres, free_port
from harness.wait import LIMIT_S, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORE = os.path.join(TOP, "sql", "demo-store.sql")
ROLE = os.path.join(TOP, "sql", "reporting-role.sql")
LAST_DAY = "2026-11-20"

# Loading a million rows takes its time where other tests run as well.
pytestmark = pytest.mark.timeout(LIMIT_S * 16)

SETTINGS = """
shared_preload_libraries = 'pg_stat_statements'
max_prepared_transactions = 5
log_lock_waits = off
"""

# Everything that pg-health should find.
TROUBLE = """
create extension if not exists pg_stat_statements;
create schema trouble;
set search_path = trouble, public;
create table parent (id int primary key);
insert into parent select generate_series(1, 1000);
create table child (id serial primary key, parent_id int references parent, small smallint generated always as identity);
insert into child (parent_id) select generate_series(1, 1000);
select setval('child_id_seq', 2000000000);
create table parted (k int, parent_id int references parent) partition by range (k);
create table parted_1 partition of parted for values from (0) to (1000000);
insert into parted select i, 1 from generate_series(1, 1000) i;
create table "Odd ""name" (a int, b text, c int);
create index odd_a on "Odd ""name" (a);
create index odd_a_again on "Odd ""name" (a);
create index odd_ab on "Odd ""name" (a, b);
create index odd_include on "Odd ""name" (b) include (a, c);
create index odd_ba on "Odd ""name" (b, a);
create unique index odd_unique on "Odd ""name" (c);
create index odd_part on "Odd ""name" (lower(b)) where c > 1;
create index odd_part_again on "Odd ""name" ( lower(b) )  where  c > 1;
create index odd_part_other on "Odd ""name" (lower(b)) where c > 2;
create table bloated (id bigint primary key, filler text) with (autovacuum_enabled = off);
insert into bloated select i, repeat('x', 500) from generate_series(1, 20000) as i;
create table dirty (id int primary key) with (autovacuum_enabled = off);
insert into dirty select generate_series(1, 5000);
create unlogged table unlogged_table (id serial);
insert into unlogged_table default values;
create table twice (n int);
insert into twice values (1), (1);
select pg_create_physical_replication_slot('forgotten', true);
"""
AFTER_TROUBLE = """
delete from trouble.bloated where id % 10 <> 0;
vacuum analyze trouble.bloated;
analyze trouble.dirty;
delete from trouble.dirty;
begin; insert into trouble.parent values (5000); prepare transaction 'forgotten';
"""


class Report:
    """A report file, with each parameter's default in its place, as the daemon puts it there."""

    def __init__(self, name):
        self.head, self.queries, self.params = {}, {}, {}
        with open(os.path.join(TOP, "etc", "reports", f"{name}.sql"), encoding="utf-8") as file:
            query = None
            for line in file:
                found = re.match(r"-- (report|title|snapshot|param|name): (.+)$", line)
                if found and found[1] == "name":
                    query = found[2]
                    assert query not in self.queries, query
                    self.queries[query] = ""
                elif found and found[1] == "param":
                    param, default = found[2].split(" = ", 1)
                    self.params[param.split(" ", 1)[0]] = (param.split(" ", 1)[1], default)
                elif query is None and found:
                    self.head[found[1]] = found[2]
                elif query is not None:
                    self.queries[query] += line

    def sql(self, query, **values):
        text = self.queries[query]
        for name, (kind, default) in self.params.items():
            text = re.sub(rf"(?<![:\w]):{name}\b", f"CAST(({values.get(name, default)}) AS {kind})", text)
        return text


HEALTH, DAILY = Report("pg-health"), Report("store-daily")


def all_rows(cluster, report, db="shop", user="postgres", before="", **values):
    """Every query of a report in one read-only session: their rows by name."""
    texts = [f"\\echo @@{name}\n{report.sql(name, **values)}\n" for name in report.queries]
    output = cluster.psql(f"set default_transaction_read_only = on; {before}\n{''.join(texts)}", db, user)
    sections = [part.rstrip("\n").split("\n") for part in output.split("@@")[1:]]
    return {name: [line.split("|") for line in lines] for name, *lines in sections}


def rows(cluster, sql, db="shop", user="postgres"):
    output = cluster.psql(f"set default_transaction_read_only = on; {sql}", db, user)
    return [line.split("|") for line in output.split("\n")] if output else []


def refusal(cluster, sql, db="shop", user="gatherd_report"):
    """What PostgreSQL says to a statement that must fail."""
    with pytest.raises(AssertionError, match="ERROR") as failed:
        cluster.psql(sql, db, user)
    return str(failed.value)


@pytest.fixture(scope="module")
def cluster():
    made = Postgres(settings=SETTINGS)
    try:
        made.psql("create database shop; create role ordinary login;")
        made.psql_file(STORE, "shop")
        made.psql(TROUBLE, "shop")
        made.psql(AFTER_TROUBLE, "shop")
        with pytest.raises(AssertionError):  # leaves an invalid index
            made.psql("create unique index concurrently broken on trouble.twice (n)", "shop")
        made.psql_file(ROLE, "shop", monitor="pg_read_all_stats")
        yield made
    finally:
        made.destroy()


@pytest.fixture(scope="module")
def standby(cluster):
    replica = copy.copy(cluster)
    replica.data = os.path.join(cluster.dir, "standby")
    replica.log = os.path.join(cluster.dir, "standby-log")
    replica.port = free_port()
    cluster.run("pg_basebackup", "-h", cluster.host, "-p", str(cluster.port), "-U", "postgres", "-D", replica.data, "-R",
                "-c", "fast", "-X", "stream", "--no-sync")
    with open(os.path.join(replica.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
        conf.write(f"port = {replica.port}\n")
    replica.start()
    yield replica
    replica.stop("immediate")


# The store

FINGERPRINT = "; ".join(
    f"select count(*), sum(hashtextextended(t::text, 0)) from store.{table} as t"
    for table in ("regions", "customers", "categories", "products", "stock", "orders", "order_lines", "payments", "returns"))


def test_store_is_large_and_of_one_piece(cluster):
    assert int(rows(cluster, "select count(*) from store.order_lines")[0][0]) >= 1_000_000
    assert rows(cluster, "select count(*), bool_and(convalidated) from pg_constraint "
                         "where contype = 'f' and connamespace = 'store'::regnamespace") == [["8", "t"]]


@pytest.mark.parametrize("what, sql", [
    ("an order without lines", "select from store.orders o left join store.order_lines l using (order_id) "
                               "where l.order_id is null"),
    ("a product sold before it came or after it went",
     "select from store.order_lines join store.orders using (order_id) join store.products using (product_id) "
     "where placed_at::date < introduced_on or placed_at::date >= discontinued_on"),
    ("a customer who bought before joining", "select from store.orders join store.customers using (customer_id) "
                                             "where placed_at::date < joined_on"),
    ("a customer who joined without buying",
     "select from store.customers c where joined_on >= (select min(placed_at)::date from store.orders) and not exists "
     "(select from store.orders o where o.customer_id = c.customer_id and o.placed_at::date = c.joined_on)"),
    ("a payment that is not the order's sum",
     "select from store.payments p join (select order_id, sum(amount) as amount from store.order_lines group by 1) as s "
     "using (order_id) where p.amount <> s.amount"),
    ("a payment for a cancelled order", "select from store.payments join store.orders using (order_id) "
                                        "where status = 'cancelled'"),
    ("something returned before it was ordered or after the end",
     "select from store.returns join store.orders using (order_id) "
     f"where returned_on <= placed_at or returned_on > '{LAST_DAY}'"),
    ("an order number out of order", "select from (select placed_at < lag(placed_at) over (order by order_id) as back "
                                     "from store.orders) as o where back"),
])
def test_store_has_no(cluster, what, sql):
    assert rows(cluster, f"select count(*) from ({sql}) as wrong") == [["0"]], what


@pytest.mark.parametrize("what, sql", [
    ("a tenth of the products sells most of a half",
     "select sum(n) filter (where place <= 200) > 0.4 * sum(n) from (select count(*) as n, "
     "rank() over (order by count(*) desc) as place from store.order_lines group by product_id) as p"),
    ("December sells twice what February does",
     "select count(*) filter (where m = 12) > 2 * count(*) filter (where m = 2) from "
     "(select extract(month from placed_at) as m from store.orders "
     "where placed_at >= '2025-02-01' and placed_at < '2026-01-01') as o"),
    ("sales grow", "select count(*) filter (where placed_at >= '2026-05-01') "
                   "> 1.2 * count(*) filter (where placed_at < '2025-11-01')"
                   " from store.orders where extract(month from placed_at) between 5 and 10"),
    ("Saturday is the weakest day",
     "select (array_agg(d order by n))[1] = 6 "
     "from (select extract(isodow from placed_at) as d, count(*) as n from store.orders group by 1) as w"),
    ("some customers buy once, some very often",
     "select count(*) filter (where n = 1) > 20000 and max(n) > 80 from "
     "(select count(*) as n from store.orders group by customer_id) as c"),
])
def test_store_is_shaped_as_a_shop(cluster, what, sql):
    assert rows(cluster, sql) == [["t"]], what


def test_store_is_the_same_at_every_load(cluster, pg, demo_store):
    """Whatever the session's settings are."""
    assert rows(pg, FINGERPRINT, demo_store) == rows(cluster, FINGERPRINT)


def test_store_with_another_last_day_ends_on_that(cluster):
    """Whatever is there before."""
    cluster.psql("create database again")
    cluster.psql("create schema store; create view store.orders as select 1; create table store.odd ()", "again")
    cluster.psql_file(STORE, "again", last_day="2028-02-29")
    assert rows(cluster, "select min(placed_at)::date, max(placed_at)::date from store.orders", "again") == [
        ["2026-03-12", "2028-02-29"]]
    cluster.psql("drop database again")


# The reports

@pytest.mark.parametrize("report, name", [(HEALTH, "pg-health"), (DAILY, "store-daily")])
def test_report_has_a_head(report, name):
    assert report.head["report"] == name
    assert report.head["title"]
    assert len(report.queries) >= 12


@pytest.mark.parametrize("query", HEALTH.queries)
def test_health_query_is_bounded(query):
    assert re.search(r"\nlimit (:top|\d+|greatest\(:top, \d+\));\s*$", HEALTH.queries[query])


@pytest.mark.parametrize("server, db, user", [
    ("cluster", "shop", "postgres"), ("cluster", "shop", "gatherd_report"), ("cluster", "shop", "ordinary"),
    ("cluster", "postgres", "postgres"), ("cluster", "postgres", "ordinary"),  # has no pg_stat_statements
    ("standby", "shop", "postgres"), ("standby", "shop", "gatherd_report"), ("standby", "shop", "ordinary")])
def test_health_runs(request, server, db, user):
    """Whoever asks, in a read-only session, on a primary and on a standby."""
    found = all_rows(request.getfixturevalue(server), HEALTH, db, user)
    assert list(found) == list(HEALTH.queries)
    assert all(len(result) <= 40 for result in found.values())
    assert ["role", "standby" if server == "standby" else "primary"] in found["server"]


@pytest.mark.parametrize("query, expected", [
    ("server", ["role", "primary"]),
    ("connections", ["shop", "postgres", "active", "1"]),
    ("statements_by_total_time", ["", "", "1", "", "1089352", "", "", "shop", "postgres", "insert into store.order_lines"]),
    ("databases", ["shop"]),
    ("biggest_tables", ["store.order_lines"]),
    ("biggest_indexes", ["store.order_lines_pkey", "store.order_lines", "btree"]),
    ("unused_indexes", ["store.payments_paid_at_idx", "store.payments"]),
    ("duplicate_indexes", ["trouble.odd_a_again", "trouble.odd_a", 'trouble."Odd ""name"', "same columns"]),
    ("duplicate_indexes", ["trouble.odd_a", "trouble.odd_ab", 'trouble."Odd ""name"', "its columns are the first"]),
    ("duplicate_indexes", ["trouble.odd_part_again", "trouble.odd_part", 'trouble."Odd ""name"', "same columns"]),
    ("invalid_indexes", ["trouble.broken", "trouble.twice", "build failed"]),
    ("missing_foreign_key_indexes", ["trouble.child", "child_parent_id_fkey", "parent_id", "trouble.parent"]),
    ("missing_foreign_key_indexes", ["trouble.parted", "parted_parent_id_fkey", "parent_id", "trouble.parent"]),
    ("sequential_scans", ["store.order_lines"]),
    ("dead_rows", ["trouble.dirty", "0", "5000"]),
    ("table_bloat", ["trouble.bloated", "1", "9"]),
    ("autovacuum_due", ["trouble.dirty", "5000", "476"]),
    ("wraparound_databases", ["template0"]),
    ("checkpoints", ["checkpoints by time"]),
    ("archiving", ["off"]),
    ("replication_slots", ["forgotten", "physical"]),
    ("prepared_transactions", ["forgotten", "shop", "postgres"]),
    ("sequences", ["trouble.child_id_seq", "trouble.child", "id", "integer", "2000000000", "2147483647", "93.13"]),
    ("sequences", ["trouble.child_small_seq", "trouble.child", "small", "smallint", "1000", "32767"]),
    ("settings", ["danger", "fsync", "off"]),
])
def test_health_finds(cluster, query, expected):
    """Each expected string begins its column; the row may be any. A backend tells its statistics when it ends, not before."""
    wait_until(lambda: any(all(map(str.startswith, row, expected)) for row in rows(cluster, HEALTH.sql(query, top=100))),
               f"{query} with {expected}")


def test_health_does_not_blame_useful_indexes(cluster):
    blamed = {row[0] for row in rows(cluster, HEALTH.sql("duplicate_indexes", top=100))}
    assert blamed == {"trouble.odd_a", "trouble.odd_a_again", "trouble.odd_part_again"}


def test_health_estimates_no_bloat_in_fresh_tables(cluster):
    """The store was just loaded: of its tables and indexes nothing is wasted."""
    for query in ("table_bloat", "index_bloat"):
        wasted = {row[0]: int(row[-1]) for row in rows(cluster, HEALTH.sql(query, top=100)) if row[0].startswith("store.")}
        assert all(percent <= 15 for percent in wasted.values()), wasted


def test_health_on_a_standby(cluster, standby):
    facts = dict(row[:2] for row in rows(standby, HEALTH.sql("server")))
    assert facts["role"] == "standby"
    assert len(rows(standby, HEALTH.sql("standby"))) == 1
    assert rows(cluster, HEALTH.sql("standby")) == []
    wait_until(lambda: rows(cluster, HEALTH.sql("replication")), "the standby's connection")


def test_health_without_pg_stat_statements(cluster, pg):
    """The extension is not there; or it is, in a server that did not load its library."""
    pg.psql("create database unloaded")
    pg.psql("create extension pg_stat_statements", "unloaded")
    try:
        for server, db in ((cluster, "postgres"), (pg, "postgres"), (pg, "unloaded")):
            for query in ("statements_by_total_time", "statements_by_mean_time"):
                found = rows(server, HEALTH.sql(query), db)
                assert [row[-1] for row in found] == ["pg_stat_statements is not available in this database"]
    finally:
        pg.psql("drop database unloaded")


def test_health_reads_any_statement_text(cluster):
    """Long ones, and characters that JSON or XML would have trouble with."""
    cluster.psql("create extension if not exists pg_stat_statements; select pg_stat_statements_reset();", "shop")
    odd = "\x01\x02<&>'' \\ \" grüße 🙂 " * 200
    cluster.psql(f"select 1 as \"{'é' * 30}\" /* {odd} */; "
                 f"select '{odd}' /* {odd} */, count(*) from generate_series(1, 300000);", "shop")
    found = rows(cluster, HEALTH.sql("statements_by_total_time", top=1000))
    assert any("grüße 🙂" in row[-1] for row in found), found
    assert all(len(row[-1]) <= 200 for row in found)


def test_health_says_who_blocks_whom(cluster):
    with cluster.session("shop") as holder, cluster.session("shop") as waiter:
        holder.run("begin; lock table trouble.twice in access exclusive mode;")
        holder_pid = holder.run("select pg_backend_pid();")[0]
        waiter_pid = waiter.run("select pg_backend_pid();")[0]
        waiter.process.stdin.write("set lock_timeout = 0; select count(*) as waits from trouble.twice;\n")
        waiter.process.stdin.flush()
        wait_until(lambda: rows(cluster, HEALTH.sql("blocked")), "a blocked session")
        for user in ("postgres", "gatherd_report"):
            row = rows(cluster, HEALTH.sql("blocked"), user=user)[0]
            assert (row[0], row[3], row[4], row[8]) == (waiter_pid, "AccessShareLock on trouble.twice", holder_pid, "f")
            assert row[9] == "select count(*) as waits from trouble.twice;"
        hidden = rows(cluster, HEALTH.sql("blocked"), user="ordinary")[0]
        assert (hidden[0], hidden[4], hidden[9]) == (waiter_pid, holder_pid, "<insufficient privilege>")
        assert [row[:5] for row in rows(cluster, HEALTH.sql("locks"))][0] == [
            holder_pid, "shop", "trouble.twice", "AccessExclusiveLock", "t"]
        assert rows(cluster, HEALTH.sql("long_transactions"))[0][0] == holder_pid
        holder.run("rollback;")


@pytest.mark.parametrize("lock", [
    "lock table store.order_lines, trouble.\"Odd \"\"name\" in access exclusive mode;",
    "reindex index trouble.odd_part;",
    "alter sequence trouble.child_id_seq cache 2;",
    "drop table trouble.dirty;",
])
def test_health_waits_for_no_lock(cluster, lock):
    """A server in trouble is one with locks. Any wait for one is an error here."""
    with cluster.session("shop") as holder:
        holder.run(f"begin; {lock}")
        found = all_rows(cluster, HEALTH, before="set lock_timeout = 1;")
        assert found["locks"], lock
        holder.run("rollback;")


def test_daily_is_about_the_last_day_unless_told_otherwise(cluster, standby):
    last = all_rows(cluster, DAILY)
    assert list(last) == list(DAILY.queries)
    assert all(len(result) >= 2 for result in last.values())
    assert all_rows(cluster, DAILY, day=f"'{LAST_DAY}'") == last
    assert all_rows(cluster, DAILY, user="gatherd_report") == last
    assert all_rows(standby, DAILY) == last


def test_daily_is_about_another_day(cluster):
    found, last = all_rows(cluster, DAILY, day="'2026-03-31'"), all_rows(cluster, DAILY)
    assert [query for query in DAILY.queries if not found[query] or found[query] == last[query]] == []


@pytest.mark.parametrize("day", ["2020-02-29", "2024-12-01", "2024-12-02", "2030-01-01"])
def test_daily_of_a_day_with_little_or_nothing(cluster, day):
    assert list(all_rows(cluster, DAILY, day=f"'{day}'")) == list(DAILY.queries)


def test_daily_figures_agree(cluster):
    glance = {row[0]: row[1] for row in rows(cluster, DAILY.sql("day_at_a_glance"))}
    by_region = rows(cluster, DAILY.sql("revenue_by_region"))
    by_hour = rows(cluster, DAILY.sql("hourly_sales"))
    revenue = rows(cluster, "select sum(amount) from store.orders join store.order_lines using (order_id) "
                            f"where placed_at >= '{LAST_DAY}' and placed_at < date '{LAST_DAY}' + 1 "
                            "and status <> 'cancelled'")[0][0]
    assert glance["revenue"] == revenue
    assert f"{sum(float(row[1]) for row in by_region):.2f}" == revenue
    assert f"{sum(float(row[2]) for row in by_hour):.2f}" == revenue
    assert sum(int(row[1]) for row in by_hour) == int(glance["orders"])


# The role

def test_role_reads(cluster):
    assert rows(cluster, "select count(*) from regions", user="gatherd_report") == [["8"]]
    assert rows(cluster, "select current_setting('search_path')", user="gatherd_report") == [["store, pg_temp"]]
    assert cluster.psql("select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in "
                        "('default_transaction_read_only', 'statement_timeout', 'idle_in_transaction_session_timeout')",
                        "shop", "gatherd_report") == (
        "default_transaction_read_only=on idle_in_transaction_session_timeout=60000 statement_timeout=300000")
    assert rows(cluster, "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls, rolconnlimit "
                         "from pg_roles where rolname = 'gatherd_report'") == [["f", "20"]]


def test_role_reads_future_tables(cluster):
    cluster.psql("create table store.future (n int); insert into store.future values (7)", "shop")
    try:
        assert rows(cluster, "select n from future", user="gatherd_report") == [["7"]]
    finally:
        cluster.psql("drop table store.future", "shop")


@pytest.mark.parametrize("sql", [
    "create table x ()", "create temporary table x ()", "delete from store.orders", "update store.orders set status = 'paid'",
    "create schema x", "truncate store.regions", "comment on schema store is 'mine'"])
def test_role_is_read_only_by_default(cluster, sql):
    assert "read-only transaction" in refusal(cluster, sql)


@pytest.mark.parametrize("sql, reason", [
    ("delete from store.orders", "permission denied for table orders"),
    ("update store.orders set status = 'paid'", "permission denied for table orders"),
    ("insert into store.regions values (99, 'x')", "permission denied for table regions"),
    ("truncate store.regions", "permission denied for table regions"),
    ("select from store.regions for update", "permission denied for table regions"),
    ("create table store.x ()", "permission denied for schema store"),
    ("create schema x", "permission denied for database shop"),
    ("drop table store.regions", "must be owner of table regions"),
    ("create index on store.regions (name)", "must be owner of table regions"),
    ("create role x", "permission denied to create role"),
    ("create database x", "permission denied to create database"),
    ("alter role gatherd_report superuser", "(must be superuser|permission denied) to alter"),
    ("alter system set work_mem = '1GB'", "(must be superuser|permission denied)"),
    ("select pg_read_file('/etc/passwd')", "permission denied for function pg_read_file"),
    ("copy store.regions to program 'cat'", "(must be superuser|permission denied)"),
    ("select * from trouble.parent", "permission denied for schema trouble"),
    ("select passwd from pg_shadow", "permission denied for view pg_shadow"),
])
def test_role_cannot_even_when_it_turns_read_only_off(cluster, sql, reason):
    assert re.search(reason, refusal(cluster, f"set default_transaction_read_only = off; {sql}"))


def test_role_cannot_cancel_others(cluster):
    with cluster.session("shop") as other:
        pid = other.run("select pg_backend_pid();")[0]
        assert re.search("(must be a|permission denied)", refusal(cluster, f"select pg_cancel_backend({pid})"))


def test_role_script_runs_again(cluster):
    state = ("select rolname, rolconfig, rolconnlimit from pg_roles where rolname = 'gatherd_report'; "
             "select defaclacl from pg_default_acl; select nspacl from pg_namespace where nspname = 'store'; "
             "select setconfig from pg_db_role_setting order by 1; select relacl from pg_class where relname = 'orders'")
    before = rows(cluster, state)
    assert cluster.psql_file(ROLE, "shop", monitor="pg_read_all_stats") == ""
    assert rows(cluster, state) == before


@pytest.mark.parametrize("variables, reason", [
    ({"role": "postgres"}, "is a superuser"),
    ({"role": "maker"}, "may create roles or databases"),
    ({"role": "member"}, "is a member of other roles"),
    ({"role": "holder"}, "owns objects"),
    ({"schema": "nowhere"}, 'no schema "nowhere"'),
    ({"monitor": "pg_write_server_files"}, "not none, pg_read_all_stats or pg_monitor"),
])
def test_role_script_refuses(cluster, variables, reason):
    cluster.psql("create role maker createdb; create role member; grant ordinary to member; create role holder; "
                 "create table trouble.held (); alter table trouble.held owner to holder;", "shop")
    before = cluster.psql("select oid, rolsuper, rolcanlogin, rolconfig from pg_roles order by oid")
    try:
        with pytest.raises(RuntimeError, match=reason):
            cluster.psql_file(ROLE, "shop", **variables)
        assert cluster.psql("select oid, rolsuper, rolcanlogin, rolconfig from pg_roles order by oid") == before
    finally:
        cluster.psql("drop table trouble.held; drop role maker, member, holder", "shop")


def test_role_script_takes_odd_names_and_can_be_strict(cluster):
    cluster.psql('create database "Odd ""db"; create role "the owner"')
    try:
        cluster.psql('create schema "Odd schema" authorization "the owner"', 'Odd "db')
        cluster.psql_file(ROLE, 'Odd "db', role="it's odd", schema="Odd schema", strict_public="yes", connections="2",
                  statement_timeout="1s")
        cluster.psql('set role "the owner"; create table "Odd schema".t (n int); '
                     'insert into "Odd schema".t values (3)', 'Odd "db')
        assert rows(cluster, "select n from t", 'Odd "db', "it's odd") == [["3"]]
        writing = "set default_transaction_read_only = off;"
        assert "permission denied to create temporary tables" in refusal(
            cluster, f"{writing} create temporary table x ()", 'Odd "db', "it's odd")
        assert "permission denied for schema public" in refusal(
            cluster, f"{writing} create table public.x ()", 'Odd "db', "it's odd")
        assert "statement timeout" in refusal(cluster, "select pg_sleep(60)", 'Odd "db', "it's odd")
        assert "pg_read_all_stats" in cluster.psql(HEALTH.sql("server"), 'Odd "db', "it's odd")
    finally:
        cluster.psql('drop database "Odd ""db"')
        cluster.psql('drop role "the owner", "it\'s odd"')
